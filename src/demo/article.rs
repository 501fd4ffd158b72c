//! The newspaper's page: an Arabic article, the poll beside it, and what to copy to have it on a page of one's own.

use super::Poll;
use crate::embed::markup::escape;

/// Its style sheet.
pub(super) const STYLE: &str = include_str!("article.css");
/// Its script.
pub(super) const SCRIPT: &str = include_str!("article.js");

const ARTICLE: &str = include_str!("article.html");

/// The page with this poll, of a service that readers reach at this origin.
pub(super) fn write(poll: &Poll, origin: &str) -> String {
    // The question stands in a snippet, so it is escaped for an attribute there, and for the page around that.
    let question = escape(&escape(&poll.question));
    ARTICLE
        .replace("{{ poll }}", &escape(&poll.id))
        .replace("{{ origin }}", &escape(origin))
        .replace("{{ question }}", &question)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_the_widgets_snippet_and_shows_how_to_have_it_elsewhere() {
        let poll = Poll { id: "ID".to_owned(), question: "\"؟\"".to_owned(), options: Vec::new() };
        let page = write(&poll, "http://127.0.0.1:8080");
        assert!(page.contains("<script async src=\"/embed.js\" data-sawt-poll=\"ID\"></script>"));
        assert!(page.contains("&lt;sawt-poll poll=\"ID\"&gt;&lt;/sawt-poll&gt;"));
        assert!(page.contains("&lt;iframe src=\"http://127.0.0.1:8080/embed/ID\"\n  title=\"&amp;quot;؟&amp;quot;\""));
        assert!(!page.contains("{{"), "everything is filled in");
    }
}

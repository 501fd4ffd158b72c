//! The newspaper's page: an Arabic article, the poll beside it, and what to copy to have it on a page of one's own.

use super::{
    DemoPoll,
    engagement::{ARTICLE as ARTICLE_ID, Engagement, address_of},
};
use crate::embed::{markup::escape, snippets::Snippets};

/// Its style sheet.
pub(super) const STYLE: &str = include_str!("article.css");
pub(super) const SCRIPT: &str = include_str!("article.js");

const ARTICLE: &str = include_str!("article.html");

/// The page with this poll, of a service that readers reach at this address, whose paths begin so. The snippets it
/// shows keep so much height; its own keeps it by the style sheet, since the page allows no style in its markup. Who
/// follows `sign_in`, which signs in once, finds the newsroom; the page names only where that is.
pub(super) fn write(
    poll: &DemoPoll,
    engagement: &Engagement,
    address: &str,
    (base_path, sign_in): (&str, Option<&str>),
    height: u32,
) -> String {
    let newsroom = sign_in.and_then(|link| link.split_once("/sign-in")).map(|(newsroom, _)| {
        format!(
            "<p><a href=\"{}\">غرفة التحرير</a>: منها تُدار هذه الاستطلاعات. يدخلها أول مرة من يفتح العنوان الذي كتبه \
             <code dir=\"ltr\">sawt demo</code>.</p>\n",
            escape(newsroom)
        )
    });
    let Snippets { url, script, element, frame, .. } = Snippets::new(address, &poll.id, &poll.question, height);
    ARTICLE
        .replace("{{ base }}", &escape(base_path))
        .replace("{{ poll }}", &escape(&poll.id))
        .replace("{{ quiz }}", &escape(&engagement.quiz.id))
        .replace("{{ prediction }}", &escape(&engagement.prediction.id))
        .replace("{{ article }}", ARTICLE_ID)
        .replace("{{ url_of_article }}", &escape(&address_of(ARTICLE_ID, address)))
        .replace("{{ script }}", &escape(&script))
        .replace("{{ element }}", &escape(&element))
        .replace("{{ frame }}", &escape(&frame))
        .replace("{{ url }}", &url)
        .replace("{{ newsroom }}", &newsroom.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_page_holds_the_widgets_snippet_and_shows_how_to_have_it_elsewhere() {
        let poll = |id: &str| DemoPoll { id: id.to_owned(), question: "\"؟\"".to_owned(), options: Vec::new() };
        let (quiz, prediction) = (poll("QUIZ"), poll("PREDICTION"));
        let engagement = Engagement { quiz, prediction, templates: BTreeMap::new(), articles: Vec::new() };
        let poll = poll("ID");
        let sign_in = Some("http://desk.example/newsroom/sign-in?link=ONCE");
        let page = write(&poll, &engagement, "http://127.0.0.1:8080/polls", ("/polls", sign_in), 309);
        assert!(STYLE.contains("min-block-size: 309px"), "what the first poll takes");
        assert!(page.contains("<script async src=\"/polls/embed.js\" data-sawt-poll=\"ID\"></script>"));
        assert!(page.contains("&lt;sawt-poll poll=&quot;ID&quot; style="));
        assert!(page.contains("title=&quot;&amp;quot;؟&amp;quot;&quot; height=&quot;309&quot;"), "{page}");
        assert!(page.contains("<sawt-poll poll=\"QUIZ\">") && page.contains("<sawt-poll poll=\"PREDICTION\">"));
        assert!(page.contains("<sawt-reactions article=\"session\">"));
        assert!(page.contains("<a href=\"http://desk.example/newsroom\">") && !page.contains("ONCE"));
        assert!(!page.contains("{{"), "everything is filled in");
    }
}

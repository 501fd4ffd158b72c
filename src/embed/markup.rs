//! Publishers' text in markup that no template writes: a snippet, or a frame in an answer that is JSON.

/// Escapes a text, for between tags and for attributes in either kind of quotes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_inside_its_quotes() {
        let escaped = escape("\"><script>alert('&')</script> نعم");
        assert_eq!(escaped, "&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt; نعم");
    }
}

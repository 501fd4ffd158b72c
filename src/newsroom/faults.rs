//! What is wrong with what an editor has typed, in their language.

use unicode_segmentation::UnicodeSegmentation;

use crate::{
    embed::{digits::Digits, language::Language},
    newsroom::texts::texts_of,
    poll::{Text, TextLimit},
};

/// A text as it was typed; `None` if nothing was.
///
/// # Errors
/// What is wrong with it.
pub fn text(typed: Option<&str>, limit: TextLimit, language: &Language) -> Result<Option<Text>, String> {
    let Some(typed) = typed else { return Ok(None) };
    Text::parse(typed, limit).map(Some).map_err(|_| fault_of(typed, limit, language))
}

fn fault_of(typed: &str, limit: TextLimit, language: &Language) -> String {
    let texts = &texts_of(language).text;
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    match typed.graphemes(true).count() {
        count if count > limit.characters => {
            let most = language.count("characters", wide(limit.characters), Digits::Latn);
            texts.too_long.replace("{most}", &most).replace("{count}", &language.number(wide(count), Digits::Latn))
        }
        _ => texts.unseen.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::NAME;

    #[test]
    fn what_is_wrong_with_a_text_is_said_in_the_editors_language() {
        let said = |typed: &str, tag: &str| text(Some(typed), NAME, Language::find(tag).unwrap()).unwrap_err();
        assert_eq!(said(&"ن".repeat(101), "en"), "Too long: at most 100 characters, and this has 101.");
        assert_eq!(said(&"ن".repeat(101), "ar"), "أطول مما يُسمح به: 100 حرف على الأكثر، وهذا 101.");
        let forty = text(Some(&"ن".repeat(41)), TextLimit { characters: 40, ..NAME }, Language::find("ar").unwrap());
        assert!(forty.unwrap_err().contains("40 حرفًا على الأكثر"), "Arabic counts hundreds otherwise");
        assert!(said("a\u{202E}b", "ar").starts_with("فيه حرف لا يُرى"));
        assert_eq!(text(None, NAME, Language::find("ar").unwrap()), Ok(None));
    }
}

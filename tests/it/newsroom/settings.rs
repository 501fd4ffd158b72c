//! A site's settings, in the newsroom.

use serde_json::{Value, json};

use super::{Browser, unescaped};
use crate::{registry::service_rules, service::Service};

async fn api(service: &Service, site: &str) -> Value {
    service.admin().get(&format!("/v1/sites/{site}")).send().await.is(200)
}

/// What a form sends, as the page has it: text fields, areas, and what is chosen.
fn fields_of(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let (_, after) = tag.split_once(&format!(" {name}=\""))?;
        after.split('"').next().map(unescaped)
    };
    let (_, form) = page.split_once("id=\"settings\">").expect("a form");
    let form = form.split("</form>").next().unwrap_or_default();
    let mut fields = Vec::new();
    for tag in form.split('<').filter(|tag| tag.starts_with("input ")) {
        if let Some(name) = attribute(tag, "name").filter(|name| name != "form_token") {
            fields.push((name, attribute(tag, "value").unwrap_or_default()));
        }
    }
    for area in form.split("<textarea ").skip(1) {
        let (tag, rest) = area.split_once(">\n").expect("an area begins with a line break");
        let text = rest.split("</textarea>").next().unwrap_or_default();
        fields.push((attribute(&format!(" {tag}"), "name").expect("a name"), unescaped(text)));
    }
    fields
}

fn set(fields: &mut [(String, String)], name: &str, value: &str) {
    let field = fields.iter_mut().find(|(is, _)| is == name);
    value.clone_into(&mut field.unwrap_or_else(|| panic!("no field {name}")).1);
}

async fn post(editor: &Browser, site: &str, fields: &[(String, String)]) -> crate::client::Answer {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    editor.submit(&format!("/newsroom/sites/{site}/settings"), &fields).await
}

async fn an_editor_sets_all_that_a_site_has_and_nothing_of_it_is_lost_by_saving_again(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["sites:write"]).await;
    let path = format!("/newsroom/sites/{site}/settings");
    let mut fields = fields_of(&editor.get(&path).await.page(200));
    for (name, value) in [
        ("name", "جريدة \"الراي\" <&>"),
        ("url", "https://news.example"),
        ("timezone", "asia/kuwait"),
        ("origins", "https://news.example\r\n\r\nhttps://*.news.example\r\nhttps://news.example"),
        ("accent", "#8A1C2B"),
        ("words.ar.vote", "شارك برأيك"),
        ("asked_by", "الراي"),
        ("hosts", "m.news.example = news.example"),
        ("path_suffixes", "/amp\r\n.amp"),
        ("parameters", "outputType"),
    ] {
        set(&mut fields, name, value);
    }
    // What is chosen from a list.
    let chosen = [("density", "compact"), ("poll_results", "after_vote"), ("poll_language", "fr")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    fields.extend(chosen.clone());
    let answer = post(&editor, &site, &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(format!("{path}?said=saved"))), "{answer}");
    let saved = api(service, &site).await;
    assert_eq!(saved["name"], "جريدة \"الراي\" <&>");
    assert_eq!((&saved["url"], &saved["timezone"]), (&json!("https://news.example/"), &json!("Asia/Kuwait")));
    assert_eq!(saved["origins"], json!(["https://news.example", "https://*.news.example"]));
    let look = json!({ "accent": "#8a1c2b", "density": "compact", "words": { "ar": { "vote": "شارك برأيك" } } });
    assert_eq!(saved["look"], look);
    assert_eq!(saved["disclosure"], json!({ "asked_by": "الراي" }));
    let addresses = json!({
        "hosts": { "m.news.example": "news.example" },
        "path_prefixes": [],
        "path_suffixes": ["/amp", ".amp"],
        "parameters": ["outputType"],
    });
    assert_eq!(saved["addresses"], addresses);
    assert_eq!(saved["poll_defaults"], json!({ "results": "after_vote", "language": "fr" }));
    // A new poll begins so, and is so where it says nothing itself.
    let make = Browser::with_scopes(service, &site, &["polls:read", "polls:write"]).await;
    let form = make.get(&format!("/newsroom/sites/{site}/polls/new")).await.page(200);
    assert!(form.contains("value=\"after_vote\" checked") && form.contains("value=\"fr\" selected"), "{form}");
    let silent =
        json!({ "site": site, "question": "Pour ou contre ?", "options": [{ "label": "Oui" }, { "label": "Non" }] });
    let made = service.admin().post("/v1/polls").json(&silent).send().await.is(201);
    assert_eq!((&made["results"], &made["language"]), (&json!("after_vote"), &json!("fr")));
    let template = format!("/v1/sites/{site}/templates/choice");
    let pattern = json!({ "poll": { "question": "Et ici ?", "options": [{ "label": "Oui" }, { "label": "Non" }] } });
    let template = service.admin().put(&template).json(&pattern).send().await.is(201);
    assert_eq!((&template["poll"]["results"], &template["poll"]["language"]), (&json!("after_vote"), &json!("fr")));
    // Saved as it is, it stays as it is, to the moment of its last change.
    let page = editor.get(&format!("{path}?said=saved")).await.page(200);
    assert!(page.contains("حُفظت الإعدادات"), "{page}");
    let mut again = fields_of(&page);
    again.extend(chosen);
    assert_eq!(post(&editor, &site, &again).await.status, 303);
    assert_eq!(api(service, &site).await, saved);
}

async fn what_is_wrong_in_settings_is_named_in_the_editors_language_and_nothing_is_saved(service: &Service) {
    let site = service.site().await;
    let editor = Browser::of_operator(service).await;
    let before = api(service, &site).await;
    let opened = fields_of(&editor.get(&format!("/newsroom/sites/{site}/settings")).await.page(200));
    for (name, value, arabic, english) in [
        ("name", "ن".repeat(101), "100 حرف على الأكثر، وهذا 101", "at most 100 characters, and this has 101"),
        (
            "url",
            "news.example".to_owned(),
            "مثل https://news.example",
            "the address of a page, like https://news.example",
        ),
        ("timezone", "Kuwait City".to_owned(), "مثل Asia/Kuwait", "like Asia/Kuwait"),
        (
            "origins",
            "https://good.example\nhttps://news.example/\nnews.example".to_owned(),
            "السطر 2 «\u{2068}https://news.example/\u{2069}»",
            "Line 3, “\u{2068}news.example\u{2069}”: must be like https://news.example",
        ),
        ("accent", "red".to_owned(), "لونًا مثل #14597f", "a colour like #14597f"),
        ("accent", "#ffcc00".to_owned(), "تباينه مع خلفية الاستطلاع #ffffff هو 1.", "its contrast with #ffffff"),
        ("accent_dark", "#ffffff".to_owned(), "لونًا للخلفية الفاتحة أيضًا", "a colour for light pages too"),
        ("words.ar.vote", "ن".repeat(41), "40 حرفًا على الأكثر", "at most 40 characters"),
        ("words.en.counted", "a\u{202E}b".to_owned(), "حرف لا يُرى", "a character that can’t be seen"),
        ("note", "ن".repeat(501), "500 حرف على الأكثر", "at most 500 characters"),
        ("hosts", "m.news.example\na.example = b.example".to_owned(), "السطر 1", "Line 1, “\u{2068}m.news.example"),
        ("hosts", "a.example = b.example\nb.example = c.example".to_owned(), "السطر 1", "Line 1, “\u{2068}a.example"),
        ("path_prefixes", "/amp\namp".to_owned(), "السطر 2", "Line 2, “\u{2068}amp"),
        ("parameters", "a\n".repeat(21), "20 على الأكثر", "at most 20"),
    ] {
        let mut fields = opened.clone();
        set(&mut fields, name, &value);
        for (language, rule) in [("ar", arabic), ("en", english)] {
            let page = post(&editor.reading(language), &site, &fields).await.page(422);
            let said = page.split(&format!("id=\"{}-fault\">", name.replace("accent_dark", "accent"))).nth(1);
            let said = said.and_then(|after| after.split("</div>").next()).unwrap_or_default();
            // Names of programs are isolated from the Arabic around them.
            let said = unescaped(said).replace(['\u{2066}', '\u{2069}'], "");
            let rule = rule.replace('\u{2069}', "");
            assert!(said.contains(&rule), "{name} {language}: {said}");
            let kept = fields_of(&page).into_iter().find(|(is, _)| is == name).expect("the field").1;
            assert_eq!(kept.trim(), value.trim(), "what was typed is kept");
        }
    }
    assert_eq!(api(service, &site).await, before);
}

async fn of_two_editors_at_once_the_second_sees_what_the_first_changed_and_loses_nothing(service: &Service) {
    let site = service.site().await;
    let (first, second) = (Browser::of_operator(service).await, Browser::of_operator(service).await);
    let path = format!("/newsroom/sites/{site}/settings");
    let mut of_first = fields_of(&first.get(&path).await.page(200));
    let mut of_second = fields_of(&second.get(&path).await.page(200));
    set(&mut of_first, "name", "اسم الأول");
    set(&mut of_first, "timezone", "Asia/Kuwait");
    assert_eq!(post(&first, &site, &of_first).await.status, 303);
    set(&mut of_second, "name", "اسم الثاني");
    set(&mut of_second, "asked_by", "الثاني");
    let page = post(&second, &site, &of_second).await.page(409);
    assert!(page.contains("عدّل غيرك هذه الإعدادات بعد أن فتحتها"), "{page}");
    assert!(page.contains("غيّره غيرك أيضًا إلى: اسم الأول"), "both have changed it: {page}");
    assert_eq!(api(service, &site).await["name"], "اسم الأول");
    // What the second has not touched is as the first has it; what they typed is as they typed it.
    let merged = fields_of(&page);
    let value = |name: &str| merged.iter().find(|(is, _)| is == name).expect("the field").1.clone();
    assert_eq!([value("name"), value("asked_by"), value("timezone")], ["اسم الثاني", "الثاني", "Asia/Kuwait"]);
    assert_eq!(post(&second, &site, &merged).await.status, 303);
    let saved = api(service, &site).await;
    assert_eq!((&saved["name"], &saved["timezone"]), (&json!("اسم الثاني"), &json!("Asia/Kuwait")));
}

service_rules![on crate::backends::Backend::EACH_SORT;
    an_editor_sets_all_that_a_site_has_and_nothing_of_it_is_lost_by_saving_again,
    what_is_wrong_in_settings_is_named_in_the_editors_language_and_nothing_is_saved,
    of_two_editors_at_once_the_second_sees_what_the_first_changed_and_loses_nothing,
];

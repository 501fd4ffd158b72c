//! `openapi.yaml` held against the service, in both directions.
//!
//! Every answer any trial gets is looked up: the operation, its status, its content type, its headers and its body
//! must be as the document says, and a request that was granted must be one the document allows. What was seen is
//! noted, so that after a whole run [`unseen`] can name every documented answer that no trial provoked: a line in the
//! document that nothing proves.
//!
//! What holds for every answer, documented or not, is checked here too: a request id, the security headers, the
//! shape of a problem, and that what a shared cache may keep says nothing of one reader.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use jsonschema::{Draft, Registry, Validator};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::client::Answer;

/// One request and its answer.
pub(crate) struct Exchange<'a> {
    /// The method.
    pub(crate) method: &'a str,
    /// The path, with the query.
    pub(crate) path: &'a str,
    /// The body that was sent.
    pub(crate) sent: Option<&'a [u8]>,
    /// Whether the document must know this operation.
    pub(crate) is_documented: bool,
    /// What came back.
    pub(crate) answer: &'a Answer,
}

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Contract::read(&text)
});

/// Checks an exchange, and notes that it was seen.
///
/// # Errors
/// Where it departs from the contract.
pub(crate) fn check(exchange: &Exchange<'_>) -> Result<(), String> {
    check_any(exchange.answer)?;
    if exchange.is_documented { CONTRACT.check(exchange) } else { CONTRACT.check_problem(exchange.answer) }
}

/// Every documented answer that was never seen, one per line; empty if all were.
pub(crate) fn unseen() -> String {
    let seen = CONTRACT.seen.lock();
    let mut unseen = String::new();
    for (index, operation) in CONTRACT.operations.iter().enumerate() {
        for status in operation.responses.keys() {
            if !seen.contains(&(index, *status)) {
                let _ = writeln!(unseen, "{} {} {status}", operation.method, operation.path);
            }
        }
    }
    unseen
}

/// Every documented operation, as `GET /v1/polls/{poll}`.
pub(crate) fn operations() -> BTreeSet<String> {
    CONTRACT.operations.iter().map(|operation| format!("{} {}", operation.method, operation.path)).collect()
}

/// Every example in the document that its own schema refuses, one per line.
pub(crate) fn false_examples() -> String {
    let mut refused = String::new();
    CONTRACT.examples(&CONTRACT.document, "", &mut |schema, example, place| {
        if let Err(fault) = CONTRACT.validate(schema, example) {
            let _ = writeln!(refused, "{place}: {fault}");
        }
    });
    refused
}

/// What holds for every answer.
fn check_any(answer: &Answer) -> Result<(), String> {
    let header = |name: &str| answer.header(name).unwrap_or_default();
    if header("x-request-id").is_empty() {
        return Err("the answer has no X-Request-Id".to_owned());
    }
    if header("x-content-type-options") != "nosniff" {
        return Err("the answer lacks X-Content-Type-Options: nosniff".to_owned());
    }
    let cache_control = header("cache-control");
    if cache_control.contains("public") && answer.header("set-cookie").is_some() {
        return Err("a shared cache would keep this answer, which sets a cookie".to_owned());
    }
    if answer.header("set-cookie").is_some() && !cache_control.contains("no-store") {
        return Err("an answer that sets a cookie must not be stored".to_owned());
    }
    if answer.status >= 400 {
        check_refusal(answer)?;
        // To people, a refusal is a page; that it may be one, the document says.
        if header("content-type") != "text/html; charset=utf-8" {
            check_problem(answer)?;
        }
    }
    Ok(())
}

/// What holds for every refusal to a program.
fn check_problem(answer: &Answer) -> Result<(), String> {
    let header = |name: &str| answer.header(name).unwrap_or_default();
    let media_type = header("content-type");
    if media_type != "application/problem+json" {
        return Err(format!("a refusal is a problem, and this one is {media_type:?}"));
    }
    let problem = answer.json();
    for member in ["type", "title", "detail", "code", "request_id"] {
        if problem[member].as_str().is_none_or(str::is_empty) {
            return Err(format!("the problem has no {member}"));
        }
    }
    if problem["status"] != json!(answer.status) {
        return Err("the problem's status is not the answer's".to_owned());
    }
    if problem["request_id"] != json!(header("x-request-id")) {
        return Err("the problem's request_id is not the X-Request-Id header".to_owned());
    }
    Ok(())
}

/// What holds for every refusal.
fn check_refusal(answer: &Answer) -> Result<(), String> {
    let header = |name: &str| answer.header(name).unwrap_or_default();
    if matches!(answer.status, 429 | 503) && header("retry-after").parse::<u32>().is_err() {
        return Err("the answer has no Retry-After in seconds".to_owned());
    }
    if answer.status == 405 && header("allow").is_empty() {
        return Err("a 405 must say what is allowed".to_owned());
    }
    if answer.status == 401 && header("www-authenticate").is_empty() {
        return Err("a 401 must say how to authenticate (RFC 9110, section 15.5.2)".to_owned());
    }
    if header("cache-control").contains("public") {
        return Err("a shared cache would keep this refusal".to_owned());
    }
    Ok(())
}

struct Contract {
    document: Value,
    operations: Vec<Operation>,
    registry: Registry<'static>,
    /// Compiled schemas by their pointer in the document.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
    seen: Mutex<BTreeSet<(usize, u16)>>,
}

struct Operation {
    method: String,
    path: String,
    /// Where it stands in the document.
    pointer: String,
    /// The pointer of each status's response, references followed. `default` is not among them: it stands for a
    /// failure of the service, and a trial that meets one has found it.
    responses: BTreeMap<u16, String>,
    /// The names of its query parameters.
    query: BTreeSet<String>,
}

/// The name the document goes by among schemas.
const DOCUMENT: &str = "urn:sawt:openapi";

impl Contract {
    fn read(text: &str) -> Self {
        let document: Value = serde_norway::from_str(text).expect("openapi.yaml is YAML");
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(DOCUMENT, document.clone())
            .and_then(jsonschema::RegistryBuilder::prepare)
            .expect("the references in openapi.yaml resolve");
        let mut contract =
            Self { document, operations: Vec::new(), registry, validators: Mutex::default(), seen: Mutex::default() };
        let paths = contract.document["paths"].as_object().expect("openapi.yaml has paths");
        let mut operations = Vec::new();
        for (path, item) in paths {
            let item = item.as_object().unwrap_or_else(|| panic!("{path} is not an object"));
            for method in ["get", "put", "post", "patch", "delete"] {
                if item.contains_key(method) {
                    operations.push(contract.operation(method, path));
                }
            }
        }
        contract.operations = operations;
        contract
    }

    fn operation(&self, method: &str, path: &str) -> Operation {
        let pointer = format!("/paths/{}/{method}", escape(path));
        let responses = self.at(&format!("{pointer}/responses")).as_object().expect("an operation has responses");
        let responses = responses.keys().filter(|status| *status != "default").map(|status| {
            let code = status.parse().unwrap_or_else(|_| panic!("{method} {path}: {status} is not one status"));
            (code, self.follow(&format!("{pointer}/responses/{status}")))
        });
        let mut query = BTreeSet::new();
        for owner in [pointer.clone(), format!("/paths/{}", escape(path))] {
            let count = self.at(&format!("{owner}/parameters")).as_array().map_or(0, Vec::len);
            for index in 0..count {
                let parameter = self.at(&self.follow(&format!("{owner}/parameters/{index}")));
                if parameter["in"] == "query" {
                    query.insert(parameter["name"].as_str().expect("a parameter has a name").to_owned());
                }
            }
        }
        Operation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            responses: responses.collect(),
            pointer,
            query,
        }
    }

    fn at(&self, pointer: &str) -> &Value {
        self.document.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The pointer itself, or the one its `$ref` leads to.
    fn follow(&self, pointer: &str) -> String {
        match self.at(pointer)["$ref"].as_str() {
            Some(reference) => self.follow(reference.trim_start_matches('#')),
            None => pointer.to_owned(),
        }
    }

    fn check(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let answer = exchange.answer;
        let (path, query) = exchange.path.split_once('?').unwrap_or((exchange.path, ""));
        let (index, operation) =
            self.find(exchange.method, path).ok_or("the document has no such operation; call undocumented()")?;
        let response = operation.responses.get(&answer.status).ok_or("the document has no such status here")?;
        self.check_headers(response, answer)?;
        self.check_body(response, answer)?;
        if answer.status < 300 {
            self.check_request(operation, query, exchange.sent)?;
        }
        self.seen.lock().insert((index, answer.status));
        Ok(())
    }

    /// The operation whose path fits best: the one with the fewest parameters.
    fn find(&self, method: &str, path: &str) -> Option<(usize, &Operation)> {
        let fits = |template: &str| {
            // The one name that stands for all that follows, with its slashes, which the document can't say.
            let has_tail = template.ends_with("/{tile}") && template.split('/').count() < path.split('/').count();
            (has_tail || template.split('/').count() == path.split('/').count())
                && template.split('/').zip(path.split('/')).all(|(part, sent)| part.starts_with('{') || part == sent)
        };
        let candidates = self.operations.iter().enumerate();
        candidates
            .filter(|(_, operation)| operation.method == method && fits(&operation.path))
            .min_by_key(|(_, operation)| operation.path.matches('{').count())
    }

    fn check_headers(&self, response: &str, answer: &Answer) -> Result<(), String> {
        let Some(headers) = self.at(&format!("{response}/headers")).as_object() else { return Ok(()) };
        for name in headers.keys() {
            let header = self.at(&self.follow(&format!("{response}/headers/{}", escape(name))));
            if header["required"] == json!(true) && answer.header(name).is_none() {
                return Err(format!("the answer lacks the documented header {name}"));
            }
        }
        Ok(())
    }

    fn check_body(&self, response: &str, answer: &Answer) -> Result<(), String> {
        let content = self.at(&format!("{response}/content")).as_object();
        let sent = answer.header("content-type");
        let Some(content) = content else {
            return if answer.body.is_empty() { Ok(()) } else { Err("the document has no body here".to_owned()) };
        };
        let sent = sent.ok_or("the answer has no content type")?;
        let media_type = sent.split(';').next().unwrap_or_default().trim();
        if !content.contains_key(media_type) {
            return Err(format!("the document has no {media_type} here"));
        }
        let schema = format!("{response}/content/{}/schema", escape(media_type));
        if media_type.ends_with("json") {
            let body =
                serde_json::from_slice(&answer.content()).map_err(|error| format!("the body is not JSON: {error}"))?;
            self.validate(&schema, &body)?;
        }
        Ok(())
    }

    /// What was granted must be what the document allows, or a client written by the document misses something.
    fn check_request(&self, operation: &Operation, query: &str, sent: Option<&[u8]>) -> Result<(), String> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap_or_default();
            if !operation.query.contains(name) {
                return Err(format!("the document has no query parameter {name} here, and the server took it"));
            }
        }
        let Some(sent) = sent.filter(|sent| !sent.is_empty()) else { return Ok(()) };
        let content = format!("{}/content", self.follow(&format!("{}/requestBody", operation.pointer)));
        let media_type = self.at(&content).as_object().and_then(|content| content.keys().next());
        let media_type = media_type.ok_or("the document has no request body here, and the server took one")?;
        let body = serde_json::from_slice(sent).map_err(|error| format!("the server took a broken body: {error}"))?;
        self.validate(&format!("{content}/{}/schema", escape(media_type)), &body)
            .map_err(|fault| format!("the server took a body the document refuses: {fault}"))
    }

    fn check_problem(&self, answer: &Answer) -> Result<(), String> {
        let is_page = answer.header("content-type").is_some_and(|media_type| media_type.starts_with("text/html"));
        if answer.status >= 400 && !is_page {
            self.validate("/components/schemas/Problem", &answer.json())
        } else {
            Ok(())
        }
    }

    fn validate(&self, schema: &str, value: &Value) -> Result<(), String> {
        let validator = self.validator(schema);
        let faults: Vec<_> =
            validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        if faults.is_empty() { Ok(()) } else { Err(format!("{schema}: {}", faults.join("; "))) }
    }

    fn validator(&self, schema: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock();
        let make = || {
            // A pointer in a URI's fragment is percent-encoded; braces are the only such characters in it.
            let fragment = schema.replace('{', "%7B").replace('}', "%7D");
            let validator = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .with_registry(&self.registry)
                .should_validate_formats(true)
                .build(&json!({ "$ref": format!("{DOCUMENT}#{fragment}") }))
                .unwrap_or_else(|error| panic!("{schema}: {error}"));
            Arc::new(validator)
        };
        validators.entry(schema.to_owned()).or_insert_with(make).clone()
    }

    /// Visits every example of a media type, wherever it stands, with its schema's pointer.
    fn examples(&self, value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &Value, &str)) {
        let members: Vec<(String, &Value)> = match value {
            Value::Object(object) => object.iter().map(|(name, member)| (escape(name), member)).collect(),
            Value::Array(array) => array.iter().enumerate().map(|(i, member)| (i.to_string(), member)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
        };
        let is_media_type = pointer.rsplit('/').nth(1) == Some("content") && value.get("schema").is_some();
        let is_json = pointer.ends_with("json");
        for (name, member) in members {
            let place = format!("{pointer}/{name}");
            if is_media_type && is_json && name == "example" {
                visit(&format!("{pointer}/schema"), member, &place);
            } else if is_media_type && is_json && name == "examples" {
                for name in member.as_object().into_iter().flat_map(serde_json::Map::keys) {
                    let example = self.follow(&format!("{place}/{}", escape(name)));
                    visit(&format!("{pointer}/schema"), &self.at(&example)["value"], &place);
                }
            } else {
                self.examples(member, &place, visit);
            }
        }
    }
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

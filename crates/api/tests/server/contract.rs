//! The OpenAPI document against the project's copy of the public contract.

use crate::client::SHARED;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Keywords that limit what a request may hold.
const RANGES: [&str; 8] =
    ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "default"];

/// Operations that the contract does not have.
const OURS: [&str; 6] = [
    "POST /export/contact-sheet",
    "POST /faces/clusters/undo",
    "POST /analyze/pause",
    "POST /analyze/resume",
    "PUT /transcriptions/segments",
    "PUT /transcriptions/speakers",
];

/// The contract.
pub fn contract() -> Value {
    serde_yaml_ng::from_str(include_str!("../contract.yaml")).unwrap()
}

/// Method, path and description of every operation in a document.
pub fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = ["get", "post", "put", "delete"];
    let of_path = |(path, item): (&String, &Value)| {
        let item = item.clone();
        let path = path.clone();
        methods.into_iter().filter_map(move |method| {
            let operation = item.get(method)?.clone();
            Some((method.to_uppercase(), path.clone(), operation))
        })
    };
    paths.iter().flat_map(of_path).collect()
}

/// Every operation that is built or in the contract, those that are built as the server documents them.
pub fn every_operation() -> Vec<(String, String, Value)> {
    let mut all = operations(&ours());
    let missing = operations(&contract()).into_iter().filter(|(method, path, _)| {
        !all.iter().any(|(built, at, _)| (built, at) == (method, path))
    });
    let missing: Vec<_> = missing.collect();
    all.extend(missing);
    all
}

/// What is built, as the running server tells.
pub fn ours() -> Value {
    let answer = SHARED.send(&SHARED.head("GET", "/api/v1/openapi.json"), b"");
    assert_eq!(answer.status, 200);
    answer.json()
}

/// A schema of a document without references and alternatives that are only null; the flag tells
/// whether it may be null.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> (&'a Value, bool) {
    if let Some(reference) = schema["$ref"].as_str() {
        return resolve(document, document.pointer(&reference[1..]).unwrap());
    }
    let Some(choices) = schema["oneOf"].as_array() else {
        let null = schema["nullable"] == true
            || schema["type"].as_array().is_some_and(|types| types.contains(&"null".into()));
        return (schema, null);
    };
    let choice = choices.iter().find(|choice| choice["type"] != "null").unwrap();
    (resolve(document, choice).0, true)
}

/// A schema whose parts, where it is put together of several, are one.
fn joined(document: &Value, schema: &Value) -> Value {
    let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
    let mut whole = Map::new();
    for part in parts.iter().map(|part| joined(document, resolve(document, part).0)) {
        for (key, value) in part.as_object().unwrap() {
            match (whole.get_mut(key), value) {
                (Some(Value::Object(all)), Value::Object(more)) => all.extend(more.clone()),
                (Some(Value::Array(all)), Value::Array(more)) => all.extend(more.clone()),
                _ => drop(whole.insert(key.clone(), value.clone())),
            }
        }
    }
    whole.into()
}

fn kind(schema: &Value) -> BTreeSet<&str> {
    let several = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    several.chain(schema["type"].as_str()).filter(|kind| *kind != "null").collect()
}

fn names(schema: &Value, list: &str) -> BTreeSet<String> {
    let names = schema[list].as_array().into_iter().flatten();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Both documents, and which side of a call is compared.
struct Comparison<'a> {
    theirs: &'a Value,
    ours: &'a Value,
    is_request: bool,
}

impl Comparison<'_> {
    fn compare(&self, at: &str, theirs: &Value, ours: &Value) {
        let (theirs, nullable) = resolve(self.theirs, theirs);
        let (ours, may_be_null) = resolve(self.ours, ours);
        let (theirs, ours) = (&joined(self.theirs, theirs), &joined(self.ours, ours));
        assert_eq!(kind(theirs), kind(ours), "{at}: type");
        assert!(!nullable || may_be_null, "{at} must be allowed to be null");
        if self.is_request {
            self.compare_request(at, theirs, ours);
        } else {
            let missing: Vec<_> =
                names(theirs, "required").difference(&names(ours, "required")).cloned().collect();
            assert!(missing.is_empty(), "{at}: not required: {missing:?}");
        }
        self.compare_parts(at, theirs, ours);
    }

    fn compare_request(&self, at: &str, theirs: &Value, ours: &Value) {
        assert_eq!(names(theirs, "required"), names(ours, "required"), "{at}: required");
        for keyword in RANGES {
            let (theirs, ours) = (&theirs[keyword], &ours[keyword]);
            let same_number = theirs.as_f64().is_some() && theirs.as_f64() == ours.as_f64();
            assert!(theirs.is_null() || same_number || theirs == ours, "{at}: {keyword} {ours}");
        }
    }

    fn compare_parts(&self, at: &str, theirs: &Value, ours: &Value) {
        let none = Map::new();
        let properties = ours["properties"].as_object().unwrap_or(&none);
        for (name, property) in theirs["properties"].as_object().unwrap_or(&none) {
            let at = format!("{at}.{name}");
            self.compare(&at, property, properties.get(name).unwrap_or_else(|| panic!("{at}")));
        }
        let Some(items) = theirs.get("items") else { return };
        match ours["prefixItems"].as_array() {
            Some(each) => {
                assert_eq!(theirs["minItems"].as_u64(), Some(each.len() as u64), "{at}");
                each.iter().for_each(|item| self.compare(&format!("{at}[]"), items, item));
            }
            None => self.compare(&format!("{at}[]"), items, &ours["items"]),
        }
    }
}

fn json_schema(content: &Value) -> &Value {
    &content["content"]["application/json"]["schema"]
}

fn compare_parameters(at: &str, theirs: &Value, ours: &Value) {
    let empty = Vec::new();
    let ours = ours["parameters"].as_array().unwrap_or(&empty);
    for theirs in theirs["parameters"].as_array().unwrap_or(&empty) {
        let is_same = |ours: &&Value| ours["name"] == theirs["name"] && ours["in"] == theirs["in"];
        let ours = ours.iter().find(is_same).unwrap_or_else(|| panic!("{at}: {theirs}"));
        let is_required = |parameter: &Value| parameter["required"] == true;
        assert_eq!(is_required(theirs), is_required(ours), "{at}: {theirs}");
        assert_eq!(theirs["schema"]["type"], ours["schema"]["type"], "{at}: {theirs}");
    }
}

fn compare_operation(documents: (&Value, &Value), at: &str, theirs: &Value, ours: &Value) {
    let comparison = |is_request| Comparison { theirs: documents.0, ours: documents.1, is_request };
    assert_eq!(theirs["operationId"], ours["operationId"], "{at}");
    assert_eq!(theirs["tags"], ours["tags"], "{at}");
    assert_eq!(
        theirs.get("security"),
        ours.get("security").filter(|_| at.contains("health")),
        "{at}"
    );
    compare_parameters(at, theirs, ours);
    if let Some(body) = theirs.get("requestBody") {
        assert_eq!(ours["requestBody"]["required"], true, "{at}");
        let ours = json_schema(&ours["requestBody"]);
        comparison(true).compare(&format!("{at} request"), json_schema(body), ours);
    }
    for (status, response) in theirs["responses"].as_object().unwrap() {
        let at = format!("{at} {status}");
        let ours = &ours["responses"][status];
        assert!(!ours.is_null(), "{at} is missing");
        let (theirs, _) = resolve(documents.0, response);
        let (ours, _) = resolve(documents.1, ours);
        comparison(false).compare(&at, json_schema(theirs), json_schema(ours));
        let header = "/headers/Retry-After/schema/type";
        assert!(theirs.pointer(header).is_none() || ours.pointer(header).is_some(), "{at}");
    }
}

#[test]
fn every_built_operation_is_the_contracts() {
    let (contract, ours) = (contract(), ours());
    let theirs = operations(&contract);
    let built = operations(&ours);
    assert!(built.len() >= 18, "{}", built.len());
    for (method, path, operation) in &built {
        let at = format!("{method} {path}");
        if OURS.contains(&at.as_str()) {
            continue;
        }
        let same = theirs.iter().find(|(m, p, _)| m == method && p == path);
        let (_, _, expected) = same.unwrap_or_else(|| panic!("{at} is not in the contract"));
        compare_operation((&contract, &ours), &at, expected, operation);
    }
    let scheme = "/components/securitySchemes/LicenseKey";
    for field in ["type", "in", "name"] {
        let at = format!("{scheme}/{field}");
        assert_eq!(contract.pointer(&at), ours.pointer(&at), "{at}");
    }
}

#[test]
fn every_operation_of_the_contract_is_built() {
    let (theirs, ours) = (contract(), ours());
    let built = operations(&ours);
    let is_built =
        |method: &str, path: &str| built.iter().any(|(m, p, _)| m == method && p == path);
    let missing = operations(&theirs).into_iter().filter(|(m, p, _)| !is_built(m, p));
    assert_eq!(
        missing.map(|(method, path, _)| format!("{method} {path}")).collect::<Vec<_>>(),
        [""; 0]
    );
}

#[test]
fn examples_are_bodies_that_are_understood() {
    let document = ours();
    for (method, path, operation) in operations(&document) {
        let body = &operation["requestBody"];
        if body.is_null() {
            continue;
        }
        let body = &body["content"]["application/json"]["example"];
        assert!(body.is_object(), "{path} has no example");
        let answer = SHARED.send_text(&method, &format!("/api/v1{path}"), &body.to_string());
        if answer.status == 400 {
            let message = answer.refusal(400);
            assert!(!message.contains("field") && !message.contains("the body"), "{message}");
        }
    }
}

#[test]
fn the_page_is_served_whole_without_redirects() {
    for path in ["/docs", "/docs/", "/docs/index.html"] {
        let page = SHARED.send(&SHARED.head("GET", path), b"");
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")), "{path}");
        assert!(page.text().contains("<base href=\"/docs/\">"));
        for rest in page.text().split("\"./").skip(1) {
            let file = rest.split('"').next().unwrap();
            let answer = SHARED.send(&SHARED.head("GET", &format!("/docs/{file}")), b"");
            assert_eq!(answer.status, 200, "{file}");
            assert!(!answer.body.is_empty(), "{file}");
        }
    }
    let setup = SHARED.send(&SHARED.head("GET", "/docs/swagger-initializer.js"), b"").text();
    assert!(setup.contains("/api/v1/openapi.json"), "{setup}");
    SHARED.send(&SHARED.head("GET", "/docs/nothing.js"), b"").refusal(404);
}

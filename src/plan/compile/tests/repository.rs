//! The example scenarios in `fixtures/good`, and the JSON Schema beside them.

use super::*;
use crate::scenario::System;

fn yaml_files(folder: &str) -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut open = vec![root];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_example_compiles() {
    let mut faults = Vec::new();
    for file in yaml_files("fixtures/good") {
        if file.file_name().unwrap().to_string_lossy().starts_with('_') {
            continue;
        }
        let mut sources = Sources::default();
        let loaded = load_from(&file, &mut sources, Arc::new(System));
        match loaded.and_then(|loaded| compile(&loaded, None)) {
            Ok(compiled) => assert!(!compiled.plans.is_empty(), "{}", file.display()),
            Err(found) => faults.push(found.render(&sources, false)),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.json");
    let generated = serde_json::to_string_pretty(&crate::scenario::schema()).unwrap() + "\n";
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == generated, "schema/scenario.json is out of date: `cargo xtask generate` writes it anew");
}

/// Every key that the parser takes is a key of the schema, and the other way round.
#[test]
fn schema_and_parser_know_the_same_words() {
    let schema = crate::scenario::schema();
    let keys = |of: &serde_json::Value| -> Vec<String> { of["properties"].as_object().unwrap().keys().cloned().collect() };
    let steps: Vec<_> = crate::scenario::step::VERBS.iter().copied().chain(crate::scenario::step::MODIFIERS).collect();
    assert_eq!(keys(&schema), crate::scenario::Scenario::KEYS);
    assert_eq!(keys(&schema["definitions"]["Step"]), steps);
    assert_eq!(keys(&schema["definitions"]["Expect"]), crate::scenario::expect::Expect::KEYS);
    assert_eq!(keys(&schema["definitions"]["Request"]), crate::scenario::request::Request::KEYS);
    assert_eq!(keys(&schema["definitions"]["Origin"]), crate::scenario::origin::Origin::KEYS);
}

/// What the parser lets one leave out, editors do too, and what it wants they want.
#[test]
fn the_schema_wants_what_the_parser_wants() {
    let schema = crate::scenario::schema();
    let required = |name: &str| schema["definitions"][name]["required"].clone();
    assert!(schema.get("required").is_none());
    for (name, keys) in [
        ("Variant", serde_json::Value::Null),
        ("Expect", serde_json::Value::Null),
        ("Route", serde_json::json!(["path"])),
        ("User", serde_json::json!(["password"])),
        ("CookieChanges", serde_json::json!(["at"])),
        ("Transition", serde_json::json!(["from", "to", "because"])),
    ] {
        assert_eq!(required(name), keys, "{name}");
    }
    assert!(!schema["properties"]["scenario"]["type"].to_string().contains("null"));
}

/// Every `$ref` of the schema leads somewhere.
#[test]
fn every_reference_of_the_schema_resolves() {
    fn refs(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(entries) => {
                for (key, value) in entries {
                    match value.as_str() {
                        Some(target) if key == "$ref" => found.push(target.to_owned()),
                        _ => refs(value, found),
                    }
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| refs(item, found)),
            _ => {}
        }
    }
    let schema = crate::scenario::schema();
    let mut found = Vec::new();
    refs(&schema, &mut found);
    assert!(found.len() > 20);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(pointer.is_empty() || schema.pointer(pointer).is_some(), "{target}");
    }
}

/// The examples that the schema shows for verbs are steps that the parser takes.
#[test]
fn the_examples_of_the_schema_can_be_read() {
    use crate::scenario::read::{FromYaml, Reader};
    use crate::scenario::{node, step::Step};
    let schema = crate::scenario::schema();
    let verbs = schema["definitions"]["Step"]["properties"].as_object().unwrap();
    for verb in crate::scenario::step::VERBS {
        let example = &verbs[*verb]["examples"][0];
        let text = serde_json::json!({ *verb: example }).to_string();
        let mut sources = Sources::default();
        let id = sources.add("example", text.as_str());
        let node = node::parse(id, &text).unwrap().unwrap();
        let mut reader = Reader::default();
        assert!(Step::read(&node, &mut reader).is_some() && reader.diagnostics.is_empty(), "{text}");
    }
}

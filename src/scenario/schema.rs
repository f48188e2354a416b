//! The JSON Schema of scenario files, for editors.

use super::file::Scenario;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The JSON Schema (draft 7, which editors know best) of a scenario file.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft07().for_deserialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Scenario>().to_value();
    if let Some(top) = schema.as_object_mut() {
        top.insert("title".to_owned(), "authchain scenario".into());
    }
    schema
}

/// The schema of a mapping with fixed keys: each with what it is for, whether it is required, and what it takes.
pub(super) fn mapping(about: &str, fields: Vec<(&str, String, bool, Schema)>) -> Schema {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (key, about, wanted, mut schema) in fields {
        schema.insert("description".to_owned(), about.trim().into());
        properties.insert(key.to_owned(), schema.to_value());
        if wanted {
            required.push(key);
        }
    }
    let mut schema = Map::new();
    schema.insert("description".to_owned(), about.trim().into());
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties.into());
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    schema.into()
}

//! The JSON Schema of scenario files, for editors.

use super::file::Scenario;
use schemars::generate::SchemaSettings;
use serde_json::Value;

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

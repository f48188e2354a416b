//! Request bodies: JSON as the original takes it, and forms, the lab's one addition.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::reply::ApiError;
use crate::wire;

/// The fields of a body.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads an object: from JSON, from a form, or an empty one where there is no body.
    pub(super) fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Fields, ApiError> {
        let body =
            body.map_err(|rejection| ApiError::with_status(rejection.status(), "PAYLOAD_TOO_LARGE", "The request body cannot be read"))?;
        if body.is_empty() {
            return Ok(Fields::default());
        }
        let kind = wire::text(headers, "content-type").unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => serde_json::from_slice(&body)
                .map(Fields)
                .map_err(|_| ApiError::bad_request("VALIDATION_ERROR", "[body] Invalid input: expected object")),
            "application/x-www-form-urlencoded" => Ok(Fields(
                url::form_urlencoded::parse(&body)
                    // A hidden field left empty is one that was not given.
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                    .collect(),
            )),
            _ => Err(ApiError::with_status(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                "Content-Type is not allowed. Allowed types: application/json",
            )),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, "string", other)),
        }
    }

    pub(super) fn required_text(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| {
            let message = format!("[body.{name}] Invalid input: expected string, received undefined");
            ApiError::bad_request("VALIDATION_ERROR", &message)
        })
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if matches!(text.as_str(), "true" | "on") => Ok(true),
            Some(other) => Err(wrong_type(name, "boolean", other)),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, ApiError> {
        match self.0.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(entries)) => {
                entries.iter().map(|entry| entry.as_str().map(str::to_owned).ok_or_else(|| wrong_type(name, "string", entry))).collect()
            }
            Some(other) => Err(wrong_type(name, "array", other)),
        }
    }
}

fn wrong_type(name: &str, expected: &str, received: &Value) -> ApiError {
    let received = match received {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let message = format!("[body.{name}] Invalid input: expected {expected}, received {received}");
    ApiError::bad_request("VALIDATION_ERROR", &message)
}

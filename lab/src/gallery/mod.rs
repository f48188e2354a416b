//! A gallery of small broken apps: each shows one fault of logins as it is met in the wild, on the wire and nowhere else.
//!
//! A case is a list of routes, tried in their order; the environment says which case is shown, and the same app stands behind
//! every host of it. Cases declare by id what a diagnosis must find in them and what it must not.
//!
//! | variable | meaning | when absent |
//! |---|---|---|
//! | `CASE` | the case's name | required |
//!
//! ```text
//! case     what a case and its routes are, and what answers
//! cases/   the cases by what goes wrong in them
//! ```

mod case;
mod cases;

pub use case::Case;

use super::LabError;
use super::env::Env;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use case::Asked;
use std::sync::Arc;

/// Every case.
pub fn cases() -> Vec<Case> {
    cases::all()
}

pub(crate) fn router(env: &Env<'_>) -> Result<Router, LabError> {
    let name = env.required("CASE", "the case that is shown")?;
    let case = cases().into_iter().find(|case| case.name == name);
    let case = case.ok_or_else(|| LabError::Invalid { name: "CASE", expected: "the name of a case of the gallery".to_owned() })?;
    Ok(Router::new().fallback(answer).with_state(Arc::new(case)))
}

async fn answer(State(case): State<Arc<Case>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    case.answer(&Asked { method: &method, uri: &uri, headers: &headers })
}

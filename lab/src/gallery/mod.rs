//! A gallery of small broken apps: each shows one fault of logins as it is met in the wild, on the wire and nowhere else.
//!
//! A case is a list of routes, tried in their order; the environment says which case is shown, and the same app stands behind
//! every host of it. Cases declare by id what a diagnosis must find in them and what it must not.
//!
//! | variable | meaning | when absent |
//! |---|---|---|
//! | `CASE` | the case's name | required |
//! | `MAIL_URL` | `smtp://host:port`, for the cases that send mail | mail cannot be sent |
//!
//! ```text
//! case     what a case and its routes are, and what answers
//! errand   what a route does at a neighbour before it answers
//! cases/   the cases by what goes wrong in them
//! ```

mod case;
mod cases;
mod errand;

pub use case::Case;

use super::LabError;
use super::env::Env;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use case::Asked;
use errand::Neighbours;
use std::sync::Arc;

/// Every case.
pub fn cases() -> Vec<Case> {
    cases::all()
}

/// A case as it is shown.
struct Shown {
    case: Case,
    neighbours: Neighbours,
}

pub(crate) fn router(env: &Env<'_>) -> Result<Router, LabError> {
    let name = env.required("CASE", "the case that is shown")?;
    let case = cases().into_iter().find(|case| case.name == name);
    let case = case.ok_or_else(|| LabError::Invalid { name: "CASE", expected: "the name of a case of the gallery".to_owned() })?;
    let shown = Shown { case, neighbours: Neighbours::new(env)? };
    Ok(Router::new().fallback(answer).with_state(Arc::new(shown)))
}

async fn answer(State(shown): State<Arc<Shown>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    shown.case.answer(&Asked { method: &method, uri: &uri, headers: &headers }, &shown.neighbours).await
}

//! The API as it is deployed: an environment file that operators edit, and a server that has read it when it started.
//!
//! | route, for staff alone | what it does |
//! |---|---|
//! | `PUT /api/staff/env/` `{"NAME": "value"}` | edits the file (`backend/.env`); the server goes on as before |
//! | `POST /api/staff/restart/` | starts the server anew: it reads the file, and has another boot id; what is stored stays |

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use serde_json::json;
use tower::ServiceExt as _;

use super::config::{Config, VARIABLES};
use super::otp::{Salon, Window};
use super::router::routes;
use super::store::{Store, random_id};
use super::vendor::Vendor;
use crate::env::Env;
use crate::{LabError, Log, egress, wire};

/// Longest value in the file, in bytes.
const LONGEST: usize = 1024;

struct Deployment {
    file: Mutex<BTreeMap<String, String>>,
    running: RwLock<Router>,
    staff_token: String,
    client: reqwest::Client,
    store: Arc<Store>,
    window: Arc<Window>,
    log: Log,
}

pub(crate) fn router(env: &Env<'_>, log: &Log) -> Result<Router, LabError> {
    let file: BTreeMap<_, _> = VARIABLES.into_iter().filter_map(|name| Some((name.to_owned(), env.get(name)?))).collect();
    let deployment = Deployment {
        file: Mutex::new(file),
        running: RwLock::default(),
        staff_token: env.required("STAFF_TOKEN", "what staff send as `X-Staff-Token`")?,
        client: egress::client(env)?,
        store: Arc::default(),
        window: Arc::default(),
        log: log.clone(),
    };
    deployment.start()?;
    Ok(Router::new()
        .route("/api/staff/env/", put(edit))
        .route("/api/staff/restart/", post(restart))
        .fallback(pass_on)
        .with_state(Arc::new(deployment)))
}

impl Deployment {
    /// Reads the file, and serves by what it says from here on.
    fn start(&self) -> Result<(), LabError> {
        let file = self.file().clone();
        let config = Config::read(&Env::new(&|name| file.get(name).cloned()))?;
        let Config { environment, provider, build, .. } = &config;
        let boot = random_id();
        (self.log)(&format!("environment={environment} provider={} build={build} boot={boot}", provider.name()));
        let vendor = Vendor::new(self.client.clone());
        let (store, log, window) = (self.store.clone(), self.log.clone(), self.window.clone());
        *self.running.write().unwrap_or_else(PoisonError::into_inner) =
            routes(Arc::new(Salon { config, store, vendor, log, window, boot }));
        Ok(())
    }

    fn file(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // A panic elsewhere leaves the map whole: every change to it is a single one.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_staff(&self, headers: &HeaderMap) -> bool {
        wire::text(headers, "x-staff-token") == Some(self.staff_token.as_str())
    }
}

async fn pass_on(State(deployment): State<Arc<Deployment>>, request: Request) -> Response {
    let running = deployment.running.read().unwrap_or_else(PoisonError::into_inner).clone();
    let Ok(response) = running.oneshot(request).await;
    response
}

async fn edit(State(deployment): State<Arc<Deployment>>, headers: HeaderMap, body: Bytes) -> Response {
    if !deployment.is_staff(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(edits) = serde_json::from_slice::<BTreeMap<String, String>>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    if edits.iter().any(|(name, value)| !VARIABLES.contains(&name.as_str()) || value.len() > LONGEST) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    deployment.file().extend(edits);
    StatusCode::NO_CONTENT.into_response()
}

async fn restart(State(deployment): State<Arc<Deployment>>, headers: HeaderMap) -> Response {
    if !deployment.is_staff(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match deployment.start() {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::CONFLICT, Json(json!({ "detail": error.to_string(), "code": "bad_environment" }))).into_response(),
    }
}

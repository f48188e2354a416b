//! Edge, caches and service workers.

use super::{Case, SESSION, get, home, link, login_page, post};
use serde_json::json;

pub(super) fn cases() -> Vec<Case> {
    let large = |name: &str| format!("{name}={}; Path=/; HttpOnly; Secure; SameSite=Lax", "x".repeat(3800));
    vec![
        Case::new(
            "cached-session",
            &["set-cookie-from-cache"],
            [
                login_page(),
                post("/login").sets(SESSION).goes("/home"),
                get("/home").with("session=").sets(SESSION).says("x-cache", "HIT").says("age", "17").says("cache-control", "public, max-age=60").page("Home", ""),
                get("/home").goes("/login"),
            ],
        ),
        Case::new(
            "cacheable-refusal",
            &["auth-response-cacheable"],
            [
                login_page(),
                get("/api/session").says("cache-control", "public, max-age=600").status(401).json(&json!({ "error": "unauthenticated" })),
            ],
        ),
        Case::new(
            "large-cookies",
            &["request-header-budget"],
            [
                login_page(),
                post("/login").sets(SESSION).sets(large("claims.0")).sets(large("claims.1")).sets(large("claims.2")).goes("/home"),
                get("/home").with("claims.2=").status(431).page("Request header fields too large", ""),
            ]
            .into_iter()
            .chain(home("session=")),
        ),
        Case::new(
            "worker-answers",
            &["sw-intercepted"],
            [
                get("/start").page(
                    "Home",
                    &format!(
                        "<p id=\"told\">Asking</p>{}<script>navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready)\
                         .then(() => told.textContent = 'Done')</script>",
                        link("/logout")
                    ),
                ),
                get("/worker.js").script(
                    "self.addEventListener('install', () => self.skipWaiting());\
                     self.addEventListener('activate', event => event.waitUntil(clients.claim()));\
                     self.addEventListener('fetch', event => { if (event.request.mode === 'navigate') event.respondWith(new Response(\
                     '<!DOCTYPE html><title>Shell</title><h1>Shell</h1>', { headers: { 'content-type': 'text/html' } })) })",
                ),
                get("/logout").sets("session=; Path=/; Max-Age=0").page("Goodbye", ""),
            ],
        ),
    ]
}

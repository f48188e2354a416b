//! What becomes of a cookie on its way through a protocol, and in real browsers.

use super::*;
use crate::drive::browser::launch::{BrowserKind, BrowserOptions, Browsers, DeviceOptions};
use crate::plan::Policy;
use crate::web::cookie::{Jar, StoreContext};
use crate::web::site::Site;
use serde_json::{Value, json};
use std::net::SocketAddr;

fn cookies(url: &str, lines: &[&str]) -> Vec<CookieRecord> {
    let context = StoreContext::navigation(url.parse().unwrap());
    let mut jar = Jar::default();
    for line in lines {
        assert!(jar.store(&context, line.as_bytes(), wall()).is_stored(), "{line}");
    }
    jar.iter().cloned().collect()
}

#[test]
fn chromium_is_told_each_attribute_and_tells_it_back() {
    let lines = ["a=1", "b=2; Domain=app.test; Path=/x; HttpOnly; SameSite=Lax; Max-Age=60", "__Host-c=3; Secure; Path=/", "=4", "d="];
    for cookie in cookies("https://app.test:8443/y", &lines) {
        let mut told = chromium::param(&cookie, false).unwrap();
        told["size"] = (cookie.key.name.len() + cookie.value.len()).into();
        let held = chromium::record(&told, wall()).unwrap();
        assert!(is_same(&held.record, &cookie) && held.whole, "{told}");
        assert_eq!((held.record.source_port, held.record.source_scheme), (cookie.source_port, cookie.source_scheme));
    }
}

#[test]
fn bytes_that_the_protocol_does_not_carry_are_not_changed_in_silence() {
    let mut cookie = cookies("https://app.test/", &["a=1"]).remove(0);
    cookie.value = (&b"caf\xe9"[..]).into();
    assert_eq!(chromium::param(&cookie, false), None);
    let told = json!({ "name": "a", "value": "caf", "domain": "app.test", "path": "/", "size": 5 });
    assert!(!chromium::record(&told, wall()).unwrap().whole);
}

#[test]
fn what_is_no_cookie_is_passed_over() {
    for told in [json!(null), json!({}), json!({ "domain": "" }), json!({ "domain": "a b" })] {
        assert!(chromium::record(&told, wall()).is_none(), "{told}");
    }
    for expires in [json!(-1), json!(1e300), json!("soon"), Value::Null] {
        let told = json!({ "name": "a", "domain": "app.test", "expires": expires });
        assert!(chromium::record(&told, wall()).is_some(), "{told}");
    }
}

/// Chromium, a context without a way out.
async fn device() -> (Browsers, Device) {
    let browsers = Browsers::new(BrowserOptions::default());
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let device = browsers.device(&DeviceOptions::new(nowhere, &Policy::default())).await.expect("Chromium and chromedriver are installed");
    (browsers, device)
}

fn nobody(_: &CookieKey) -> Option<CookieValue> {
    None
}

#[tokio::test]
async fn a_real_jar_takes_and_gives_and_lives_by_the_runs_clock() {
    let (browsers, device) = device().await;
    let clock = Clock::default();
    let mut wanted = cookies(
        "https://app.test/x/y",
        &[
            "session=1",
            "strict=1; Secure; HttpOnly; SameSite=Strict; Path=/",
            "none=1; Secure; SameSite=None; Domain=app.test",
            "lasting=1; Max-Age=3600",
            "brief=1; Max-Age=60; Path=/",
            "__Host-h=1; Secure; Path=/",
            "utf8=café",
            "quoted=\"a b\"",
            "=nameless",
        ],
    );
    wanted.extend(cookies("http://plain.test/", &["plain=1"]));
    let mut parted = cookies("https://idp.test/", &["parted=1; Secure; SameSite=None; Path=/"]).remove(0);
    parted.key.partition = Site::of_url(&"https://app.test/".parse().unwrap());
    wanted.push(parted);
    write(&device, &wanted, &clock).await.unwrap();
    let there = read(&device, &clock, nobody).await.unwrap();
    assert_eq!(there.len(), wanted.len());
    for cookie in &wanted {
        assert!(there.iter().any(|held| is_same(held, cookie)), "{} in {there:?}", cookie.key);
    }

    // What a browser would never store is told, and the others take.
    let mut bad = cookies("https://app.test/", &["good=1"]);
    let mut prefix = bad[0].clone();
    prefix.key.name = "__Host-bad".into();
    prefix.key.host_only = false;
    bad.push(prefix);
    let error = write(&device, &bad, &clock).await.unwrap_err().to_string();
    assert!(error.starts_with("the browser did not take `__Host-bad`"), "{error}");
    assert!(read(&device, &clock, nobody).await.unwrap().iter().any(|cookie| cookie.key == bad[0].key));

    // Ten minutes on, what lives for one is gone, and the rest has its end where it had it.
    let by = Duration::from_secs(600);
    clock.advance(by);
    age(&device, by).await.unwrap();
    let there = read(&device, &clock, nobody).await.unwrap();
    assert!(there.iter().all(|cookie| cookie.key.name != "brief"));
    let lasting = wanted.iter().find(|cookie| cookie.key.name == "lasting").unwrap();
    assert!(there.iter().any(|held| is_same(held, lasting)), "{there:?}");

    delete(&device, &there).await.unwrap();
    assert!(read(&device, &clock, nobody).await.unwrap().is_empty());
    device.close().await;
    browsers.stop().await;
}

#[tokio::test]
#[ignore = "needs Firefox and geckodriver: `cargo xtask firefox`"]
async fn firefox_takes_and_gives_a_site_s_own_cookies_and_those_of_others_in_its_frames() {
    let browsers = Browsers::new(BrowserOptions { kind: BrowserKind::Firefox, ..BrowserOptions::default() });
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let device = browsers.device(&DeviceOptions::new(nowhere, &Policy::default())).await.expect("Firefox and geckodriver are installed");
    let clock = Clock::default();
    let mut wanted = cookies("https://app.test/", &["own=1; Secure; HttpOnly; SameSite=Lax; Max-Age=60", "shared=1; Domain=app.test"]);
    let mut framed = cookies("https://widget.test/", &["framed=1; Secure; SameSite=None"]);
    framed[0].key.partition = Site::of_url(&"https://app.test/".parse().unwrap());
    wanted.extend(framed);
    write(&device, &wanted, &clock).await.unwrap();
    let mut held = read(&device, &clock, nobody).await.unwrap();
    held.sort_by(|a, b| a.key.cmp(&b.key));
    wanted.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(held.iter().map(|cookie| &cookie.key).collect::<Vec<_>>(), wanted.iter().map(|cookie| &cookie.key).collect::<Vec<_>>());
    delete(&device, &wanted).await.unwrap();
    assert!(read(&device, &clock, nobody).await.unwrap().is_empty());
    device.close().await;
    browsers.stop().await;
}

//! What is around a page: dialogs, tabs, scripts, requests, storage, passkeys.

use super::zoo::{Zoo, at, at_once, soon};
use crate::drive::browser::launch::BrowserKind;
use crate::drive::browser::page::{DialogAnswer, Dialogs, Page, PageRequest, Passkeys, Tabs};
use crate::plan::{Authenticator, Credentials, Input};
use serde_json::json;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn chromium_is_more_than_one_page() {
    let zoo = Zoo::open(BrowserKind::Chromium).await;
    scripts_and_requests_run_as_the_pages_own(&zoo).await;
    storage_is_read(&zoo).await;
    dialogs_are_answered_and_never_hang(&zoo).await;
    tabs_open_and_close(&zoo).await;
    zoo.close().await;
}

async fn scripts_and_requests_run_as_the_pages_own(zoo: &Zoo) {
    zoo.go("http://app.test/login.html").await;
    let page = zoo.page();
    let arguments = [("name".to_owned(), "Jar\"vis".to_owned())];
    let value = page.evaluate("globalThis.mark = 1; return { hello: name, list: [1, null] };", &arguments, soon()).await.unwrap();
    assert_eq!(value, json!({ "hello": "Jar\"vis", "list": [1, null] }));
    assert_eq!(page.evaluate("return mark;", &[], soon()).await.unwrap(), json!(1), "the page's own world");
    assert_eq!(page.evaluate("", &[], soon()).await.unwrap(), json!(null));
    let error = page.evaluate("throw new Error('no\\nway');", &[], soon()).await.unwrap_err().to_string();
    assert_eq!(error, "the script failed: Error: noway");
    let error = page.evaluate("return {", &[], soon()).await.unwrap_err().to_string();
    assert!(error.starts_with("the script failed: "), "{error}");
    let request = |url: &str| PageRequest {
        url: url.to_owned(),
        method: "POST".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Some("{}".to_owned()),
        follow: true,
    };
    let response = page.fetch(&request("/echo"), Credentials::SameOrigin, soon()).await.unwrap();
    assert_eq!((response.status, response.kind.as_str(), response.url.as_str()), (200, "basic", "http://app.test/echo"));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&response.body).unwrap(),
        json!({ "method": "POST", "body": "{}", "type": "application/json" })
    );
    let simple = |url: &str| PageRequest { headers: Vec::new(), ..request(url) };
    let open = page.fetch(&simple("http://other.test/open"), Credentials::Omit, soon()).await.unwrap();
    assert_eq!((open.kind.as_str(), open.body.as_str()), ("cors", "let in"));
    let manual = PageRequest { follow: false, method: "GET".into(), body: None, ..simple("/moved") };
    assert_eq!(page.fetch(&manual, Credentials::Omit, soon()).await.unwrap().kind, "opaqueredirect");
    let error = page.fetch(&simple("http://other.test/echo?code=1"), Credentials::Include, soon()).await.unwrap_err().to_string();
    assert!(
        error.starts_with("the page's request to `http://other.test/echo?code=…` failed: TypeError: ")
            && error.contains("Access-Control-Allow-Origin"),
        "{error}"
    );
    let asked = zoo.asked.lock().unwrap();
    assert_eq!(asked.iter().rfind(|asked| asked.url.ends_with("/open")).unwrap().headers["origin"], "http://app.test");
}

async fn storage_is_read(zoo: &Zoo) {
    let page = zoo.page();
    zoo.eval("localStorage.theme = 'dark'; sessionStorage.step = '1'").await;
    let shown = page.shown(soon()).await.unwrap();
    assert_eq!(shown.local.unwrap(), [("theme".to_owned(), "dark".to_owned())].into());
    assert_eq!(shown.session.unwrap()["step"], "1");
    zoo.go("data:text/html,<p>x").await;
    let shown = page.shown(soon()).await.unwrap();
    assert_eq!((shown.local, shown.text.as_str()), (None, "x"), "an opaque origin has no storage");
}

async fn dialogs_are_answered_and_never_hang(zoo: &Zoo) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let noted = asked.clone();
    let dialogs = Dialogs::start(&zoo.device, move |asked| {
        noted.lock().unwrap().push(format!("{} {} {}", asked.kind, asked.message, asked.accepted));
    });
    zoo.go("http://app.test/dialogs.html").await;
    let page = zoo.page();
    let mut said = Vec::new();
    for answer in [DialogAnswer::Unsaid, DialogAnswer::Accept, DialogAnswer::Text("Jarvis".into())] {
        dialogs.answer_with(answer);
        for button in ["Alert", "Confirm", "Prompt"] {
            page.click(&at(button), Input::Script, soon()).await.unwrap();
            said.push(zoo.eval("out.value").await.as_str().unwrap().to_owned());
        }
    }
    assert_eq!(
        said,
        [
            "alert undefined",
            "confirm false",
            "prompt null",
            "alert undefined",
            "confirm true",
            "prompt nobody",
            "alert undefined",
            "confirm true",
            "prompt Jarvis"
        ]
    );
    dialogs.answer_with(DialogAnswer::Dismiss);
    page.fill(&at("Draft"), "text", Input::Real, soon()).await.unwrap();
    page.click(&at("Leave"), Input::Real, soon()).await.unwrap();
    page.changed(soon()).await.unwrap();
    assert_eq!(page.address(soon()).await.unwrap().0, "http://app.test/dialogs.html", "who stays is not taken away");
    dialogs.answer_with(DialogAnswer::Unsaid);
    page.click(&at("Leave"), Input::Real, soon()).await.unwrap();
    page.wait_visible(&at("text=at elsewhere"), soon()).await.unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked[..3], ["alert Careful false", "confirm Sure? false", "prompt Name? false"]);
    assert_eq!((asked.len(), asked[9].as_str(), asked[10].as_str()), (11, "beforeunload  false", "beforeunload  true"), "{asked:?}");
}

async fn tabs_open_and_close(zoo: &Zoo) {
    let tabs = Tabs::start(&zoo.device);
    let first = tabs.current();
    for input in [Input::Script, Input::Real] {
        zoo.go("http://app.test/windows.html").await;
        let page = zoo.page();
        page.click(&at("By link"), input, soon()).await.unwrap();
        let opened = tabs.newest(soon()).await.unwrap();
        tabs.turn_to(&opened, soon()).await.unwrap();
        let popup = Page::new(&zoo.device.bidi, &opened);
        popup.wait_visible(&at("text=at popup?link"), soon()).await.unwrap();
        assert_eq!(tabs.current(), opened);
        tabs.close(soon()).await.unwrap();
        assert_eq!(tabs.current(), first);
        page.click(&at("By script"), input, soon()).await.unwrap();
        let child = tabs.like(|url, title| url.ends_with("closing.html") && title == "Closing", soon()).await.unwrap();
        tabs.turn_to(&child, soon()).await.unwrap();
        Page::new(&zoo.device.bidi, &child).click(&at("Allow"), input, soon()).await.unwrap();
        tabs.like(|_, title| title == "Told by the child", soon()).await.unwrap();
        tabs.until_current(&first, soon()).await;
        assert_eq!(tabs.current(), first, "a window that closes itself leaves the one before it");
        page.click(&at("Late"), input, soon()).await.unwrap();
        let late = tabs.newest(soon()).await.unwrap();
        tabs.turn_to(&late, soon()).await.unwrap();
        tabs.close(soon()).await.unwrap();
    }
    let error = tabs.newest(at_once()).await.unwrap_err().to_string();
    assert_eq!(error, "no tab was opened after the one that is shown; open tabs: 1: `http://app.test/windows.html` “Told by the child”");
    assert!(tabs.close(soon()).await.unwrap_err().to_string().contains("only tab"));
    assert!(tabs.numbered(9, at_once()).await.unwrap_err().to_string().starts_with("there is no tab 9"));
    assert_eq!(tabs.numbered(1, soon()).await.unwrap(), first);
}

#[tokio::test]
async fn a_passkey_opens_the_door_in_every_tab() {
    let zoo = Zoo::open(BrowserKind::Chromium).await;
    let tabs = Tabs::start(&zoo.device);
    let passkeys = Passkeys::add(&zoo.device, &tabs, Authenticator::default(), soon()).await.unwrap();
    // Passkeys are for secure contexts, and localhost is one.
    zoo.go("http://localhost/passkey.html").await;
    let page = zoo.page();
    page.click(&at("Register"), Input::Script, soon()).await.unwrap();
    page.wait_visible(&at("text=registered"), soon()).await.unwrap();
    page.click(&at("Sign in"), Input::Real, soon()).await.unwrap();
    page.wait_visible(&at("text=signed in as jarvis"), soon()).await.unwrap();
    let second = zoo.device.open_tab().await.unwrap();
    tabs.turn_to(&second, soon()).await.unwrap();
    passkeys.carry(soon()).await.unwrap();
    let go = json!({ "context": second, "url": "http://localhost/passkey.html", "wait": "complete" });
    zoo.device.bidi.send("browsingContext.navigate", go.clone(), soon()).await.unwrap();
    let other = Page::new(&zoo.device.bidi, &second);
    other.click(&at("Sign in"), Input::Script, soon()).await.unwrap();
    other.wait_visible(&at("text=signed in as jarvis"), soon()).await.unwrap();
    passkeys.carry(soon()).await.unwrap();
    zoo.go("http://localhost/passkey.html").await;
    page.click(&at("Sign in"), Input::Script, soon()).await.unwrap();
    page.wait_visible(&at("text=signed in as jarvis"), soon()).await.unwrap();
    passkeys.remove(soon()).await.unwrap();
    zoo.close().await;
}

//! Finding, waiting, entering.

use super::zoo::{Zoo, at, at_once, soon};
use crate::drive::browser::launch::BrowserKind;
use crate::plan::Input;

#[tokio::test]
async fn pages_in_chromium_are_operated_as_a_person_does() {
    let zoo = Zoo::open(BrowserKind::Chromium).await;
    everything(&zoo).await;
    zoo.close().await;
}

async fn everything(zoo: &Zoo) {
    for input in [Input::Script, Input::Real] {
        a_form_is_filled_and_sent(zoo, input).await;
        shadow_trees_are_no_obstacle(zoo, input).await;
        what_moves_or_is_covered_or_comes_late_is_waited_for(zoo, input).await;
        frames_are_part_of_the_page(zoo, input).await;
    }
    what_leads_away_is_pressed_once(zoo).await;
    what_cannot_be_done_says_why(zoo).await;
}

async fn a_form_is_filled_and_sent(zoo: &Zoo, input: Input) {
    zoo.go("http://app.test/login.html").await;
    let page = zoo.page();
    page.fill(&at("Username"), "jar vis & co", input, soon()).await.unwrap();
    page.fill(&at("label=Password"), "pä$$", input, soon()).await.unwrap();
    page.fill(&at("Stay signed in"), "true", input, soon()).await.unwrap();
    page.fill(&at("Stay signed in"), "true", input, soon()).await.unwrap();
    page.fill(&at("Born"), "1990-01-31", input, soon()).await.unwrap();
    page.select(&at("Country"), &["belgium"], soon()).await.unwrap();
    page.select(&at("name=plan"), &["pro"], soon()).await.unwrap();
    page.click(&at("testid=go"), input, soon()).await.unwrap();
    page.wait_visible(&at("text=at done"), soon()).await.unwrap();
    let shown = page.shown(soon()).await.unwrap();
    assert_eq!(
        shown.url,
        "http://app.test/done?uidField=jar+vis+%26+co&password=p%C3%A4%24%24&token=t&otp=&keep=on&country=be&plan=pro&short=&born=1990-01-31&fixed=1"
    );
    assert_eq!((shown.title.as_str(), shown.url.starts_with("http://app.test/")), ("Elsewhere", true));
    zoo.go("http://app.test/login.html").await;
    page.fill(&at("Username"), "enter", input, soon()).await.unwrap();
    page.press("Control+A", soon()).await.unwrap();
    page.press("x", soon()).await.unwrap();
    page.press("Enter", soon()).await.unwrap();
    page.wait_visible(&at("text=at done?uidField=x&"), soon()).await.unwrap();
}

async fn shadow_trees_are_no_obstacle(zoo: &Zoo, input: Input) {
    zoo.go("http://app.test/shadow.html").await;
    let page = zoo.page();
    page.fill(&at("Username"), "u", input, soon()).await.unwrap();
    page.fill(&at("css=flow-executor form [type=password]"), "p", input, soon()).await.unwrap();
    assert!(page.visible(&at("text=Welcome"), soon()).await.unwrap());
    page.click(&at("Continue"), input, soon()).await.unwrap();
    page.wait_visible(&at("text=u/p"), soon()).await.unwrap();
    let error = page.click(&at("Hidden away"), input, at_once()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "no link or button matches `Hidden away`; links and buttons on the page: `Continue`; `<closed-box>` may hold it in a closed \
         shadow root, which nothing can look into (on `http://app.test/shadow.html`, “Shadows”)"
    );
}

async fn what_moves_or_is_covered_or_comes_late_is_waited_for(zoo: &Zoo, input: Input) {
    zoo.go("http://app.test/busy.html").await;
    let page = zoo.page();
    page.click(&at("Under"), input, soon()).await.unwrap();
    page.click(&at("Runner"), input, soon()).await.unwrap();
    page.click(&at("Draw"), input, soon()).await.unwrap();
    page.fill(&at("Late field"), "l", input, soon()).await.unwrap();
    page.fill(&at("Name"), "n", input, soon()).await.unwrap();
    page.click(&at("Eager"), input, soon()).await.unwrap();
    page.fill(&at("Accept terms"), "true", input, soon()).await.unwrap();
    page.fill(&at("Dark mode"), "true", input, soon()).await.unwrap();
    page.fill(&at("Note"), "new", input, soon()).await.unwrap();
    page.click(&at("text=Plain words"), input, soon()).await.unwrap();
    page.click(&at("Deep down"), input, soon()).await.unwrap();
    let log = zoo
        .eval("[...document.querySelectorAll('#log li')].map((li) => li.textContent).filter((line) => !/^note ne?$/.test(line)).join()")
        .await;
    assert_eq!(log, "under 1,runner 1,drawn,name n,heard,eager 1,terms true,note new,clicky 1,deep 1", "{input:?}");
    assert_eq!(zoo.eval("document.getElementById('switch').ariaChecked").await, "true");
}

async fn frames_are_part_of_the_page(zoo: &Zoo, input: Input) {
    zoo.go("http://app.test/frames.html").await;
    let page = zoo.page();
    for kind in ["same", "cross"] {
        page.fill(&at(&format!("Field {kind}")), "f", input, soon()).await.unwrap();
        page.click(&at(&format!("Press {kind}")), input, soon()).await.unwrap();
        page.wait_visible(&at(&format!("text=pressed {kind} f")), soon()).await.unwrap();
    }
    page.click(&at("Outer"), input, soon()).await.unwrap();
    let text = page.shown(soon()).await.unwrap().text;
    assert!(text.starts_with("Outside\nOuter\nInside") && text.contains("pressed cross f"), "{text}");
    let error = page.click(&at("Press hidden"), input, at_once()).await.unwrap_err().to_string();
    assert!(error.contains("links and buttons on the page: `Press same`, `Press cross`, `Outer`"), "{error}");
    let error = page.click(&at("Press"), input, at_once()).await.unwrap_err().to_string();
    assert!(error.starts_with("`Press` matches 2 elements: `submit button Press same`, `submit button Press cross`"), "{error}");
}

/// A page that is so busy with the press that it is gone before it can answer.
async fn what_leads_away_is_pressed_once(zoo: &Zoo) {
    let busy = "location = 'http://other.test/again.html'; for (const end = Date.now() + 1500; Date.now() < end;);";
    zoo.put("busy-press.html", &format!("<title>One</title><button onclick=\"{busy}\">Go</button>"));
    zoo.put("again.html", "<title>Two</title><button onclick=\"document.title = 'pressed again'\">Go</button><p>Arrived</p>");
    zoo.go("http://app.test/busy-press.html").await;
    let page = zoo.page();
    page.click(&at("Go"), Input::Script, soon()).await.unwrap();
    page.wait_visible(&at("text=Arrived"), soon()).await.unwrap();
    assert_eq!(zoo.eval("document.title").await, "Two");
}

async fn what_cannot_be_done_says_why(zoo: &Zoo) {
    zoo.go("http://app.test/login.html").await;
    let page = zoo.page();
    for (field, value, expected) in [
        ("Off", "x", "`Off` is disabled"),
        ("Fixed", "x", "`Fixed` is read-only"),
        ("Short", "12345", "`Short` does not take that value: it has 5 characters, and the field takes 4 (`maxlength`)"),
        ("Born", "31.1.1990", "`Born` does not take that value: it takes a date such as `2026-01-31`"),
        ("Country", "Belgium", "`Country` is a list, so select one of its options instead of filling it"),
        ("Stay signed in", "1", "`Stay signed in` is a checkbox, so fill it with `true` or `false`, or click it"),
    ] {
        let error = page.fill(&at(field), value, Input::Script, at_once()).await.unwrap_err().to_string();
        assert_eq!(error, format!("{expected} (on `http://app.test/login.html`, “Sign in”)"));
    }
    let error = page.select(&at("Country"), &["Belgum"], at_once()).await.unwrap_err().to_string();
    assert!(error.starts_with("`Country` has no option `Belgum`; its options: `Belgium`, `Netherlands`"), "{error}");
    let error = page.click(&at("Secret door"), Input::Script, at_once()).await.unwrap_err().to_string();
    assert!(error.contains("; submit button Secret door is hidden by `display: none` of <div> (on"), "{error}");
    zoo.put("cover.html", "<title>C</title><button>Go</button><div id=veil style='position:fixed;inset:0'>Please wait</div>");
    zoo.go("http://app.test/cover.html?token=secret").await;
    let error = page.click(&at("Go"), Input::Script, at_once()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "`submit button Go` is covered by `<div id=\"veil\"> “Please wait”`, which would take the press (on \
         `http://app.test/cover.html?token=…`, “C”)"
    );
    assert!(page.press("Entr", soon()).await.unwrap_err().to_string().starts_with("`Entr` is no key"));
}

//! The same page, the same locator: the same element in the http engine and in a browser, or the same words for why not.

use super::zoo::{Zoo, at, at_once, soon};
use crate::drive::browser::launch::BrowserKind;
use crate::plan::Input;
use crate::web::html::{self, PageError, Wanted};

/// Pages, and what is pressed and filled in them. Everything that could be meant has an id.
const CASES: [(&str, &[&str], &[&str]); 7] = [
    (
        // Names of buttons and links, in the order of the standard (accname §4.3).
        "<button id=a>Log in</button><button id=b aria-label='Sign out'>x</button><span id=l>Read it</span>
         <button id=c aria-labelledby=l>y</button><input id=d type=submit value=Send><input id=e type=button value=More>
         <a id=f href=/f><img alt='Our shop'></a><a id=g href=/g title='By title' style='display:inline-block;width:9px;height:9px'></a><div id=h role=button tabindex=0>As button</div>
         <button id=i><span>Two</span> <b>words</b></button><input id=j type=image alt=Picture src='data:,'><summary id=k>Not in details</summary>",
        &["Log in", "Sign out", "x", "Read it", "Send", "More", "Our shop", "By title", "As button", "Two words", "Picture", "Nothing like it"],
        &[],
    ),
    (
        // Names of fields.
        "<label>Wraps <input id=a></label><label for=b>Points</label><input id=b><input id=c aria-label='Says it'>
         <input id=d placeholder='Hint only'><input id=e title='Titled'><label>Password <input id=f type=password></label>
         <textarea id=g aria-label=Notes></textarea><label for=h>Mail*</label><input id=h type=email name=mail>",
        &[],
        &["Wraps", "Points", "Says it", "Hint only", "Titled", "Password", "Notes", "name=mail", "label=Points", "Absent"],
    ),
    (
        // Exact before equal but for case, before contained.
        "<button id=a>Continue</button><button id=b>continue</button><button id=c>Continue with mail</button><button id=d>Go on</button>
         <a id=e href=/same>Same</a><a id=f href=/same>Same</a><a id=g href=/one>Other</a><a id=h href=/two>Other</a>",
        &["Continue", "continue", "CONTINUE", "with mail", "go on", "Same", "Other"],
        &[],
    ),
    (
        // What does not show cannot be meant.
        "<button id=a hidden>Go</button><button id=b style='display:none'>Go</button><button id=c>Go</button>
         <div hidden><button id=d>Deep</button></div><template><button id=e>Stamp</button></template>",
        &["Go", "Deep", "Stamp"],
        &[],
    ),
    (
        // By selector, by test id, by text.
        "<p id=a data-testid=para>Some words</p><button id=b data-testid=go class='x y'>Go</button><div><a id=c href=/c>Deep <i>link</i></a></div>",
        &["css=button.x", "testid=go", "css=#c", "css=.none", "testid=none"],
        &[],
    ),
    (
        // Text that HTML collapses, and bytes beyond ASCII.
        "<button id=a>Anmelden&nbsp;als\n  Gast</button><button id=b>Größe ändern</button><button id=c>登录</button><button id=d>e\u{301}cole</button>",
        &["Anmelden als Gast", "Größe ändern", "größe ÄNDERN", "登录"],
        &[],
    ),
    (
        "<label><input id=a type=checkbox> Keep me in</label><fieldset disabled><label>Off <input id=b></label><button id=c>Cannot</button></fieldset>
         <label>Fixed <input id=d readonly value=1></label><label>Code <input id=e maxlength=3></label><button id=f disabled>Not now</button>",
        &["Cannot", "Not now"],
        &["Off", "Fixed"],
    ),
];

/// Notes which element an event came to, and keeps the page as it is.
const WATCH: &str = "(() => { for (const name of ['click', 'input']) addEventListener(name, (event) => { \
                     window.hit = event.target.closest('[id]')?.id; event.preventDefault(); }, true); return true; })()";

#[tokio::test]
async fn both_engines_mean_the_same_element_and_say_the_same() {
    let zoo = Zoo::open(BrowserKind::Chromium).await;
    let mut apart = Vec::new();
    for (number, (body, presses, fills)) in CASES.into_iter().enumerate() {
        let (name, text) = (format!("alike{number}.html"), format!("<!doctype html><title>Alike</title>{body}"));
        let url = format!("http://app.test/{name}");
        zoo.put(&name, &text);
        zoo.go(&url).await;
        zoo.eval(WATCH).await;
        let orders =
            presses.iter().map(|locator| (Wanted::Pressable, *locator)).chain(fills.iter().map(|locator| (Wanted::Field, *locator)));
        for (wanted, locator) in orders {
            let expected = by_http(&text, &url, wanted, locator);
            let met = in_browser(&zoo, wanted, locator, expected.is_err()).await;
            if met != expected {
                apart.push(format!("`{locator}` on page {number}: http {expected:?}, browser {met:?}"));
            }
        }
    }
    zoo.close().await;
    assert!(apart.is_empty(), "{}", apart.join("\n"));
}

/// The id of the element that the http engine takes, or what it says.
fn by_http(text: &str, url: &str, wanted: Wanted, locator: &str) -> Result<String, String> {
    let mut page = html::Page::parse(text, &url.parse().unwrap());
    let locator = at(locator);
    let taken = match wanted {
        Wanted::Field => page.fill(&locator, "x").map(drop),
        // What a press does is another matter: without scripts, often nothing.
        _ => page.click(&locator).map(drop).or_else(|error| if matches!(error, PageError::Disabled { .. }) { Err(error) } else { Ok(()) }),
    };
    taken.map_err(|error| error.to_string())?;
    let found = page.find(&locator, wanted).map_err(|error| error.to_string())?;
    let is_it = |id: &char| page.find_all(&at(&format!("css=#{id}")), Wanted::Element).contains(&found);
    Ok(('a'..='z').find(is_it).map(String::from).unwrap_or_default())
}

/// The id of the element that the browser takes, or what is said; `fails` when there is no use in waiting.
async fn in_browser(zoo: &Zoo, wanted: Wanted, locator: &str, fails: bool) -> Result<String, String> {
    // A value that a field holds already would be no input.
    zoo.eval("window.hit = ''; for (const field of document.querySelectorAll('input:not([type=submit], [type=button], [type=checkbox]), textarea')) field.value = ''").await;
    let (page, locator) = (zoo.page(), at(locator));
    let deadline = if fails { at_once() } else { soon() };
    let done = match wanted {
        Wanted::Field => page.fill(&locator, "x", Input::Script, deadline).await,
        _ => page.click(&locator, Input::Script, deadline).await,
    };
    match done {
        Ok(()) => Ok(zoo.eval("window.hit").await.as_str().unwrap_or_default().to_owned()),
        // A live page knows more: where it was, what hides the element.
        Err(error) => Err(error
            .to_string()
            .split("; ")
            .filter(|part| !part.contains(" is hidden by "))
            .collect::<Vec<_>>()
            .join("; ")
            .split(" (on `")
            .next()
            .unwrap_or_default()
            .to_owned()),
    }
}

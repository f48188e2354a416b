//! The pages. No outside assets: what a page needs is in it.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};

use super::config::{Config, SignIn};
use super::upstream::Person;

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; }
main { width: min(26rem, calc(100vw - 2rem)); box-sizing: border-box; padding: 2rem; border-radius: .75rem;
  border: 1px solid color-mix(in srgb, CanvasText 18%, transparent); }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; }
button { width: 100%; padding: .7rem 1rem; border: 0; border-radius: .5rem; font: inherit; font-weight: 600;
  background: #4f46e5; color: #fff; cursor: pointer; }
button:focus-visible, a:focus-visible { outline: 3px solid #a5b4fc; outline-offset: 2px; }
[role=alert] { padding: .6rem .8rem; border-radius: .5rem; background: #fee2e2; color: #7f1d1d; }
footer { margin-top: 1.5rem; font-size: .8rem; opacity: .7; }
";

/// Signs in as the original does: by `fetch`, with cookies, then a navigation to the `url` that comes back.
const SIGN_IN_SCRIPT: &str = "
const form = document.getElementById('sign-in');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const alert = document.getElementById('problem');
  try {
    const answer = await fetch(form.action, {
      method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.message || 'HTTP ' + answer.status);
    location.assign(body.url);
  } catch (problem) {
    alert.hidden = false;
    alert.textContent = 'Sign-in could not be started: ' + problem.message;
  }
});
";

/// Asks the guarded endpoint who is there; on anything but 200 it is back to the sign-in page, without a word why.
const DASHBOARD_SCRIPT: &str = "
const place = JSON.parse(document.getElementById('place').textContent);
try {
  const answer = await fetch(place.api + '/auth/session', { credentials: 'include' });
  if (!answer.ok) throw new Error('HTTP ' + answer.status);
  const { user } = await answer.json();
  document.getElementById('who').textContent = 'Signed in as ' + user.name + ' (' + user.email + ')';
} catch {
  location.replace('/login');
}
";

fn page(config: &Config, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="build-id" content=(config.build_id);
                title { (title) " · Mosaic" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (content)
                    footer { "Build " (config.build_id) }
                }
            }
        }
    }
}

/// The sign-in page. `problem` is what went wrong before, in a few words or as an error token.
pub(super) fn login(config: &Config, problem: Option<&str>) -> Markup {
    let by_browser = config.sign_in == SignIn::Browser;
    let action = if by_browser { format!("{}/auth/sign-in/oauth2", config.api_url) } else { "/login/oauth2".to_owned() };
    let content = html! {
        h1 { "Sign in to Mosaic" }
        p id="problem" role="alert" hidden[problem.is_none()] {
            @if let Some(problem) = problem { "Sign-in failed: " (problem) }
        }
        p { "You are taken to the identity provider and come back here." }
        form id="sign-in" method="post" action=(action) {
            @if by_browser {
                input type="hidden" name="providerId" value="authentik";
                input type="hidden" name="callbackURL" value=(config.callback_url());
                @if let Some(url) = config.error_callback_url() {
                    input type="hidden" name="errorCallbackURL" value=(url);
                }
            }
            button type="submit" { "Sign in with Authentik" }
        }
        @if by_browser && config.scripts {
            script type="module" { (PreEscaped(SIGN_IN_SCRIPT)) }
        }
    };
    page(config, "Sign in", &content)
}

/// The dashboard: of a person this server knows, or as a shell whose script asks the API.
pub(super) fn dashboard(config: &Config, person: Option<&Person>) -> Markup {
    let place = json!({ "api": config.api_url });
    let content = html! {
        h1 { "Dashboard" }
        p id="who" aria-live="polite" {
            @match person {
                Some(person) => { "Signed in as " (person.name) " (" (person.email) ")" }
                None => { "Loading your session…" }
            }
        }
        p { a href=(format!("{}/auth/session", config.api_url)) { "Check session" } }
        form method="post" action=(format!("{}/auth/sign-out", config.api_url)) {
            input type="hidden" name="callbackURL" value=(format!("{}/login", config.public_url));
            button type="submit" { "Sign out" }
        }
        @if person.is_none() && config.scripts {
            script id="place" type="application/json" { (PreEscaped(json_in_html(&place))) }
            script type="module" { (PreEscaped(DASHBOARD_SCRIPT)) }
        }
    };
    page(config, "Dashboard", &content)
}

/// A page for what is not there.
pub(super) fn not_found(config: &Config) -> Markup {
    let content = html! {
        h1 { "Page not found" }
        p { a href="/" { "Go to the dashboard" } }
    };
    page(config, "Not found", &content)
}

/// JSON that cannot end the script element it stands in (HTML §4.12.1.3).
fn json_in_html(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_close_its_script() {
        assert_eq!(json_in_html(&json!("</script>")), "\"\\u003c/script>\"");
    }
}

//! State, nonces, codes and links that are good once.

use super::{CALLBACK, Case, Route, SESSION, STATE, at_provider, authorize, get, home, link};

const FIRST: &str = "state-0123456789";

/// A callback that wants the state's cookie, and fails without it.
fn callback() -> [Route; 2] {
    [
        get("/callback").with("oauth_state=").sets(SESSION).goes("/home"),
        get("/callback").status(400).page("Sign-in failed", "<p>There is no sign-in under way in this browser.</p>"),
    ]
}

/// A page that mails a link to sign in by.
fn mailed_link() -> [Route; 2] {
    let asks = "<form method=\"post\" action=\"/send\"><input name=\"email\" value=\"ada@gallery.test\"><button>Continue</button></form>";
    [
        get("/login").page("Sign in", asks),
        super::post("/send").mails("https://app.gallery.test/verify?token=t-of-the-link-0123456789").page("Look into your mail", ""),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let to_provider = |state: &'static str| get("/login").status(302).goes(authorize(state, CALLBACK));
    let [_, provider] = at_provider(FIRST);
    let [_, for_replay] = at_provider(FIRST);
    vec![
        Case::new(
            "state-cookie-dropped",
            &["state-cookie-never-set", "callback-error"],
            [
                to_provider(FIRST),
                provider.sets("id_session=at-the-provider-01; Path=/; HttpOnly; Secure; SameSite=Lax"),
                get("/callback").goes("/failed?error=state_mismatch"),
                get("/failed").page("Sign-in failed", "<p>The state does not fit.</p>"),
            ],
        )
        .spares(&["state-value-mismatch", "callback-other-context"]),
        Case::new(
            "two-tabs",
            &["state-cookie-overwritten"],
            [
                get("/login").turn(1).sets(STATE).status(302).goes(authorize(FIRST, CALLBACK)),
                get("/login").sets(STATE.replace(FIRST, "state-of-tab-two")).status(302).goes(authorize("state-of-tab-two", CALLBACK)),
                // What the first tab's page links to.
                get("/authorize")
                    .host("id.")
                    .page("Sign in at the provider", &link(&format!("{CALLBACK}?code=code-0123456789&state={FIRST}"))),
                get("/callback").query(FIRST).with("oauth_state=state-0123456789").sets(SESSION).goes("/home"),
                get("/callback").status(400).page("Sign-in failed", "<p>The state does not fit.</p>"),
            ]
            .into_iter()
            .chain(home("session=")),
        ),
        Case::new(
            "state-mangled",
            &["state-value-mismatch"],
            [
                get("/login").sets(STATE).status(302).goes(authorize(FIRST, CALLBACK)),
                get("/authorize").host("id.").status(302).goes(format!("{CALLBACK}?code=code-0123456789&state=another-state-012")),
                get("/callback").status(400).page("Sign-in failed", "<p>The state does not fit.</p>"),
            ],
        )
        .spares(&["state-cookie-never-set"]),
        Case::new(
            "other-browser",
            &["callback-other-context"],
            [
                get("/login").sets(STATE).status(302).goes(authorize(FIRST, CALLBACK)),
                get("/authorize").host("id.").page("Sign in at the provider", "<p>Open the link in your mail.</p>"),
            ]
            .into_iter()
            .chain(callback()),
        )
        .spares(&["state-cookie-never-set"]),
        Case::new(
            "code-replayed",
            &["code-replayed"],
            [
                get("/login").sets(STATE).status(302).goes(authorize(FIRST, CALLBACK)),
                for_replay,
                get("/callback").turn(1).sets(SESSION).page("Welcome", "<p>You are signed in.</p>"),
                get("/callback").status(400).page("Sign-in failed", "<p>The code was used already.</p>"),
            ],
        ),
        Case::new(
            "error-swallowed",
            &["callback-error-swallowed", "callback-error"],
            [
                get("/login").sets(STATE).status(302).goes(authorize(FIRST, CALLBACK)),
                get("/authorize").host("id.").turn(1).status(302).goes(format!("{CALLBACK}?error=access_denied&state={FIRST}")),
                get("/authorize").host("id.").page("Sign in at the provider", ""),
                get("/callback").query("error=").goes("/login"),
            ],
        ),
        Case::new(
            "nonce-pileup",
            &["nonce-cookie-pileup"],
            [get("/login")
                .sets("auth.nonce.{count}=nonce-0123456789; Path=/; HttpOnly; Secure; SameSite=Lax")
                .page("Sign in", &link("/login"))],
        ),
        Case::new(
            "no-pkce",
            &["pkce-weak"],
            [
                get("/login").sets(STATE).status(302).goes(
                    authorize(FIRST, CALLBACK)
                        .replace("&code_challenge_method=S256", "")
                        .replace("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", ""),
                ),
                get("/authorize")
                    .host("id.")
                    .page("Sign in at the provider", &link(&format!("{CALLBACK}?code=code-0123456789&state={FIRST}"))),
            ]
            .into_iter()
            .chain(callback())
            .chain(home("session=")),
        ),
        Case::new("link-used-up", &["magic-link-consumed"], {
            let opens = [
                get("/verify").query("token=").turn(1).sets(SESSION).goes("/home"),
                get("/verify").status(400).page("This link was used", ""),
            ];
            mailed_link().into_iter().chain(opens).chain(home("session="))
        }),
        // Opening the link changes nothing: its page asks.
        Case::new("link-confirmed", &[], {
            let opens = [
                get("/verify").page("Sign in as Ada?", "<form method=\"post\" action=\"/verify\"><button>Continue</button></form>"),
                super::post("/verify").turn(1).sets(SESSION).goes("/home"),
            ];
            mailed_link().into_iter().chain(opens).chain(home("session="))
        })
        .spares(&["magic-link-consumed"]),
        Case::new(
            "totp-clock",
            &["otp-window"],
            [
                get("/login").page(
                    "Enter your code",
                    "<form method=\"post\" action=\"/totp\"><input name=\"code\" value=\"123456\"><button>Continue</button></form>",
                ),
                super::post("/totp").says("date", "Thu, 01 Jan 2015 00:00:00 GMT").status(401).page("Wrong code", ""),
            ],
        ),
    ]
}

//! The pages people see: plain HTML that works without script, loads nothing, and adapts to width and to light or dark.

use super::scope::Scopes;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The one style sheet, inline; the content security policy knows it by its hash.
pub(super) const STYLE: &str = include_str!("pages.css");

/// The one script: sends the form of the `form_post` response mode.
pub(super) const SUBMIT: &str = "document.forms[0].submit()";

/// What the login page shows.
pub(super) struct Login<'a> {
    pub(super) host: &'a str,
    /// The client that waits.
    pub(super) client: Option<&'a str>,
    pub(super) transaction: &'a str,
    pub(super) error: Option<&'a str>,
    /// What stands in the name field already.
    pub(super) name: &'a str,
}

/// What the page for a code shows.
pub(super) struct Code<'a> {
    pub(super) host: &'a str,
    pub(super) user: &'a str,
    /// The masked address, when the code comes by mail; else an app makes it.
    pub(super) mailed_to: Option<&'a str>,
    pub(super) transaction: &'a str,
    /// A message, and whether it is about a mistake.
    pub(super) message: Option<(&'a str, bool)>,
}

/// What the page of accounts shows.
pub(super) struct Accounts<'a> {
    pub(super) host: &'a str,
    /// The client that waits.
    pub(super) client: Option<&'a str>,
    pub(super) user: &'a str,
    pub(super) transaction: &'a str,
}

/// What the consent page shows.
pub(super) struct Consent<'a> {
    pub(super) host: &'a str,
    pub(super) client: &'a str,
    pub(super) user: &'a str,
    pub(super) scopes: &'a Scopes,
    /// Where the user goes next.
    pub(super) return_to: &'a str,
    pub(super) transaction: &'a str,
}

/// The form goes back to the address of the page, so that the way back in its query is kept.
pub(super) fn login(page: &Login<'_>) -> Markup {
    let known = !page.name.is_empty();
    frame(
        "Log in",
        html! {
            p.host { (page.host) }
            h1 { "Log in" }
            @if let Some(client) = page.client {
                p.lead { "to continue to " strong { (client) } }
            }
            @if let Some(error) = page.error {
                p.alert role="alert" id="error" { (error) }
            }
            form method="post" {
                input type="hidden" name="transaction" value=(page.transaction);
                label for="uid_field" { "Username" }
                input id="uid_field" name="uid_field" type="text" value=(page.name) autocomplete="username" autocapitalize="none"
                    spellcheck="false" required autofocus[!known] aria-invalid=[page.error.map(|_| "true")] aria-describedby=[page.error.map(|_| "error")];
                label for="password" { "Password" }
                input id="password" name="password" type="password" autocomplete="current-password" required autofocus[known]
                    aria-invalid=[page.error.map(|_| "true")] aria-describedby=[page.error.map(|_| "error")];
                button.primary type="submit" { "Log in" }
            }
        },
    )
}

pub(super) fn code(page: &Code<'_>) -> Markup {
    let mistake = page.message.is_some_and(|(_, mistake)| mistake);
    frame(
        "Enter your code",
        html! {
            p.host { (page.host) }
            h1 { "Enter your code" }
            p.lead {
                "You are logging in as " strong { (page.user) } ". "
                @match page.mailed_to {
                    Some(address) => { "We have sent a code of six digits to " strong { (address) } "." },
                    None => "Your authenticator app shows a code of six digits.",
                }
            }
            @match page.message {
                Some((message, true)) => p.alert role="alert" id="error" { (message) },
                Some((message, false)) => p.news role="status" { (message) },
                None => {},
            }
            form method="post" {
                input type="hidden" name="transaction" value=(page.transaction);
                label for="code" { "Code" }
                input.code id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" autocapitalize="none"
                    spellcheck="false" maxlength="16" required autofocus aria-invalid=[mistake.then_some("true")]
                    aria-describedby=[mistake.then_some("error")];
                button.primary type="submit" { "Continue" }
                @if page.mailed_to.is_some() {
                    button.link type="submit" name="resend" value="1" formnovalidate { "Send a new code" }
                }
            }
        },
    )
}

pub(super) fn accounts(page: &Accounts<'_>) -> Markup {
    frame(
        "Choose an account",
        html! {
            p.host { (page.host) }
            h1 { "Choose an account" }
            @if let Some(client) = page.client {
                p.lead { "to continue to " strong { (client) } }
            }
            form.stack method="post" {
                input type="hidden" name="transaction" value=(page.transaction);
                button.primary type="submit" name="account" value="continue" { "Continue as " (page.user) }
                button type="submit" name="account" value="other" { "Use another account" }
            }
        },
    )
}

/// The password was right, and they are not let in.
pub(super) fn denied(host: &str, user: &str, login: &str) -> Markup {
    frame(
        "Access denied",
        html! {
            p.host { (host) }
            h1 { "Access denied" }
            p.alert role="alert" { "Your account " strong { (user) } " is locked. Please ask whoever runs " (host) " to unlock it." }
            p { a href=(login) { "Log in with another account" } }
        },
    )
}

/// The shell that the script fills; `plain` is the same page without script.
pub(super) fn shell(host: &str, plain: &str) -> Markup {
    frame_around(
        "Log in",
        html! {
            ak-flow-executor data-host=(host) {
                noscript {
                    main {
                        p.host { (host) }
                        h1 { "Log in" }
                        p.lead { "This page needs scripts, and they are off in your browser." }
                        p { a href=(plain) { "Log in without scripts" } }
                    }
                }
            }
            script { (PreEscaped(super::shell::SCRIPT)) }
        },
    )
}

pub(super) fn consent(page: &Consent<'_>) -> Markup {
    frame(
        "Allow access",
        html! {
            p.host { (page.host) }
            h1 { strong { (page.client) } " wants to use your account" }
            p.lead { "You are logged in as " strong { (page.user) } "." }
            p id="asks" { "It asks to:" }
            ul.scopes aria-labelledby="asks" {
                @for scope in page.scopes.iter() {
                    li { span { (scope.meaning()) } code { (scope.name()) } }
                }
            }
            form method="post" {
                input type="hidden" name="transaction" value=(page.transaction);
                div.choice {
                    button.primary type="submit" name="decision" value="allow" { "Allow" }
                    button type="submit" name="decision" value="deny" { "Deny" }
                }
            }
            p.note { "You will go on to " (page.return_to) "." }
        },
    )
}

pub(super) fn error(title: &str, message: &str) -> Markup {
    frame(
        title,
        html! {
            h1 { (title) }
            p.alert role="alert" { (message) }
        },
    )
}

pub(super) fn home(host: &str, user: &str, logout: &str) -> Markup {
    frame(
        "Your account",
        html! {
            p.host { (host) }
            h1 { "You are logged in" }
            p.lead { "as " strong { (user) } }
            p { a href=(logout) { "Log out" } }
        },
    )
}

pub(super) fn confirm_logout(host: &str, user: &str, transaction: &str) -> Markup {
    frame(
        "Log out",
        html! {
            p.host { (host) }
            h1 { "Log out?" }
            p.lead { "You are logged in as " strong { (user) } "." }
            form method="post" {
                input type="hidden" name="transaction" value=(transaction);
                button.primary type="submit" { "Log out" }
            }
        },
    )
}

pub(super) fn logged_out(host: &str) -> Markup {
    frame(
        "Logged out",
        html! {
            p.host { (host) }
            h1 { "You are logged out" }
            p.lead { "You can close this page." }
        },
    )
}

/// A form that sends itself to the client (OAuth 2.0 Form Post Response Mode §2); without script there is a button.
pub(super) fn form_post(uri: &str, parameters: &[(&str, &str)]) -> Markup {
    frame(
        "Going on",
        html! {
            h1 { "One moment" }
            form method="post" action=(uri) {
                @for (name, value) in parameters {
                    input type="hidden" name=(name) value=(value);
                }
                noscript {
                    p.lead { "Scripts are off in your browser. Use the button to go on." }
                    button.primary type="submit" { "Continue" }
                }
            }
            script { (PreEscaped(SUBMIT)) }
        },
    )
}

fn frame(title: &str, content: Markup) -> Markup {
    frame_around(title, html! { main { (content) } })
}

fn frame_around(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
}

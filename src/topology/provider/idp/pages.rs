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
            body { main { (content) } }
        }
    }
}

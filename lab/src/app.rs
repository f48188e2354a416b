//! The apps by name.

use std::fmt;
use std::str::FromStr;

/// One app of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum App {
    /// The front end of the mosaic system.
    MosaicWeb,
    /// The API of the mosaic system: Better-Auth-style routes and the guard beside them.
    MosaicApi,
    /// Sign-in by a code that is sent.
    Codes,
    /// Cookies that a browser drops or withholds.
    Cookies,
    /// Pages of every kind, each with a sign-in in it.
    Pages,
    /// Sign-in with passkeys.
    Passkeys,
    /// Small broken apps, one fault each.
    Gallery,
    /// The API of the salon system: phone numbers, codes, and what they open.
    SalonApi,
    /// The front end of the salon system.
    SalonWeb,
    /// Sign-in by e-mail code with sessions in Redis, on two listeners.
    Authsession,
    /// The gateway before authsession.
    Gateway,
}

/// The name is that of no app.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no app is called `{name}`; the lab has {}", names())]
pub struct UnknownApp {
    name: String,
}

impl App {
    /// Every app, in the order a list of them should have.
    pub const fn all() -> &'static [App] {
        &[
            App::MosaicWeb,
            App::MosaicApi,
            App::SalonApi,
            App::SalonWeb,
            App::Authsession,
            App::Gateway,
            App::Codes,
            App::Cookies,
            App::Pages,
            App::Passkeys,
            App::Gallery,
        ]
    }

    /// The name by which the command line and a scenario's `process:` know it.
    pub const fn name(self) -> &'static str {
        match self {
            App::MosaicWeb => "mosaic-web",
            App::MosaicApi => "mosaic-api",
            App::Codes => "codes",
            App::Cookies => "cookies",
            App::Pages => "pages",
            App::Passkeys => "passkeys",
            App::Gallery => "gallery",
            App::SalonApi => "salon-api",
            App::SalonWeb => "salon-web",
            App::Authsession => "authsession",
            App::Gateway => "gateway",
        }
    }

    /// What it is, in one line.
    pub const fn description(self) -> &'static str {
        match self {
            App::MosaicWeb => "front end of mosaic: sign-in page and a dashboard that asks the API who is there",
            App::MosaicApi => "API of mosaic: Better Auth sign-in with an OIDC provider, and a NestJS session guard",
            App::Codes => "sign-in by a code that is sent by mail or text message",
            App::Cookies => "sign-in whose cookies a browser drops or withholds, and pages of other sites that lead to it",
            App::Pages => "pages that need a real browser: shadow roots, frames, windows, dialogs, workers, app links",
            App::Gallery => "small broken apps, each with one fault of logins as it is met in the wild",
            App::Passkeys => "sign-in with passkeys: a relying party that verifies both WebAuthn ceremonies",
            App::SalonApi => "API of salon: codes by phone from an outside vendor, throttles, and endpoints behind a verified number",
            App::SalonWeb => "front end of salon: a form whose server asks the API for a code, and asks again",
            App::Authsession => "e-mail codes and device sessions in Redis: a public and an internal listener",
            App::Gateway => "gateway before authsession: limits, and commands let in by a projection of sessions",
        }
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for App {
    type Err = UnknownApp;

    fn from_str(name: &str) -> Result<App, UnknownApp> {
        App::all().iter().copied().find(|app| app.name() == name).ok_or_else(|| UnknownApp { name: name.to_owned() })
    }
}

fn names() -> String {
    let quoted: Vec<String> = App::all().iter().map(|app| format!("`{app}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_app_is_found_by_its_name() {
        for app in App::all() {
            assert_eq!(app.name().parse::<App>(), Ok(*app));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "mosaic".parse::<App>().expect_err("mosaic alone is no app").to_string();
        assert_eq!(
            error,
            "no app is called `mosaic`; the lab has `mosaic-web`, `mosaic-api`, `salon-api`, `salon-web`, `authsession`, `gateway`, `codes`, `cookies`, \
             `pages`, `passkeys`, `gallery`"
        );
    }
}

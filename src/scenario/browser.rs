//! Steps that only a real browser can do.

use super::expect::Matcher;
use super::node::Node;
use super::read::{Map, Nullable, Text, record};

record! {
    /// Which tab the actor looks at from now on.
    pub struct Tab {
        /// Opens a new one on this URL.
        pub open: Option<Text>,
        /// The one whose page has such a URL; waits for it.
        pub url: Option<Matcher>,
        /// The one whose page has such a title; waits for it.
        pub title: Option<Matcher>,
    }
}

record! {
    /// A request that a script of the page makes, with all that the browser allows and forbids it.
    pub struct Fetch {
        /// URL; a path is resolved against the page.
        pub url: Text,
        /// Method; `GET` when absent.
        pub method: Option<Text>,
        /// Query pairs to add.
        pub query: Map<Text>,
        /// Headers to send.
        pub headers: Map<Nullable<Text>>,
        /// JSON body, with its content type.
        pub json: Option<Node>,
        /// Form body (`application/x-www-form-urlencoded`).
        pub form: Option<Map<Text>>,
        /// Text body; the content type is up to `headers`.
        pub body: Option<Text>,
        /// Whether cookies go with it: `same-origin` (the default), `include` or `omit` (Fetch §2.2.5).
        pub credentials: Option<Text>,
    }
}

record! {
    /// A script that runs in the page.
    pub struct Script {
        /// The body of an async function; what it returns is what the step comes to.
        pub run: Text,
        /// Its arguments, by name.
        pub with: Map<Text>,
    }
}

record! {
    /// How questions of the page are answered from now on.
    pub struct Dialog {
        /// The text for `prompt`.
        pub text: Text,
    }
}

record! {
    /// A device that keeps passkeys.
    pub struct Passkey {
        /// How it is attached: `internal` (the default), `usb`, `nfc`, `ble` or `hybrid`.
        pub transport: Option<Text>,
        /// Whether it keeps accounts, so that nobody has to type a name; `true` when absent.
        pub resident: Option<bool>,
        /// Whether its owner shows who they are (by finger, face or PIN); `true` when absent.
        pub verified: Option<bool>,
    }
}

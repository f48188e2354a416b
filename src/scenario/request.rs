//! Steps that send requests or change cookies.

use super::node::{Key, Node};
use super::read::{FromYaml, Map, Nullable, OneOrMany, Reader, Text, record};
use crate::base::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;

record! {
    /// One HTTP request. At most one of `json`, `form`, `multipart` and `body`.
    pub struct Request {
        /// URL; a path is resolved against the actor's page.
        pub url: Text,
        /// Query pairs to add.
        pub query: Map<Text>,
        /// Headers to send; `null` removes one that would be sent.
        pub headers: Map<Nullable<Text>>,
        /// JSON body, with its content type.
        pub json: Option<Node>,
        /// Form body (`application/x-www-form-urlencoded`).
        pub form: Option<Map<Text>>,
        /// Form body (`multipart/form-data`).
        pub multipart: Option<Map<Text>>,
        /// Text body; the content type is up to `headers`.
        pub body: Option<Text>,
        /// Who seems to send it: `page` (a script of the actor's page, which is what happens without this key), `client` (no page at all), or an origin.
        pub from: Option<Text>,
        /// Whether the actor's cookies go with it and new ones are kept; `true` when absent.
        pub cookies: Option<bool>,
        /// Whether redirects are followed; `false` when absent.
        pub follow: Option<bool>,
    }
}

record! {
    /// An earlier request, sent again with changes.
    pub struct Replay {
        /// The step that sent it; the last one that made a request when absent.
        pub step: Option<Text>,
        /// Among its hops the first with such a URL; its first hop when absent.
        pub url: Option<super::expect::Matcher>,
        /// Query parameters to set; `null` removes one.
        pub query: Map<Nullable<Text>>,
        /// Headers to set; `null` removes one.
        pub headers: Map<Nullable<Text>>,
        /// Whether the same Cookie bytes go out again, instead of what the jar would send now.
        pub same_cookies: Option<bool>,
        /// Whether redirects are followed; `false` when absent.
        pub follow: Option<bool>,
    }
}

record! {
    /// Changes of the actor's cookies, in the order of the keys.
    pub struct CookieChanges {
        /// The URL whose cookies are meant.
        pub at: Text,
        /// Removes all that would be sent to the URL.
        pub clear: Option<super::read::Flag>,
        /// Removes cookies by name.
        pub delete: OneOrMany<Text>,
        /// Renames cookies: old name to new name.
        pub rename: Map<Text>,
        /// Replaces values, attributes kept.
        pub value: Map<Text>,
        /// Stores cookies from Set-Cookie text, as if the URL had answered with it.
        pub set: OneOrMany<Text>,
    }
}

/// Changes of the actor's cookies, with the order their keys have in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct CookieJar {
    /// The changes.
    pub changes: CookieChanges,
    /// The keys in order.
    pub order: Vec<Key>,
    /// Where it stands.
    pub span: Span,
}

impl FromYaml for CookieJar {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let changes = CookieChanges::read(node, reader)?;
        let order = node.entries().unwrap_or_default().iter().map(|(key, _)| key.clone()).filter(|key| key.name != "at").collect();
        Some(Self { changes, order, span: node.span })
    }
}

impl JsonSchema for CookieJar {
    fn schema_name() -> Cow<'static, str> {
        CookieChanges::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        CookieChanges::json_schema(generator)
    }
}

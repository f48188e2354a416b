//! Expectations, matchers and captures as they are written.

use super::node::{Kind, Node};
use super::probe::SameAs;
use super::read::{At, FromYaml, Map, Reader, Short, Text, record, unknown};
use crate::base::Diagnostic;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use std::borrow::Cow;

/// The keys that make a mapping a matcher, with what each asks for.
pub const MATCHERS: [(&str, &str); 16] = [
    ("equals", "The same value."),
    ("not", "Not what this matcher or value asks for."),
    ("contains", "Text that holds this, a list with such an item, an object with this key."),
    ("matches", "Text in which this regular expression is found."),
    ("starts_with", "Text that begins so."),
    ("ends_with", "Text that ends so."),
    ("exists", "Whether the value is there at all; `null` is there."),
    ("type", "A JSON type: null, boolean, number, string, array or object."),
    ("one_of", "One of these values."),
    ("gt", "A number above this."),
    ("gte", "A number of at least this."),
    ("lt", "A number below this."),
    ("lte", "A number of at most this."),
    ("length", "The length of text, list or object."),
    ("empty", "Whether text, list or object is empty."),
    ("each", "What every item of a list must be."),
];

/// A condition on one value: a plain value means equality, a mapping whose keys are all matchers means all of them.
///
/// It stays as written here, because what text in it means depends on what it is asked of.
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher(pub Node);

impl FromYaml for Matcher {
    fn read(node: &Node, _: &mut Reader) -> Option<Self> {
        Some(Self(node.clone()))
    }
}

impl JsonSchema for Matcher {
    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<Self>().to_value();
        let mut properties = serde_json::Map::new();
        for (name, about) in MATCHERS {
            let mut schema = match name {
                "not" | "length" | "each" => inner.clone(),
                "matches" | "starts_with" | "ends_with" => json!({ "type": ["string", "number", "boolean"] }),
                "exists" | "empty" => json!({ "type": "boolean" }),
                "type" => json!({ "enum": ["null", "boolean", "number", "string", "array", "object"] }),
                "one_of" => json!({ "type": "array" }),
                "gt" | "gte" | "lt" | "lte" => json!({ "type": ["number", "string"] }),
                _ => json!({}),
            };
            schema["description"] = about.into();
            properties.insert(name.to_owned(), schema);
        }
        json_schema!({
            "description": "A plain value means equality; a mapping of matchers means all of them. To compare with an object whose keys are matchers' names, write `equals: {…}`.",
            "examples": [200, "jarvis@mosaic.test", { "contains": "error=" }, { "matches": "^https://", "not": { "ends_with": "/" } }],
            "anyOf": [
                { "type": ["string", "number", "boolean", "null", "array"] },
                { "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1 },
                { "type": "object" }
            ]
        })
    }
}

record! {
    /// What a step must show. Where a step made several hops, "the response" is that of its last hop.
    pub struct Expect {
        /// Status of the response: `200`, a class such as `4xx`, a list of which one will do, or a matcher.
        pub status: Option<At<Matcher>>,
        /// Where the response redirects to, resolved against its URL; `{ exists: false }` for no redirect.
        pub redirect: Option<At<Matcher>>,
        /// The URL the step ended at.
        pub url: Option<At<Matcher>>,
        /// The origin the step ended at.
        pub origin: Option<At<Matcher>>,
        /// The OAuth `error` parameter of the redirect target or, without one, of the final URL.
        pub error: Option<At<Matcher>>,
        /// Why the step cannot be done: it is there to fail so, for example with `{ contains: redirects }`, and the run goes on.
        pub failure: Option<At<Matcher>>,
        /// Response headers by name; `absent` and `present` are understood.
        pub header: Map<Matcher>,
        /// Cookies by name: `present`, `absent`, `set`, `stored`, `sent`, `deleted`, or what the cookie must be like.
        pub cookie: Map<Short<CookieExpect>>,
        /// Values of the JSON body by path: `user.email`, `items[0].id`, or a full JSONPath that begins with `$`.
        pub json: Map<Matcher>,
        /// The whole body as text.
        pub body: Option<At<Matcher>>,
        /// The visible text of the page, white space folded; plain text is looked for anywhere in it.
        pub text: Option<At<Matcher>>,
        /// The title of the page.
        pub title: Option<At<Matcher>>,
        /// What the page keeps in its web storage.
        pub storage: Option<StorageExpect>,
        /// Number of errors that scripts of the page wrote to the console or did not catch.
        pub console: Option<At<Matcher>>,
        /// The question that the page asked last in this step; plain text is looked for anywhere in it.
        pub dialog: Option<At<Matcher>>,
        /// How long the step took: `{ under: 2s }`, or a matcher on milliseconds.
        pub time: Option<At<Matcher>>,
        /// How far the server's clock is from the run's, either way, by the `Date` of the response: `{ under: 5s }`, or a matcher on
        /// milliseconds. `Date` counts whole seconds.
        pub clock_skew: Option<At<Matcher>>,
        /// How many hops the step made.
        pub hop_count: Option<At<Matcher>>,
        /// Hops that must occur in this order.
        pub hops: Vec<At<HopExpect>>,
        /// The answer is that of an earlier step, by its id; or what of it must be there again.
        pub same_as: Option<At<Short<SameAs>>>,
    }
}

record! {
    /// What a page keeps in the browser (HTML §12.2), by key; `absent` and `present` are understood.
    pub struct StorageExpect {
        /// `localStorage`.
        pub local: Map<Matcher>,
        /// `sessionStorage`.
        pub session: Map<Matcher>,
    }
}

record! {
    /// One hop: the first that `url` matches must show the rest.
    pub struct HopExpect {
        /// Chooses the hop; plain text is how its URL begins.
        pub url: Matcher,
        /// Method of the request.
        pub method: Option<Matcher>,
        /// Status of the response.
        pub status: Option<Matcher>,
        /// Where it redirects to.
        pub redirect: Option<Matcher>,
        /// OAuth `error` in its redirect target.
        pub error: Option<Matcher>,
    }
}

record! {
    /// What a cookie must be like; what is not given is not asked.
    pub struct CookieExpect {
        /// Whether a Set-Cookie for it came in this step.
        pub set: Option<bool>,
        /// Whether it is in the jar after the step.
        pub stored: Option<bool>,
        /// Whether the last request of the step carried it.
        pub sent: Option<bool>,
        /// Whether a Set-Cookie of this step removed it.
        pub deleted: Option<bool>,
        /// Its value.
        pub value: Option<Matcher>,
        /// `Max-Age` in seconds.
        pub max_age: Option<Matcher>,
        /// `Path` as stored.
        pub path: Option<Matcher>,
        /// `Domain` as sent; `{ exists: false }` for a host-only cookie.
        pub domain: Option<Matcher>,
        /// `Secure`.
        pub secure: Option<bool>,
        /// `HttpOnly`.
        pub http_only: Option<bool>,
        /// `SameSite` as declared.
        pub same_site: Option<Matcher>,
        /// Chromium's word for why it was not stored or not sent, for example `SameSiteNoneInsecure`.
        pub blocked: Option<Matcher>,
    }
}

/// Where a captured value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum CaptureSource {
    /// A path in the JSON body.
    Json(Text),
    /// A response header.
    Header(Text),
    /// A cookie's value.
    Cookie(Text),
    /// The URL the step ended at.
    Url(Part),
    /// The redirect target.
    Redirect(Part),
    /// The first group of an expression in the body.
    Body(Text),
    /// The first group of an expression in the visible text.
    Text(Text),
    /// A key of the page's `localStorage`.
    Local(Text),
    /// A key of the page's `sessionStorage`.
    Session(Text),
    /// The status.
    Status,
}

/// A URL or a part of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// All of it.
    Whole,
    /// A query parameter.
    Query(Text),
}

record! {
    /// A part of a URL.
    pub struct UrlPart {
        /// A parameter of the query or, without one there, of the fragment.
        pub query: Text,
    }
}

const WORDS: [&str; 5] = ["status", "redirect", "location", "url", "page"];
const SOURCES: [&str; 9] = ["json", "header", "cookie", "url", "redirect", "body", "text", "local", "session"];

/// A value that is kept, and how it stands to one that was kept before.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// Where it comes from.
    pub source: CaptureSource,
    /// The earlier step that captured the same value under this name.
    pub same_as: Option<Text>,
    /// The earlier step that captured another value under this name.
    pub differs_from: Option<Text>,
}

/// What a capture says beside its source.
const BESIDE: [&str; 2] = ["same_as", "differs_from"];

impl FromYaml for Captured {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return CaptureSource::read(node, reader).map(|source| Self { source, same_as: None, differs_from: None });
        };
        let (same_as, differs_from) = (reader.field(entries, BESIDE[0], node.span)?, reader.field(entries, BESIDE[1], node.span)?);
        let source = entries.iter().filter(|(key, _)| !BESIDE.contains(&key.name.as_str())).cloned().collect();
        let source = CaptureSource::read(&Node { kind: Kind::Map(source), span: node.span }, reader)?;
        Some(Self { source, same_as, differs_from })
    }
}

impl JsonSchema for Captured {
    fn schema_name() -> Cow<'static, str> {
        "Captured".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        CaptureSource::json_schema(generator)
    }
}

impl FromYaml for CaptureSource {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Text(word) => Some(match word.as_str() {
                "status" => Self::Status,
                "redirect" | "location" => Self::Redirect(Part::Whole),
                "url" | "page" => Self::Url(Part::Whole),
                _ => {
                    let key = super::node::Key { name: word.clone(), span: node.span };
                    reader.fault(unknown("source", &key, &WORDS).hint("or a mapping such as `{ json: user.id }`"));
                    return None;
                }
            }),
            Kind::Map(entries) => {
                let [(key, value)] = entries.as_slice() else {
                    reader.fault(
                        Diagnostic::error(format!("a capture has one source, this one has {}", entries.len()))
                            .at(node.span, "")
                            .hint(format!("one of: {}", SOURCES.join(", "))),
                    );
                    return None;
                };
                let part = |reader: &mut Reader| UrlPart::read(value, reader).map(|part| Part::Query(part.query));
                match key.name.as_str() {
                    "json" => Text::read(value, reader).map(Self::Json),
                    "header" => Text::read(value, reader).map(Self::Header),
                    "cookie" => Text::read(value, reader).map(Self::Cookie),
                    "body" => Text::read(value, reader).map(Self::Body),
                    "text" => Text::read(value, reader).map(Self::Text),
                    "local" => Text::read(value, reader).map(Self::Local),
                    "session" => Text::read(value, reader).map(Self::Session),
                    "url" => part(reader).map(Self::Url),
                    "redirect" => part(reader).map(Self::Redirect),
                    _ => {
                        reader.fault(unknown("source", key, &SOURCES));
                        None
                    }
                }
            }
            _ => reader.wanted(node, "where the value comes from, such as `status` or `{ json: user.id }`"),
        }
    }
}

impl JsonSchema for CaptureSource {
    fn schema_name() -> Cow<'static, str> {
        "CaptureSource".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let part = generator.subschema_for::<UrlPart>().to_value();
        let text = |about: &str| json!({ "type": "string", "description": about });
        let forms = [
            ("json", text("A path in the JSON body.")),
            ("header", text("A response header.")),
            ("cookie", text("The value of a cookie.")),
            ("url", part.clone()),
            ("redirect", part),
            ("body", text("The first group (or the whole match) of a regular expression in the body.")),
            ("text", text("The first group (or the whole match) of a regular expression in the visible text.")),
            ("local", text("A key of the page's `localStorage`.")),
            ("session", text("A key of the page's `sessionStorage`.")),
        ];
        let mut any = vec![json!({ "enum": WORDS })];
        any.extend(forms.into_iter().map(|(name, schema)| {
            let mut properties = serde_json::Map::new();
            properties.insert(name.to_owned(), schema);
            for (key, what) in BESIDE.into_iter().zip(["is the same", "is another"]) {
                let about = format!("The id of an earlier step with a capture of this name, whose value {what}; neither is ever shown.");
                properties.insert(key.to_owned(), text(&about));
            }
            json!({ "type": "object", "properties": properties, "required": [name], "additionalProperties": false })
        }));
        json_schema!({
            "description": "Where a value comes from: a word, or one source.",
            "examples": ["status", { "json": "user.id" }, { "redirect": { "query": "state" } }],
            "anyOf": any
        })
    }
}

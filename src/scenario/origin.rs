//! What a scenario puts behind its origins.

use super::backing::PortOf;
use super::expect::Matcher;
use super::fault::Fault;
use super::gotrue::Gotrue;
use super::node::{Kind, Node};
use super::read::{At, FromYaml, Map, OneOrMany, Reader, Short, Text, record};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

record! {
    /// What answers for an origin: exactly one of `process`, `container`, `stub`, `idp`, `gotrue`, `otp`, `inbox`, `replay`, `upstream` and `port_of`.
    pub struct Origin {
        /// A program that the run starts and stops.
        pub process: Option<Process>,
        /// A program from an image, where a Docker engine answers.
        pub container: Option<Container>,
        /// Answers written here.
        pub stub: Option<Stub>,
        /// The embedded OpenID provider.
        pub idp: Option<Idp>,
        /// The embedded auth server in the style of GoTrue (Supabase Auth).
        pub gotrue: Option<Gotrue>,
        /// The embedded vendor of one-time passwords.
        pub otp: Option<Otp>,
        /// A hook that takes text messages over HTTP into the run's inbox.
        pub inbox: Option<InboxHook>,
        /// A recording: the HAR whose answers of this origin are given again, relative to this file.
        pub replay: Option<Text>,
        /// A real server somewhere else: its URL, or a mapping.
        pub upstream: Option<Short<Upstream>>,
        /// Another port of the process behind another origin.
        pub port_of: Option<PortOf>,
        /// What goes wrong from the beginning on the way to it, whatever stands behind it; a `fault` step changes it.
        pub faults: OneOrMany<Fault>,
    }
}

record! {
    /// A program that the run starts and stops.
    pub struct Process {
        /// Program and arguments. `authchain` in first place is this very program.
        pub run: Vec<Text>,
        /// Environment on top of the bare one; `${port}` is the port to listen on, which `PORT` holds as well.
        pub env: Map<Text>,
        /// Where it is started, relative to this file.
        pub dir: Option<Text>,
        /// The port it listens on, when it cannot be told.
        pub port: Option<u16>,
        /// Further ports that it listens on, by name: templates of its `env` know them as `${port.NAME}`.
        pub ports: OneOrMany<Text>,
        /// Whether it is started with the run: `at_once` (when absent), or `later`, by a `process` step.
        pub start: Option<Text>,
        /// Origins whose processes must serve before this one is started.
        pub after: OneOrMany<Text>,
        /// How many of it there are; requests go to each in turn. One when absent.
        pub replicas: Option<At<u32>>,
        /// How one knows that it serves; without it, when its port accepts connections.
        pub ready: Option<Ready>,
        /// How long it may take until it serves: `10s`.
        pub ready_within: Option<Text>,
        /// How long it has to stop by itself: `3s`.
        pub stop_within: Option<Text>,
    }
}

record! {
    /// A program from an image, started where a Docker engine answers and removed with the run. It reaches other origins as a
    /// process does, and services of the run by `${service.NAME.host}` and the like.
    pub struct Container {
        /// The image with its tag: `registry.example/api:1.4`. It comes from its registry where the engine does not have it.
        pub image: Text,
        /// The port that it listens on inside, which `PORT` holds as well.
        pub port: u16,
        /// Further ports inside, by name.
        pub ports: Map<At<u16>>,
        /// What is run in it, word by word; what the image says when absent.
        pub command: Vec<Text>,
        /// Environment on top of the image's. It travels through the engine's API: no list of processes shows it.
        pub env: Map<Text>,
        /// Files by their absolute path inside, with their text.
        pub files: Map<Text>,
        /// Whether it is started with the run: `at_once` (when absent), or `later`, by a `process` step.
        pub start: Option<Text>,
        /// Origins whose processes must serve before this one is started.
        pub after: OneOrMany<Text>,
        /// How many of it there are; requests go to each in turn. One when absent.
        pub replicas: Option<At<u32>>,
        /// How one knows that it serves; without it, when its port takes connections.
        pub ready: Option<Ready>,
        /// How long it may take until it serves, from when the image is there: `30s`.
        pub ready_within: Option<Text>,
        /// How long it has to stop by itself: `3s`.
        pub stop_within: Option<Text>,
        /// What answers where no Docker engine does. Without it the run cannot begin there.
        pub otherwise: Option<Otherwise>,
    }
}

record! {
    /// What answers where no Docker engine does: one of them.
    pub struct Otherwise {
        /// A program that the run starts and stops.
        pub process: Option<Process>,
        /// Answers written here.
        pub stub: Option<Stub>,
        /// A real server somewhere else: its URL, or a mapping.
        pub upstream: Option<Short<Upstream>>,
    }
}

record! {
    /// How one knows that a process serves: one of them.
    pub struct Ready {
        /// `GET` on this path answers with a status below 500.
        pub get: Option<Text>,
        /// Its port accepts connections.
        pub tcp: Option<super::read::Flag>,
        /// It prints a line that matches this expression.
        pub log: Option<Text>,
    }
}

record! {
    /// A real server somewhere else.
    pub struct Upstream {
        /// Where requests go. Usually the origin itself.
        pub url: Text,
        /// Whether the original Host header is kept.
        pub keep_host: Option<bool>,
        /// Where the server behind its edge is reached, for `probe: { edge: … }` alone: it gets the origin's Host and `X-Forwarded-*`, as its
        /// edge would send them.
        pub direct: Option<Text>,
    }
}

record! {
    /// Answers in order.
    pub struct LongStub {
        /// What it answers to; the first route that fits and has replies left answers.
        pub routes: Vec<Route>,
    }
}

/// Answers written in the scenario: a list of routes, or `{ routes: […] }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Stub(pub Vec<Route>);

impl FromYaml for Stub {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.kind {
            Kind::List(_) => Vec::read(node, reader).map(Self),
            _ => LongStub::read(node, reader).map(|long| Self(long.routes)),
        }
    }
}

impl JsonSchema for Stub {
    fn schema_name() -> Cow<'static, str> {
        "Stub".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let routes = generator.subschema_for::<Vec<Route>>();
        let long = generator.subschema_for::<LongStub>();
        json_schema!({ "description": "Answers written in the scenario.", "anyOf": [routes, long] })
    }
}

record! {
    /// One thing a stub answers to.
    pub struct Route {
        /// Method; any when absent.
        pub method: Option<Text>,
        /// Path without query; `*` at the end stands for any rest. A matcher looks at all of it.
        pub path: Matcher,
        /// Query parameters that must be as said.
        pub query: Map<Matcher>,
        /// Headers that must be as said; `present` and `absent` are understood.
        pub headers: Map<Matcher>,
        /// JSON that the body must contain.
        pub json: Option<Node>,
        /// What the JSON of the body must be at these JSONPaths.
        pub json_path: Map<Matcher>,
        /// Fields that a form in the body must have, and what they must be.
        pub form: Map<Matcher>,
        /// The answer, when there is one.
        pub reply: Option<Reply>,
        /// Answers in order; the last one repeats unless it has `times`.
        pub replies: Vec<Reply>,
    }
}

record! {
    /// One answer.
    pub struct Reply {
        /// Status; 200 when absent.
        pub status: Option<u16>,
        /// Headers; a list sends a name several times (Set-Cookie).
        pub headers: Map<OneOrMany<Text>>,
        /// JSON body, with its content type.
        pub json: Option<Node>,
        /// Text body.
        pub body: Option<Text>,
        /// How long to wait before answering: `250ms`.
        pub delay: Option<Text>,
        /// How the answer gets lost: `reset` (the connection is reset), `half_body` (it ends within the body) or `blackhole` (nothing ever comes).
        pub fault: Option<Text>,
        /// How many calls get this answer.
        pub times: Option<u64>,
    }
}

record! {
    /// The embedded vendor of one-time passwords: it makes the code, sends it and checks it, as Authentica does.
    pub struct Otp {
        /// What `X-Authorization` must hold; `${secret.name}` keeps it out of the file.
        pub key: Text,
        /// Which member says that a code was right: `status` (as the reference has it), `verified` or `success`.
        pub flag: Option<Text>,
        /// Lifetime of a code: `5m`.
        pub code_ttl: Option<Text>,
        /// Wrong codes after which the right one is not taken any more; 5 when absent.
        pub attempts: Option<At<u32>>,
        /// Digits of a code; 6 when absent.
        pub digits: Option<At<u32>>,
        /// What the account is worth, in messages; each one sent takes one away.
        pub balance: Option<u64>,
        /// Who the messages come from; `Authentica` when absent.
        pub sender: Option<Text>,
        /// Texts by `template_id`; `{otp}` stands for the code. Without any, template 1 is `Your verification code is {otp}`.
        pub templates: Map<Text>,
        /// What it does wrong on purpose.
        pub faults: OneOrMany<Fault>,
    }
}

record! {
    /// A hook that takes text messages over HTTP, as JSON or form, at any path.
    pub struct InboxHook {
        /// The member or field with the recipient; the usual names are known.
        pub to: Option<Text>,
        /// The member or field with the text; the usual names are known.
        pub text: Option<Text>,
        /// The member or field with the sender; the usual names are known.
        pub from: Option<Text>,
        /// What the message counts as: `sms` or `mail`.
        pub channel: Option<Text>,
        /// Status of the answer; 200 when absent.
        pub status: Option<u16>,
        /// JSON of the answer.
        pub reply: Option<Node>,
    }
}

record! {
    /// The embedded OpenID provider, with paths as Authentik has them.
    pub struct Idp {
        /// Application slug in its paths; `app` when absent.
        pub slug: Option<Text>,
        /// What the login pages are made of: `plain` (forms, also without script) or `shadow` (nested shadow roots); `plain` when absent.
        pub pages: Option<Text>,
        /// Whether the user is asked: `explicit` (each time), `once` (the first time) or `implicit` (never); `implicit` when absent.
        pub consent: Option<Text>,
        /// Who can log in, by the name they type.
        pub users: Map<User>,
        /// Who may ask, by `client_id`.
        pub clients: Map<Client>,
        /// Lifetime of an authorization code: `1m`.
        pub code_ttl: Option<Text>,
        /// Lifetime of access and ID tokens: `5m`.
        pub token_ttl: Option<Text>,
        /// What becomes of refresh tokens.
        pub refresh: Option<Refresh>,
        /// How ID tokens are signed: `ES256` (when absent), `RS256` or `EdDSA`.
        pub signing: Option<Text>,
        /// What it does wrong on purpose.
        pub faults: OneOrMany<Fault>,
    }
}

record! {
    /// What becomes of refresh tokens.
    pub struct Refresh {
        /// Lifetime of each, from when it is issued: `30d`.
        pub ttl: Option<Text>,
        /// Whether every use gives a new one and ends the old one; `true` when absent.
        pub rotate: Option<bool>,
        /// How long a rotated one may still be used: `10s`. Not at all when absent; a later use revokes all tokens of that login.
        pub reuse_interval: Option<Text>,
    }
}

record! {
    /// Somebody who can log in.
    pub struct User {
        /// Their password; `${secret.name}` keeps it out of the file.
        pub password: Text,
        /// `sub`; derived from the name when absent.
        pub sub: Option<Text>,
        /// Claims such as `email` and `name`. One that is not given is missing from tokens and userinfo.
        pub claims: Map<Node>,
        /// What they prove beside the password: `totp` (a code of their authenticator app) or `mail` (a code sent to their `email`).
        pub mfa: Option<Text>,
        /// The seed of their authenticator app, in base32.
        pub totp: Option<Text>,
        /// Whether the account is locked: the password is right, and they are not let in.
        pub locked: Option<bool>,
    }
}

record! {
    /// A relying party.
    pub struct Client {
        /// `client_secret`; a client with neither secret nor `jwks` is public.
        pub secret: Option<Text>,
        /// Public keys for `private_key_jwt`, as a JWK Set: `{ keys: […] }`.
        pub jwks: Option<Node>,
        /// The one way it may authenticate: `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `none`.
        pub auth: Option<Text>,
        /// What it may ask the token endpoint for; `authorization_code` and `refresh_token` when absent, and there is `client_credentials`.
        pub grants: Vec<Text>,
        /// Exact redirect URIs.
        pub redirect_uris: Vec<Text>,
        /// Scopes of its own beside the standard ones. With `client_credentials` these are all it can have.
        pub scopes: Vec<Text>,
        /// Whether PKCE is demanded.
        pub require_pkce: Option<bool>,
        /// Whether `code_challenge_method=plain` is taken.
        pub pkce_plain: Option<bool>,
        /// When it gets refresh tokens: with the scope `offline_access` (when absent), or `always`.
        pub refresh: Option<Text>,
        /// How its ID tokens are signed: `ES256`, `RS256` or `EdDSA`; as the provider signs them when absent.
        pub id_token_alg: Option<Text>,
        /// Exact URIs to go to after signing out at the provider (OIDC RP-Initiated Logout 1.0 §3).
        pub post_logout_redirect_uris: Vec<Text>,
    }
}

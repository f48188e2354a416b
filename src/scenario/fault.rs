//! The catalogue of what can go wrong on purpose, in embedded services and on the way to any origin: one row a fault, from which come the reading of
//! scenarios, their schema, command-line flags, the admin API and the documentation.

use super::node::{Key, Kind, Node};
use super::read::{Flag, FromYaml, Reader, Text, unknown};
use super::step::When;
use crate::base::{Diagnostic, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;

/// An embedded service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// The OpenID provider.
    Idp,
    /// The auth server in the style of GoTrue.
    Gotrue,
    /// The vendor of one-time passwords.
    Otp,
    /// The edge, on the way to whatever stands behind an origin.
    Edge,
}

impl Service {
    /// Its key under an origin.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idp => "idp",
            Self::Gotrue => "gotrue",
            Self::Otp => "otp",
            Self::Edge => "edge",
        }
    }

    /// What `endpoint` may name; at the edge it is a path instead.
    #[must_use]
    pub fn endpoints(self) -> &'static [&'static str] {
        match self {
            Self::Idp => {
                &["authorize", "token", "userinfo", "jwks", "discovery", "introspect", "revoke", "end-session", "login", "consent", "home"]
            }
            Self::Gotrue => &[
                "authorize",
                "callback",
                "token",
                "user",
                "logout",
                "signup",
                "otp",
                "magiclink",
                "recover",
                "verify",
                "resend",
                "settings",
                "health",
                "jwks",
            ],
            Self::Otp => &["send", "verify", "balance"],
            Self::Edge => &[],
        }
    }
}

/// What a fault may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// A claim by name.
    Claim,
    /// Any JSON.
    Value,
    /// An HTTP status.
    Status,
    /// `error` of an OAuth error, or an error code.
    Error,
    /// `error_description`, or a message.
    Description,
    /// One endpoint of the service; at the edge a path, with `*` at its end for any rest.
    Endpoint,
    /// A length of time.
    By,
    /// What `Retry-After` says, as a length of time.
    RetryAfter,
    /// A host name.
    Host,
    /// A header by name.
    Header,
    /// `request` or `response`.
    Of,
}

impl Argument {
    /// Its key.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Value => "value",
            Self::Status => "status",
            Self::Error => "error",
            Self::Description => "description",
            Self::Endpoint => "endpoint",
            Self::By => "by",
            Self::RetryAfter => "retry_after",
            Self::Host => "host",
            Self::Header => "header",
            Self::Of => "of",
        }
    }

    /// What it is, for editors and help.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Claim => "a claim by name",
            Self::Value => "any value",
            Self::Status => "an HTTP status",
            Self::Error => "`error` of the answer",
            Self::Description => "`error_description` of the answer",
            Self::Endpoint => "one endpoint (on the way to an origin: one path, `*` at its end for any rest); without it, all of them",
            Self::By => "a length of time: `90s`",
            Self::RetryAfter => "what Retry-After says: `30s`; without it the header is not sent",
            Self::Host => "a host name",
            Self::Header => "a header by name",
            Self::Of => "`request` or `response`; the response when absent",
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Value => json!({}),
            Self::Status => json!({ "type": ["integer", "string"] }),
            Self::Of => json!({ "enum": ["request", "response"] }),
            _ => json!({ "type": "string" }),
        }
    }
}

/// Which calls a fault concerns.
pub const SCOPE: [(&str, &str); 4] = [
    ("client", "Only calls of this client; on the way to an origin, of this actor, or of the server that stands for this origin."),
    ("user", "Only calls that concern this user."),
    ("nth", "Only from this call on, counted from 1 over the calls that the rest of the scope fits: once, unless `times` says more."),
    ("times", "Only so many calls."),
];

/// One row of the catalogue.
#[derive(Debug)]
pub struct FaultSpec {
    /// The fault.
    pub kind: FaultKind,
    /// Its name in scenarios, flags and the admin API.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Arguments it cannot do without; a bare value stands for the first of them.
    pub needs: &'static [Argument],
    /// Arguments it may have; a bare value stands for the first of them when it needs none.
    pub may: &'static [Argument],
    /// Who can do it.
    pub services: &'static [Service],
}

impl FaultSpec {
    /// All its arguments.
    pub fn arguments(&self) -> impl Iterator<Item = Argument> {
        self.needs.iter().chain(self.may).copied()
    }

    /// The argument that a bare value stands for.
    #[must_use]
    pub fn main(&self) -> Option<Argument> {
        self.arguments().next()
    }

    /// The fault of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|spec| spec.name == name)
    }
}

macro_rules! faults {
    ($($kind:ident $name:literal ($($needs:ident)* ; $($may:ident)*) $($service:ident)*: $about:literal)*) => {
        /// Something that goes wrong on purpose.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FaultKind {
            $(#[doc = $about] $kind,)*
        }

        /// Every fault.
        pub const CATALOGUE: &[FaultSpec] = &[$(FaultSpec {
            kind: FaultKind::$kind,
            name: $name,
            about: $about,
            needs: &[$(Argument::$needs),*],
            may: &[$(Argument::$may),*],
            services: &[$(Service::$service),*],
        }),*];

        impl FaultKind {
            /// Its row in the catalogue.
            #[must_use]
            pub fn spec(self) -> &'static FaultSpec {
                &CATALOGUE[self as usize]
            }
        }
    };
}

faults! {
    ClaimMissing "claim_missing" (Claim;) Idp: "Leaves a claim out of ID token and userinfo."
    ClaimEmpty "claim_empty" (Claim;) Idp: "Sends an empty text for a claim."
    ClaimType "claim_type" (Claim;) Idp: "Sends a claim with another JSON type: a number for text, text for anything else."
    ClaimValue "claim_value" (Claim Value;) Idp: "Sends another value for a claim."
    EmailUnverified "email_unverified" (;) Idp Gotrue: "Says that the e-mail address was never verified."
    SubDiffers "sub_differs" (;) Idp: "Sends another `sub` in userinfo than in the ID token."
    IssWrong "iss_wrong" (;) Idp: "Issues ID tokens in the name of another issuer."
    AudWrong "aud_wrong" (;) Idp: "Issues ID tokens for another audience."
    AzpWrong "azp_wrong" (;) Idp: "Issues ID tokens to several audiences with another authorized party."
    NonceWrong "nonce_wrong" (;) Idp: "Sends another `nonce` than it got."
    NonceMissing "nonce_missing" (;) Idp: "Leaves the `nonce` out."
    AtHashWrong "at_hash_wrong" (;) Idp: "Sends the hash of another access token."
    TokenEarly "token_early" (;By) Idp: "Issues ID tokens that are valid only in the future, an hour ahead unless told otherwise."
    TokenExpired "token_expired" (;By) Idp: "Issues ID tokens that expired, an hour ago unless told otherwise."
    ClockSkewed "clock_skewed" (By;) Idp Gotrue: "Stamps tokens by a clock that is so far ahead."
    KidUnknown "kid_unknown" (;) Idp: "Names a key in the token's header that the key set does not have."
    KidMissing "kid_missing" (;) Idp: "Names no key in the token's header."
    AlgNone "alg_none" (;) Idp: "Issues ID tokens without a signature (`alg: none`)."
    AlgSwitched "alg_switched" (;) Idp: "Signs ID tokens with HS256 and the client's secret instead of the provider's key."
    SignatureBroken "signature_broken" (;) Idp: "Issues ID tokens whose signature does not fit."
    KeyRotated "key_rotated" (;) Idp: "Signs with a new key and withdraws the old one, each time it strikes."
    KeyUnpublished "key_unpublished" (;) Idp: "Signs with a key that the key set does not hold."
    StateAltered "state_altered" (;) Idp Gotrue: "Sends the user back with another `state` than it got."
    StateDropped "state_dropped" (;) Idp: "Sends the user back without `state`."
    StateDuplicated "state_duplicated" (;) Idp: "Sends the user back with `state` twice."
    ResponseIssMissing "response_iss_missing" (;) Idp: "Sends the user back without `iss` (RFC 9207), although it is announced."
    ResponseIssWrong "response_iss_wrong" (;) Idp: "Sends the user back with the `iss` of another issuer (RFC 9207)."
    CodeMissing "code_missing" (;) Idp Gotrue: "Sends the user back without `code`."
    CodeReplayable "code_replayable" (;) Idp: "Lets a code be redeemed again."
    CodeExpired "code_expired" (;) Idp Gotrue: "Issues codes that are expired."
    CodeForeign "code_foreign" (;) Idp: "Sends the user back with a code that was issued to another client."
    RedirectUriLoose "redirect_uri_loose" (;) Idp: "Takes every redirect URI that begins with a registered one and stays on its origin."
    IssuerSlash "issuer_slash" (;) Idp: "Announces its issuer with another slash at the end than its tokens have."
    DiscoveryInternalHost "discovery_internal_host" (Host;) Idp: "Announces endpoints on a host that only the inside knows."
    RefreshNotRotated "refresh_not_rotated" (;) Idp Gotrue: "Gives the same refresh token back."
    RefreshReuseIgnored "refresh_reuse_ignored" (;) Idp Gotrue: "Takes a refresh token again that was rotated away."
    RefreshReusePunished "refresh_reuse_punished" (;) Idp Gotrue: "Revokes the family at any reuse, within the reuse interval too."
    RefreshMissing "refresh_missing" (;) Idp Gotrue: "Issues no refresh token."
    RefreshRejected "refresh_rejected" (;) Idp Gotrue: "Refuses every refresh token."
    AuthorizeError "authorize_error" (Error; Description) Idp Gotrue: "Sends the user back with an error instead of a code."
    TokenError "token_error" (Error; Status Description) Idp: "Answers at the token endpoint with an error (status 400 unless told otherwise)."
    UserinfoError "userinfo_error" (Status;) Idp: "Answers at the userinfo endpoint with an error."
    ConsentAsked "consent_asked" (;) Idp: "Asks for consent where it should not."
    ConsentSkipped "consent_skipped" (;) Idp: "Does not ask for consent where it should."
    SessionForgotten "session_forgotten" (;) Idp: "Does not recognise its own session, so that nobody is signed in silently."
    FlowStateLost "flow_state_lost" (;Endpoint) Gotrue: "Has forgotten the flow when the user comes back (`callback`) or the client redeems the code (`token`)."
    JwtExpired "jwt_expired" (;) Gotrue: "Issues access tokens that are expired."
    UserMissing "user_missing" (;) Gotrue: "Does not find the user of a valid token."
    SessionLost "session_lost" (;) Gotrue: "Does not find the session of a valid token."
    OtpUnsent "otp_unsent" (;) Otp: "Answers 200 with `success: false` when asked to send."
    OtpUnverified "otp_unverified" (;) Otp: "Answers 200 with a false flag to the right code."
    OtpFlagMissing "otp_flag_missing" (;) Otp: "Answers 200 without any flag of success."
    Undelivered "undelivered" (;) Gotrue Otp: "Says that a message was sent, and sends none."
    MalformedJson "malformed_json" (;Endpoint) Idp Gotrue Otp Edge: "Answers with JSON that ends too early."
    EndpointError "endpoint_error" (Status; Error Description Endpoint) Idp Gotrue Otp Edge: "Answers with an error instead of doing anything."
    Throttled "throttled" (;Endpoint RetryAfter Status) Idp Gotrue Otp Edge: "Answers that there were too many requests (429), with or without Retry-After."
    Slow "slow" (By; Endpoint) Idp Gotrue Otp Edge: "Answers so much later."
    Blackhole "blackhole" (;Endpoint) Idp Gotrue Otp Edge: "Takes the request and never answers."
    Reset "reset" (;Endpoint) Idp Gotrue Otp Edge: "Resets the connection instead of doing anything."
    HalfBody "half_body" (;Endpoint) Idp Gotrue Otp Edge: "Breaks the connection off in the middle of the answer's body."
    ResponseLost "response_lost" (;Endpoint) Idp Gotrue Otp Edge: "Does what was asked, then resets the connection instead of answering."
    HeaderStripped "header_stripped" (Header; Of Endpoint) Edge: "Loses a header on the way."
    HeaderRewritten "header_rewritten" (Header Value; Of Endpoint) Edge: "Writes another value into a header on the way, or adds it."
}

/// A fault as a scenario declares it, with the condition under which it occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Which.
    pub kind: FaultKind,
    /// What it is told, as written.
    pub arguments: Vec<(Argument, Node)>,
    /// The client it concerns.
    pub client: Option<Text>,
    /// The user it concerns.
    pub user: Option<Text>,
    /// The call it begins with.
    pub nth: Option<u64>,
    /// How many calls it concerns.
    pub times: Option<u64>,
    /// The variables it depends on.
    pub when: Option<When>,
    /// Where it stands.
    pub span: Span,
}

impl PartialEq for FaultSpec {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

fn names() -> Vec<&'static str> {
    CATALOGUE.iter().map(|spec| spec.name).collect()
}

impl Fault {
    fn told(key: &Key, value: &Node, when: Option<When>, reader: &mut Reader) -> Option<Self> {
        let Some(spec) = FaultSpec::named(&key.name) else {
            reader.fault(unknown("fault", key, &names()));
            return None;
        };
        let mut fault =
            Self { kind: spec.kind, arguments: Vec::new(), client: None, user: None, nth: None, times: None, when, span: key.span };
        match (&value.kind, spec.main()) {
            (Kind::Map(entries), _) => {
                let known: Vec<_> = spec.arguments().map(Argument::name).chain(SCOPE.map(|(name, _)| name)).collect();
                reader.only(entries, &known);
                fault.client = reader.field(entries, "client", key.span)?;
                fault.user = reader.field(entries, "user", key.span)?;
                fault.nth = reader.field(entries, "nth", key.span)?;
                fault.times = reader.field(entries, "times", key.span)?;
                for argument in spec.arguments() {
                    if let Some((_, node)) = entries.iter().find(|(key, _)| key.name == argument.name()) {
                        fault.arguments.push((argument, node.clone()));
                    }
                }
            }
            (Kind::Null | Kind::Bool(true), _) => {}
            (Kind::Text(_) | Kind::Number(..), Some(main)) => fault.arguments.push((main, value.clone())),
            (_, None) => {
                Flag::read(value, reader)?;
            }
            (_, Some(main)) => return reader.wanted(value, &format!("{} or a mapping", main.about())),
        }
        for needed in spec.needs {
            if !fault.arguments.iter().any(|(argument, _)| argument == needed) {
                let message = format!("`{}` is missing", needed.name());
                reader.fault(Diagnostic::error(message).at(key.span, "").hint(format!("`{}` needs {}", spec.name, needed.about())));
                return None;
            }
        }
        Some(fault)
    }
}

impl FromYaml for Fault {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Text(name) => {
                let nothing = Node { kind: Kind::Null, span: node.span };
                Self::told(&Key { name: name.clone(), span: node.span }, &nothing, None, reader)
            }
            Kind::Map(entries) => {
                let when = entries.iter().find(|(key, _)| key.name == "when");
                let when = match when {
                    Some((_, value)) => Some(When::read(value, reader)?),
                    None => None,
                };
                let mut kinds = entries.iter().filter(|(key, _)| key.name != "when");
                match (kinds.next(), kinds.next()) {
                    (Some((key, value)), None) => Self::told(key, value, when, reader),
                    (Some(_), Some((second, _))) => {
                        reader.fault(
                            Diagnostic::error("one entry holds two faults")
                                .at(second.span, "the second one")
                                .hint("make it an entry of its own"),
                        );
                        None
                    }
                    (None, _) => reader.wanted(node, "a fault"),
                }
            }
            _ => reader.wanted(node, "a fault"),
        }
    }
}

impl JsonSchema for Fault {
    fn schema_name() -> Cow<'static, str> {
        "Fault".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let when = generator.subschema_for::<When>();
        let bare: Vec<_> = CATALOGUE.iter().filter(|spec| spec.needs.is_empty()).map(|spec| spec.name).collect();
        let mut forms = vec![json!({ "enum": bare })];
        for spec in CATALOGUE {
            let mut properties = serde_json::Map::new();
            for argument in spec.arguments() {
                let mut schema = argument.schema();
                schema["description"] = argument.about().into();
                properties.insert(argument.name().to_owned(), schema);
            }
            for (name, about) in SCOPE {
                let kind = if matches!(name, "nth" | "times") { "integer" } else { "string" };
                properties.insert(name.to_owned(), json!({ "type": kind, "description": about }));
            }
            let needed: Vec<_> = spec.needs.iter().map(|argument| argument.name()).collect();
            let long = json!({ "type": "object", "properties": properties, "required": needed, "additionalProperties": false });
            let mut short: Vec<Value> = vec![long];
            if spec.needs.len() < 2
                && let Some(main) = spec.main()
            {
                short.push(main.schema());
            }
            if spec.needs.is_empty() {
                short.push(json!({ "enum": [true, null] }));
            }
            forms.push(json!({
                "type": "object",
                "properties": { spec.name: { "description": spec.about, "anyOf": short }, "when": when.as_value() },
                "required": [spec.name],
                "additionalProperties": false
            }));
        }
        json_schema!({ "description": "Something the service does wrong on purpose.", "anyOf": forms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name_and_by_its_kind() {
        for spec in CATALOGUE {
            assert_eq!(FaultSpec::named(spec.name).map(|found| found.kind), Some(spec.kind));
            assert_eq!(spec.kind.spec().name, spec.name);
            assert!(spec.about.ends_with('.') && !spec.services.is_empty(), "{}", spec.name);
        }
    }
}

//! The embedded auth server in the style of GoTrue (Supabase Auth) in a scenario.

use super::fault::Fault;
use super::node::Node;
use super::read::{Map, OneOrMany, Text, record};

record! {
    /// The embedded auth server in the style of GoTrue (Supabase Auth), with paths and defaults as a hosted project has them.
    pub struct Gotrue {
        /// Who has an account, by e-mail address, or by phone number (`+491701234567`).
        pub users: Map<GotrueUser>,
        /// OpenID providers that users may come from, by the name that `provider` has: `google`.
        pub external: Map<GotrueExternal>,
        /// Where users go when nothing else is asked for, or what is asked for is not allowed.
        pub site_url: Text,
        /// Further addresses that users may be sent to: `https://app.test/**`.
        pub redirect_urls: Vec<Text>,
        /// The key that every call must bring as `apikey`, as the hosted gateway demands; nobody asks when absent.
        pub anon_key: Option<Text>,
        /// Access tokens.
        pub jwt: Option<GotrueJwt>,
        /// Refresh tokens.
        pub refresh: Option<GotrueRefresh>,
        /// How long sessions live; without end when absent.
        pub session: Option<GotrueSession>,
        /// One-time codes and links.
        pub otp: Option<GotrueOtp>,
        /// Calls from one address within five minutes, at most 30 of them at once.
        pub rate_limits: Option<GotrueLimits>,
        /// Whether anybody may sign up; `true` when absent.
        pub signup: Option<bool>,
        /// Whether who signs up need not confirm their address.
        pub autoconfirm: Option<bool>,
        /// Path before every endpoint; `/auth/v1` when absent.
        pub prefix: Option<Text>,
        /// What it does wrong on purpose.
        pub faults: OneOrMany<Fault>,
    }
}

record! {
    /// Somebody with an account.
    pub struct GotrueUser {
        /// Their password; `${secret.name}` keeps it out of the file. Without one they come by code, link or another provider.
        pub password: Option<Text>,
        /// UUID; derived from the name when absent.
        pub id: Option<Text>,
        /// Phone number beside the e-mail address.
        pub phone: Option<Text>,
        /// Whether they are locked out.
        pub banned: Option<bool>,
        /// Whether address and number are confirmed; `true` when absent.
        pub confirmed: Option<bool>,
        /// What they may change themselves.
        pub user_metadata: Map<Node>,
        /// What only the server changes.
        pub app_metadata: Map<Node>,
    }
}

record! {
    /// An OpenID provider that users may come from.
    pub struct GotrueExternal {
        /// Its issuer, as its discovery document has it.
        pub issuer: Text,
        /// `client_id` there.
        pub client_id: Text,
        /// `client_secret` there; a public client has none.
        pub secret: Option<Text>,
        /// Scopes that are asked for; `openid email profile` when absent.
        pub scopes: Option<Text>,
    }
}

record! {
    /// Access tokens.
    pub struct GotrueJwt {
        /// How long one lives: `1h`.
        pub ttl: Option<Text>,
        /// How it is signed: `ES256` or `HS256`.
        pub alg: Option<Text>,
        /// The secret of `HS256`.
        pub secret: Option<Text>,
    }
}

record! {
    /// Refresh tokens.
    pub struct GotrueRefresh {
        /// Whether a reuse ends the whole family; `true` when absent.
        pub rotate: Option<bool>,
        /// How long after its use a token is taken once more: `10s`.
        pub reuse_interval: Option<Text>,
        /// `random` (each token a row) or `counter` (session and counter, signed).
        pub kind: Option<Text>,
    }
}

record! {
    /// How long sessions live.
    pub struct GotrueSession {
        /// From the sign-in on: `24h`.
        pub timebox: Option<Text>,
        /// From the last refresh on: `8h`.
        pub inactivity: Option<Text>,
    }
}

record! {
    /// One-time codes and links.
    pub struct GotrueOtp {
        /// How long what came by mail may be used: `1h`.
        pub mail_ttl: Option<Text>,
        /// How long a code that came by text message may be used: `1m`.
        pub sms_ttl: Option<Text>,
        /// How long one user waits between two messages: `1m`.
        pub frequency: Option<Text>,
        /// The link in mails, with `{token_hash}`, `{type}` and `{redirect_to}`; the server's own `verify` when absent.
        pub link: Option<Text>,
    }
}

record! {
    /// Calls from one address within five minutes.
    pub struct GotrueLimits {
        /// At `token`; 150 when absent.
        pub token_refresh: Option<u32>,
        /// At `signup`, `otp`, `magiclink`, `recover`, `resend` and changes of the user; 30 when absent.
        pub sign_in: Option<u32>,
        /// At `verify`; 30 when absent.
        pub verify: Option<u32>,
    }
}

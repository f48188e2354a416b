//! Sign-in with passkeys: a relying party that verifies what authenticators sign (Web Authentication Level 3).
//!
//! | route | answer |
//! |---|---|
//! | `GET /` | a page that registers and signs in |
//! | `POST /register/options` `{"name"}` | creation options (§5.4) for a new account or one more key of it |
//! | `POST /register/verify` | the new credential, verified (§7.1): 200, or 400 with what was wrong |
//! | `POST /sign-in/options` `{"name"}` | request options (§5.5); without a name the authenticator is to know the account |
//! | `POST /sign-in/verify` | the assertion, verified (§7.2): 200 with a session cookie, or 401 with what was wrong |
//! | `GET /me` | who is signed in, or 401 |
//! | `GET /health` | readiness |
//!
//! | variable | meaning | when absent |
//! |---|---|---|
//! | `PUBLIC_URL` | the origin that ceremonies must come from | required |
//! | `RP_ID` | the relying party id | the host of `PUBLIC_URL` |
//! | `USER_VERIFICATION` | `preferred`, `required` or `discouraged` | `preferred` |
//! | `ALGORITHMS` | `ES256`, `RS256`, in order of preference | both |
//! | `CHALLENGE_SECONDS` | lifetime of a challenge, by this process's own clock | 300 |
//! | `FAULT` | see below | `none` |
//!
//! | fault | what goes wrong |
//! |---|---|
//! | `wrong-rp-id` | the options name another site's id: the browser refuses |
//! | `expects-other-rp-id` | the server hashes another id than its options name |
//! | `expects-other-origin` | the server compares with another origin, as behind a proxy that it does not know of |
//! | `forgets-challenge` | every challenge counts as expired |
//! | `wants-verification` | options leave verification out, and the server demands it |
//! | `counter-ahead` | the stored counter runs ahead, so that each sign-in looks like a copied key |
//! | `forgets-credentials` | registered credentials are lost |
//!
//! ```text
//! cbor      what authenticators write (RFC 8949, in the form of CTAP2 §8), read and bounded
//! cose      public keys (RFC 9052 §7, RFC 9053) and signatures
//! ceremony  the steps of §7.1 and §7.2
//! config    the environment, typed
//! router    routes, challenges, accounts
//! ```

mod cbor;
mod ceremony;
mod config;
mod cose;
mod router;

pub(crate) use router::router;

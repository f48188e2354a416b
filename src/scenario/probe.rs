//! Verbs that ask the same thing several times to learn something: `again`, `limit` and `probe`.

use super::expect::Expect;
use super::read::{At, Map, Nullable, OneOrMany, Short, Text, record};
use super::step::Step;

record! {
    /// An earlier request, sent again: is it done once only, and does it say the same?
    pub struct Again {
        /// The step with the request.
        pub step: Text,
        /// How many are sent at the same time; one when absent.
        pub at_once: Option<At<u32>>,
        /// How long after them it is sent once more, by the run's clock: `61s`.
        pub later: Option<Text>,
        /// What each answer must have in common with the first one; status and body when absent, `false` for nothing.
        pub same: Option<Short<Same>>,
        /// What each answer must show.
        pub each: Option<At<Expect>>,
    }
}

record! {
    /// What two answers must have in common: what is named or, when nothing is, the status and the body.
    pub struct Same {
        /// Values of the JSON body, by path.
        pub json: OneOrMany<Text>,
        /// Headers.
        pub header: OneOrMany<Text>,
        /// Values of the JSON body that may differ.
        pub ignore: OneOrMany<Text>,
    }
}

record! {
    /// The answer of an earlier step, and what of it must be there again: what is named or, when nothing is, the status and the body.
    pub struct SameAs {
        /// The earlier step.
        pub step: Text,
        /// Values of the JSON body, by path.
        pub json: OneOrMany<Text>,
        /// Headers.
        pub header: OneOrMany<Text>,
        /// Values of the JSON body that may differ.
        pub ignore: OneOrMany<Text>,
    }
}

record! {
    /// Asks until it is throttled. `json` expectations and captures see `first` (the try that was throttled; null if none was), `status`,
    /// `retry_after` (seconds), `retry_after_in` (where that was said), `code`, `hangs_on` and `lasts`.
    pub struct Limit {
        /// What is done again and again; `${try}` counts from 1.
        pub step: Step,
        /// What the answer is like when it is throttled; status 429 when absent.
        pub throttled: Option<At<Expect>>,
        /// How often it is done at most; 50 when absent.
        pub tries: Option<At<u32>>,
        /// How far the clock moves between two tries: `61s` keeps clear of a cooldown of a minute.
        pub every: Option<Text>,
        /// Steps that differ in one thing each, done while throttled: those that are not throttled are in `hangs_on`.
        pub vary: Map<Step>,
        /// How long the block is waited for to end, by moving the clock; not at all when absent.
        pub within: Option<Text>,
        /// How far the clock moves between two looks at the block; `30s` when absent.
        pub stride: Option<Text>,
    }
}

record! {
    /// Asks beyond the login itself, as a program with connections of its own: the actor's cookies stay as they are. Exactly one of `session`,
    /// `logout`, `replicas` and `edge`; `session` and `replicas` alone ask what the run itself asked. `json` expectations and captures see
    /// what was learned.
    pub struct Probe {
        /// The truth table of the actor's session: each of these endpoints gets its cookie as it was stored, decoded, encoded, in quotes, under
        /// other prefixes, as Bearer token, as both, and not at all. `met` stands for the endpoints that the run itself asked about the session.
        pub session: Option<OneOrMany<Text>>,
        /// The step that signed out: the endpoints of `at` get the cookies from before it.
        pub logout: Option<Text>,
        /// The same request again and again: do all replicas give the same answer, and are they of one build?
        pub replicas: Option<OneOrMany<Text>>,
        /// The same request through the edge and behind it: what was lost and rewritten on the way? Behind the edge is what stands behind the
        /// origin without its faults, and for an `upstream` its `direct` address.
        pub edge: Option<Text>,
        /// Of `logout`: who is asked. `met` (when absent) stands for the endpoints that the run itself asked about the session.
        pub at: OneOrMany<Text>,
        /// Of `session`: names of the cookies; those that look like a session's when absent.
        pub cookie: OneOrMany<Text>,
        /// The method of the requests; `get` when absent.
        pub method: Option<Text>,
        /// Headers to send with each request; `null` removes one that would be sent.
        pub headers: Map<Nullable<Text>>,
        /// Of `replicas`: how often each is asked; 8 when absent.
        pub times: Option<At<u32>>,
        /// Of `replicas`: where an answer tells its build, a header or a JSONPath (`$.version`), beside the usual headers.
        pub build: Option<Text>,
        /// Of `session`: forms that every endpoint must accept: `stored`, `decoded`, `encoded`, `quoted`, `unquoted`, `no_prefix`,
        /// `secure_prefix`, `host_prefix`, `left_out` (the other cookies alone), `bearer`, `both`, `none`. One that is what is stored counts as that.
        pub accepted: Option<At<OneOrMany<Text>>>,
        /// Of `session`: forms that every endpoint must refuse.
        pub refused: Option<At<OneOrMany<Text>>>,
    }
}

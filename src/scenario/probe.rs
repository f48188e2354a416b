//! Verbs that ask the same thing several times to learn something: `again` and `limit`.

use super::expect::Expect;
use super::read::{At, Map, OneOrMany, Short, Text, record};
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

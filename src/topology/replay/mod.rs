//! Origins that answer as a recording says they did.
//!
//! In: a HAR, redacted or not. Out: for each origin a service that meets a browser as production met the one that was
//! recorded. Pseudonyms in a redacted HAR have the form of the values they stand for and equal ones are alike, so they are
//! served as they are: what was sent equals what was stored just where it did.
//!
//! | file | what it does |
//! |---|---|
//! | `asked` | what a request asks, values that are chance apart |
//! | `recording` | answers by origin and by what was asked, bounded |
//! | `choose` | which of the recorded answers a request gets |
//! | `live` | values of this run in place of the recorded ones that they stand for |
//! | `answer` | a recorded answer as it goes out again |
//! | `unknown` | what was never asked: the nearest that was |
//! | `serve` | all of it behind one origin |

mod answer;
mod asked;
mod choose;
mod live;
mod recording;
mod serve;
mod unknown;

pub(crate) use recording::Recording;
pub(crate) use serve::Replay;

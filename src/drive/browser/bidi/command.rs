//! Commands and their results.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A command of the protocol: its fields are its parameters.
pub(crate) trait Command: Serialize {
    /// Its name: `browsingContext.navigate`.
    const METHOD: &'static str;
    /// Its result. Fields that it does not name are passed over.
    type Reply: DeserializeOwned;
}

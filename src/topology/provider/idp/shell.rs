//! The page of the shadow style: a shell whose script shows the stages of the JSON interface in nested shadow roots.

use super::{Call, Inner, pages, reply};
use crate::topology::provider::note::{Decision, Outcome};

/// The script, inline; the content security policy knows it by its hash.
pub(super) const SCRIPT: &str = include_str!("shell.js");

impl Inner {
    /// The shell, which is the same for every stage; without script, it leads to the plain page at the same address.
    pub(super) fn shell(&self, call: &Call, endpoint: &'static str) -> Outcome {
        let query = call.target.split_once('?').map_or("", |(_, query)| query);
        let separator = if query.is_empty() { "" } else { "&" };
        let markup = pages::shell(self.host(), &format!("?{query}{separator}pages=plain"));
        Outcome::new(reply::shell(markup), Decision::new(endpoint, "shell shown"))
    }
}

//! From the events of a browser to hops.

use crate::drive::browser::bidi::BidiError;
use crate::drive::browser::launch::Device;
use crate::drive::recorder::Recorder;
use crate::trace::Cause;
use std::sync::Arc;
use tokio::time::Instant;
pub(crate) struct Tape;
pub(crate) struct Settled {
    pub(crate) deep_link: Option<String>,
}
impl Tape {
    pub(crate) async fn start(_d: &Device, _a: Arc<str>, _r: Arc<Recorder>) -> Result<Self, BidiError> {
        Ok(Self)
    }
    pub(crate) fn enter(&self, _s: usize, _c: Option<Cause>) {}
    pub(crate) async fn settle(&self, _t: &str, _d: Instant) -> Settled {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        Settled { deep_link: None }
    }
}

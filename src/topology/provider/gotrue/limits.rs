//! How often one address may call: a bucket for each limiter that fills evenly over five minutes, by the run's clock.

use super::call::Turn;
use super::failure::Failure;
use super::{Endpoint, Inner};
use crate::plan::GotrueLimits;
use http::Method;
use std::collections::HashMap;
use time::OffsetDateTime;

/// Calls that may come at once, as long as so many are allowed at all.
const BURST: u32 = 30;
/// The time over which the numbers of the plan count, in seconds.
const WINDOW: f64 = 300.0;
/// Addresses that are remembered; beyond them everybody starts anew.
const MOST_ADDRESSES: usize = 4096;

/// What is left for every address.
#[derive(Debug, Default)]
pub(super) struct Buckets(HashMap<(Endpoint, String), Bucket>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: OffsetDateTime,
}

impl Buckets {
    /// Takes one call of `allowed` within five minutes; says whether it was there.
    fn take(&mut self, endpoint: Endpoint, address: &str, allowed: u32, now: OffsetDateTime) -> bool {
        let most = f64::from(allowed.min(BURST));
        if self.0.len() >= MOST_ADDRESSES {
            self.0.clear();
        }
        let bucket = self.0.entry((endpoint, address.to_owned())).or_insert(Bucket { left: most, at: now });
        let passed = (now - bucket.at).as_seconds_f64().max(0.0);
        bucket.left = most.min(bucket.left + passed * f64::from(allowed) / WINDOW);
        bucket.at = now;
        if bucket.left < 1.0 {
            return false;
        }
        bucket.left -= 1.0;
        true
    }
}

/// How many calls an endpoint takes, where it counts them.
fn allowed(limits: &GotrueLimits, turn: &Turn<'_>) -> Option<u32> {
    Some(match turn.endpoint {
        Endpoint::Token => limits.token_refresh,
        Endpoint::Verify => limits.verify,
        Endpoint::Signup | Endpoint::Otp | Endpoint::Magiclink | Endpoint::Recover | Endpoint::Resend => limits.sign_in,
        Endpoint::User if turn.call.method == Method::PUT => limits.sign_in,
        _ => return None,
    })
}

impl Inner {
    /// Counts the call, and refuses it when there were too many.
    pub(super) fn limit(&self, turn: &Turn<'_>) -> Result<(), Failure> {
        let Some(allowed) = allowed(&self.plan.rate_limits, turn) else { return Ok(()) };
        if self.stores().buckets.take(turn.endpoint, turn.call.address(), allowed, turn.now) {
            return Ok(());
        }
        let failure = Failure::too_many("over_request_rate_limit", "Request rate limit reached");
        Err(failure.because(format!("more than {allowed} calls in five minutes from one address")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    #[test]
    fn a_bucket_fills_evenly_and_each_address_has_its_own() {
        let mut buckets = Buckets::default();
        let start = datetime!(2026-01-01 00:00 UTC);
        let mut at = |address: &str, seconds: i64| buckets.take(Endpoint::Token, address, 150, start + Duration::seconds(seconds));
        assert!((0..30).all(|_| at("a", 0)));
        assert!(!at("a", 0) && at("b", 0));
        // 150 in 300 seconds: one in two.
        assert!(!at("a", 1));
        assert!(at("a", 2) && !at("a", 2));
        assert!((0..30).all(|_| at("a", 600)) && !at("a", 600));
    }
}

//! Limits on requests for codes: cooldown and window for a number, and the abuse thresholds of the `phone/` family for an
//! address and a device.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderMap;

use super::clock::{Millis, millis};
use super::config::Config;
use super::contract::{Limit, Refusal};
use super::faults::Fault;
use super::store::Tables;
use crate::wire;

/// Addresses and devices that are remembered; with more, all are forgotten.
const MOST: usize = 10_000;

/// When an address or a device asked.
#[derive(Debug, Default)]
pub(super) struct Hits(HashMap<(Bucket, String), Vec<Millis>>);

/// What is counted beside numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Bucket {
    Ip,
    Device,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) ip: String,
    pub(super) device: Option<String>,
}

impl Tables {
    /// Refuses a request that comes too early or once too often. What is refused counts for nothing.
    pub(super) fn admit_number(&self, number: &str, now: Millis, config: &Config) -> Result<(), Refusal> {
        let sent = || self.rows.iter().filter(|row| row.number == number && row.sent);
        if let Some(last) = sent().map(|row| row.created_at).max().filter(|_| !config.has(Fault::CooldownOff)) {
            let free = last + millis(config.cooldown);
            if now < free {
                return Err(throttled(Limit::Cooldown, free - now));
            }
        }
        let mut within: Vec<Millis> =
            sent().map(|row| row.created_at).filter(|at| now < at.saturating_add(millis(config.window))).collect();
        within.sort_unstable();
        if within.len() >= config.max_per_window as usize && !config.has(Fault::WindowUnlimited) {
            // Free again when the oldest that counts has left the window.
            let oldest = within[within.len() - config.max_per_window.max(1) as usize];
            return Err(throttled(Limit::Number, (oldest + millis(config.window)).saturating_sub(now)));
        }
        Ok(())
    }

    /// Refuses an address or a device that asked for too many codes, and counts the request otherwise.
    pub(super) fn admit_asker(&mut self, asker: &Asker, now: Millis, config: &Config) -> Result<(), Refusal> {
        let device = asker.device.clone().filter(|_| !config.has(Fault::OlderBuild) && !config.has(Fault::DeviceUnlimited));
        let ip = (!config.has(Fault::IpUnlimited)).then(|| asker.ip.clone());
        let asked = [
            ip.map(|ip| (Bucket::Ip, ip, config.ip_max, Limit::Ip)),
            device.map(|device| (Bucket::Device, device, config.device_max, Limit::Device)),
        ];
        let window = if config.has(Fault::RiskNeverDecays) { u64::MAX } else { millis(config.risk_window) };
        if self.hits.0.len() >= MOST {
            self.hits.0.clear();
        }
        for (kind, who, most, limit) in asked.iter().flatten() {
            let times = self.hits.0.entry((*kind, who.clone())).or_default();
            times.retain(|at| now < at.saturating_add(window));
            if times.len() >= *most as usize {
                let oldest = times.first().copied().unwrap_or(now);
                return Err(throttled(*limit, oldest.saturating_add(window).saturating_sub(now).min(millis(config.risk_window))));
            }
        }
        for (kind, who, ..) in asked.into_iter().flatten() {
            self.hits.0.entry((kind, who)).or_default().push(now);
        }
        Ok(())
    }
}

fn throttled(limit: Limit, left: Millis) -> Refusal {
    Refusal::Throttled(limit, Duration::from_millis(left))
}

/// The address that a request counts for: what the outermost of the trusted proxies saw, never what the client wrote itself.
pub(super) fn address(headers: &HeaderMap, config: &Config) -> String {
    let entries: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let trusted = match config.proxies {
        _ if config.has(Fault::IpFromClient) => entries.first(),
        0 => None,
        proxies => entries.len().checked_sub(proxies).and_then(|at| entries.get(at)).or(entries.first()),
    };
    trusted.and_then(|text| text.parse::<IpAddr>().ok()).map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

/// A device by the id that it says it has, bounded.
pub(super) fn device(id: Option<&str>) -> Option<String> {
    id.map(|id| id.chars().take(64).collect::<String>()).filter(|id| !id.is_empty())
}

/// The id of a request, made by the proxy or by this server.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let given = wire::text(headers, "x-request-id").filter(|id| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_graphic()));
    given.map_or_else(super::store::random_id, str::to_owned)
}

//! Whether something listens behind an origin.

use super::listen::Edge;
use super::routes::Target;
use crate::web::origin::Origin;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a connection may take.
const WITHIN: Duration = Duration::from_secs(5);

impl Edge {
    /// Connects to what stands behind an origin, and sends nothing.
    ///
    /// # Errors
    /// Why nothing listens there, as a fragment.
    pub(crate) async fn knock(&self, origin: &Origin) -> Result<(), String> {
        let place = match self.target(origin) {
            None => return Err(format!("{origin} is not declared")),
            // It is a part of this program.
            Some(Target::Service(_)) => return Ok(()),
            Some(Target::Process(station)) => station.address().to_string(),
            Some(Target::Stub(address)) => address.to_string(),
            Some(Target::Upstream(upstream)) => upstream.place(),
        };
        match tokio::time::timeout(WITHIN, TcpStream::connect(&place)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(cause)) => Err(format!("nothing listens behind {origin}: {place}: {cause}")),
            Err(_) => Err(format!("nothing answers behind {origin}: no connection to {place} within {WITHIN:?}")),
        }
    }
}

//! Ports for processes to listen on.

use crate::topology::{Declared, TopologyError};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

/// How often a free port is looked for, should the ones that are found be taken on IPv6.
const TRIES: usize = 16;

/// The ports of one run's processes; no two get the same.
#[derive(Debug, Default)]
pub(crate) struct Ports(Vec<(u16, Declared)>);

impl Ports {
    /// The port for a process: the one it must have, or a free one.
    ///
    /// # Errors
    /// When the port it must have is in use, or wanted by another process of this run.
    pub(crate) fn take(&mut self, at: &Declared, fixed: Option<u16>) -> Result<u16, TopologyError> {
        let port = match fixed {
            Some(port) => {
                if let Some((_, before)) = self.0.iter().find(|(taken, _)| *taken == port) {
                    let (at, before) = (Box::new(at.clone()), Box::new(before.clone()));
                    return Err(TopologyError::PortWantedTwice { at, before, port });
                }
                if !free(port) {
                    return Err(TopologyError::PortInUse { at: Box::new(at.clone()), port });
                }
                port
            }
            None => self.find().map_err(|cause| TopologyError::system("finding a free port", cause))?,
        };
        self.0.push((port, at.clone()));
        Ok(port)
    }

    fn find(&self) -> io::Result<u16> {
        for _ in 0..TRIES {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            if free(port) && self.0.iter().all(|(taken, _)| *taken != port) {
                return Ok(port);
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "all that were offered are taken"))
    }
}

/// Whether nobody listens on `port`, neither on 127.0.0.1 nor, where there is IPv6, on `::1`: a process may choose either, so
/// an answer on one of them must not be somebody else's.
fn free(port: u16) -> bool {
    let in_use = |bound: io::Result<TcpListener>| bound.is_err_and(|cause| cause.kind() == io::ErrorKind::AddrInUse);
    !in_use(TcpListener::bind((Ipv4Addr::LOCALHOST, port))) && !in_use(TcpListener::bind((Ipv6Addr::LOCALHOST, port)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::tests::declared;

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Ports::default().take(&declared("https://a.test"), Some(port)).unwrap_err();
        assert_eq!(error.to_string(), format!("the process of https://a.test wants port {port}, which is already in use"));
        assert!(!error.is_usage());
        drop(taken);
        assert_eq!(Ports::default().take(&declared("https://a.test"), Some(port)).unwrap(), port);
    }

    #[test]
    fn two_processes_never_get_the_same_port() {
        let mut ports = Ports::default();
        let first = ports.take(&declared("https://a.test"), None).unwrap();
        let error = ports.take(&declared("https://b.test"), Some(first)).unwrap_err();
        assert!(matches!(error, TopologyError::PortWantedTwice { .. }) && error.is_usage());
        assert_ne!(ports.take(&declared("https://c.test"), None).unwrap(), first);
    }
}

//! Ports for processes to listen on.
//!
//! A port is found free, and is the process's own only once that process listens on it. Between the two nobody else may get
//! it: within this program it is remembered; other runs of this program on the machine are told by a socket whose name is
//! the port's, which ends with whoever holds it and leaves no file behind (unix(7), abstract sockets); and it lies below the
//! range from which the system hands out ports by itself (32768 and up on Linux, `net.ipv4.ip_local_port_range`), so that no
//! outgoing connection takes it either.

use crate::topology::{Declared, TopologyError};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Where free ports are looked for.
const RANGE: std::ops::Range<u16> = 10_000..32_000;

/// How many ports are tried before it is given up.
const TRIES: usize = 256;

/// Ports that a run of this program holds, each with what tells others so.
static HELD: Mutex<BTreeMap<u16, Sign>> = Mutex::new(BTreeMap::new());

/// Tells other programs that a port is held, for as long as it lives; nothing where the system has no such thing.
#[cfg(target_os = "linux")]
type Sign = Option<std::os::unix::net::UnixDatagram>;
#[cfg(not(target_os = "linux"))]
type Sign = ();

/// The ports of one run's processes; no two get the same.
#[derive(Debug, Default)]
pub(crate) struct Ports(Vec<(u16, Declared)>, Vec<u16>);

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
            None => find().map_err(|cause| TopologyError::system("finding a free port", cause))?,
        };
        self.0.push((port, at.clone()));
        Ok(port)
    }

    /// A free port for something that is no origin's process.
    ///
    /// # Errors
    /// When none is found.
    pub(crate) fn any(&mut self) -> Result<u16, TopologyError> {
        let port = find().map_err(|cause| TopologyError::system("finding a free port", cause))?;
        self.1.push(port);
        Ok(port)
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        for port in self.0.iter().map(|(port, _)| port).chain(&self.1) {
            held.remove(port);
        }
    }
}

/// A free port that no run of this program holds; from now on this run does.
fn find() -> io::Result<u16> {
    for _ in 0..TRIES {
        let mut random = [0; 2];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let port = RANGE.start + u16::from_ne_bytes(random) % (RANGE.end - RANGE.start);
        if hold(port) {
            // Looking means listening for a moment, which would be in the way of another run's process: only who holds it may.
            if free(port) {
                return Ok(port);
            }
            HELD.lock().unwrap_or_else(PoisonError::into_inner).remove(&port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "all that were tried are taken"))
}

/// Holds a port, unless a run of this program or of another one does.
fn hold(port: u16) -> bool {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if held.contains_key(&port) {
        return false;
    }
    sign(port).map(|sign| held.insert(port, sign)).is_some()
}

/// The sign that a port is held; `None` when somebody else has it.
#[cfg(target_os = "linux")]
fn sign(port: u16) -> Option<Sign> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let name = SocketAddr::from_abstract_name(format!("authchain port {port}"));
    match name.and_then(|name| UnixDatagram::bind_addr(&name)) {
        Ok(socket) => Some(Some(socket)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
        // Where there are no such sockets, nobody can be told.
        Err(_) => Some(None),
    }
}

#[cfg(not(target_os = "linux"))]
fn sign(_: u16) -> Option<Sign> {
    Some(())
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

    #[test]
    fn a_port_is_nobody_elses_for_as_long_as_it_is_held() {
        let mut ports = Ports::default();
        let port = ports.any().unwrap();
        assert!(!hold(port));
        // As another run of this program would ask.
        #[cfg(target_os = "linux")]
        assert!(sign(port).is_none());
        drop(ports);
        assert!(sign(port).is_some());
    }
}

//! What a container reaches of this machine.

use super::engine::chain;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use testcontainers::bollard::Docker;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// The name of this machine inside a container.
pub(crate) const INSIDE: &str = "host.docker.internal";

/// Passes connections from containers on to listeners of this machine's loopback. Dropping it ends them all.
pub(crate) struct Bridge {
    /// The address that [`INSIDE`] stands for, when it is one of this machine's.
    gateway: Option<IpAddr>,
    gates: Mutex<HashMap<SocketAddr, u16>>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Bridge {
    /// The bridge of this engine.
    ///
    /// # Errors
    /// Why the engine does not tell.
    pub(crate) async fn new(docker: &Docker) -> Result<Self, String> {
        let network = docker.inspect_network("bridge", None).await.map_err(|error| chain(&error))?;
        let configured = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let gateway = configured.iter().find_map(|config| match &config.gateway {
            Some(gateway) => gateway.parse().ok(),
            None => first_of(config.subnet.as_deref()?),
        });
        // Docker Desktop has its bridge in a virtual machine, and passes connections on to this machine's loopback.
        let gateway = gateway.filter(|gateway| std::net::TcpListener::bind((*gateway, 0)).is_ok());
        Ok(Self { gateway, gates: Mutex::default(), tasks: Mutex::default() })
    }

    /// The port of [`INSIDE`] that leads to a listener of this machine.
    ///
    /// # Errors
    /// When there is no port.
    pub(crate) fn gate(&self, to: SocketAddr) -> io::Result<u16> {
        let Some(gateway) = self.gateway else { return Ok(to.port()) };
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(port) = gates.get(&to) {
            return Ok(*port);
        }
        let listener = std::net::TcpListener::bind((gateway, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let port = listener.local_addr()?.port();
        let task = tokio::spawn(pass_on(listener, to)).abort_handle();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        gates.insert(to, port);
        Ok(port)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(AbortHandle::abort);
    }
}

/// The first address of a subnet (`172.17.0.0/16`): the engine's own, where it does not name another.
fn first_of(subnet: &str) -> Option<IpAddr> {
    let (network, _) = subnet.split_once('/')?;
    let network: Ipv4Addr = network.parse().ok()?;
    Some(Ipv4Addr::from(u32::from(network).checked_add(1)?).into())
}

async fn pass_on(listener: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((mut from, _)) = accepted else { continue };
                connections.spawn(async move {
                    // A connection that breaks is what both sides see; there is nobody else to tell.
                    if let Ok(mut to) = TcpStream::connect(to).await {
                        let _ = copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn a_gate_leads_to_a_listener_and_is_opened_once() {
        let bridge = Bridge { gateway: Some(Ipv4Addr::LOCALHOST.into()), gates: Mutex::default(), tasks: Mutex::default() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to = listener.local_addr().unwrap();
        let port = bridge.gate(to).unwrap();
        assert_eq!((bridge.gate(to).unwrap(), port == to.port()), (port, false));
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut got = [0; 5];
        server.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"hello");
    }

    #[test]
    fn an_engine_that_names_no_gateway_is_the_first_of_its_subnet() {
        assert_eq!(first_of("172.17.0.0/16"), Some(Ipv4Addr::new(172, 17, 0, 1).into()));
        assert_eq!((first_of("fd00::/64"), first_of("172.17.0.0"), first_of("")), (None, None, None));
    }

    #[tokio::test]
    async fn without_an_interface_of_this_machine_the_port_stays() {
        let bridge = Bridge { gateway: None, gates: Mutex::default(), tasks: Mutex::default() };
        assert_eq!(bridge.gate(SocketAddr::from((Ipv4Addr::LOCALHOST, 81))).unwrap(), 81);
    }
}

//! The run's own certification authority, and the certificates of its origins.

use crate::base::clock::wall;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SerialNumber,
};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use time::Duration;

/// Certificates kept for later handshakes.
const MOST_LEAVES: usize = 512;
/// Certificates are valid from a day ago, in case that somebody's clock is behind.
const SLACK: Duration = Duration::days(1);
/// Lifetime of a certificate: below the 825 days beyond which Apple's verifier refuses any.
const LEAF_LIFE: Duration = Duration::days(800);
/// Lifetime of the authority.
const AUTHORITY_LIFE: Duration = Duration::days(3650);

/// The crypto provider of all TLS in the program; never the process default, which somebody else may have set.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// The run's own certification authority. Its key stays in memory and ends with the run.
pub struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    /// One key for all origins: making it is the slow part of a certificate.
    leaf_key: KeyPair,
    signing: Arc<dyn SigningKey>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// A new authority with a name of its own, so that two runs are never taken for one another.
    pub(crate) fn new() -> Result<Self, AuthorityError> {
        let serial = serial();
        let name: String = serial.to_bytes().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("authchain run {name}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(serial);
        params.not_before = wall() - SLACK;
        params.not_after = wall() + AUTHORITY_LIFE;
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let leaf_key = KeyPair::generate()?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let signing = rustls::crypto::ring::sign::any_supported_type(&private)?;
        Ok(Self { certificate: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key), leaf_key, signing })
    }

    /// The authority's certificate, for whoever shall trust the run's origins.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The same in PEM (RFC 7468).
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Roots that hold this authority alone, for a rustls client of the run's origins.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        // It parses: it was made by `new`.
        roots.add_parsable_certificates([self.certificate.clone()]);
        roots
    }

    /// A certificate for these names (host names or IP addresses).
    fn leaf(&self, names: Vec<String>) -> Result<CertifiedKey, AuthorityError> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "authchain origin");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Strict verifiers (Python 3.13) want the link to the issuer's key (RFC 5280 §4.2.1.1).
        params.use_authority_key_identifier_extension = true;
        // One key signs for all, so the serial cannot come from it: Firefox refuses a serial that an issuer used twice.
        params.serial_number = Some(serial());
        params.not_before = wall() - SLACK;
        params.not_after = wall() + LEAF_LIFE;
        let certificate = params.signed_by(&self.leaf_key, &self.issuer)?;
        Ok(CertifiedKey::new(vec![certificate.der().clone()], self.signing.clone()))
    }
}

/// A random positive serial of 16 bytes (RFC 5280 §4.1.2.2).
fn serial() -> SerialNumber {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// Makes a certificate for each name that a client asks for, and remembers it.
#[derive(Debug)]
pub(super) struct Leaves {
    authority: Arc<Authority>,
    /// Names for clients that name none: SNI carries no IP addresses (RFC 6066 §3).
    bare: Vec<String>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Leaves {
    /// Certificates by `authority`; clients without SNI get one for `bare`.
    pub(super) fn new(authority: Arc<Authority>, mut bare: Vec<String>) -> Self {
        if bare.is_empty() {
            bare.push("127.0.0.1".to_owned());
        }
        Self { authority, bare, made: Mutex::default() }
    }

    fn of(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = made.get(name) {
            return Some(leaf.clone());
        }
        let names = if name.is_empty() { self.bare.clone() } else { vec![name.to_owned()] };
        let leaf = Arc::new(self.authority.leaf(names).ok()?);
        if made.len() < MOST_LEAVES {
            made.insert(name.to_owned(), leaf.clone());
        }
        Some(leaf)
    }
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.of(&hello.server_name().unwrap_or_default().to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::client::WebPkiServerVerifier;
    use rustls::pki_types::{ServerName, UnixTime};

    #[test]
    fn a_leaf_is_trusted_for_its_own_name_only() {
        let authority = Arc::new(Authority::new().unwrap());
        let leaves = Leaves::new(authority.clone(), vec!["127.0.0.1".into()]);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(authority.roots()), provider()).build().unwrap();
        let verify = |leaf: &CertifiedKey, name: &str| {
            use rustls::client::danger::ServerCertVerifier as _;
            let name = ServerName::try_from(name.to_owned()).unwrap();
            verifier.verify_server_cert(&leaf.cert[0], &[], &name, &[], UnixTime::now()).is_ok()
        };
        let leaf = leaves.of("app.mosaic.test").unwrap();
        assert!(verify(&leaf, "app.mosaic.test"));
        assert!(!verify(&leaf, "api.mosaic.test"));
        assert!(verify(&leaves.of("").unwrap(), "127.0.0.1"));
    }

    #[test]
    fn leaves_are_made_once_and_two_never_share_a_serial() {
        let leaves = Leaves::new(Arc::new(Authority::new().unwrap()), vec![]);
        let (one, again, other) = (leaves.of("a.test").unwrap(), leaves.of("a.test").unwrap(), leaves.of("b.test").unwrap());
        assert!(Arc::ptr_eq(&one, &again));
        assert_ne!(one.cert[0], other.cert[0]);
        assert_ne!(serial().to_bytes(), serial().to_bytes());
    }

    #[test]
    fn names_from_the_wire_do_not_fill_the_memory() {
        let leaves = Leaves::new(Arc::new(Authority::new().unwrap()), vec![]);
        for n in 0..MOST_LEAVES + 3 {
            assert!(leaves.of(&format!("h{n}.test")).is_some());
        }
        assert_eq!(leaves.made.lock().unwrap().len(), MOST_LEAVES);
    }
}

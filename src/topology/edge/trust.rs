//! Files that make other programs trust the run's authority.

use super::Authority;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// PEM files in a directory of their own, removed with this value.
#[derive(Debug)]
pub(super) struct TrustFiles {
    dir: TempDir,
}

impl TrustFiles {
    /// Writes the files.
    pub(super) fn write(authority: &Authority) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("authchain-").tempdir()?;
        std::fs::write(dir.path().join("run-ca.pem"), authority.pem())?;
        std::fs::write(dir.path().join("all-ca.pem"), format!("{}{}", authority.pem(), system_roots()))?;
        Ok(Self { dir })
    }

    /// The run's authority alone, for what adds it to its own roots.
    pub(super) fn authority(&self) -> PathBuf {
        self.path("run-ca.pem")
    }

    /// The run's authority and the system's roots, for what takes the file instead of its own roots.
    pub(super) fn bundle(&self) -> PathBuf {
        self.path("all-ca.pem")
    }

    fn path(&self, name: &str) -> PathBuf {
        let dir: &Path = self.dir.path();
        dir.join(name)
    }
}

/// The system's roots in PEM, read once; a machine without any has none to add.
fn system_roots() -> &'static str {
    static ROOTS: OnceLock<String> = OnceLock::new();
    ROOTS.get_or_init(|| rustls_native_certs::load_native_certs().certs.iter().map(|certificate| pem(certificate)).collect())
}

/// RFC 7468 §5.1.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        let line = std::str::from_utf8(line).expect("base64 is ASCII");
        writeln!(out, "{line}").expect("a String takes all text");
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    #[test]
    fn the_bundle_begins_with_the_authority_and_goes_with_its_owner() {
        let authority = Authority::new().unwrap();
        let files = TrustFiles::write(&authority).unwrap();
        let all: Vec<_> = CertificateDer::pem_file_iter(files.bundle()).unwrap().collect::<Result<_, _>>().unwrap();
        let alone: Vec<_> = CertificateDer::pem_file_iter(files.authority()).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(&all[0], authority.der());
        assert_eq!(alone, [authority.der().clone()]);
        let bundle = files.bundle();
        drop(files);
        assert!(!bundle.exists());
    }

    #[test]
    fn our_pem_is_the_authoritys_pem() {
        let authority = Authority::new().unwrap();
        assert_eq!(pem(authority.der()).replace('\n', ""), authority.pem().replace(['\r', '\n'], ""));
    }
}

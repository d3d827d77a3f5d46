//! A certificate authority for one test, and a certificate of `localhost` signed by it.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Files in PEM form.
pub(crate) struct Certificate {
    pub(crate) authority: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// Makes new keys and writes all three files into the directory.
    pub(crate) fn create(directory: &Path) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "lowtide test authority");
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let mut server =
            CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned)).unwrap();
        server
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        let key = KeyPair::generate().unwrap();
        let server = server.signed_by(&key, &authority).unwrap();
        let file = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Self {
            authority: file("authority.pem", authority.pem()),
            chain: file("localhost.pem", server.pem()),
            key: file("localhost.key", key.serialize_pem()),
        }
    }
}

//! HTTPS: an authority that lives as long as one test, and what the forge shows of it.

use std::sync::Arc;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

/// A certificate authority that nobody trusts who was not told to. Its key is in memory only.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, with a key of its own.
    pub fn new() -> Result<Self> {
        let mut about = CertificateParams::default();
        about
            .distinguished_name
            .push(DnType::CommonName, "Authority of one test");
        about.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        about.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(about, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// Its certificate: what a client is given that shall trust it (`SSL_CERT_FILE`, `http.sslCAInfo`).
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// What a server shows as `localhost` and `127.0.0.1`.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, &self.issuer)?;
        // Named, because nothing else in the process chooses one.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

//! HTTPS: an authority that lives as long as one test, and what the forge shows of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

/// A certificate authority that nobody trusts who was not told to. Its key is in memory only.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a server shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The hosts that its certificate is for.
    pub names: Vec<String>,
    /// It ended yesterday.
    pub ended: bool,
    /// The server has seen the certificate, as anybody can, and does not have its key.
    pub copied: bool,
    /// The versions of TLS that it speaks.
    pub versions: &'static [&'static SupportedProtocolVersion],
}

impl Shown {
    /// A certificate for these hosts that holds.
    pub fn of(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ended: false,
            copied: false,
            versions: rustls::DEFAULT_VERSIONS,
        }
    }
}

impl Authority {
    /// A new one, with a key of its own.
    pub fn new() -> Result<Self> {
        Self::named("Authority of one test")
    }

    /// A new one of that name.
    pub fn named(name: &str) -> Result<Self> {
        let mut about = CertificateParams::default();
        about.distinguished_name = DistinguishedName::new();
        about.distinguished_name.push(DnType::CommonName, name);
        about.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        about.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(about, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// Its certificate: what a client is given that shall trust it (`SSL_CERT_FILE`, `http.sslCAInfo`).
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// How a server speaks that shows this.
    pub(crate) fn acceptor(&self, shown: &Shown) -> Result<TlsAcceptor> {
        let key = KeyPair::generate()?;
        let mut about = CertificateParams::new(shown.names.clone())?;
        if shown.ended {
            about.not_after = SystemTime::now()
                .checked_sub(Duration::from_secs(24 * 60 * 60))
                .context("the clock stands before its beginning")?
                .into();
        }
        let certificate = about.signed_by(&key, &self.issuer)?;
        // Named, because nothing else in the process chooses one.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let signs = if shown.copied { KeyPair::generate()? } else { key };
        let signs = PrivatePkcs8KeyDer::from(signs.serialize_der()).into();
        let signs = provider.key_provider.load_private_key(signs)?;
        // Not by the way that compares the two.
        let shows = CertifiedKey::new(vec![certificate.der().clone()], signs);
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(shown.versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shows)));
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

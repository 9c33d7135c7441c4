//! Whom a connection trusts: the system's trust store and the authorities that the user added; nobody else, and
//! nothing is ever waved through. What this adds to the platform's verifier is the words: who issued a certificate that
//! is not trusted, so that a company's inspecting proxy is recognised by its name.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::certificate::{self, Certificate};
use crate::ports::Distrust;

/// How TLS is spoken, and whom it trusts.
///
/// # Errors
/// In words: the system has no trust store and none was added, or cannot be asked.
pub(crate) fn config(extra: &[Certificate]) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let no_store =
        |error: rustls::Error| format!("this machine's trusted certificates cannot be read: {error}");
    let system = Verifier::new_with_extra_roots(extra.iter().map(Certificate::der), Arc::clone(&provider))
        .map_err(no_store)?;
    configured(Arc::new(Telling(system)), provider).map_err(no_store)
}

fn configured(
    verifier: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, rustls::Error> {
    // `dangerous` is only the door's name: what goes through it asks the platform's verifier and adds nothing.
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The platform's verifier, whose refusals name the issuer.
#[derive(Debug)]
struct Telling(Verifier);

impl ServerCertVerifier for Telling {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| {
                if error != rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) {
                    return error;
                }
                let last = intermediates.last().unwrap_or(end_entity);
                let issuer = certificate::names(last).map_or_else(String::new, |names| names.issuer);
                let unknown = OtherError(Arc::new(UnknownIssuer(issuer)));
                rustls::Error::InvalidCertificate(CertificateError::Other(unknown))
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[derive(Debug)]
struct UnknownIssuer(String);

impl fmt::Display for UnknownIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issued by {}", self.0)
    }
}

impl StdError for UnknownIssuer {}

/// Why a certificate was refused, where that is what ended the connection.
pub(crate) fn distrust(error: &(dyn StdError + 'static)) -> Option<Distrust> {
    let mut next = Some(error);
    while let Some(one) = next {
        // An io::Error does not give what it wraps as its source, but as what it refers to.
        let wrapped = one.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = wrapped
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            .or_else(|| one.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(why)) = tls {
            return Some(words(why));
        }
        if let Some(inner) = wrapped.and_then(|inner| distrust(inner)) {
            return Some(inner);
        }
        next = one.source();
    }
    None
}

// The catch-all is right here: rustls adds reasons with its versions, and their own words serve.
#[allow(clippy::wildcard_enum_match_arm)]
fn words(why: &CertificateError) -> Distrust {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Distrust::NotYet,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Distrust::OtherHost
        }
        CertificateError::UnknownIssuer => Distrust::Issuer("somebody unknown".into()),
        CertificateError::Other(other) => match other.0.downcast_ref::<UnknownIssuer>() {
            Some(UnknownIssuer(issuer)) => Distrust::Issuer(issuer.clone()),
            None => Distrust::Other(other.0.to_string()),
        },
        other => Distrust::Other(other.to_string()),
    }
}

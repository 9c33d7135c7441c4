//! Certificates as people hand them out: a PEM file with one or several, or the bare bytes (DER) of one.
//!
//! Only what a person needs to recognise one is read here, the two names; whether it is any good is for rustls to say.
//! Source: RFC 7468 (PEM), RFC 5280 4.1 (the order of a certificate's fields), X.690 (DER).

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hidden::visible;

/// A file of certificates is small; a larger one is something else.
pub const LARGEST: u64 = 1 << 20;
/// Bundles of companies hold a handful; a whole trust store is the system's business.
const MOST: usize = 100;

/// One certificate, kept as base64 of its bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Certificate(Vec<u8>);

/// Why a file holds no certificate that could be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing in it begins as a certificate does.
    #[error(
        "it holds no certificate: none of its lines is -----BEGIN CERTIFICATE-----, and it is not a bare one (DER)"
    )]
    None,
    /// A block that must not be handed around.
    #[error("line {line} begins a {what}: choose the file with the authority's certificate alone")]
    Secret {
        /// Line, from 1.
        line: usize,
        /// The block's name.
        what: String,
    },
    /// A block without its last line.
    #[error("the certificate that begins at line {line} has no end")]
    CutOff {
        /// Line, from 1.
        line: usize,
    },
    /// What is between the lines is no certificate.
    #[error("the certificate that begins at line {line} cannot be read: {why}")]
    Damaged {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// More than a company hands out.
    #[error("it holds more than {MOST} certificates: the system's trust store is used without being added")]
    Many,
}

impl Certificate {
    /// Takes the bytes of one certificate.
    ///
    /// # Errors
    /// In words, why it cannot be trusted as an authority.
    pub fn from_der(der: Vec<u8>) -> Result<Self, String> {
        RootCertStore::empty()
            .add(CertificateDer::from(der.as_slice()))
            .map_err(|error| format!("it is not a certificate ({error})"))?;
        Ok(Self(der))
    }

    /// All certificates of a file's bytes, each once.
    ///
    /// # Errors
    /// What is wrong, and at which line. Then none is taken.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, Unreadable> {
        let mut found = Vec::new();
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().map(str::trim).zip(1..);
        while let Some((text, line)) = lines.next() {
            let Some(what) = text
                .strip_prefix("-----BEGIN ")
                .and_then(|rest| rest.strip_suffix("-----"))
            else {
                continue;
            };
            if what.ends_with("PRIVATE KEY") {
                return Err(Unreadable::Secret {
                    line,
                    what: what.to_owned(),
                });
            }
            let end = format!("-----END {what}-----");
            let mut body = String::new();
            loop {
                match lines.next() {
                    Some((text, _)) if text == end => break,
                    Some((text, _)) if !text.starts_with("-----") => body.push_str(text),
                    Some(_) | None => return Err(Unreadable::CutOff { line }),
                }
            }
            // OpenSSL writes the second name, and its own format, which begins as the first does, under the third.
            if !matches!(what, "CERTIFICATE" | "X509 CERTIFICATE") {
                continue;
            }
            let damaged = |why: String| Unreadable::Damaged { line, why };
            let der = BASE64_STANDARD
                .decode(&body)
                .map_err(|_| damaged("it is not base64".into()))?;
            let one = Self::from_der(der).map_err(damaged)?;
            if !found.contains(&one) {
                found.push(one);
            }
            if found.len() > MOST {
                return Err(Unreadable::Many);
            }
        }
        if found.is_empty() {
            return Self::from_der(bytes.to_vec())
                .map(|one| vec![one])
                .map_err(|_| Unreadable::None);
        }
        Ok(found)
    }

    /// Its bytes.
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.0.clone())
    }

    /// SHA-256 of its bytes as systems show it: pairs of digits with colons.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(&self.0);
        digest
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .join(":")
    }

    /// Whose it is, in words.
    pub fn subject(&self) -> String {
        names(&self.0).map_or_else(nameless, |names| names.subject)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

impl TryFrom<String> for Certificate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::from_der(BASE64_STANDARD.decode(&text).map_err(|error| error.to_string())?)
    }
}

impl From<Certificate> for String {
    fn from(one: Certificate) -> Self {
        BASE64_STANDARD.encode(&one.0)
    }
}

fn nameless() -> String {
    "an authority without a name".into()
}

/// Who a certificate says it is for and by. Hostile text: whoever is in between chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) issuer: String,
    pub(crate) subject: String,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const IA5: u8 = 0x16;
/// `[0] EXPLICIT`, which the version stands in.
const VERSION: u8 = 0xa0;
/// 2.5.4.3 and 2.5.4.10, encoded.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

/// The next value: its tag and content, and what follows it.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn inside(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = next(bytes)?;
    (tag == wanted).then_some((content, rest))
}

/// The two names of a certificate; `None` where it is not laid out as one.
pub(crate) fn names(der: &[u8]) -> Option<Names> {
    let (certificate, _) = inside(der, SEQUENCE)?;
    let (fields, _) = inside(certificate, SEQUENCE)?;
    let fields = inside(fields, VERSION).map_or(fields, |(_, rest)| rest);
    let (_, _serial, fields) = next(fields)?;
    let (_algorithm, fields) = inside(fields, SEQUENCE)?;
    let (issuer, fields) = inside(fields, SEQUENCE)?;
    let (_validity, fields) = inside(fields, SEQUENCE)?;
    let (subject, _) = inside(fields, SEQUENCE)?;
    Some(Names {
        issuer: name(issuer).unwrap_or_else(nameless),
        subject: name(subject).unwrap_or_else(nameless),
    })
}

/// Common name and organisation, where both are there and differ.
fn name(mut sets: &[u8]) -> Option<String> {
    let (mut common, mut organisation) = (None, None);
    while let Some((set, rest)) = inside(sets, SET) {
        sets = rest;
        let (pair, _) = inside(set, SEQUENCE)?;
        let (kind, value) = inside(pair, OBJECT_ID)?;
        let (tag, value, _) = next(value)?;
        let text = || matches!(tag, UTF8 | PRINTABLE | TELETEX | IA5).then(|| shown(value));
        match kind {
            COMMON_NAME => common = text(),
            ORGANISATION => organisation = text(),
            _ => {}
        }
    }
    match (common, organisation) {
        (Some(common), Some(organisation)) if common != organisation => {
            Some(format!("{common} ({organisation})"))
        }
        (Some(one), _) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

/// One line of at most 100 characters, hidden ones named.
fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    visible(&text.chars().take(100).collect::<String>())
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;

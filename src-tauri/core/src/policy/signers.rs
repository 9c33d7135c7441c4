//! The allowed signers and the revoked keys: OpenSSH's formats, read more strictly than OpenSSH does.
//!
//! Source: ssh-keygen(1), ALLOWED SIGNERS.

use std::collections::{BTreeMap, BTreeSet};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::{Algorithm, PublicKey};

use super::document::is_exact_principal;
use super::{Policy, Unreadable};
use crate::reason::Reason;
use crate::signature::{Key, NAMESPACE};

/// One line of the allowed signers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Whose key it is; usually one name.
    pub principals: Vec<String>,
    /// The key.
    pub key: Key,
    /// Allowed from then on.
    pub valid_after: Option<Timestamp>,
    /// Allowed up to then.
    pub valid_before: Option<Timestamp>,
}

/// The allowed signers. No key stands in it twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    signers: Vec<Signer>,
}

impl AllowedSigners {
    /// Reads the file. Every line must name exact principals, our namespace among exact ones, a key of an allowed
    /// algorithm, and dates in UTC; no certificate authority, no option that is not known, no key twice.
    ///
    /// # Errors
    /// [`Unreadable`] with the place.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut signers = Vec::new();
        let mut lines_of_keys: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for (number, line) in content(text)? {
            let fault = |at: usize, message: String| Unreadable {
                line: number,
                column: line[..at].chars().count() + 1,
                message,
            };
            let fields = fields(line).map_err(|at| fault(at, "expected a closing \"".to_owned()))?;
            let [(_, names), rest @ ..] = fields.as_slice() else {
                continue;
            };
            let principals: Vec<String> = names.split(',').map(str::to_owned).collect();
            if !principals.iter().all(|name| is_exact_principal(name)) {
                return Err(fault(
                    fields[0].0,
                    format!("expected exact names without wildcards or quotes, found {names:?}"),
                ));
            }
            let (options, rest) = match rest {
                [(_, kind), ..] if is_key_type(kind) => (None, rest),
                [options, rest @ ..] => (Some(options), rest),
                [] => {
                    return Err(fault(
                        line.len(),
                        "expected options and a key after the name".to_owned(),
                    ));
                }
            };
            let Some((at, options)) = options else {
                return Err(fault(
                    rest[0].0,
                    format!("expected namespaces=\"{NAMESPACE}\" before the key"),
                ));
            };
            let options = Options::parse(options).map_err(|message| fault(*at, message))?;
            let [(at, kind), (blob_at, blob), ..] = rest else {
                return Err(fault(
                    line.len(),
                    "expected a key's type and its base64".to_owned(),
                ));
            };
            let key = read_key(blob).map_err(|message| fault(*blob_at, message))?;
            if key.algorithm().name() != *kind {
                return Err(fault(
                    *at,
                    format!("the key is of type {}, not {kind:?}", key.algorithm().name()),
                ));
            }
            if let Some(earlier) = lines_of_keys.insert(key.blob().to_vec(), number) {
                return Err(fault(
                    *blob_at,
                    format!("this key stands in line {earlier} already"),
                ));
            }
            signers.push(Signer {
                principals,
                key,
                valid_after: options.valid_after,
                valid_before: options.valid_before,
            });
        }
        Ok(Self { signers })
    }

    /// That no key belongs to two of the people whose signatures count.
    ///
    /// # Errors
    /// Says which.
    pub fn check_against(&self, policy: &Policy) -> Result<(), String> {
        for signer in &self.signers {
            let owners: Vec<&str> = policy
                .signatories()
                .filter(|senior| signer.principals.contains(&senior.principal))
                .map(|senior| senior.principal.as_str())
                .collect();
            if owners.len() > 1 {
                return Err(format!(
                    "the key {} belongs to two people: {}",
                    signer.key.fingerprint(),
                    owners.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Nobody's key stands in it.
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }

    /// The keys that stand in both, each for the names that both give it and within the dates of both.
    pub(super) fn of_both(&self, other: &Self) -> Self {
        let both = self.signers.iter().filter_map(|own| {
            let theirs = other.signers.iter().find(|theirs| theirs.key == own.key)?;
            let mut both = own.clone();
            both.principals.retain(|name| theirs.principals.contains(name));
            both.valid_after = own.valid_after.max(theirs.valid_after);
            both.valid_before = match (own.valid_before, theirs.valid_before) {
                (Some(own), Some(theirs)) => Some(own.min(theirs)),
                (one, other) => one.or(other),
            };
            (!both.principals.is_empty()).then_some(both)
        });
        Self {
            signers: both.collect(),
        }
    }

    /// Every name, in the file's order.
    pub fn principals(&self) -> impl Iterator<Item = &str> {
        self.signers
            .iter()
            .flat_map(|signer| signer.principals.iter().map(String::as_str))
    }

    /// The keys of one name.
    pub fn of<'a>(&'a self, principal: &'a str) -> impl Iterator<Item = &'a Signer> {
        self.signers
            .iter()
            .filter(move |signer| signer.principals.iter().any(|name| name == principal))
    }
}

/// Keys that are not accepted any more, whatever the allowed signers say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevokedKeys {
    blobs: BTreeSet<Vec<u8>>,
}

impl RevokedKeys {
    /// Reads public keys, one a line, as in a `.pub` file. Any algorithm is fine here. A binary KRL is not.
    ///
    /// # Errors
    /// [`Unreadable`] with the place: a line that is passed over could be the one that mattered.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut blobs = BTreeSet::new();
        for (number, line) in content(text)? {
            let fault = |message: String| Unreadable {
                line: number,
                column: 1,
                message,
            };
            let mut words = line.split_ascii_whitespace();
            let (Some(kind), Some(blob)) = (words.next(), words.next()) else {
                return Err(fault("expected a key's type and its base64".to_owned()));
            };
            let blob = BASE64_STANDARD
                .decode(blob)
                .map_err(|_| fault("the key is not base64".to_owned()))?;
            let named = [
                &u32::try_from(kind.len()).unwrap_or(0).to_be_bytes(),
                kind.as_bytes(),
            ]
            .concat();
            if !blob.starts_with(&named) {
                return Err(fault(format!(
                    "expected a key of type {kind:?}, as its first word says"
                )));
            }
            check_revoked(&blob).map_err(fault)?;
            blobs.insert(blob);
        }
        Ok(Self { blobs })
    }

    /// These and those.
    pub(super) fn with(&self, others: &Self) -> Self {
        Self {
            blobs: self.blobs.union(&others.blobs).cloned().collect(),
        }
    }

    /// Whether a key is among them.
    pub fn contains(&self, key: &Key) -> bool {
        self.blobs.contains(key.blob())
    }
}

/// Lines that hold something, with their 1-based numbers.
pub(super) fn content(text: &str) -> Result<Vec<(usize, &str)>, Unreadable> {
    if let Some(at) = text.find(['\r', '\0', '\u{feff}']) {
        return Err(Unreadable::at(
            text,
            at,
            "expected plain text with line feeds only",
        ));
    }
    let lines = text.split('\n').enumerate().map(|(at, line)| (at + 1, line));
    Ok(lines
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .collect())
}

/// Words with their offsets; white space within double quotes does not divide. `Err` is the place of an open quote.
pub(super) fn fields(line: &str) -> Result<Vec<(usize, &str)>, usize> {
    let (mut fields, mut start, mut quote) = (Vec::new(), None, None);
    for (at, letter) in line.char_indices() {
        if letter == '"' {
            quote = if quote.is_some() { None } else { Some(at) };
        }
        let divides = quote.is_none() && (letter == ' ' || letter == '\t');
        match (start, divides) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                fields.push((from, &line[from..at]));
                start = None;
            }
            (None, true) | (Some(_), false) => {}
        }
    }
    fields.extend(start.map(|from| (from, &line[from..])));
    quote.map_or(Ok(fields), Err)
}

/// Whether a word is where the key begins: options contain `=` or are one of two words.
fn is_key_type(word: &str) -> bool {
    !word.contains(['=', '"'])
        && (word.starts_with("ssh-") || word.starts_with("sk-") || word.starts_with("ecdsa-"))
}

fn read_key(blob: &str) -> Result<Key, String> {
    let blob = BASE64_STANDARD
        .decode(blob)
        .map_err(|_| "the key is not base64".to_owned())?;
    Key::from_blob(&blob).map_err(|fault| fault.detail)
}

/// A key that is not read to its last byte would be compared with none, and so revoke nothing.
fn check_revoked(blob: &[u8]) -> Result<(), String> {
    match Key::from_blob(blob) {
        Ok(_) => return Ok(()),
        Err(fault) if fault.reason != Reason::SigAlg => return Err(fault.detail),
        Err(_) => {}
    }
    let key = PublicKey::from_bytes(blob).map_err(|error| format!("the key cannot be read: {error}"))?;
    if matches!(key.algorithm(), Algorithm::Other(_)) {
        return Err(format!(
            "{:?} is not a type of key that is known",
            key.algorithm().as_str()
        ));
    }
    if key.to_bytes().ok().as_deref() == Some(blob) {
        Ok(())
    } else {
        Err("the key is not in its one encoding".to_owned())
    }
}

#[derive(Default)]
struct Options {
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

impl Options {
    fn parse(text: &str) -> Result<Self, String> {
        let mut options = Self::default();
        let mut seen = BTreeSet::new();
        for option in split_outside_quotes(text) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            if !seen.insert(name.to_owned()) {
                return Err(format!("the option {name:?} stands twice"));
            }
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            match (name, value) {
                ("cert-authority", _) => {
                    return Err("certificate authorities are not allowed: list the keys".to_owned());
                }
                ("namespaces", Some(names)) => {
                    let mut names = names.split(',');
                    if names.clone().any(|name| !is_exact_principal(name))
                        || !names.any(|name| name == NAMESPACE)
                    {
                        return Err(format!(
                            "expected exact namespaces with {NAMESPACE:?} among them, found {value:?}"
                        ));
                    }
                }
                ("valid-after", Some(date)) => options.valid_after = Some(utc(date)?),
                ("valid-before", Some(date)) => options.valid_before = Some(utc(date)?),
                _ => {
                    return Err(format!(
                        "expected namespaces, valid-after or valid-before with a value in quotes, found {option:?}"
                    ));
                }
            }
        }
        if seen.contains("namespaces") {
            Ok(options)
        } else {
            Err(format!("expected namespaces=\"{NAMESPACE}\" among the options"))
        }
    }
}

pub(super) fn split_outside_quotes(text: &str) -> Vec<&str> {
    let (mut parts, mut from, mut quoted) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`. Without the `Z` OpenSSH reads the verifier's local time.
fn utc(date: &str) -> Result<Timestamp, String> {
    let bad = || format!("expected a date in UTC such as 20261231Z or 20261231235959Z, found {date:?}");
    let digits = date
        .strip_suffix('Z')
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .ok_or_else(bad)?;
    if !matches!(digits.len(), 8 | 12 | 14) {
        return Err(bad());
    }
    let padded = format!("{digits:0<14}");
    let part = |range: std::ops::Range<usize>| padded[range].parse::<i16>().map_err(|_| bad());
    let small = |range| part(range).and_then(|number| i8::try_from(number).map_err(|_| bad()));
    let civil = DateTime::new(
        part(0..4)?,
        small(4..6)?,
        small(6..8)?,
        small(8..10)?,
        small(10..12)?,
        small(12..14)?,
        0,
    );
    TimeZone::UTC
        .to_timestamp(civil.map_err(|_| bad())?)
        .map_err(|_| bad())
}

//! The DSSE envelope in its one encoding. Source: DSSE protocol and envelope, version 1.0.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;

use super::sshsig::SshSig;
use crate::reason::{Fault, Reason};
use crate::strict_json;

/// `payloadType` of every envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Largest envelope, in bytes of its JSON.
pub const MAX_BYTES: usize = 16 * 1024;

/// DSSE's pre-authentication encoding of a payload of our type: what the signature covers.
pub fn pae(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend(payload);
    bytes
}

/// A payload with one signature. It exists only in its canonical encoding: reading anything else fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    armor: String,
}

impl Envelope {
    pub(super) fn new(payload: Vec<u8>, sshsig: &SshSig) -> Self {
        Self {
            payload,
            armor: sshsig.to_armor(),
        }
    }

    /// The signed bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature as a file for `ssh-keygen -Y verify -s`. It need not be well formed: [`Self::sshsig`].
    pub fn armor(&self) -> &str {
        &self.armor
    }

    /// The signature, read.
    ///
    /// # Errors
    /// As [`SshSig::from_armor`].
    pub fn sshsig(&self) -> Result<SshSig, Fault> {
        SshSig::from_armor(&self.armor)
    }

    /// The envelope's JSON: compact, this order of keys, standard base64 with padding.
    pub fn to_json(&self) -> String {
        self.json_with(PAYLOAD_TYPE)
    }

    fn json_with(&self, payload_type: &str) -> String {
        format!(
            r#"{{"payload":"{}","payloadType":{},"signatures":[{{"sig":"{}"}}]}}"#,
            BASE64_STANDARD.encode(&self.payload),
            Value::from(payload_type),
            BASE64_STANDARD.encode(self.armor.as_bytes()),
        )
    }

    /// Reads the envelope's JSON. The signature inside is not looked at yet.
    ///
    /// # Errors
    /// [`Reason::EnvelopeTooLarge`], [`Reason::Json`], [`Reason::JsonDupkey`], [`Reason::Base64`],
    /// [`Reason::Encoding`], [`Reason::PayloadType`].
    pub fn from_json(json: &[u8]) -> Result<Self, Fault> {
        if json.len() > MAX_BYTES {
            return Err(
                Reason::EnvelopeTooLarge.because(format!("{} bytes, at most {MAX_BYTES}", json.len()))
            );
        }
        let value = strict_json::parse(json)?;
        let shape = |what: &str| Reason::Encoding.because(what);
        let object = exactly(&value, &["payload", "payloadType", "signatures"])
            .ok_or_else(|| shape("an envelope has payload, payloadType and signatures, and nothing else"))?;
        let [signature] = object["signatures"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
        else {
            return Err(shape("an envelope has exactly one signature"));
        };
        let sig = exactly(signature, &["sig"])
            .ok_or_else(|| shape("a signature has sig and nothing else"))?["sig"]
            .as_str();
        let sig = sig.ok_or_else(|| shape("sig is not text"))?;
        let payload = object["payload"]
            .as_str()
            .ok_or_else(|| shape("payload is not text"))?;
        let payload = BASE64_STANDARD
            .decode(payload)
            .map_err(|_| Reason::Base64.because("payload is not base64"))?;
        let armor = BASE64_STANDARD
            .decode(sig)
            .map_err(|_| Reason::Base64.because("sig is not base64"))?;
        let armor = String::from_utf8(armor).map_err(|_| shape("sig is not an armored signature"))?;
        let payload_type = object["payloadType"]
            .as_str()
            .ok_or_else(|| shape("payloadType is not text"))?;
        let envelope = Self { payload, armor };
        if envelope.json_with(payload_type).as_bytes() != json {
            return Err(shape("the JSON is not in its canonical form"));
        }
        if payload_type != PAYLOAD_TYPE {
            return Err(Reason::PayloadType.because(format!(
                "payloadType is {payload_type:?}, expected {PAYLOAD_TYPE:?}"
            )));
        }
        Ok(envelope)
    }
}

fn exactly<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a serde_json::Map<String, Value>> {
    let object = value.as_object()?;
    (object.len() == keys.len() && keys.iter().all(|key| object.contains_key(*key))).then_some(object)
}

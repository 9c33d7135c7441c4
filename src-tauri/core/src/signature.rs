//! The signed bytes: what is signed, how the signature is packed, and how it travels in a review's body.
//!
//! | module | subject |
//! |---|---|
//! | [`sshsig`] | keys and signatures as OpenSSH writes them |
//! | [`envelope`] | the DSSE envelope, in its one encoding |
//! | [`carrier`] | the body of the forge's review |
//!
//! To sign with a key that somebody else holds: [`to_be_signed`] gives the bytes for the agent, [`assemble`] makes
//! the envelope from its answer. To sign with a key in memory: [`sign`].

pub mod carrier;
pub mod envelope;
mod low_s;
pub mod sshsig;

pub use carrier::{envelope_body, extract, is_carried_by, words_fit};
pub use envelope::{Envelope, pae};
pub use sshsig::{Key, KeyAlgorithm, SshSig, raw_signature};

use crate::reason::{Fault, Reason};

/// SSHSIG namespace: a signature made for anything else is worth nothing here.
pub const NAMESPACE: &str = "approval@countersign.dev";

/// The bytes that the key signs: the SSHSIG structure over the payload's pre-authentication encoding. An agent gets
/// exactly these (without flags) and answers with what [`assemble`] takes.
pub fn to_be_signed(payload: &[u8]) -> Vec<u8> {
    sshsig::signed_data(&pae(payload))
}

/// Makes the envelope from a signature that was made over [`to_be_signed`].
///
/// `key` is the public key as it stands on the wire (and, in base64, in a `.pub` file). `signature` is the
/// signature as an agent answers it: the algorithm's name and the signature, each with its length, and for a
/// security key the flags and the counter. From an `ssh_key::Signature`: [`raw_signature`]. Agents and security keys
/// make either of an ECDSA signature's two forms; it is brought to the one that verifiers take.
///
/// # Errors
/// [`Reason::SigAlg`] for a key that the format does not allow, [`Reason::SigParse`] for bytes that are not of that
/// shape, [`Reason::SigInvalid`] where the signature does not fit: nothing leaves here that would be refused later.
pub fn assemble(key: &[u8], signature: &[u8], payload: &[u8]) -> Result<Envelope, Fault> {
    let sshsig = SshSig::from_parts(key, &sshsig::with_low_s(signature))?;
    sshsig.verify(&pae(payload))?;
    Ok(Envelope::new(payload.to_vec(), &sshsig))
}

/// Signs with a key that is held in memory and not locked by a passphrase.
///
/// # Errors
/// [`Reason::SigAlg`] for a key that the format does not allow, [`Reason::SigInvalid`] where the key cannot sign.
pub fn sign(key: &ssh_key::PrivateKey, payload: &[u8]) -> Result<Envelope, Fault> {
    let failed = |error: ssh_key::Error| Reason::SigInvalid.because(format!("the key cannot sign: {error}"));
    let public = key.public_key().to_bytes().map_err(failed)?;
    Key::from_blob(&public)?;
    let signed = key
        .sign(NAMESPACE, ssh_key::HashAlg::Sha512, &pae(payload))
        .map_err(failed)?;
    assemble(&public, &raw_signature(signed.signature()), payload)
}

#[cfg(test)]
pub(crate) mod test_keys;
#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;

//! Keys and signatures in OpenSSH's encodings, read from raw bytes and never re-encoded.
//!
//! Sources: PROTOCOL.sshsig and PROTOCOL.u2f of OpenSSH; RFC 4251 (strings, mpints), RFC 5656 (ECDSA), RFC 8709.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest, Sha512};

use super::{NAMESPACE, low_s};
use crate::reason::{Fault, Reason};

const MAGIC: &[u8; 6] = b"SSHSIG";
const VERSION: u32 = 1;
const HASH: &[u8] = b"sha512";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// Columns of the armor. Source: `ssh-keygen -Y sign`.
const ARMOR_COLUMNS: usize = 70;

/// The key algorithms that the format allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// `ssh-ed25519`
    Ed25519,
    /// `sk-ssh-ed25519@openssh.com`: on a security key.
    SkEd25519,
    /// `ecdsa-sha2-nistp256`
    EcdsaP256,
    /// `sk-ecdsa-sha2-nistp256@openssh.com`: on a security key.
    SkEcdsaP256,
}

impl KeyAlgorithm {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::SkEd25519, Self::EcdsaP256, Self::SkEcdsaP256];

    /// The name that stands in keys and signatures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// The format of a security key. That the key really sits on one is for the policy to say.
    pub fn is_security_key(self) -> bool {
        match self {
            Self::SkEd25519 | Self::SkEcdsaP256 => true,
            Self::Ed25519 | Self::EcdsaP256 => false,
        }
    }

    fn of(name: &[u8]) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|one| one.name().as_bytes() == name)
            .ok_or_else(|| {
                Reason::SigAlg.because(format!(
                    "{:?} is not one of the four allowed",
                    String::from_utf8_lossy(name)
                ))
            })
    }
}

/// A public key of an allowed algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    algorithm: KeyAlgorithm,
    blob: Vec<u8>,
    key: ssh_key::PublicKey,
}

impl Key {
    /// Reads a key from its bytes on the wire.
    ///
    /// # Errors
    /// [`Reason::SigAlg`] for an algorithm that is not allowed (RSA, certificates, …), [`Reason::SigParse`] for bytes
    /// that are not such a key in its one encoding.
    pub fn from_blob(blob: &[u8]) -> Result<Self, Fault> {
        let malformed = |what: &str| Reason::SigParse.because(format!("the public key {what}"));
        let mut wire = Wire(blob);
        let algorithm = KeyAlgorithm::of(wire.string().ok_or_else(|| malformed("is cut short"))?)?;
        let key = ssh_key::PublicKey::from_bytes(blob)
            .map_err(|error| malformed(&format!("cannot be read: {error}")))?;
        // ssh-key reads compressed points too; OpenSSH does not.
        if key.to_bytes().ok().as_deref() != Some(blob) || !uncompressed(algorithm, wire) {
            return Err(malformed("is not in its one encoding"));
        }
        Ok(Self {
            algorithm,
            blob: blob.to_vec(),
            key,
        })
    }

    /// Which algorithm.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The bytes on the wire: a key's identity.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(ssh_key::HashAlg::Sha256).to_string()
    }
}

fn uncompressed(algorithm: KeyAlgorithm, mut rest: Wire<'_>) -> bool {
    match algorithm {
        KeyAlgorithm::Ed25519 | KeyAlgorithm::SkEd25519 => true,
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::SkEcdsaP256 => {
            rest.string() == Some(b"nistp256")
                && rest
                    .string()
                    .is_some_and(|point| point.len() == 65 && point[0] == 4)
        }
    }
}

/// What a security key says about the moment of signing. It means something only for a key that is known to sit on
/// a security key: software can set the flags as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityKeyFlags(pub u8);

impl SecurityKeyFlags {
    /// Somebody touched it.
    pub fn touched(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// It knew who did, by PIN or fingerprint.
    pub fn verified(self) -> bool {
        self.0 & 0x04 != 0
    }
}

/// An SSHSIG structure, read from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSig {
    key: Key,
    namespace: Vec<u8>,
    hash: Vec<u8>,
    /// The signature proper, without flags and counter.
    signature: Vec<u8>,
    /// Flags and counter of a security key.
    trailer: Option<[u8; 5]>,
    blob: Vec<u8>,
}

impl SshSig {
    /// Puts the structure together from a public key and a signature as an agent answers it.
    ///
    /// # Errors
    /// As [`Self::from_blob`].
    pub fn from_parts(key: &[u8], signature: &[u8]) -> Result<Self, Fault> {
        let mut blob = MAGIC.to_vec();
        blob.extend(VERSION.to_be_bytes());
        for part in [key, NAMESPACE.as_bytes(), b"", HASH, signature] {
            put(&mut blob, part);
        }
        Self::from_blob(&blob)
    }

    /// Reads the structure. Namespace and hash are kept as they stand: [`Self::check_purpose`] judges them.
    ///
    /// # Errors
    /// [`Reason::SigParse`], [`Reason::SigAlg`].
    pub fn from_blob(blob: &[u8]) -> Result<Self, Fault> {
        let cut = || Reason::SigParse.because("the signature is cut short");
        let rest = blob
            .strip_prefix(MAGIC)
            .ok_or_else(|| Reason::SigParse.because("it does not begin with SSHSIG"))?;
        let mut wire = Wire(rest);
        let version = wire.number().ok_or_else(cut)?;
        if version != VERSION {
            return Err(Reason::SigParse.because(format!("version {version}, expected 1")));
        }
        let key = wire.string().ok_or_else(cut)?;
        let namespace = wire.string().ok_or_else(cut)?;
        let reserved = wire.string().ok_or_else(cut)?;
        let hash = wire.string().ok_or_else(cut)?;
        let packed = wire.string().ok_or_else(cut)?;
        if !wire.0.is_empty() {
            return Err(Reason::SigParse.because("bytes follow the signature"));
        }
        if !reserved.is_empty() {
            return Err(Reason::SigParse.because("the reserved field is not empty"));
        }
        let key = Key::from_blob(key)?;
        let (signature, trailer) = unpack(key.algorithm(), packed)?;
        Ok(Self {
            key,
            namespace: namespace.to_vec(),
            hash: hash.to_vec(),
            signature: signature.to_vec(),
            trailer,
            blob: blob.to_vec(),
        })
    }

    /// Reads the armor that `ssh-keygen -Y sign` writes, in exactly its form.
    ///
    /// # Errors
    /// [`Reason::SigParse`], [`Reason::Base64`], [`Reason::Encoding`] for other line lengths or white space,
    /// [`Reason::SigAlg`].
    pub fn from_armor(armor: &str) -> Result<Self, Fault> {
        let blob = dearmor(armor)?;
        Self::from_blob(&blob)
    }

    /// The armor, as `ssh-keygen -Y sign` writes it.
    pub fn to_armor(&self) -> String {
        armor(&self.blob)
    }

    /// The key that is said to have signed.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Flags of a security key; `None` for other keys.
    pub fn flags(&self) -> Option<SecurityKeyFlags> {
        self.trailer.map(|trailer| SecurityKeyFlags(trailer[0]))
    }

    /// Whether it was made with our hash and for our purpose.
    ///
    /// # Errors
    /// [`Reason::SigHash`], [`Reason::Namespace`].
    pub fn check_purpose(&self) -> Result<(), Fault> {
        if self.hash != HASH {
            return Err(Reason::SigHash.because(format!(
                "hash {:?}, expected \"sha512\"",
                String::from_utf8_lossy(&self.hash)
            )));
        }
        if self.namespace != NAMESPACE.as_bytes() {
            let found = String::from_utf8_lossy(&self.namespace);
            return Err(Reason::Namespace.because(format!("namespace {found:?}, expected {NAMESPACE:?}")));
        }
        Ok(())
    }

    /// Whether it is this key's signature over `message`, made with our hash and for our purpose.
    ///
    /// # Errors
    /// [`Reason::SigHash`], [`Reason::Namespace`], [`Reason::SigInvalid`].
    pub fn verify(&self, message: &[u8]) -> Result<(), Fault> {
        self.check_purpose()?;
        let mut data = self.signature.clone();
        data.extend(self.trailer.iter().flatten());
        let signed = ssh_key::Signature::new(self.key.key.algorithm(), data).and_then(|signature| {
            ssh_key::SshSig::new(
                self.key.key.key_data().clone(),
                NAMESPACE,
                ssh_key::HashAlg::Sha512,
                signature,
            )
        });
        signed
            .and_then(|signed| self.key.key.verify(NAMESPACE, message, &signed))
            .map_err(|_| Reason::SigInvalid.because(format!("{} did not sign this", self.key.fingerprint())))
    }
}

/// The structure that is signed in place of the message. Source: PROTOCOL.sshsig, section 2.
pub(super) fn signed_data(message: &[u8]) -> Vec<u8> {
    let mut data = MAGIC.to_vec();
    for part in [NAMESPACE.as_bytes(), b"", HASH, &Sha512::digest(message)] {
        put(&mut data, part);
    }
    data
}

/// A signature as an agent answers it, from the one that ssh-key keeps.
///
/// ssh-key 0.6.7 holds flags and counter behind the signature in one buffer and, for security keys with ECDSA,
/// writes them *inside* the signature's length, which nobody else can read.
pub fn raw_signature(signature: &ssh_key::Signature) -> Vec<u8> {
    let algorithm = signature.algorithm();
    let security_key = matches!(
        algorithm,
        ssh_key::Algorithm::SkEd25519 | ssh_key::Algorithm::SkEcdsaSha2NistP256
    );
    let data = signature.as_bytes();
    let (signature, trailer) = data.split_at(data.len().saturating_sub(if security_key { 5 } else { 0 }));
    let mut raw = Vec::new();
    put(&mut raw, algorithm.as_str().as_bytes());
    put(&mut raw, signature);
    raw.extend(trailer);
    raw
}

/// A signature as an agent answers it, brought to the lower s if it is one of ECDSA; anything else as it stands, for
/// the reader to refuse.
pub(super) fn with_low_s(packed: &[u8]) -> Vec<u8> {
    lowered(packed).unwrap_or_else(|| packed.to_vec())
}

fn lowered(packed: &[u8]) -> Option<Vec<u8>> {
    let mut wire = Wire(packed);
    let algorithm = wire.string()?;
    match KeyAlgorithm::of(algorithm).ok()? {
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::SkEcdsaP256 => {}
        KeyAlgorithm::Ed25519 | KeyAlgorithm::SkEd25519 => return None,
    }
    let mut numbers = Wire(wire.string()?);
    let (r, s) = (numbers.string()?, numbers.string()?);
    if !numbers.0.is_empty() || !is_p256_number(s) {
        return None;
    }
    let mut signature = Vec::new();
    put(&mut signature, r);
    put(&mut signature, &low_s::lowered(s)?);
    let mut lowered = Vec::new();
    put(&mut lowered, algorithm);
    put(&mut lowered, &signature);
    lowered.extend(wire.0);
    Some(lowered)
}

fn unpack(algorithm: KeyAlgorithm, packed: &[u8]) -> Result<(&[u8], Option<[u8; 5]>), Fault> {
    let cut = || Reason::SigParse.because("the signature is cut short");
    let mut wire = Wire(packed);
    let signed_by = KeyAlgorithm::of(wire.string().ok_or_else(cut)?)?;
    if signed_by != algorithm {
        return Err(Reason::SigAlg.because(format!(
            "a {} key cannot sign {}",
            algorithm.name(),
            signed_by.name()
        )));
    }
    let signature = wire.string().ok_or_else(cut)?;
    let trailer = if algorithm.is_security_key() {
        let trailer: [u8; 5] = wire
            .0
            .try_into()
            .map_err(|_| Reason::SigParse.because("flags and counter are not five bytes"))?;
        Some(trailer)
    } else if wire.0.is_empty() {
        None
    } else {
        return Err(Reason::SigParse.because("bytes follow the signature"));
    };
    let whole = match algorithm {
        KeyAlgorithm::Ed25519 | KeyAlgorithm::SkEd25519 => signature.len() == 64,
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::SkEcdsaP256 => {
            let mut numbers = Wire(signature);
            let two = [numbers.string(), numbers.string()];
            two.iter().all(|number| number.is_some_and(is_p256_number))
                && two[1].is_some_and(low_s::is_low)
                && numbers.0.is_empty()
        }
    };
    if whole {
        Ok((signature, trailer))
    } else {
        Err(Reason::SigParse.because("the signature does not have its algorithm's form"))
    }
}

/// A positive mpint of at most 256 bits without a superfluous byte (RFC 4251, section 5).
fn is_p256_number(bytes: &[u8]) -> bool {
    match bytes {
        [0, second, ..] => *second >= 0x80 && bytes.len() <= 33,
        [first, ..] => *first < 0x80 && bytes.len() <= 32,
        [] => false,
    }
}

fn armor(blob: &[u8]) -> String {
    format!(
        "{BEGIN}{}{END}",
        wrap(&BASE64_STANDARD.encode(blob), ARMOR_COLUMNS)
    )
}

fn dearmor(text: &str) -> Result<Vec<u8>, Fault> {
    let inner = text
        .trim()
        .strip_prefix(BEGIN.trim())
        .and_then(|rest| rest.strip_suffix(END.trim()));
    let inner = inner.ok_or_else(|| Reason::SigParse.because("it is not armored as an SSH signature"))?;
    let blob = BASE64_STANDARD
        .decode(inner.replace(['\r', '\n'], ""))
        .map_err(|_| Reason::Base64.because("the armored signature is not base64"))?;
    if armor(&blob) != text {
        return Err(Reason::Encoding.because("the armor is not wrapped as ssh-keygen does"));
    }
    Ok(blob)
}

/// Text in lines of `columns`, each ended by a line feed.
pub(super) fn wrap(text: &str, columns: usize) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / columns + 1);
    let mut rest = text;
    while let Some((line, after)) = rest
        .split_at_checked(columns)
        .filter(|(_, after)| !after.is_empty())
    {
        wrapped.push_str(line);
        wrapped.push('\n');
        rest = after;
    }
    wrapped.push_str(rest);
    wrapped.push('\n');
    wrapped
}

fn put(to: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("no part of a signature comes near four gigabytes");
    to.extend(length.to_be_bytes());
    to.extend(part);
}

/// Reads RFC 4251's numbers and strings from the front.
#[derive(Clone, Copy)]
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}

//! Keys for tests, the same on every run. Security keys are made in software: nothing but the policy can tell.

use p256::ecdsa::signature::Signer as _;
use ssh_key::private::{EcdsaKeypair, Ed25519Keypair, KeypairData};
use ssh_key::public::{KeyData, SkEcdsaSha2NistP256, SkEd25519};
use ssh_key::{PrivateKey, PublicKey};

/// A key that signs as an agent would.
pub(crate) struct TestKey {
    private: PrivateKey,
    /// The public key as others see it: of a security key, its `sk-` form.
    pub(crate) public: PublicKey,
    security_key: bool,
}

impl TestKey {
    pub(crate) fn ed25519(seed: u8) -> Self {
        Self::software(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])))
    }

    pub(crate) fn p256(seed: u8) -> Self {
        Self::software(KeypairData::Ecdsa(p256_pair(seed)))
    }

    pub(crate) fn sk_ed25519(seed: u8) -> Self {
        let pair = Ed25519Keypair::from_seed(&[seed; 32]);
        let public = KeyData::SkEd25519(SkEd25519::new(pair.public, "ssh:"));
        Self {
            security_key: true,
            public: PublicKey::new(public, ""),
            ..Self::software(KeypairData::Ed25519(pair))
        }
    }

    pub(crate) fn sk_p256(seed: u8) -> Self {
        let pair = p256_pair(seed);
        let EcdsaKeypair::NistP256 { public, .. } = &pair else {
            panic!("made on P-256")
        };
        let public = KeyData::SkEcdsaSha2NistP256(SkEcdsaSha2NistP256::new(*public, "ssh:"));
        Self {
            security_key: true,
            public: PublicKey::new(public, ""),
            ..Self::software(KeypairData::Ecdsa(pair))
        }
    }

    fn software(data: KeypairData) -> Self {
        let private = PrivateKey::new(data, "").unwrap();
        Self {
            public: private.public_key().clone(),
            private,
            security_key: false,
        }
    }

    pub(crate) fn blob(&self) -> Vec<u8> {
        self.public.to_bytes().unwrap()
    }

    /// `ssh-ed25519 AAAA…`
    pub(crate) fn line(&self) -> String {
        self.public.to_openssh().unwrap()
    }

    pub(crate) fn private(&self) -> &PrivateKey {
        &self.private
    }

    /// What an agent answers to a request to sign `data`: PROTOCOL.u2f for security keys, else RFC 5656 and 8709.
    pub(crate) fn agent_signs(&self, data: &[u8], flags: u8) -> Vec<u8> {
        let trailer = [flags, 0, 0, 0, 7];
        let signed = if self.security_key {
            use ssh_key::sha2::{Digest, Sha256};
            [
                Sha256::digest(b"ssh:").as_slice(),
                &trailer,
                &Sha256::digest(data),
            ]
            .concat()
        } else {
            data.to_vec()
        };
        let signature: ssh_key::Signature = self.private.try_sign(&signed).unwrap();
        let mut answer = Vec::new();
        for part in [self.public.algorithm().as_str().as_bytes(), signature.as_bytes()] {
            answer.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            answer.extend(part);
        }
        if self.security_key {
            answer.extend(trailer);
        }
        answer
    }
}

fn p256_pair(seed: u8) -> EcdsaKeypair {
    let secret = p256::SecretKey::from_slice(&[seed; 32]).unwrap();
    let public = p256::EncodedPoint::from(secret.public_key());
    EcdsaKeypair::NistP256 {
        private: secret.into(),
        public,
    }
}

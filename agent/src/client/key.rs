//! The fleet's key pairs: real ones, made once, shared by all nodes.
//!
//! A million key pairs would take hours to make and prove nothing. They come from
//! the operating system's randomness and stay in this process: a private key is
//! never written, logged or sent, and nothing that is decided or reported
//! depends on one.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::credentials::KeyNumber;

/// No key could be made.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("cannot make an RSA key pair")]
pub struct KeyError;

impl From<Unspecified> for KeyError {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// The key pairs of a fleet; cheap to clone.
#[derive(Clone, Default)]
pub struct KeyPool(Arc<[KeyPair]>);

struct KeyPair {
    private: RsaKeyPair,
    public: String,
}

impl fmt::Debug for KeyPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPool({} key pairs)", self.0.len())
    }
}

impl KeyPool {
    /// So many new key pairs, RSA-2048 as the real agent's.
    pub fn generate(count: u32) -> Result<Self, KeyError> {
        (0..count).map(|_| KeyPair::generate()).collect::<Result<_, _>>().map(Self)
    }

    /// The public key of this number: base64 of its SubjectPublicKeyInfo.
    pub fn public_key(&self, number: KeyNumber) -> Option<&str> {
        self.0.get(number as usize).map(|pair| pair.public.as_str())
    }

    /// The signature of a text: base64 of RSASSA-PSS with SHA-256 and a salt of
    /// 32 bytes. Nothing where there is no such key.
    pub(super) fn sign(&self, number: KeyNumber, text: &str) -> Option<String> {
        let key = &self.0.get(number as usize)?.private;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        Some(STANDARD.encode(signature))
    }
}

impl KeyPair {
    fn generate() -> Result<Self, KeyError> {
        let private = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let der: PublicKeyX509Der<'_> = private.public_key().as_der()?;
        let public = STANDARD.encode(der.as_ref());
        Ok(Self { private, public })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_signature_fits_its_own_public_key() {
        let pool = KeyPool::generate(2).unwrap();
        let public = |number| STANDARD.decode(pool.public_key(number).unwrap()).unwrap();
        assert_eq!((pool.public_key(0).map(str::len), pool.public_key(2)), (Some(392), None));
        let signature = STANDARD.decode(pool.sign(0, "text").unwrap()).unwrap();
        let is_by = |number| {
            let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public(number));
            key.verify(b"text", &signature).is_ok()
        };
        assert!(is_by(0) && !is_by(1));
        assert_eq!(pool.sign(2, "text"), None);
        assert_eq!(format!("{pool:?}"), "KeyPool(2 key pairs)");
    }
}

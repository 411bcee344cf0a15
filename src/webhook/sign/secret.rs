//! One secret that signs: `whsec_…` (HMAC-SHA256, signature `v1`) or `whsk_…` (Ed25519, signature `v1a`), each
//! followed by Base64.

use std::fmt;

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

const SYMMETRIC: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";

/// How many bytes of a symmetric secret the specification allows.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The bytes of a new secret: as many as the digest has.
const NEW_BYTES: usize = 32;

/// A secret. Printing it shows its kind only.
pub struct Secret(Key);

enum Key {
    Symmetric(hmac::Key),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Secret {
    /// Reads a secret.
    ///
    /// # Errors
    ///
    /// The rule that the text breaks, without the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let decode =
            |text| BASE64.decode(text).map_err(|_| "a secret must be Base64 after its prefix".to_owned());
        if let Some(text) = text.strip_prefix(SYMMETRIC) {
            let bytes = decode(text)?;
            if !BYTES.contains(&bytes.len()) {
                return Err(format!("a secret must have {} to {} bytes", BYTES.start(), BYTES.end()));
            }
            return Ok(Self(Key::Symmetric(hmac::Key::new(hmac::HMAC_SHA256, &bytes))));
        }
        if let Some(text) = text.strip_prefix(PRIVATE) {
            // The seed alone, or the seed followed by the public key, as libraries write them.
            let bytes = decode(text)?;
            let seed = bytes.get(..32).filter(|_| matches!(bytes.len(), 32 | 64));
            let pair = seed.and_then(|seed| Ed25519KeyPair::from_seed_unchecked(seed).ok());
            let pair = pair
                .ok_or("a private key must be a seed of 32 bytes, with or without the public key after it")?;
            return Ok(Self(Key::Ed25519(Box::new(pair))));
        }
        Err(format!("a secret begins with {SYMMETRIC} or {PRIVATE}; `jettimer secret` makes one"))
    }

    /// Signs a message, given in parts: the algorithm's version, a comma, and the signature in Base64.
    pub(super) fn sign(&self, message: &[&[u8]]) -> String {
        match &self.0 {
            Key::Symmetric(key) => {
                let mut signing = hmac::Context::with_key(key);
                message.iter().for_each(|part| signing.update(part));
                format!("v1,{}", BASE64.encode(signing.sign()))
            }
            // This algorithm reads the message twice.
            Key::Ed25519(pair) => format!("v1a,{}", BASE64.encode(pair.sign(&message.concat()))),
        }
    }

    /// Whether this is a signature of the message, made with this secret.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let Some((version, text)) = signature.split_once(',') else { return false };
        let Ok(tag) = BASE64.decode(text) else { return false };
        match (&self.0, version) {
            (Key::Symmetric(key), "v1") => hmac::verify(key, message, &tag).is_ok(),
            (Key::Ed25519(pair), "v1a") => {
                let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
                public.verify(message, &tag).is_ok()
            }
            (Key::Symmetric(_) | Key::Ed25519(_), _) => false,
        }
    }

    /// A new symmetric secret, as text.
    ///
    /// # Errors
    ///
    /// If the system gives no random bytes.
    pub fn new_symmetric() -> Result<String> {
        Ok(format!("{SYMMETRIC}{}", BASE64.encode(random()?)))
    }

    /// A new private key and its public key, as texts.
    ///
    /// # Errors
    ///
    /// If the system gives no random bytes.
    pub fn new_pair() -> Result<(String, String)> {
        let seed = random()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| anyhow!("Ed25519: {error}"))?;
        let public = pair.public_key().as_ref();
        let private = [&seed, public].concat();
        Ok((format!("{PRIVATE}{}", BASE64.encode(private)), format!("{PUBLIC}{}", BASE64.encode(public))))
    }
}

fn random() -> Result<[u8; NEW_BYTES]> {
    let mut bytes = [0; NEW_BYTES];
    SystemRandom::new().fill(&mut bytes).ok().context("the system gives no random bytes")?;
    Ok(bytes)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Key::Symmetric(_) => "whsec_…",
            Key::Ed25519(_) => "whsk_…",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_signs_and_a_new_pair_verifies() {
        let secret = Secret::parse(&Secret::new_symmetric().unwrap()).unwrap();
        let message = [b"x".as_slice()];
        assert!(secret.sign(&message).starts_with("v1,"));
        let (private, public) = Secret::new_pair().unwrap();
        let signature = Secret::parse(&private).unwrap().sign(&message);
        let signature = BASE64.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
        let public = BASE64.decode(public.strip_prefix(PUBLIC).unwrap()).unwrap();
        assert!(UnparsedPublicKey::new(&ED25519, public).verify(b"x", &signature).is_ok());
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for text in ["", "whsec_", "whsec_?", "whsk_AAAA", "whpk_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(Secret::parse(text).is_err(), "{text}");
        }
    }
}

//! What the one writer signs, so that a server cannot make it up: the key, the version and the value.

use std::fmt;
use std::sync::Arc;

use quorum_runtime::Status;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::database::version;
use crate::mutant::{Mutant, Mutation};
use crate::storage::Entry;

/// Verifies what the writer has signed; the writer itself can sign too.
#[derive(Clone)]
pub(crate) struct Authority {
    public: Vec<u8>,
    pair: Option<Arc<Ed25519KeyPair>>,
}

impl Authority {
    /// A new key pair, as PKCS #8.
    pub(crate) fn generate() -> Option<Vec<u8>> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok()?;
        Some(pkcs8.as_ref().to_vec())
    }

    /// One who writes, if that is such a pair.
    pub(crate) fn writer(pkcs8: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Self::of)
    }

    /// A writer whose key everybody can make, for tests.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn from_seed(seed: [u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(&seed).ok().map(Self::of)
    }

    /// One who can read what the writer has written.
    pub(crate) const fn reader(public: Vec<u8>) -> Self {
        Self { public, pair: None }
    }

    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Whether it can sign.
    pub(crate) const fn can_write(&self) -> bool {
        self.pair.is_some()
    }

    pub(crate) fn sign(&self, key: &str, entry: &mut Entry, faulty: Mutation) {
        let key = if faulty.is(Mutant::SignNoKey) { "" } else { key };
        if let Some(pair) = &self.pair {
            entry.signature = pair.sign(&signed(key, entry)).as_ref().to_vec();
        }
    }

    /// Refuses what the writer has not written under this key.
    pub(crate) fn verify(&self, key: &str, entry: &Entry, faulty: Mutation) -> Result<(), Status> {
        if faulty.is(Mutant::VerifyNothing) {
            return Ok(());
        }
        let key = if faulty.is(Mutant::SignNoKey) { "" } else { key };
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(&signed(key, entry), &entry.signature)
            .map_err(|_| Status::permission_denied("the writer has not signed this"))
    }

    fn of(pair: Ed25519KeyPair) -> Self {
        Self { public: pair.public_key().as_ref().to_vec(), pair: Some(Arc::new(pair)) }
    }
}

/// No two entries give the same bytes.
fn signed(key: &str, entry: &Entry) -> Vec<u8> {
    let (number, writer) = version(entry);
    let mut bytes = b"storage/1 entry".to_vec();
    bytes.extend((key.len() as u64).to_be_bytes());
    bytes.extend(key.as_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend(writer.to_be_bytes());
    bytes.extend(entry.value.as_bytes());
    bytes
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("can_write", &self.can_write()).finish_non_exhaustive()
    }
}

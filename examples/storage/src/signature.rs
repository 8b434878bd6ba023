//! What the one writer signs, so that a server cannot make it up: the key, the version and the value.

use std::sync::Arc;

use quorum_runtime::Status;
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};

use crate::database::version;
use crate::mutant::{Mutant, Mutation};
use crate::storage::Entry;

/// Verifies what the writer has signed; the writer itself can sign too.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) public: Vec<u8>,
    pub(crate) pair: Option<Arc<Ed25519KeyPair>>,
}

impl Authority {
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

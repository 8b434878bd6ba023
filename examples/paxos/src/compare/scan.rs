//! A part of a store as digests.

use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::map::Snapshot;
use crate::paxos::{KeyDigest, ScanReply};

/// How many keys a part has, and after how many bytes of keys it ends before.
const KEYS: u64 = 1000;
const BYTES: usize = 1 << 20;

/// The part behind a key, and with the first one the sessions. With `each` the digest of each key too.
pub(crate) fn scan(snapshot: &Snapshot, after: &str, each: bool) -> Result<ScanReply, StoreError> {
    let mut part = ScanReply { slot: snapshot.applied(), end: true, ..ScanReply::default() };
    let (mut digest, mut bytes) = (Sha256::new(), 0);
    snapshot.read(after, |key, value| {
        part.end = part.keys < KEYS && bytes < BYTES;
        if part.end {
            bytes += key.len();
            part.keys += 1;
            let value = Sha256::digest(value);
            digest.update((key.len() as u64).to_le_bytes());
            digest.update(key);
            digest.update(value);
            key.clone_into(&mut part.last_key);
            if each {
                part.each.push(KeyDigest { key: key.to_owned(), digest: value.to_vec() });
            }
        }
        part.end
    })?;
    part.digest = digest.finalize().to_vec();
    if after.is_empty() {
        let mut digest = Sha256::new();
        for session in snapshot.sessions()? {
            digest.update(session.encode_length_delimited_to_vec());
        }
        part.sessions = digest.finalize().to_vec();
    }
    Ok(part)
}

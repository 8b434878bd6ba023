//! The same copy between two nodes of a cluster that are both stopped: nothing is chosen meanwhile, so the
//! snapshot is all there is.

use std::path::Path;

use anyhow::{Context as _, bail};
use example_support::folder;

use super::provider::chunk;
use crate::config::CHUNK_KEYS;
use crate::map::{Copy, Map, Snapshot};
use crate::mutant::Mutation;

/// Gives the node in one folder the store of the node in another, unless its own is newer. `progress` is
/// told how many keys were copied, and of how many.
///
/// # Errors
///
/// If one of them runs, if they are of two clusters, or if the disk fails. Then the node has the store that
/// it had.
pub(crate) fn offline(
    from: &Path,
    into: &Path,
    mut progress: impl FnMut(u64, u64),
) -> anyhow::Result<()> {
    let _locks = (folder::lock(from)?, folder::lock(into)?);
    let (source, snapshot) = Snapshot::of_stopped(from)?;
    let (own, old) = Snapshot::of_stopped(into)?;
    if own.cluster != source.cluster {
        bail!("they are of two clusters: `{}` and `{}`", source.cluster, own.cluster);
    }
    if old.applied() > snapshot.applied() {
        let (to, from) = (old.applied(), snapshot.applied());
        bail!(
            "the store of the second folder is newer: it is as of slot {to}, the first of slot {from}"
        );
    }
    drop(old);
    let mut map = Map::open(into, &own, false, Mutation::default())?;
    let (slot, total) = (snapshot.applied(), snapshot.keys()?);
    let mut copy = Copy::begin(into, &own, slot, &snapshot.sessions()?, Mutation::default())?;
    let (mut after, mut copied) = (String::new(), 0);
    loop {
        let (pairs, is_end) = chunk(&snapshot, &after, CHUNK_KEYS, 0)?;
        copy.add(&[], &pairs)?;
        copied += pairs.len() as u64;
        progress(copied, total);
        if is_end {
            break;
        }
        after = pairs.last().context("a chunk is empty")?.key.clone();
    }
    map.adopt(copy.finish()?, |_, _| Ok(Vec::new()))?;
    Ok(())
}

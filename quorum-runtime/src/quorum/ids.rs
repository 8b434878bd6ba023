use std::fmt;

use super::NodeId;

/// Up to so many ids are held in place. More of them would make the value larger for every set.
const FEW: usize = 9;

/// Node ids in a row. Several sets of them come and go with each call, and those of a small group
/// need no memory of their own.
#[derive(Clone)]
pub(super) enum Ids {
    Few { len: u8, ids: [NodeId; FEW] },
    Many(Vec<NodeId>),
}

impl Ids {
    pub(super) const fn new() -> Self {
        Self::Few { len: 0, ids: [NodeId::ZERO; FEW] }
    }

    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Few { len, .. } => *len as usize,
            Self::Many(ids) => ids.len(),
        }
    }

    pub(super) fn as_slice(&self) -> &[NodeId] {
        match self {
            Self::Few { len, ids } => &ids[..usize::from(*len)],
            Self::Many(ids) => ids,
        }
    }

    /// Puts an id behind the others.
    pub(super) fn push(&mut self, id: NodeId) {
        match self {
            Self::Few { len, ids } if usize::from(*len) < FEW => {
                ids[usize::from(*len)] = id;
                *len += 1;
            }
            Self::Few { .. } => {
                self.reserve(1);
                self.push(id);
            }
            Self::Many(ids) => ids.push(id),
        }
    }

    /// Puts an id before the one at `at`.
    pub(super) fn insert(&mut self, at: usize, id: NodeId) {
        match self {
            Self::Few { len, ids } if usize::from(*len) < FEW => {
                ids.copy_within(at..usize::from(*len), at + 1);
                ids[at] = id;
                *len += 1;
            }
            Self::Few { .. } => {
                self.reserve(1);
                self.insert(at, id);
            }
            Self::Many(ids) => ids.insert(at, id),
        }
    }

    /// Takes out the id at `at`.
    pub(super) fn remove(&mut self, at: usize) {
        match self {
            Self::Few { len, ids } => {
                ids.copy_within(at + 1..usize::from(*len), at);
                *len -= 1;
            }
            Self::Many(ids) => {
                ids.remove(at);
            }
        }
    }

    /// Brings them in ascending order, each once.
    pub(super) fn sort(&mut self) {
        if self.as_slice().is_sorted_by(|one, next| one < next) {
            return;
        }
        match self {
            Self::Few { len, ids } => {
                let ids = &mut ids[..usize::from(*len)];
                ids.sort_unstable();
                *len = 1;
                for at in 1..ids.len() {
                    if ids[at] != ids[usize::from(*len) - 1] {
                        ids[usize::from(*len)] = ids[at];
                        *len += 1;
                    }
                }
            }
            Self::Many(ids) => {
                ids.sort_unstable();
                ids.dedup();
            }
        }
    }

    /// Makes room for so many more.
    fn reserve(&mut self, more: usize) {
        match self {
            Self::Few { len, ids } => {
                let ids = &ids[..usize::from(*len)];
                if ids.len() + more > FEW {
                    let mut many = Vec::with_capacity((ids.len() + more).max(2 * FEW));
                    many.extend_from_slice(ids);
                    *self = Self::Many(many);
                }
            }
            Self::Many(ids) => ids.reserve(more),
        }
    }
}

impl Extend<NodeId> for Ids {
    fn extend<I: IntoIterator<Item = NodeId>>(&mut self, ids: I) {
        let ids = ids.into_iter();
        self.reserve(ids.size_hint().0);
        for id in ids {
            self.push(id);
        }
    }
}

impl FromIterator<NodeId> for Ids {
    fn from_iter<I: IntoIterator<Item = NodeId>>(ids: I) -> Self {
        let mut all = Self::new();
        all.extend(ids);
        all
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

use std::collections::{BTreeMap, BTreeSet};

use super::state::{FileId, FolderId};

/// The smallest piece that a disk writes wholly or not at all, in bytes.
pub(super) const SECTOR: u64 = 512;

/// What stands on a disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pub(super) folders: BTreeMap<FolderId, BTreeMap<String, FileId>>,
    pub(super) files: BTreeMap<FileId, Vec<u8>>,
}

/// A change of what stands on a disk.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { file: FileId, offset: u64, bytes: Vec<u8> },
    Resize { file: FileId, len: u64 },
    Link { folder: FolderId, name: String, file: FileId },
    Rename { folder: FolderId, from: String, to: String, file: FileId },
    Unlink { folder: FolderId, name: String },
}

/// What is synced at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    File(FileId),
    Folder(FolderId),
}

impl Image {
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Write { file, offset, bytes } => {
                let contents = self.files.entry(*file).or_default();
                let start = index(*offset);
                let end = start + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[start..end].copy_from_slice(bytes);
            }
            Change::Resize { file, len } => {
                self.files.entry(*file).or_default().resize(index(*len), 0);
            }
            Change::Link { folder, name, file } => {
                self.names(*folder).insert(name.clone(), *file);
            }
            Change::Rename { folder, from, to, file } => {
                let names = self.names(*folder);
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
            Change::Unlink { folder, name } => {
                self.names(*folder).remove(name);
            }
        }
    }

    fn names(&mut self, folder: FolderId) -> &mut BTreeMap<String, FileId> {
        self.folders.entry(folder).or_default()
    }

    /// Forgets the files that have no name. Those that have one have contents, if only none.
    pub(super) fn tidy(&mut self) {
        let named: BTreeSet<_> =
            self.folders.values().flat_map(BTreeMap::values).copied().collect();
        self.files.retain(|file, _| named.contains(file));
        for file in named {
            self.files.entry(file).or_default();
        }
    }
}

impl Change {
    pub(super) const fn scope(&self) -> Scope {
        match self {
            Self::Write { file, .. } | Self::Resize { file, .. } => Scope::File(*file),
            Self::Link { folder, .. }
            | Self::Rename { folder, .. }
            | Self::Unlink { folder, .. } => Scope::Folder(*folder),
        }
    }

    /// The pieces of which each may happen without the others: sectors of a write.
    pub(super) fn pieces(&self) -> Vec<Self> {
        let Self::Write { file, offset, bytes } = self else {
            return vec![self.clone()];
        };
        let mut pieces = Vec::new();
        let (mut offset, mut rest) = (*offset, bytes.as_slice());
        while !rest.is_empty() {
            let room = index(SECTOR - offset % SECTOR);
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            pieces.push(Self::Write { file: *file, offset, bytes: piece.to_vec() });
            offset += piece.len() as u64;
            rest = behind;
        }
        pieces
    }
}

/// An offset in memory. The limit on the length of a file keeps it in range.
pub(super) fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

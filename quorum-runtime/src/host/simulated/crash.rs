use fastrand::Rng;

use super::image::{Change, Image};

/// A change in the log.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) change: Change,
    pub(super) certainty: Certainty,
}

/// Whether a change in the log survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It may.
    Unsynced,
    /// A part of it does: the disk was about it.
    Begun,
    /// It may, and no later sync changes that: the sync that was to make it durable has failed.
    Doubtful,
    /// It does.
    Synced,
}

/// How a disk had gone about what it was given since the last sync.
#[derive(Clone, Copy, Debug)]
enum Progress {
    Nothing,
    /// In order, up to somewhere inside of the change of this number.
    InOrder(usize),
    /// In any order.
    Reordered,
}

/// How much of a change has happened.
#[derive(Clone, Copy, Debug)]
enum Extent {
    Whole,
    /// Some sectors of a write; something else not at all.
    Torn,
    None,
}

/// What a crash leaves of a disk.
pub(super) fn crashed(durable: Image, log: &[Logged], rng: &mut Rng) -> Image {
    let mut image = durable;
    let progress = match rng.u8(..3) {
        0 => Progress::Nothing,
        1 => Progress::InOrder(rng.usize(..=log.len())),
        _ => Progress::Reordered,
    };
    for (number, logged) in log.iter().enumerate() {
        match extent(number, logged, progress, rng) {
            Extent::Whole => image.apply(&logged.change),
            Extent::Torn => tear(&mut image, &logged.change, rng),
            Extent::None => {}
        }
    }
    image.tidy();
    image
}

fn extent(number: usize, logged: &Logged, progress: Progress, rng: &mut Rng) -> Extent {
    match (logged.certainty, progress) {
        (Certainty::Synced, _) => Extent::Whole,
        (Certainty::Begun, _) => match logged.change {
            Change::Write { .. } => Extent::Torn,
            _ => [Extent::Whole, Extent::None][rng.usize(..2)],
        },
        (_, Progress::Nothing) => Extent::None,
        (Certainty::Unsynced, Progress::InOrder(reached)) => match number.cmp(&reached) {
            std::cmp::Ordering::Less => Extent::Whole,
            std::cmp::Ordering::Equal => Extent::Torn,
            std::cmp::Ordering::Greater => Extent::None,
        },
        (Certainty::Doubtful, _) | (_, Progress::Reordered) => {
            [Extent::Whole, Extent::Torn, Extent::None][rng.usize(..3)]
        }
    }
}

fn tear(image: &mut Image, change: &Change, rng: &mut Rng) {
    if let Change::Write { .. } = change {
        for piece in change.pieces() {
            if rng.bool() {
                image.apply(&piece);
            }
        }
    }
}

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::Place;
use super::duration::Written;

/// Something that is done to a machine, its disk, or the network.
///
/// Its text is what a [`Schedule`](super::Schedule) is written in and what a trace shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// `crash 2`: the process is killed. Its connections are closed, and of what it wrote, what was
    /// not synced may be lost or torn.
    Crash(Place),
    /// `crash 2 in write`: the same in the middle of the next thing that it writes to its disk.
    CrashInWrite(Place),
    /// `crash 2 before operation 17`: the process is killed when it begins with the 17th operation from now
    /// on that changes or syncs what is on its disk, of which nothing is done.
    CrashBeforeOperation(Place, u32),
    /// `crash 2 in operation 17`: the same in the middle of that operation. Of what it writes, some is there
    /// then; a file is made, renamed or removed, or not; of what it syncs, any part is durable.
    CrashInOperation(Place, u32),
    /// `power-off 2`: the same as a crash, and nobody is told: its connections are not closed.
    PowerOff(Place),
    /// `erase 2`: the process is killed, and its disk is empty when it starts again.
    Erase(Place),
    /// `start 2`: what was killed, or ended by itself, starts again.
    Start(Place),
    /// `cut 1 3`: what they send each other is lost.
    Cut(Place, Place),
    /// `cut 1 -> 3`: what the first sends to the second is lost.
    CutOneWay(Place, Place),
    /// `join 1 3`: ends both kinds of cut between them.
    Join(Place, Place),
    /// `split 1 4 c2`: what these and all others send each other is lost.
    Split(BTreeSet<Place>),
    /// `unite`: ends every cut and every split.
    Unite,
    /// `break 1 3`: the connections between them are reset.
    Break(Place, Place),
    /// `hang 2`: all that it sends and that is sent to it is held back.
    Hang(Place),
    /// `wake 2`: what was held back arrives.
    Wake(Place),
    /// `slow 2 80ms`: what it sends and what is sent to it takes up to so long.
    Slow(Place, Duration),
    /// `fast 2`: as before it was slow.
    Fast(Place),
    /// `ahead 2 300ms`: its wall clock is so far ahead of the others.
    Ahead(Place, Duration),
    /// `behind 2 300ms`: its wall clock is so far behind the others.
    Behind(Place, Duration),
    /// `disk 2 fails`: writing and syncing fail.
    DiskFails(Place),
    /// `disk 2 full`: what needs more room on the disk fails.
    DiskFull(Place),
    /// `disk 2 slow 20ms`: work that waits for the disk takes up to so long.
    DiskSlow(Place, Duration),
    /// `disk 2 works`: as it should.
    DiskWorks(Place),
    /// `heal`: everything that was done is undone, and what does not run is started. Clocks stay as they
    /// are: setting them would be one more fault.
    Heal,
}

impl Fault {
    /// The places that it is done to; none where that is all of them.
    pub(super) fn places(&self) -> Vec<Place> {
        match self {
            Self::Crash(place)
            | Self::CrashInWrite(place)
            | Self::CrashBeforeOperation(place, _)
            | Self::CrashInOperation(place, _)
            | Self::PowerOff(place)
            | Self::Erase(place)
            | Self::Start(place)
            | Self::Hang(place)
            | Self::Wake(place)
            | Self::Slow(place, _)
            | Self::Fast(place)
            | Self::Ahead(place, _)
            | Self::Behind(place, _)
            | Self::DiskFails(place)
            | Self::DiskFull(place)
            | Self::DiskSlow(place, _)
            | Self::DiskWorks(place) => vec![*place],
            Self::Cut(one, other)
            | Self::CutOneWay(one, other)
            | Self::Join(one, other)
            | Self::Break(one, other) => vec![*one, *other],
            Self::Split(side) => side.iter().copied().collect(),
            Self::Unite | Self::Heal => Vec::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash(place) => write!(f, "crash {place}"),
            Self::CrashInWrite(place) => write!(f, "crash {place} in write"),
            Self::CrashBeforeOperation(place, number) => {
                write!(f, "crash {place} before operation {number}")
            }
            Self::CrashInOperation(place, number) => {
                write!(f, "crash {place} in operation {number}")
            }
            Self::PowerOff(place) => write!(f, "power-off {place}"),
            Self::Erase(place) => write!(f, "erase {place}"),
            Self::Start(place) => write!(f, "start {place}"),
            Self::Cut(one, other) => write!(f, "cut {one} {other}"),
            Self::CutOneWay(from, to) => write!(f, "cut {from} -> {to}"),
            Self::Join(one, other) => write!(f, "join {one} {other}"),
            Self::Split(side) => {
                f.write_str("split")?;
                side.iter().try_for_each(|place| write!(f, " {place}"))
            }
            Self::Unite => f.write_str("unite"),
            Self::Break(one, other) => write!(f, "break {one} {other}"),
            Self::Hang(place) => write!(f, "hang {place}"),
            Self::Wake(place) => write!(f, "wake {place}"),
            Self::Slow(place, by) => write!(f, "slow {place} {}", Written(*by)),
            Self::Fast(place) => write!(f, "fast {place}"),
            Self::Ahead(place, by) => write!(f, "ahead {place} {}", Written(*by)),
            Self::Behind(place, by) => write!(f, "behind {place} {}", Written(*by)),
            Self::DiskFails(place) => write!(f, "disk {place} fails"),
            Self::DiskFull(place) => write!(f, "disk {place} full"),
            Self::DiskSlow(place, by) => write!(f, "disk {place} slow {}", Written(*by)),
            Self::DiskWorks(place) => write!(f, "disk {place} works"),
            Self::Heal => f.write_str("heal"),
        }
    }
}

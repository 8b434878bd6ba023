use super::columns::Columns;
use crate::observe::{Event, EventKind, Message, Process};

/// The bit in the number of a call by which a server calls its client.
const BACK: u64 = 1 << 63;

/// One call of a run: which process has made it, and the number that it gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallId {
    /// The column of the caller.
    pub(super) caller: usize,
    /// Which run of it, for each counts anew.
    pub(super) run: Option<u64>,
    pub(super) sequence: u64,
}

impl CallId {
    /// The call that an event is one of.
    pub(super) fn of(event: &Event, columns: &Columns) -> Option<Self> {
        let caller = caller(event)?;
        let (run, sequence) = (columns.run(caller), event.sequence);
        (sequence != 0).then(|| Self { caller: columns.of(caller), run, sequence })
    }

    /// Its number as it is written.
    pub(super) fn number(self) -> String {
        number(self.sequence)
    }
}

/// The number of a call as it is written.
pub(super) fn number(sequence: u64) -> String {
    if sequence & BACK == 0 {
        format!("#{sequence}")
    } else {
        format!("#back-{}", sequence & !BACK)
    }
}

fn caller(event: &Event) -> Option<Process> {
    match event.kind {
        EventKind::Sent(message) => {
            if is_asking(message) {
                Some(event.at)
            } else {
                event.peer
            }
        }
        EventKind::Received(message) => {
            if is_asking(message) {
                event.peer
            } else {
                Some(event.at)
            }
        }
        EventKind::HandlerBegun
        | EventKind::HandlerReleased
        | EventKind::HandlerEnded { .. }
        | EventKind::HandlerStopped { .. } => event.peer,
        _ => Some(event.at),
    }
}

/// Whether a message goes from the caller to the one that is called.
const fn is_asking(message: Message) -> bool {
    matches!(message, Message::Request | Message::Cancel)
}

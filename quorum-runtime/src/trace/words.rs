//! What events say in words.

use super::escape::clean;
use super::run::{Fate, Run, Sending};
use crate::observe::{CallOutcome, EventKind, Message};

impl Run<'_> {
    /// What happened, with the call of which it is part.
    pub(super) fn words(&self, place: usize) -> String {
        let kind = &self.events[place].kind;
        let peer = self.events[place].peer.map(|peer| self.title(self.columns.of(peer)));
        let to = |word: &str| peer.map_or_else(String::new, |peer| format!(" {word} {peer}"));
        let call = || self.call_name(place).unwrap_or_default();
        match kind {
            EventKind::Called { targets } => format!("called {} at {}", call(), nodes(*targets)),
            EventKind::Queued => format!("queued {}{}", call(), to("to")),
            EventKind::Sent(message) | EventKind::Received(message) => {
                let arrow = if matches!(kind, EventKind::Sent(_)) { '→' } else { '←' };
                let peer = peer.unwrap_or_default();
                format!("{arrow} {peer}  {} {}", call(), name(*message))
            }
            EventKind::Failed(error) => {
                format!("failed {}{}: {}", call(), to("at"), clean(&error.to_string()))
            }
            EventKind::Ended { outcome, elapsed } => {
                format!("ended {} after {elapsed:?}: {}", call(), how(*outcome))
            }
            EventKind::HandlerBegun => format!("handler began {}", call()),
            EventKind::HandlerReleased => format!("handler released {}", call()),
            EventKind::HandlerEnded { elapsed } => {
                format!("handler ended {} after {elapsed:?}", call())
            }
            EventKind::HandlerStopped { elapsed } => {
                format!("handler stopped {} after {elapsed:?}", call())
            }
            EventKind::Connecting => format!("connecting{}", to("to")),
            EventKind::Connected { number } => format!("connected{}, number {number}", to("to")),
            EventKind::Greeted => format!("greeted{}", to("by")),
            EventKind::Disconnected(error) => {
                format!("disconnected{}: {}", to("from"), clean(&error.to_string()))
            }
            EventKind::CallerCame => format!("caller came{}", to("from")),
            EventKind::CallerWent => format!("caller went{}", to("at")),
            EventKind::Started => "started".to_owned(),
            EventKind::Crashed => "crashed".to_owned(),
            EventKind::Faulted(text) => format!("faulted{}: {}", to("towards"), clean(text)),
            EventKind::Noted(text) => format!("noted{}: {}", to("of"), clean(text)),
        }
    }

    /// The same on one line with what its message contains and what became of that, where the other
    /// end does not say so.
    pub(super) fn line(&self, place: usize) -> String {
        let mut line = self.words(place);
        let Some(message) = self.message_of[place].map(|message| &self.messages[message]) else {
            return line;
        };
        let is_first = message.ends.sent.unwrap_or(place) == place;
        let content = if is_first { self.content(place) } else { String::new() };
        for part in [content.as_str(), mark(message, is_first)] {
            if !part.is_empty() {
                line.push_str("  ");
                line.push_str(part);
            }
        }
        line
    }
}

/// What is said of a message that is not as it should be.
const fn mark(message: &Sending, is_first: bool) -> &'static str {
    match message.fate {
        Fate::Late if !is_first => "(late)",
        Fate::Lost => "(lost)",
        Fate::Unknown if message.ends.sent.is_some() => "(nobody saw it come)",
        Fate::Unknown => "(nobody saw it sent)",
        Fate::Late | Fate::Came => "",
    }
}

fn nodes(number: usize) -> String {
    format!("{number} {}", if number == 1 { "node" } else { "nodes" })
}

/// What a message is, in words.
pub(super) fn name(message: Message) -> String {
    match message {
        Message::Error(code) => format!("error ({code:?})"),
        other => other.name().to_owned(),
    }
}

/// How a call ended, in words.
pub(super) fn how(outcome: CallOutcome) -> String {
    outcome.name().replace('_', " ")
}

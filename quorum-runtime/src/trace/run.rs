use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::call_id::CallId;
use super::causal;
use super::columns::{Columns, Names};
use super::content::{self, Schema};
use super::escape::clean;
use super::matching::{self, Ends};
use super::spans::{Call, Calls, Handler, handlers};
use crate::observe::{Event, EventKind, Message, Process};

/// A run as all its pictures show it: its events in causal order, and what belongs together.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) events: Vec<&'a Event>,
    pub(super) columns: Columns,
    /// The column of each event.
    pub(super) at: Vec<usize>,
    pub(super) messages: Vec<Sending>,
    /// The message of which each event is an end.
    pub(super) message_of: Vec<Option<usize>>,
    pub(super) calls: Calls,
    pub(super) handlers: Vec<Handler>,
    schema: Option<&'a Schema>,
    names: BTreeMap<&'a str, String>,
}

/// A message, and what became of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) ends: Ends,
    pub(super) fate: Fate,
    /// The call of which it is one.
    pub(super) call: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Came,
    /// When the call was already decided.
    Late,
    Lost,
    /// The run ends before, or nobody looks at one of its ends.
    Unknown,
}

impl Fate {
    /// As the pictures name it; a message that came needs no word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Came => "",
            Self::Late => "late",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        }
    }
}

impl<'a> Run<'a> {
    /// The run in which these events happened, which are in the order of their times.
    pub(super) fn new(events: &'a [Event], names: &Names, schema: Option<&'a Schema>) -> Self {
        let events: Vec<_> = events.iter().collect();
        let columns = Columns::new(&events, names);
        let at: Vec<_> = events.iter().map(|event| columns.of(event.at)).collect();
        let mut ends = matching::messages(&events, &columns);
        let times: Vec<_> = events.iter().map(|event| event.time).collect();
        let order = causal::order(&times, &at, &ends);
        let (events, at) = (permuted(&events, &order), permuted(&at, &order));
        replace(&mut ends, &order);
        let calls = Calls::new(&events, &columns);
        let handlers = handlers(&events, &at, &calls);
        let mut message_of = vec![None; events.len()];
        for (number, ends) in ends.iter().enumerate() {
            for end in [ends.sent, ends.received].into_iter().flatten() {
                message_of[end] = Some(number);
            }
        }
        let sending = |ends| Sending::new(ends, &calls);
        let messages = ends.into_iter().map(sending).collect();
        let names = short_names(&events);
        Self { events, columns, at, messages, message_of, calls, handlers, schema, names }
    }

    /// The time since the first event.
    pub(super) fn time(&self, place: usize) -> Duration {
        let start = self.events.first().map(|event| event.time);
        start.map_or(Duration::ZERO, |start| {
            self.events[place].time.saturating_duration_since(start)
        })
    }

    pub(super) fn title(&self, column: usize) -> &str {
        &self.columns.columns[column].title
    }

    /// Whether an event happened at no process.
    pub(super) fn is_world(&self, place: usize) -> bool {
        self.columns.columns[self.at[place]].is_world
    }

    /// The call that a process has made with this number.
    pub(super) fn find_call(&self, caller: Process, sequence: u64) -> Option<usize> {
        let (caller, run) = (self.columns.of(caller), self.columns.run(caller));
        let id = CallId { caller, run, sequence };
        self.calls.calls.iter().position(|call| call.id == id)
    }

    /// The call of which an event is one.
    pub(super) fn call_of(&self, place: usize) -> Option<usize> {
        self.calls.of[place]
    }

    pub(super) fn call(&self, place: usize) -> Option<&Call> {
        self.call_of(place).map(|call| &self.calls.calls[call])
    }

    /// The method of an event, which not all of them tell, in as few words as tell it from the others.
    pub(super) fn method(&self, place: usize) -> &str {
        self.short_name(self.method_path(place))
    }

    pub(super) fn short_name<'b>(&'b self, method: &'b str) -> &'b str {
        self.names.get(method).map_or(method, String::as_str)
    }

    /// As `package.Service.Method`.
    pub(super) fn method_path(&self, place: usize) -> &str {
        match (&*self.events[place].method, self.call(place)) {
            ("", Some(call)) => &call.method,
            (method, _) => method,
        }
    }

    /// The method and the number of the call, and where it is another's, whose.
    pub(super) fn call_name(&self, place: usize) -> Option<String> {
        let call = self.call(place)?;
        let (method, number) = (self.method(place), call.id.number());
        let name = if method.is_empty() { number } else { format!("{} {number}", clean(method)) };
        let caller = call.id.caller;
        let is_other = caller != self.at[place] && self.message_of[place].is_none();
        Some(if is_other { format!("{name} of {}", self.title(caller)) } else { name })
    }

    /// What the message of an event contains.
    pub(super) fn content(&self, place: usize) -> String {
        let event = self.events[place];
        let (EventKind::Sent(message) | EventKind::Received(message)) = event.kind else {
            return String::new();
        };
        content::text(&event.content, self.schema, self.method_path(place), message)
    }
}

impl Sending {
    fn new(ends: Ends, calls: &Calls) -> Self {
        let end = ends.sent.or(ends.received);
        let call = end.and_then(|end| calls.of[end]);
        let ended = call.and_then(|call| calls.calls[call].ended);
        let is_answer = !matches!(ends.message, Message::Request | Message::Cancel);
        let fate = match ends {
            Ends { sent: Some(_), received: Some(came), .. } if is_answer => {
                if ended.is_some_and(|ended| ended < came) { Fate::Late } else { Fate::Came }
            }
            Ends { sent: Some(_), received: Some(_), .. } => Fate::Came,
            Ends { is_lost: true, .. } => Fate::Lost,
            _ => Fate::Unknown,
        };
        Self { ends, fate, call }
    }

    pub(super) const fn is_error(&self) -> bool {
        matches!(self.ends.message, Message::Error(_))
    }
}

fn permuted<T: Copy>(all: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|place| all[*place]).collect()
}

/// Gives the ends of messages the places that their events have in another order.
fn replace(ends: &mut [Ends], order: &[usize]) {
    let mut places = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        places[*old] = new;
    }
    for Ends { sent, received, .. } in ends.iter_mut() {
        *sent = sent.map(|sent| places[sent]);
        *received = received.map(|received| places[received]);
    }
    ends.sort_by_key(|ends| ends.sent.or(ends.received));
}

/// Of each method, as much of the end of its path as no other method has.
fn short_names<'a>(events: &[&'a Event]) -> BTreeMap<&'a str, String> {
    let methods: BTreeSet<&str> = events.iter().map(|event| &*event.method).collect();
    let short = |method: &&'a str| {
        let others = || methods.iter().filter(|other| *other != method);
        let starts = method.match_indices('.').map(|(dot, _)| dot + 1).rev();
        let is_alone = |start: &usize| !others().any(|other| other.ends_with(&method[start - 1..]));
        let start = starts.into_iter().find(is_alone).unwrap_or(0);
        (*method, method[start..].to_owned())
    };
    methods.iter().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Process;
    use crate::trace::scripts::Script;

    #[test]
    fn methods_have_the_shortest_names_that_tell_them_apart() {
        let mut script = Script::default();
        for method in ["a.Store.Get", "a.Store.Put", "b.Store.Put", "b.Queue.Put", "plain"] {
            let called = EventKind::Called { targets: 1 };
            script.at(0, Process::run(1), called).method = method.into();
        }
        let events: Vec<_> = script.events.iter().collect();
        let names: Vec<_> = short_names(&events).into_values().collect();
        assert_eq!(names, ["Get", "a.Store.Put", "Queue.Put", "b.Store.Put", "plain"]);
    }

    #[test]
    fn a_reply_is_late_once_its_call_has_ended() {
        let trace = Script::writes().trace();
        let fates: Vec<_> = trace.run().messages.iter().map(|message| message.fate).collect();
        use Fate::{Came, Late, Lost};
        assert_eq!(fates, [Came, Came, Came, Late, Lost, Came, Came]);
    }
}

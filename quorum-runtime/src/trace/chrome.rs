use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::clocks::Clocks;
use super::run::Run;
use super::spans::tracks;
use crate::observe::EventKind;

/// How long an end of a message is shown, in microseconds: what takes no time cannot be seen, and no
/// arrow can begin there.
const INSTANT: f64 = 1.0;

/// The trace event format of Chrome, one part a line. A column is a process, with threads for its
/// calls, its handlers, the ends of messages, and what else happens there.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
    let spans = Spans::new(run);
    let mut parts = Parts { out, is_first: true };
    for pid in 0..run.columns.columns.len() {
        let name = Some(Arguments::name(run.title(pid)));
        parts.add(&Part { args: name, ..Part::new("process_name", "M", pid) })?;
        let order = Some(Arguments::Order { sort_index: pid });
        parts.add(&Part { args: order, ..Part::new("process_sort_index", "M", pid) })?;
    }
    for ((pid, thread), name) in spans.names(run) {
        let (tid, args) = (thread.id(), Some(Arguments::name(&name)));
        parts.add(&Part { tid, args, ..Part::new("thread_name", "M", pid) })?;
    }
    let mut clocks = Clocks::new(run);
    for place in 0..run.events.len() {
        let clock = Clock { run, clock: clocks.tick(run, place) };
        parts.add_event(run, place, &spans, clock)?;
    }
    parts.out.write_all(b"\n]}\n")
}

/// What takes time, and where it is shown.
struct Spans {
    /// Of each event with which something begins.
    threads: Vec<Option<Thread>>,
    /// By the place of the event with which they begin.
    ends: BTreeMap<usize, usize>,
}

/// A line of what a process does: a kind of thing, and which of those that go on at one time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Thread {
    kind: Kind,
    track: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Call,
    Handler,
    Message,
    Mark,
}

impl Spans {
    fn new(run: &Run<'_>) -> Self {
        let calls = run.calls.calls.iter().map(|call| (call.called, call.ended));
        let handlers = run.handlers.iter().map(|handler| (Some(handler.begun), handler.ended));
        let ends = calls.chain(handlers).filter_map(|(begin, end)| Some((begin?, end?))).collect();
        let mut spans = Self { threads: vec![None; run.events.len()], ends };
        let mut places: BTreeMap<(usize, Kind), Vec<usize>> = BTreeMap::new();
        for (place, event) in run.events.iter().enumerate() {
            if let Some(kind) = Kind::of(&event.kind) {
                places.entry((run.at[place], kind)).or_default().push(place);
            }
        }
        for ((_, kind), places) in places {
            let span = |place: &usize| {
                let begin = micros(run, *place);
                (begin, spans.duration(run, kind, *place).map(|duration| begin + duration))
            };
            let tracks = tracks(&places.iter().map(span).collect::<Vec<_>>());
            for (place, track) in places.into_iter().zip(tracks) {
                spans.threads[place] = Some(Thread { kind, track });
            }
        }
        spans
    }

    /// In microseconds; `None` of what has no end.
    fn duration(&self, run: &Run<'_>, kind: Kind, place: usize) -> Option<f64> {
        match kind {
            Kind::Mark => Some(0.0),
            Kind::Message => Some(INSTANT),
            Kind::Call | Kind::Handler => {
                self.ends.get(&place).map(|end| micros(run, *end) - micros(run, place))
            }
        }
    }

    fn names(&self, run: &Run<'_>) -> BTreeMap<(usize, Thread), String> {
        let used = self.threads.iter().zip(&run.at);
        let named = |(thread, at): (&Option<Thread>, &usize)| {
            thread.map(|thread| ((*at, thread), thread.name()))
        };
        used.filter_map(named).collect()
    }
}

impl Kind {
    /// What begins with an event, or all that it is.
    const fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::Called { .. } => Some(Self::Call),
            EventKind::HandlerBegun => Some(Self::Handler),
            EventKind::Sent(_) | EventKind::Received(_) => Some(Self::Message),
            EventKind::Ended { .. }
            | EventKind::HandlerEnded { .. }
            | EventKind::HandlerStopped { .. } => None,
            _ => Some(Self::Mark),
        }
    }
}

impl Thread {
    const fn id(self) -> usize {
        1 + self.kind as usize + 4 * self.track
    }

    fn name(self) -> String {
        let kind = match self.kind {
            Kind::Call => "calls",
            Kind::Handler => "handlers",
            Kind::Message => "messages",
            Kind::Mark => "marks",
        };
        if self.track == 0 { kind.to_owned() } else { format!("{kind} {}", self.track + 1) }
    }
}

/// The parts of the file that are written so far.
struct Parts<'a> {
    out: &'a mut dyn Write,
    is_first: bool,
}

impl Parts<'_> {
    fn add(&mut self, part: &Part<'_>) -> io::Result<()> {
        self.out.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        self.is_first = false;
        Ok(serde_json::to_writer(&mut *self.out, part)?)
    }

    fn add_event(
        &mut self,
        run: &Run<'_>,
        place: usize,
        spans: &Spans,
        clock: Clock<'_>,
    ) -> io::Result<()> {
        let Some(thread) = spans.threads[place] else {
            return Ok(());
        };
        let ts = micros(run, place);
        let until_end = || micros(run, run.events.len() - 1) - ts;
        let (ph, dur, s) = match thread.kind {
            Kind::Mark => ("i", None, Some(if run.is_world(place) { "g" } else { "p" })),
            kind => ("X", spans.duration(run, kind, place).or_else(|| Some(until_end())), None),
        };
        let name = match thread.kind {
            Kind::Call | Kind::Handler => run.call_name(place).unwrap_or_default(),
            Kind::Message | Kind::Mark => run.words(place),
        };
        let end = spans.ends.get(&place).map(|end| run.words(*end));
        let (method, sequence) = (run.method_path(place), run.events[place].sequence);
        let args =
            Some(Arguments::Event { method, sequence, content: run.content(place), end, clock });
        let (ts, tid) = (Some(ts), thread.id());
        self.add(&Part { tid, ts, dur, s, args, ..Part::new(&name, ph, run.at[place]) })?;
        // The arrow from the one end of a message to the other.
        let message = run.message_of[place].map(|number| (number, run.messages[number].ends));
        if let Some((id, ends)) =
            message.filter(|(_, ends)| ends.sent.is_some() && ends.received.is_some())
        {
            let (ph, bp) = if ends.sent == Some(place) { ("s", None) } else { ("f", Some("e")) };
            let (id, cat) = (Some(id), Some("message"));
            self.add(&Part { tid, ts, id, cat, bp, ..Part::new("message", ph, run.at[place]) })?;
        }
        Ok(())
    }
}

/// One line, with the names that the format has.
#[derive(Serialize)]
struct Part<'a> {
    name: &'a str,
    ph: &'a str,
    pid: usize,
    tid: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Arguments<'a>>,
}

impl<'a> Part<'a> {
    const fn new(name: &'a str, ph: &'a str, pid: usize) -> Self {
        let (ts, dur, cat, id, bp, s) = (None, None, None, None, None, None);
        Self { name, ph, pid, tid: 0, ts, dur, cat, id, bp, s, args: None }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Arguments<'a> {
    Name {
        name: &'a str,
    },
    Order {
        sort_index: usize,
    },
    Event {
        #[serde(skip_serializing_if = "str::is_empty")]
        method: &'a str,
        #[serde(skip_serializing_if = "is_zero")]
        sequence: u64,
        #[serde(skip_serializing_if = "String::is_empty")]
        content: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<String>,
        clock: Clock<'a>,
    },
}

impl<'a> Arguments<'a> {
    const fn name(name: &'a str) -> Self {
        Self::Name { name }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A vector clock, by the titles of the columns.
struct Clock<'a> {
    run: &'a Run<'a>,
    clock: &'a [u64],
}

impl Serialize for Clock<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.clock.iter().enumerate().filter(|(_, count)| **count > 0);
        serializer.collect_map(counts.map(|(column, count)| (self.run.title(column), count)))
    }
}

/// The time of an event in microseconds.
fn micros(run: &Run<'_>, place: usize) -> f64 {
    run.time(place).as_nanos() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::Value;

    use crate::trace::Format;
    use crate::trace::scripts::Script;

    fn json(script: Script) -> String {
        let mut json = Vec::new();
        script.trace().write(Format::Chrome, &mut json).expect("memory takes all");
        String::from_utf8(json).expect("it is text")
    }

    #[test]
    fn a_line_for_each_part() {
        let json = json(Script::writes());
        let lines: Vec<_> = json.lines().skip(1).filter(|line| !line.contains("\"M\"")).collect();
        expect![[r#"
            {"name":"noted: the run begins","ph":"i","pid":3,"tid":4,"ts":0.0,"s":"g","args":{"clock":{"network":1}}},
            {"name":"Put #1","ph":"X","pid":2,"tid":1,"ts":1000.0,"dur":5000.0,"args":{"method":"a.Store.Put","sequence":1,"end":"ended Put #1 after 6ms: done","clock":{"client 1":1}}},
            {"name":"→ node 1  Put #1 request","ph":"X","pid":2,"tid":3,"ts":1000.0,"dur":1.0,"args":{"method":"a.Store.Put","sequence":1,"content":"1: \"k7\"","clock":{"client 1":2}}},
            {"name":"message","ph":"s","pid":2,"tid":3,"ts":1000.0,"cat":"message","id":0},
            {"name":"→ node 2  Put #1 request","ph":"X","pid":2,"tid":7,"ts":1000.0,"dur":1.0,"args":{"method":"a.Store.Put","sequence":1,"content":"1: \"k7\"","clock":{"client 1":3}}},
            {"name":"message","ph":"s","pid":2,"tid":7,"ts":1000.0,"cat":"message","id":1},
            {"name":"← client 1  Put #1 request","ph":"X","pid":0,"tid":3,"ts":3000.0,"dur":1.0,"args":{"method":"a.Store.Put","sequence":1,"content":"1: \"k7\"","clock":{"node 1":1,"client 1":2}}},
            {"name":"message","ph":"f","pid":0,"tid":3,"ts":3000.0,"cat":"message","id":0,"bp":"e"},
            {"name":"Put #1 of client 1","ph":"X","pid":0,"tid":2,"ts":3000.0,"dur":1000.0,"args":{"method":"a.Store.Put","sequence":1,"end":"handler ended Put #1 of client 1 after 1ms","clock":{"node 1":2,"client 1":2}}},
            {"name":"→ client 1  Put #1 reply","ph":"X","pid":0,"tid":3,"ts":4000.0,"dur":1.0,"args":{"method":"a.Store.Put","sequence":1,"content":"1: \"k7\"","clock":{"node 1":4,"client 1":2}}},"#]].assert_eq(&lines[..10].join("\n"));
    }

    #[test]
    fn every_arrow_has_two_ends_within_what_it_connects() {
        let json: Value = serde_json::from_str(&json(Script::writes())).expect("it is JSON");
        let parts = json["traceEvents"].as_array().expect("a list");
        let of = |phase: &'static str| parts.iter().filter(move |part| part["ph"] == phase);
        assert_eq!(of("s").count(), 6);
        for from in of("s") {
            let mut to = of("f").filter(|to| to["id"] == from["id"]);
            let to = to.next().expect("an arrow has an end");
            assert!(to["ts"].as_f64() >= from["ts"].as_f64());
            for end in [from, to] {
                let is_around = |slice: &&Value| {
                    ["pid", "tid", "ts"].iter().all(|name| slice[name] == end[name])
                };
                assert!(of("X").any(|slice| is_around(&slice)), "{end}");
            }
        }
    }
}

mod part;
mod threads;

use std::io::{self, Write};

use self::part::{Arguments, Clock, Part};
use self::threads::{Kind, Spans, micros};
use super::clocks::Clocks;
use super::run::Run;

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

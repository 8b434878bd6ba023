use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::time::Instant;

use super::scripts::Script;
use super::*;
use crate::error::{ConnectionError, NodeError};
use crate::observe::{CallOutcome, Event, EventKind, Message, Process};

const FORMATS: [Format; 5] =
    [Format::Html, Format::Svg, Format::ShiViz, Format::Chrome, Format::Text];

fn written(trace: &Trace, format: Format) -> String {
    let mut file = Vec::new();
    trace.write(format, &mut file).expect("memory takes all");
    String::from_utf8(file).expect("it is text")
}

#[test]
fn a_run_is_the_same_in_whichever_order_its_logs_come() {
    let mut events = Script::writes().events;
    // Of one log each, in its order.
    events.sort_by_key(|event| event.at);
    let start = Trace::new(events.clone());
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    let other = Trace::new(events);
    assert_eq!(start.run().messages.len(), 7);
    for trace in [start, other] {
        let text = trace.to_text();
        let [sent, came] =
            ["client 1  → node 1  Put #1 request", "node 1    ← client 1  Put #1 request"]
                .map(|line| text.find(line).expect("the line"));
        assert!(sent < came, "{text}");
    }
}

#[test]
fn what_a_process_says_stays_what_it_says() {
    let hostile = "</title></text></script><script>alert(1)</script>\u{1b}]]>\"'&";
    let mut script = Script::writes();
    for event in &mut script.events {
        event.content = [&b"\x0a\x38"[..], hostile.as_bytes()].concat().into();
        event.method = if event.sequence == 0 { "".into() } else { hostile.into() };
    }
    script.at(9, Process::node(2), EventKind::Noted(hostile.into()));
    script.at(9, Process::default(), EventKind::Faulted(hostile.into()));
    let trace = script.trace().name(Process::run(77), hostile).name(Process::node(1), hostile);
    for format in FORMATS {
        let file = written(&trace, format);
        assert!(!file.contains('\u{1b}'), "{format:?}");
        if matches!(format, Format::Html | Format::Svg) {
            assert!(!file.contains("<script>alert"), "{format:?}");
            assert!(!file.contains("]]>"), "{format:?}");
        }
    }
    assert_eq!(written(&trace, Format::Html).matches("<script").count(), 1);
    assert_eq!(trace.to_text().lines().count(), 26);
    assert_eq!(written(&trace, Format::ShiViz).lines().count(), 2 + 2 * 26);
}

fn process() -> impl Strategy<Value = Process> {
    let node = proptest::option::of(prop_oneof![0..4u32, 1u32 << 20..(1 << 20) + 2]);
    let run = proptest::option::of(0..4u64);
    (node, run).prop_map(|(node, incarnation)| Process { node: node.map(Into::into), incarnation })
}

fn kind() -> impl Strategy<Value = EventKind> {
    let elapsed = Duration::from_millis(1);
    let gone = ConnectionError::new("gone");
    let messages = [Message::Request, Message::Reply, Message::End, Message::Cancel];
    let message = proptest::sample::select(messages.to_vec());
    let mark = proptest::sample::select(vec![
        EventKind::Called { targets: 2 },
        EventKind::Ended { outcome: CallOutcome::Done, elapsed },
        EventKind::HandlerBegun,
        EventKind::HandlerEnded { elapsed },
        EventKind::Failed(NodeError::Closed),
        EventKind::Disconnected(gone),
        EventKind::Started,
        EventKind::Crashed,
        EventKind::Faulted("fault".into()),
    ]);
    prop_oneof![
        3 => message.clone().prop_map(EventKind::Sent),
        3 => message.prop_map(EventKind::Received),
        2 => mark,
    ]
}

prop_compose! {
    fn event()(
        at in process(), peer in proptest::option::of(process()), kind in kind(),
        time in 0..9u64, sequence in 0..3u64, content in vec(any::<u8>(), 0..9),
    ) -> (u64, Event) {
        let mut event = Event::new(at, kind);
        (event.peer, event.sequence, event.content) = (peer, sequence, content.into());
        (time * time * time, event)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_events_can_be_written(events in vec(event(), 0..60), max_drawn in 0..70usize) {
        let start = Instant::now();
        let timed = |(time, event)| Event { time: start + Duration::from_millis(time), ..event };
        let events: Vec<_> = events.into_iter().map(timed).collect();
        let trace = Trace::new(events.clone()).max_drawn(max_drawn).highlight(Process::node(1), 1);
        for format in FORMATS {
            prop_assert_eq!(written(&trace, format), written(&trace, format));
        }
        prop_assert_eq!(trace.to_text().lines().count(), events.len());
        for sending in &trace.run().messages {
            if let (Some(sent), Some(received)) = (sending.ends.sent, sending.ends.received) {
                let run = trace.run();
                prop_assert!(run.events[sent].time <= run.events[received].time);
            }
        }
    }
}

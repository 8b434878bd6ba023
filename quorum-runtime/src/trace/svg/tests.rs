use super::*;
use crate::observe::{EventKind, Message, Process};
use crate::trace::scripts::{Script, node_run};
use crate::trace::{Format, Trace};

fn picture(trace: &Trace) -> String {
    let mut picture = Vec::new();
    trace.write(Format::Svg, &mut picture).expect("memory takes all");
    String::from_utf8(picture).expect("it is text")
}

/// How many elements have exactly this class and belong to something.
fn count(picture: &str, class: &str) -> usize {
    picture.matches(&format!("<g class=\"{class}\" data-")).count()
}

#[test]
fn an_arrow_a_message_and_a_bar_a_call_and_a_handler() {
    let picture = picture(&Script::writes().trace());
    let of = |class| count(&picture, class);
    assert_eq!(
        ["m request", "m reply", "m reply late", "m request lost", "m error"].map(of),
        [3, 1, 1, 1, 1]
    );
    assert_eq!(
        ["call", "handler", "mark crashed", "mark started", "mark fault"].map(of),
        [2, 2, 1, 1, 1]
    );
    assert!(picture.contains("7 messages: 1 lost, 1 late, 1 errors"), "{picture}");
}

#[test]
fn every_element_is_closed_in_its_turn() {
    let mut trace = Script::writes().trace();
    for max_drawn in [100, 10] {
        trace = trace.max_drawn(max_drawn);
        let picture = picture(&trace);
        let mut open = Vec::new();
        for tag in picture.split('<').skip(1) {
            let tag = tag.split('>').next().expect("a split has a first part");
            let name = tag.trim_start_matches('/').split([' ', '/']).next().expect("the same");
            match tag {
                _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name)),
                _ if tag.ends_with('/') => {}
                _ => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn effects_stand_below_their_causes_and_long_times_are_short() {
    let trace = Script::writes().trace();
    let run = trace.run();
    let layout = Layout::new(&run, 0..run.events.len());
    for message in &run.messages {
        if let (Some(sent), Some(received)) = (message.ends.sent, message.ends.received) {
            assert!(layout.y(sent) + 7 <= layout.y(received), "{message:?}");
        }
    }
    let gaps: Vec<_> = layout.gaps.iter().map(|(_, time)| time.as_millis()).collect();
    assert_eq!(gaps, [1975]);
    assert!(layout.height < 600, "{}", layout.height);
}

#[test]
fn what_takes_no_time_goes_down_as_well() {
    let mut script = Script::default();
    let ends = [Process::run(77), node_run(1, 10)];
    script.message([0, 0], ends, 1, Message::Request);
    script.message([0, 9], ends, 2, Message::Request);
    let trace = script.trace();
    let layout = Layout::new(&trace.run(), 0..4);
    assert!(layout.y(0) < layout.y(1), "{layout:?}");
}

#[test]
fn the_requests_of_one_call_begin_at_one_point() {
    let trace = Script::writes().trace();
    let run = trace.run();
    let layout = Layout::new(&run, 0..run.events.len());
    let is_sent =
        |place: &usize| matches!(run.events[*place].kind, EventKind::Sent(Message::Request));
    let heights: Vec<_> =
        (0..run.events.len()).filter(is_sent).map(|place| layout.y(place)).collect();
    assert_eq!((heights[0], heights[2]), (heights[1], heights[3]));
}

#[test]
fn the_line_of_a_process_is_broken_where_it_is_down() {
    let trace = Script::writes().trace();
    let run = trace.run();
    let options = Options { highlighted: BTreeSet::new(), max_drawn: 100 };
    let diagram = Diagram::new(&run, &options);
    let mut lives = Vec::new();
    diagram.lives(&mut lives).expect("memory takes all");
    let lives = String::from_utf8(lives).expect("it is text");
    let classes: Vec<_> =
        lives.lines().map(|line| line.split('"').nth(1).expect("a class")).collect();
    assert_eq!(classes, ["life", "life", "down", "life", "life"]);
}

#[test]
fn a_picture_stops_and_says_so() {
    let trace = Script::writes().trace().max_drawn(10);
    let first = picture(&trace);
    assert!(first.contains("Shown are the events 1 to 10 only"));
    assert!(first.contains("the picture stops here: 14 more events are not shown"));
    // What is cut in two has an open end.
    assert_eq!(count(&first, "m request"), 2);
    assert!(!first.contains("Put #2"));

    let hot = picture(&trace.highlight(Process::run(77), 2));
    assert!(hot.contains("Shown are the events 13 to 22 only"), "{}", &hot[..500]);
    assert_eq!(count(&hot, "call hot"), 1);
    assert_eq!(count(&hot, "m request lost hot"), 1);
}

#[test]
fn a_process_that_calls_itself_has_an_arrow_to_itself() {
    let mut script = Script::default();
    let node = node_run(1, 10);
    script.message([0, 1], [node, node], 1, Message::Request);
    let picture = picture(&script.trace());
    assert!(picture.contains("data-n=\"0\" data-m=\"Put\"><title>Put #1 request: node 1 → node 1"));
}

use std::io::{self, Write};

use super::part::Part;
use super::{Diagram, LANE};
use crate::observe::Message;
use crate::trace::matching::Ends;
use crate::trace::run::{Fate, Sending};
use crate::trace::words;

/// How far down a message goes that nobody receives.
const FALL: i64 = 20;

impl Diagram<'_> {
    /// An arrow for each message that has an end in what is shown.
    pub(super) fn messages(&self, out: &mut dyn Write) -> io::Result<()> {
        for message in &self.run.messages {
            let Ends { from, to, sent, received, .. } = message.ends;
            let place =
                [sent, received].into_iter().flatten().find(|end| self.layout.shown.contains(end));
            // Where nobody is at the other end, there is nothing to draw an arrow to.
            if let (Some(place), true) =
                (place, self.lanes().contains(&from) && self.lanes().contains(&to))
            {
                self.add(&self.message(message, place), out)?;
            }
        }
        Ok(())
    }

    fn message(&self, message: &Sending, place: usize) -> Part {
        let Ends { from, to, message: what, .. } = message.ends;
        let (line, end) = self.arrow(message);
        // The wide line is there to be pointed at.
        let shape =
            format!("<path class=\"wide\" d=\"{line}\"/><path d=\"{line}\"{}/>{end}", tip(message));
        let class = format!("m {} {}", kind(what), message.fate.word());
        let name = self.run.call_name(place).unwrap_or_default();
        let head = format!(
            "{name} {}: {} → {}",
            words::name(what),
            self.run.title(from),
            self.run.title(to)
        );
        let columns = if from == to { vec![from] } else { vec![from, to] };
        let method = self.run.method(place).to_owned();
        let says = vec![head, self.times_of(message), self.run.content(place)];
        Part {
            class: class.trim_end().to_owned(),
            call: message.call,
            columns,
            method,
            says,
            shape,
        }
    }

    /// The line of a message, and what is at its end if that is no tip.
    fn arrow(&self, message: &Sending) -> (String, String) {
        let Ends { from, to, sent, received, .. } = message.ends;
        let shown = |end: Option<usize>| end.filter(|end| self.layout.shown.contains(end));
        let (from, to) = (self.x(from), self.x(to));
        match (shown(sent), shown(received)) {
            (Some(sent), Some(received)) => {
                (line(from, self.layout.y(sent), to, self.layout.y(received)), String::new())
            }
            (Some(sent), None) => {
                let y = self.layout.y(sent);
                let x = from + reach(to - from);
                let end = match message.fate {
                    Fate::Lost => {
                        format!("<path d=\"M{} {}l8 8m0 -8l-8 8\"/>", x - 4, y + FALL - 4)
                    }
                    _ => format!("<circle cx=\"{x}\" cy=\"{}\" r=\"2.5\"/>", y + FALL),
                };
                (line(from, y, x, y + FALL), end)
            }
            (None, received) => {
                let y = received.map_or(0, |received| self.layout.y(received));
                let x = to - reach(to - from);
                let end = format!("<circle cx=\"{x}\" cy=\"{}\" r=\"2.5\"/>", y - FALL / 2);
                (line(x, y - FALL / 2, to, y), end)
            }
        }
    }

    /// When it was sent and received.
    fn times_of(&self, message: &Sending) -> String {
        let at = |place: usize| format!("{:.6} s", self.run.time(place).as_secs_f64());
        let Ends { sent, received, .. } = message.ends;
        match (sent, received) {
            (Some(sent), Some(received)) => {
                let took = self.run.time(received).saturating_sub(self.run.time(sent));
                let late =
                    if message.fate == Fate::Late { ", after its call had ended" } else { "" };
                format!("sent at {}, received at {}, after {took:?}{late}", at(sent), at(received))
            }
            (Some(sent), None) if message.fate == Fate::Lost => {
                format!("sent at {}, lost", at(sent))
            }
            (Some(sent), None) => format!("sent at {}; nobody saw it come", at(sent)),
            (None, received) => {
                let received = received.map(at).unwrap_or_default();
                format!("received at {received}; nobody saw it sent")
            }
        }
    }
}

const fn kind(message: Message) -> &'static str {
    match message {
        Message::Request => "request",
        Message::Cancel => "request cancel",
        Message::Reply => "reply",
        Message::End => "reply end",
        Message::Error(_) => "error",
    }
}

fn tip(message: &Sending) -> String {
    let colour = match (message.fate, message.ends.message) {
        (Fate::Late, _) => "late",
        (Fate::Lost, _) => return String::new(),
        (Fate::Unknown, _) if message.ends.received.is_none() => return String::new(),
        (_, Message::Request | Message::Cancel) => "request",
        (_, Message::Reply | Message::End) => "reply",
        (_, Message::Error(_)) => "error",
    };
    format!(" marker-end=\"url(#quorum-{colour})\"")
}

/// How far a line goes that does not arrive: so far that one sees where it was to go.
const fn reach(way: i64) -> i64 {
    match way {
        0 => LANE / 3,
        way => way - way.signum() * LANE / 3,
    }
}

fn line(from: i64, above: i64, to: i64, below: i64) -> String {
    if from == to {
        let side = from + LANE / 4;
        return format!("M{from} {above}C{side} {above} {side} {below} {to} {below}");
    }
    format!("M{from} {above}L{to} {below}")
}

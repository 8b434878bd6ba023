use std::fmt::Write as _;
use std::io::{self, Write};

use super::clocks::Clocks;
use super::run::Run;

/// How ShiViz finds the fields of what follows.
const PARSER: &str = r"(?<host>\S*) (?<clock>{.*})\n(?<time>\S*) (?<event>.*)";

/// The log that ShiViz reads (Beschastnikh, Liu, Xing, Wang, Brun and Ernst: Visualizing Distributed
/// System Executions, 2020). Its first line is the parser, its second would tell several runs apart.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{PARSER}\n")?;
    let hosts = hosts(run);
    let mut clocks = Clocks::new(run);
    let mut clock = String::new();
    for place in 0..run.events.len() {
        clock.clear();
        for (host, count) in hosts.iter().zip(clocks.tick(run, place)) {
            if *count > 0 {
                let comma = if clock.is_empty() { "" } else { ", " };
                // To write to a string does not fail.
                let _ = write!(clock, "{comma}\"{host}\": {count}");
            }
        }
        writeln!(out, "{} {{{clock}}}", hosts[run.at[place]])?;
        writeln!(out, "{:.6}s {}", run.time(place).as_secs_f64(), run.line(place))?;
    }
    Ok(())
}

/// The titles of the columns as words that need no quotes, all different.
fn hosts(run: &Run<'_>) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for column in &run.columns.columns {
        let letters = column.title.chars();
        let word = |letter: char| {
            if letter.is_alphanumeric() || ".-".contains(letter) { letter } else { '_' }
        };
        let mut host: String = letters.map(word).collect();
        while host.is_empty() || hosts.contains(&host) {
            host.push('_');
        }
        hosts.push(host);
    }
    hosts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;

    use crate::observe::Process;
    use crate::trace::scripts::Script;
    use crate::trace::{Format, Trace};

    fn log(trace: &Trace) -> String {
        let mut log = Vec::new();
        trace.write(Format::ShiViz, &mut log).expect("memory takes all");
        String::from_utf8(log).expect("it is text")
    }

    #[test]
    fn the_parser_an_empty_line_and_two_lines_for_each_event() {
        let log = log(&Script::writes().trace());
        let lines: Vec<_> = log.lines().take(18).collect();
        expect![[r#"
            (?<host>\S*) (?<clock>{.*})\n(?<time>\S*) (?<event>.*)

            network {"network": 1}
            0.000000s noted: the run begins
            client_1 {"client_1": 1}
            0.001000s called Put #1 at 2 nodes
            client_1 {"client_1": 2}
            0.001000s → node 1  Put #1 request  1: "k7"
            client_1 {"client_1": 3}
            0.001000s → node 2  Put #1 request  1: "k7"
            node_1 {"node_1": 1, "client_1": 2}
            0.003000s ← client 1  Put #1 request
            node_1 {"node_1": 2, "client_1": 2}
            0.003000s handler began Put #1 of client 1
            node_1 {"node_1": 3, "client_1": 2}
            0.004000s handler ended Put #1 of client 1 after 1ms
            node_1 {"node_1": 4, "client_1": 2}
            0.004000s → client 1  Put #1 reply  1: "k7""#]]
        .assert_eq(&lines.join("\n"));
    }

    /// What ShiViz asks of its input.
    #[test]
    fn every_host_counts_its_own_events_from_one() {
        let names = [(77, "a b"), (10, "a_b")];
        let named = |trace: Trace, (run, name): (u64, &str)| trace.name(Process::run(run), name);
        let log = log(&names.into_iter().fold(Script::writes().trace(), named));
        let mut counted = BTreeMap::new();
        let lines: Vec<_> = log.lines().skip(2).collect();
        for event in lines.chunks(2) {
            let (host, clock) = event[0].split_once(' ').expect("a host and a clock");
            let clock: BTreeMap<String, u64> = serde_json::from_str(clock).expect("it is JSON");
            let count = counted.entry(host).or_insert(0);
            *count += 1;
            assert_eq!(clock[host], *count, "{event:?}");
        }
        assert_eq!(counted.into_keys().collect::<Vec<_>>(), ["a_b", "a_b_", "network", "node_2"]);
    }
}

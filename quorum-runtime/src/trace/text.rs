use std::io::{self, Write};

use super::run::Run;

/// One line an event: its time in seconds since the first, its process, and what happened. No line
/// begins with a space, which an editor or a test might take away.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let titles = run.columns.columns.iter().map(|column| column.title.chars().count());
    let wide = titles.max().unwrap_or(0);
    let last = run.events.len().checked_sub(1).map(|last| run.time(last).as_secs_f64());
    let digits = format!("{:.6}", last.unwrap_or(0.0)).len();
    for place in 0..run.events.len() {
        let (time, title) = (run.time(place).as_secs_f64(), run.title(run.at[place]));
        writeln!(out, "{time:0digits$.6}  {title:wide$}  {}", run.line(place))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::trace::scripts::Script;

    #[test]
    fn a_line_for_each_event() {
        let text = Script::writes().trace().to_text();
        expect![[r#"
               0.000000  network   noted: the run begins
               0.001000  client 1  called Put #1 at 2 nodes
               0.001000  client 1  → node 1  Put #1 request  1: "k7"
               0.001000  client 1  → node 2  Put #1 request  1: "k7"
               0.003000  node 1    ← client 1  Put #1 request
               0.003000  node 1    handler began Put #1 of client 1
               0.004000  node 1    handler ended Put #1 of client 1 after 1ms
               0.004000  node 1    → client 1  Put #1 reply  1: "k7"
               0.006000  client 1  ← node 1  Put #1 reply
               0.006000  client 1  ended Put #1 after 6ms: done
               0.010000  node 2    ← client 1  Put #1 request
               0.010000  node 2    handler began Put #1 of client 1
               0.011000  node 2    handler ended Put #1 of client 1 after 1ms
               0.011000  node 2    → client 1  Put #1 reply  1: "k7"
               0.013000  client 1  ← node 2  Put #1 reply  (late)
               0.020000  client 1  called Put #2 at 2 nodes
               0.020000  client 1  → node 2  Put #2 request  (lost)
               0.020000  client 1  → node 1  Put #2 request  1: "k7"
               0.021000  node 2    crashed
               0.022000  node 1    ← client 1  Put #2 request
               0.023000  node 1    → client 1  Put #2 error (Aborted)  1: "k7"
               0.025000  client 1  ← node 1  Put #2 error (Aborted)
               2.000000  node 2    started
               2.001000  node 1    faulted: slowed down
        "#]]
        .assert_eq(&text);
    }
}

//! `compare`: its table, its lines and its chart.

use crate::program::{figures, printed, run};

const SHORT: &str = "--seconds 0.1 --warm-up 0";

#[test]
fn peers_are_compared_in_a_table_in_lines_and_in_a_chart() {
    let folder = tempfile::tempdir().unwrap();
    let (json, chart) = (folder.path().join("runs.jsonl"), folder.path().join("chart.svg"));
    let (json, chart) = (json.display().to_string(), chart.display().to_string());
    let table = printed(&format!(
        "compare --nodes 1 --payload 0,1024 --callers 1,4 --peers quorum,tcp --repeats 2 {SHORT} \
         --json {json} --chart {chart}"
    ));
    // A head, two peers in each of four cases, an explanation.
    assert_eq!(table.lines().count(), 1 + 2 * 4 + 1, "{table}");
    assert!(
        table.lines().nth(1).unwrap().starts_with("1      0 B      1        quorum"),
        "{table}"
    );

    let runs = figures(&std::fs::read_to_string(json).unwrap());
    let turns =
        runs.iter().map(|run| (run["peer"].as_str().unwrap(), run["repeat"].as_u64().unwrap()));
    let turns: Vec<_> = turns.collect();
    assert_eq!(turns[..4], [("quorum", 1), ("tcp", 1), ("quorum", 2), ("tcp", 2)]);
    assert_eq!(turns.len(), 16);

    let chart = std::fs::read_to_string(chart).unwrap();
    let chart = roxmltree::Document::parse(&chart).unwrap();
    let bars = |class| chart.descendants().filter(move |bar| bar.attribute("class") == Some(class));
    assert_eq!((bars("bar ours").count(), bars("bar").count()), (4, 4));
    let longest =
        bars("bar ours").chain(bars("bar")).filter(|bar| bar.attribute("width") == Some("150.0"));
    assert_eq!(longest.count(), 4, "one in each panel");
    let texts: Vec<_> = chart.descendants().filter_map(|node| node.text()).collect();
    for text in ["Quorum calls per second, of a majority", "1 KiB each", "4 callers", "tcp"] {
        assert!(texts.contains(&text), "no {text} in {texts:?}");
    }
}

#[test]
fn a_peer_that_is_unknown_is_named_and_the_others_are_measured() {
    let output = run(&format!(
        "compare --nodes 1 --callers 1 --peers raft,quorum --repeats 1 {SHORT} --json -"
    ));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let runs = figures(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!((runs.len(), &runs[0]["peer"]), (1, &"quorum".into()));
    let said = String::from_utf8(output.stderr).unwrap();
    let sentence =
        "there is no peer `raft`, it is left out: the peers are quorum, unary, tcp, gorums";
    assert!(said.contains(sentence), "{said}");
}

/// Where Go and the program of Gorums are, it is one of the peers; where not, it says so.
#[test]
fn gorums_is_measured_or_named() {
    let output = run(&format!(
        "compare --nodes 3 --callers 1 --peers gorums,tcp --repeats 1 {SHORT} --json -"
    ));
    let runs = figures(std::str::from_utf8(&output.stdout).unwrap());
    let said = String::from_utf8(output.stderr).unwrap();
    match output.status.code() {
        Some(0) => assert_eq!(runs.len(), 2, "{runs:?}"),
        _ => assert!(runs.len() == 1 && said.contains("gorums"), "{said}"),
    }
}

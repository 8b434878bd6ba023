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

    let runs = figures(&std::fs::read_to_string(&json).unwrap());
    let turns =
        runs.iter().map(|run| (run["peer"].as_str().unwrap(), run["repeat"].as_u64().unwrap()));
    let turns: Vec<_> = turns.collect();
    assert_eq!(turns[..4], [("quorum", 1), ("tcp", 1), ("quorum", 2), ("tcp", 2)]);
    assert_eq!(turns.len(), 16);

    let drawn = std::fs::read_to_string(&chart).unwrap();
    let document = roxmltree::Document::parse(&drawn).unwrap();
    let circles = document.descendants().filter(|node| node.has_tag_name("circle"));
    assert_eq!(circles.count(), 2 * 4, "a point for each peer in each case");
    let lines = |peer| {
        document.descendants().filter(move |node| {
            node.has_tag_name("polyline") && node.attribute("class") == Some(peer)
        })
    };
    assert_eq!((lines("quorum").count(), lines("tcp").count()), (3, 3), "two panels, a legend");
    let texts: Vec<_> = document.descendants().filter_map(|node| node.text()).collect();
    for text in ["Quorum calls per second, of a majority", "1 node, 1 KiB", "callers", "tcp"] {
        assert!(texts.contains(&text), "no {text} in {texts:?}");
    }

    // The same can be drawn later, of what was written.
    std::fs::remove_file(&chart).unwrap();
    let report = printed(&format!("report {json} --chart {chart}"));
    assert_eq!(report.lines().count(), 2 + 4, "{report}");
    assert_eq!(std::fs::read_to_string(chart).unwrap(), drawn);
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

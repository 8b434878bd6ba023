//! The book hangs together: its chapters, links and blocks of code are those that are there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;

use quorum_runtime::{
    All, Any, Dissemination, Grid, Majority, Masking, NodeSet, QuorumSystem, Threshold, Weighted,
};

/// The text of a file in the folder of the guide.
fn text(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The files in a folder of the guide, by name.
fn files(folder: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| (name.clone(), text(&format!("{folder}/{name}"))))
        .collect()
}

/// The chapters by the names of their files.
fn chapters() -> BTreeMap<String, String> {
    let mut chapters = files("src");
    chapters.remove("SUMMARY.md").unwrap();
    chapters.retain(|name, _| name.ends_with(".md"));
    assert!(chapters.len() > 9, "the chapters were found");
    chapters
}

/// The blocks of code of a chapter: what stands behind the opening fence, and the code.
fn blocks(chapter: &str) -> impl Iterator<Item = (&str, &str)> {
    chapter.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap())
}

/// A chapter without its blocks of code.
fn prose(chapter: &str) -> String {
    chapter.split("```").step_by(2).collect()
}

/// What the links of a text lead to.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap())
}

#[test]
fn every_chapter_is_in_the_summary_and_is_compiled() {
    let (summary, library) = (text("src/SUMMARY.md"), text("lib.rs"));
    let chapters = chapters();
    for name in chapters.keys() {
        assert_eq!(summary.matches(&format!("({name})")).count(), 1, "{name} in SUMMARY.md");
        let include = format!("#[doc = include_str!(\"src/{name}\")]");
        assert_eq!(library.matches(&include).count(), 1, "{name} in lib.rs");
    }
    assert_eq!(links(&summary).count(), chapters.len(), "SUMMARY.md names what is not there");
}

#[test]
fn links_lead_to_chapters_and_headings_that_are_there() {
    let chapters = chapters();
    let mut found = 0;
    for (name, chapter) in &chapters {
        let prose = prose(chapter);
        for link in links(&prose).filter(|link| !link.starts_with("https://")) {
            if link.ends_with(".svg") {
                assert!(files("src").contains_key(link), "{name} shows {link}");
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { name } else { file };
            let target = chapters.get(target);
            let target = target.unwrap_or_else(|| panic!("{name} links to {file}"));
            let is_there = anchor.is_empty() || headings(target).any(|id| id == anchor);
            assert!(is_there, "{name} links to {link}");
            found += 1;
        }
    }
    assert!(found > 20, "the links were found");
}

/// The ids that mdBook gives to the headings of a chapter.
fn headings(chapter: &str) -> impl Iterator<Item = String> {
    let prose = prose(chapter);
    let headings = prose.lines().filter_map(|line| line.strip_prefix('#'));
    let id = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
        heading.chars().filter(kept).collect::<String>().replace(' ', "-")
    };
    headings.map(id).collect::<Vec<_>>().into_iter()
}

#[test]
fn every_block_of_rust_is_a_test() {
    for (name, chapter) in chapters() {
        for (fence, code) in blocks(&chapter) {
            // What is fenced as `rs` is compared with a file, below.
            let is_known = ["rust", "rust,no_run", "rs", "proto", "toml", "text"].contains(&fence);
            assert!(is_known, "{name}: ```{fence}");
            // A build script wants to be run by Cargo.
            assert_eq!(fence == "rust,no_run", code.starts_with("// build.rs"), "{name}: {code}");
        }
    }
}

/// The program that a reader has, and its test, run in `tests/register`.
#[test]
fn what_the_reader_copies_is_what_runs() {
    let program = text("src/first-call.md");
    let (_, program) =
        blocks(&program).find(|(_, code)| code.starts_with("// src/main.rs")).unwrap();
    let shown = program.lines().skip(1).filter(|line| !line.starts_with("#   "));
    let shown = shown.collect::<Vec<_>>().join("\n");
    let main = text("tests/register/main.rs");
    assert!(main.contains(&shown), "the program is not that of the chapter");

    let testing = text("src/testing.md");
    let blocks: Vec<_> = blocks(&testing).filter(|(fence, _)| *fence == "rs").collect();
    let [(_, in_main), (_, test), (_, mend)] = blocks[..] else { panic!("{blocks:?}") };
    assert!(main.contains(in_main));

    // It fails, as the chapter says: that is expected here, and the only difference.
    let runs = text("tests/register/simulated.rs");
    let (runs, _) = runs.split_once("\n// This is not in the chapter.").unwrap();
    let (before, after) = runs.split_once("#[should_panic").unwrap();
    let runs = format!("{before}{}", after.split_once('\n').unwrap().1);
    assert_eq!(test.trim_end(), format!("// src/simulated.rs\n{}", runs.trim_end()));

    // Fewer seeds are enough here.
    let unmended = "            if let Ok(state) = register.read(()).await {\n";
    assert_eq!(runs.matches(unmended).count(), 1);
    let mended = runs.replace(unmended, mend).replace("seeds = 200", "seeds = 40");
    assert_eq!(text("tests/register/mended.rs").trim_end(), mended.trim_end());
}

#[test]
fn every_block_of_proto_is_part_of_a_file_that_is_compiled() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let protos = files("proto").into_values().map(|proto| words(&proto)).collect::<Vec<_>>();
    for (name, chapter) in chapters() {
        for (_, code) in blocks(&chapter).filter(|(fence, _)| *fence == "proto") {
            let code = words(code.strip_prefix("// proto/register.proto").unwrap_or(code));
            assert!(protos.iter().any(|proto| proto.contains(&code)), "{name}: {code}");
        }
    }
}

#[test]
fn the_figures_on_performance_have_places_that_the_script_finds() {
    let (script, chapter) = (text("performance/measure"), text("src/performance.md"));
    let parts = script.split("| put ").skip(1).map(|rest| rest.lines().next().unwrap());
    let parts: Vec<_> = parts.collect();
    assert_eq!(parts, ["machine", "compare", "lost", "hang", "count"]);
    for part in parts {
        let (_, rest) = chapter.split_once(&format!("\n<!-- begin {part} -->\n")).unwrap();
        let (figures, _) = rest.split_once(&format!("\n<!-- end {part} -->\n")).unwrap();
        assert!(!figures.contains("<!-- begin"), "{part} has an end of its own");
    }
}

#[test]
fn the_figures_in_the_table_of_quorum_systems_are_right() {
    let chapter = text("src/quorum-systems.md");
    let systems: [(&str, &dyn QuorumSystem); 8] = [
        ("Majority", &Majority),
        ("Threshold(6)", &Threshold(6)),
        ("All", &All),
        ("Any", &Any),
        ("Weighted", &Weighted::new((1..=9).map(|node| (node, 2)))),
        ("Grid { columns: 3 }", &Grid { columns: 3 }),
        ("Dissemination { faults: 2 }", &Dissemination { faults: 2 }),
        ("Masking { faults: 2 }", &Masking { faults: 2 }),
    ];
    for (name, system) in systems {
        let row = chapter.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let cells: Vec<_> = row.unwrap().split('|').map(str::trim).collect();
        let (size, silent) = figures(system);
        assert_eq!((cells[4], cells[6]), (&*size.to_string(), &*silent.to_string()), "{name}");
    }
}

/// The size of the smallest quorum of nine members, and how many of them may be silent whoever they
/// are.
fn figures(system: &dyn QuorumSystem) -> (usize, usize) {
    let members: NodeSet = (1..=9).collect();
    let subset = |set: u32| members.iter().filter(move |node| set >> node.get() & 1 == 1).collect();
    let subsets: Vec<NodeSet> = (0..1 << 10).step_by(2).map(subset).collect();
    let quorums = subsets.iter().filter(|set| system.is_quorum(&members, set));
    let fatal = subsets.iter().filter(|set| !system.can_still(&members, set));
    (quorums.map(NodeSet::len).min().unwrap(), fatal.map(NodeSet::len).min().unwrap() - 1)
}

use crate::case::Case;
use crate::format::{bytes, counted, figure, known};
use crate::measurement::Figures;
use crate::peers::Peer;
use crate::table::table;

/// All runs, by what was measured and by whom, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Medians(Vec<(Case, Runs)>);

/// The runs of each peer.
type Runs = Vec<(Peer, Vec<Figures>)>;

impl Medians {
    pub(crate) fn add(&mut self, case: Case, peer: Peer, run: Figures) {
        let peers = entry(&mut self.0, case);
        entry(peers, peer).push(run);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was measured, and the median of each peer.
    pub(crate) fn cases(&self) -> impl Iterator<Item = (Case, Vec<(Peer, Figures)>)> {
        self.0.iter().map(|(case, peers)| {
            let medians = peers.iter().map(|(peer, runs)| (*peer, Figures::median(runs)));
            (*case, medians.collect())
        })
    }

    /// The most runs that a median is of.
    pub(crate) fn repeats(&self) -> usize {
        let runs = self.0.iter().flat_map(|(_, peers)| peers).map(|(_, runs)| runs.len());
        runs.max().unwrap_or_default()
    }

    pub(super) fn table(&self) -> String {
        let head = [
            "nodes",
            "payload",
            "callers",
            "peer",
            "calls/s",
            "quorum/peer",
            "p50 µs",
            "p99 µs",
            "CPU µs/call",
            "allocs/call",
            "MiB",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for (case, peers) in self.cases() {
            let ours = ours(&peers);
            for (at, (peer, figures)) in peers.iter().enumerate() {
                let mut row = match at {
                    0 => {
                        vec![case.nodes.to_string(), bytes(case.payload), case.callers.to_string()]
                    }
                    _ => vec![String::new(); 3],
                };
                let ratio = ours.map(|ours| ours / figures.ops_per_s);
                let calls = figure(figures.ops_per_s);
                let (p50, p99) = (figure(figures.p50_us), figure(figures.p99_us));
                row.extend([peer.to_string(), calls, known(ratio), p50, p99]);
                row.extend(
                    [figures.cpu_us_per_op, figures.allocs_per_op, figures.rss_mib].map(known),
                );
                rows.push(row);
            }
        }
        format!("{}{}\n", table(4, &rows), self.explanation())
    }

    fn explanation(&self) -> String {
        format!(
            "Medians of {} in turn; quorum/peer is the ratio of the medians of calls/s.",
            counted(self.repeats(), "run")
        )
    }
}

/// The calls a second of this library, if it was measured.
pub(crate) fn ours(peers: &[(Peer, Figures)]) -> Option<f64> {
    peers.iter().find(|(peer, _)| *peer == Peer::Quorum).map(|(_, figures)| figures.ops_per_s)
}

/// What stands under a key, in a list that keeps its order.
fn entry<K: PartialEq, V: Default>(list: &mut Vec<(K, V)>, key: K) -> &mut V {
    let at = list.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
        list.push((key, V::default()));
        list.len() - 1
    });
    &mut list[at].1
}

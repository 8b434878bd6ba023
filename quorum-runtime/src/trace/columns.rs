use std::collections::{BTreeMap, BTreeSet};

use super::escape::clean;
use crate::observe::{Event, EventKind, Message, Process};
use crate::quorum::NodeId;
use crate::server::FIRST_CLIENT;

/// The processes of a run, each with a column of its own: nodes by id, then the others: those that have names in
/// the order in which they got them, the rest in that in which they appear.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) columns: Vec<Column>,
    /// The node that a run of a process is, where somebody knows.
    nodes: BTreeMap<u64, NodeId>,
    places: BTreeMap<Identity, usize>,
    /// The columns of all processes in the events.
    known: BTreeMap<Process, usize>,
    names: Names,
}

/// The names of processes, in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(pub(super) Vec<(Process, String)>);

#[derive(Debug)]
pub(super) struct Column {
    pub(super) title: String,
    /// The incarnations of its process, in the order in which they appear.
    pub(super) runs: Vec<u64>,
    /// Whether it stands for no process, but for all: what happens at no process happens there.
    pub(super) is_world: bool,
    /// Whether anybody has told what happened there.
    pub(super) is_observed: bool,
}

/// What makes two runs of a process one column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Node(NodeId),
    /// Something else with this name.
    Named(String),
    Run(u64),
    World,
}

impl Columns {
    /// The columns of these events, which are in order.
    pub(super) fn new(events: &[&Event], names: &Names) -> Self {
        let nodes = nodes(events);
        let (columns, places, known) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut all = Self { columns, nodes, places, known, names: names.clone() };
        let mut identities = BTreeMap::new();
        let (mut appearing, mut appeared) = (Vec::new(), BTreeSet::new());
        for process in processes(events) {
            let identity = identities.entry(process).or_insert_with(|| all.identity(process));
            if !appeared.contains(identity) {
                appeared.insert(identity.clone());
                appearing.push(identity.clone());
            }
        }
        // The others stay in their order.
        appearing.sort_by_key(|identity| match identity {
            Identity::Node(node) => (0, node.get() as usize),
            Identity::Named(name) => (1, all.names.rank(name)),
            Identity::Run(_) => (2, 0),
            Identity::World => (3, 0),
        });
        let servers = all.servers(events);
        for identity in appearing {
            all.add(identity, &servers);
        }
        let placed = |(process, identity)| (process, all.places[&identity]);
        all.known = identities.into_iter().map(placed).collect();
        all.note_runs(events);
        all
    }

    /// The column of a process.
    pub(super) fn of(&self, process: Process) -> usize {
        let known = self.known.get(&process).copied();
        let place = known.or_else(|| self.places.get(&self.identity(process)).copied());
        // Only what is asked from outside can be of none.
        place.unwrap_or(usize::MAX)
    }

    /// The run of a process that makes a call: the one that is told, or the only one there is.
    pub(super) fn run(&self, process: Process) -> Option<u64> {
        process.incarnation.or_else(|| match self.columns.get(self.of(process))?.runs[..] {
            [run] => Some(run),
            _ => None,
        })
    }

    fn identity(&self, process: Process) -> Identity {
        let Process { node, incarnation } = process;
        let known = incarnation.and_then(|run| self.nodes.get(&run).copied());
        // A number that one server has given to its client may be another client's at the next.
        match (node.filter(is_node).or(known), incarnation) {
            (Some(node), _) => Identity::Node(node),
            (None, Some(run)) => match self.names.of(Process::run(run)) {
                Some(name) => Identity::Named(name.to_owned()),
                None => Identity::Run(run),
            },
            (None, None) => node.map_or(Identity::World, Identity::Node),
        }
    }

    fn add(&mut self, identity: Identity, servers: &BTreeSet<Identity>) {
        let title = clean(&match &identity {
            Identity::Node(node) => self.name(*node).unwrap_or_else(|| format!("node {node}")),
            Identity::Named(name) => name.clone(),
            Identity::Run(_) if servers.contains(&identity) => self.numbered("server"),
            Identity::Run(_) => self.numbered("client"),
            Identity::World => "network".to_owned(),
        });
        let title = if self.is_taken(&title) { self.numbered(&title) } else { title };
        let is_world = identity == Identity::World;
        self.places.insert(identity, self.columns.len());
        self.columns.push(Column { title, runs: Vec::new(), is_world, is_observed: false });
    }

    fn name(&self, node: NodeId) -> Option<String> {
        let runs = self.nodes.iter().filter(|(_, of)| **of == node);
        let mut processes = runs.map(|(run, _)| Process::run(*run));
        let own = self.names.of(Process::node(node));
        own.or_else(|| processes.find_map(|run| self.names.of(run))).map(str::to_owned)
    }

    fn numbered(&self, word: &str) -> String {
        let mut titles = (1u64..).map(|number| format!("{word} {number}"));
        titles.find(|title| !self.is_taken(title)).expect("there are fewer columns than numbers")
    }

    fn is_taken(&self, title: &str) -> bool {
        self.columns.iter().any(|column| column.title == title)
    }

    /// Those that handle requests.
    fn servers(&self, events: &[&Event]) -> BTreeSet<Identity> {
        let serves = |event: &&&Event| match event.kind {
            EventKind::CallerCame | EventKind::CallerWent => true,
            EventKind::Received(Message::Request) => event.sequence >> 63 == 0,
            _ => false,
        };
        events.iter().filter(serves).map(|event| self.identity(event.at)).collect()
    }

    fn note_runs(&mut self, events: &[&Event]) {
        for event in events {
            let at = self.of(event.at);
            self.columns[at].is_observed = true;
        }
        for process in processes(events) {
            let of = self.of(process);
            let runs = &mut self.columns[of].runs;
            if let Some(run) = process.incarnation.filter(|run| !runs.contains(run)) {
                runs.push(run);
            }
        }
    }
}

impl Names {
    /// The last that was given.
    fn of(&self, process: Process) -> Option<&str> {
        let mut given = self.0.iter().rev();
        given.find(|(named, _)| *named == process).map(|(_, name)| name.as_str())
    }

    fn rank(&self, name: &str) -> usize {
        self.0.iter().position(|(_, given)| given == name).unwrap_or(self.0.len())
    }
}

fn is_node(node: &NodeId) -> bool {
    node.get() < FIRST_CLIENT
}

fn processes(events: &[&Event]) -> impl Iterator<Item = Process> {
    events.iter().flat_map(|event| [Some(event.at), event.peer].into_iter().flatten())
}

/// Which runs are those of which node, as far as anybody knows.
fn nodes(events: &[&Event]) -> BTreeMap<u64, NodeId> {
    let mut nodes = BTreeMap::new();
    for Process { node, incarnation } in processes(events) {
        if let (Some(node), Some(run)) = (node.filter(is_node), incarnation) {
            nodes.entry(run).or_insert(node);
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::scripts::{Script, node_run};

    fn titles(script: &Script, names: &[(Process, &str)]) -> Vec<String> {
        let names = names.iter().map(|(process, name)| (*process, (*name).to_owned()));
        let events: Vec<_> = script.events.iter().collect();
        let columns = Columns::new(&events, &Names(names.collect()));
        columns.columns.into_iter().map(|column| column.title).collect()
    }

    #[test]
    fn a_node_is_one_column_however_often_it_restarts() {
        let mut script = Script::default();
        script.at(0, Process::run(50), EventKind::Greeted).peer = Some(node_run(2, 20));
        script.at(1, Process::run(20), EventKind::CallerCame).peer = Some(Process::run(50));
        script.at(2, Process::node(2), EventKind::Crashed);
        script.at(3, Process::run(50), EventKind::Greeted).peer = Some(node_run(2, 21));
        script.at(4, Process::run(21), EventKind::CallerCame).peer = Some(Process::run(51));
        script.at(5, Process::node(1), EventKind::Started);
        assert_eq!(titles(&script, &[]), ["node 1", "node 2", "client 1", "client 2"]);
    }

    #[test]
    fn names_are_titles_and_two_runs_with_one_name_are_one() {
        let mut script = Script::default();
        for run in [50, 51, 52] {
            script.at(run, Process::run(run), EventKind::Called { targets: 1 });
        }
        script.at(60, Process::run(30), EventKind::CallerWent);
        script.at(60, Process::run(99), EventKind::Started);
        script.at(61, Process::default(), EventKind::Faulted("partition".into()));
        script.at(62, Process::node(1), EventKind::Started);
        let names = [
            (Process::run(99), "z"),
            (Process::run(50), "a\nb"),
            (Process::run(52), "a\nb"),
            (Process::node(1), "client 1"),
        ];
        assert_eq!(
            titles(&script, &names),
            ["client 1", "z", r"a\nb", "client 2", "server 1", "network"]
        );
    }

    #[test]
    fn a_number_that_a_server_gave_its_client_is_no_nodes() {
        let mut script = Script::default();
        let given = |run| node_run(FIRST_CLIENT, run);
        script.at(0, Process::node(1), EventKind::CallerCame).peer = Some(given(50));
        script.at(1, Process::node(2), EventKind::CallerCame).peer = Some(given(51));
        assert_eq!(titles(&script, &[]), ["node 1", "node 2", "client 1", "client 2"]);
    }
}

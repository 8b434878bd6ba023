//! Each fault does what its documentation says, and nothing else.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use quorum_runtime::sim::{Host, Result, RunError, Simulation};
use quorum_runtime::{Call, Manager, Node, NodeError, Server, Status};
use tokio::time::{Instant, sleep, sleep_until};

use crate::register::{RegisterNode as _, State, node};

/// What a client saw.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<Vec<String>>>);

impl Seen {
    fn tell(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
}

/// One node, one client, and these faults.
fn under<F>(schedule: &str, client: impl Fn(Client) -> F + 'static) -> Vec<String>
where
    F: Future<Output = Result> + 'static,
{
    let seen = Seen::default();
    let mut sim = Simulation::new(7);
    sim.schedule(schedule.parse().unwrap());
    sim.latency(Duration::from_millis(1), Duration::from_millis(2));
    let sees = seen.clone();
    sim.nodes(1, node).clients(1, move |host| client(Client::new(&host, sees.clone())));
    sim.run().unwrap_or_else(|error| panic!("{error}"));
    seen.0.take()
}

struct Client {
    begun: Instant,
    node: Node,
    seen: Seen,
}

impl Client {
    fn new(host: &Host, seen: Seen) -> Self {
        let ping = Duration::from_millis(300);
        let manager = Manager::builder().nodes(host.nodes()).keep_alive(ping, ping);
        let manager = manager.timeout(Duration::from_secs(2)).build().unwrap();
        Self { begun: Instant::now(), node: manager.node(1).unwrap(), seen }
    }

    async fn until(&self, millis: u64) {
        sleep_until(self.begun + Duration::from_millis(millis)).await;
    }

    /// Asks the node, and tells the answer and when it came, in tenths of a second. A read is sent again
    /// after a reconnect, so this is none.
    async fn swap(&self, version: u64) {
        let answer = match self.node.swap(State::new(version, "")).await {
            Ok(state) => format!("held {}", state.version),
            Err(error) => match &error.failure().error {
                NodeError::Disconnected(_) => "disconnected".to_owned(),
                NodeError::Unreachable(_) => "unreachable".to_owned(),
                NodeError::Deadline { .. } => "deadline".to_owned(),
                other => panic!("{other}"),
            },
        };
        self.seen.tell(format!("{answer} at {}", self.begun.elapsed().as_millis() / 100));
    }
}

#[test]
fn without_faults_everything_works() {
    let seen = under("", |client| async move {
        client.swap(3).await;
        client.swap(4).await;
        Ok(())
    });
    assert_eq!(seen, ["held 0 at 0", "held 3 at 0"]);
}

/// Swaps at these times, in milliseconds, and what comes of it.
fn swaps(schedule: &str, times: &'static [u64]) -> Vec<String> {
    // Later than all of it, so that what ends a fault has to end it.
    under(&format!("{schedule}; 20s heal"), move |client| async move {
        for (time, version) in times.iter().zip(3..) {
            client.until(*time).await;
            client.swap(version).await;
        }
        Ok(())
    })
}

#[test]
fn who_is_killed_forgets_and_whoever_waits_is_told() {
    let seen = swaps("500ms crash 1; 800ms start 1", &[0, 499, 600, 1500]);
    // An attempt to connect fails at once where nobody listens.
    let [_, waited, refused, after] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(waited, "disconnected at 5");
    assert!(refused.starts_with("unreachable at "), "{refused}");
    assert_eq!(after, "held 0 at 15");
}

#[test]
fn who_loses_power_closes_no_connection() {
    let seen = swaps("500ms power-off 1; 4s start 1", &[0, 499, 5000]);
    let [_, told, after] = &seen[..] else { panic!("{seen:?}") };
    // The client finds out by itself: a ping after 300 ms, and 300 ms for its answer.
    assert!(
        ["disconnected at 8", "disconnected at 9", "disconnected at 10"].contains(&&**told),
        "{told}"
    );
    assert_eq!(after, "held 0 at 50");
}

#[test]
fn what_is_cut_loses_messages_until_it_is_joined() {
    let seen = swaps("500ms cut 1 c1; 1500ms join 1 c1", &[0, 600, 4000]);
    assert_eq!(seen.len(), 3);
    assert!(seen[1].starts_with("disconnected"), "{seen:?}");
    assert_eq!(seen[2], "held 3 at 40");
}

#[test]
fn what_is_split_off_hears_nothing_until_all_are_united() {
    let seen = swaps("500ms split c1; 1500ms unite", &[0, 600, 4000]);
    assert!(seen[1].starts_with("disconnected"), "{seen:?}");
    assert_eq!(seen[2], "held 3 at 40");
}

#[test]
fn a_cut_of_one_direction_loses_what_goes_there() {
    let request_lost = swaps("500ms cut c1 -> 1; 1500ms join 1 c1", &[0, 600, 4000]);
    assert!(request_lost[1].starts_with("disconnected"), "{request_lost:?}");
    assert_eq!(request_lost[2], "held 3 at 40");
    let reply_lost = swaps("500ms cut 1 -> c1; 1500ms join 1 c1", &[0, 600, 4000]);
    assert!(reply_lost[1].starts_with("disconnected"), "{reply_lost:?}");
    assert_eq!(reply_lost[2], "held 4 at 40");
}

#[test]
fn a_broken_connection_is_told_at_once_and_opened_again() {
    let seen = swaps("500ms break 1 c1", &[0, 499, 510]);
    assert_eq!(seen[1], "disconnected at 5");
    assert!(["held 3 at 5", "held 4 at 5"].contains(&&*seen[2]), "{seen:?}");
}

#[test]
fn what_hangs_is_late_and_loses_nothing() {
    let seen = swaps("500ms hang 1; 700ms wake 1", &[0, 600]);
    assert_eq!(seen, ["held 0 at 0", "held 3 at 7"]);
}

#[test]
fn what_is_slow_takes_its_time() {
    let took = |schedule| {
        let seen = under(schedule, |client| async move {
            client.until(100).await;
            let begun = Instant::now();
            for _ in 0..10 {
                client.node.read(()).await?;
            }
            client.seen.tell(begun.elapsed().as_millis().to_string());
            Ok(())
        });
        seen[0].parse::<u64>().unwrap()
    };
    let (usual, slow) = (took(""), took("50ms slow 1 100ms; 9s heal"));
    assert!(usual < 100 && slow > 300, "{usual} ms and {slow} ms");
    assert!(took("20ms slow 1 100ms; 50ms fast 1; 9s heal") < 100);
}

#[test]
fn a_client_can_be_killed_too_and_begins_anew() {
    let starts = Rc::new(RefCell::new(Vec::new()));
    let mut sim = Simulation::new(1);
    let seen = Rc::clone(&starts);
    sim.clients(1, move |host| {
        seen.borrow_mut().push(host.starts());
        async move {
            sleep(Duration::from_millis(400)).await;
            Ok(())
        }
    });
    sim.schedule("300ms crash c1; 350ms start c1".parse().unwrap());
    let run = sim.run().unwrap();
    assert_eq!(starts.take(), [1, 2]);
    assert!(run.elapsed > Duration::from_millis(750), "{:?}", run.elapsed);
}

#[test]
fn everything_is_healed_after_the_last_fault() {
    let seen = under(
        "100ms crash 1; 200ms cut 1 c1; 300ms slow 1 200ms; 400ms hang c1",
        |client| async move {
            client.until(450).await;
            client.node.ready().await;
            client.swap(3).await;
            Ok(())
        },
    );
    let at = seen[0].strip_prefix("held 0 at ").unwrap().parse::<u64>().unwrap();
    assert!(at < 30, "{seen:?}");
}

fn fails(sim: &mut Simulation) -> RunError {
    sim.run().map(drop).unwrap_err()
}

#[test]
fn what_a_program_ends_with_is_told() {
    let mut sim = Simulation::new(1);
    sim.schedule("".parse().unwrap()).nodes(2, |_| async { Err("no room".into()) });
    sim.clients(1, |_| std::future::pending());
    let error = fails(&mut sim).to_string();
    assert!(error == "node 1 failed: no room" || error == "node 2 failed: no room", "{error}");

    let mut sim = Simulation::new(1);
    sim.nodes(1, |_| async { Ok(()) }).clients(1, |_| std::future::pending());
    assert_eq!(fails(&mut sim).to_string(), "node 1 ended, and nothing had told it to");

    let mut sim = Simulation::new(1);
    sim.clients(3, |host| async move { Err(format!("I am {}", host.place()).into()) });
    assert!(fails(&mut sim).to_string().starts_with("client "));

    let mut sim = Simulation::new(1);
    sim.clients(1, |_| async { panic!("what now") });
    assert_eq!(fails(&mut sim).to_string(), "client 1 failed: it panicked: what now");
}

#[test]
fn a_place_that_is_not_there_is_refused() {
    let mut sim = Simulation::new(1);
    sim.nodes(3, node).clients(1, |_| async { Ok(()) });
    sim.schedule("1s cut 3 c2".parse().unwrap());
    assert_eq!(
        fails(&mut sim).to_string(),
        "the schedule has client 2, and there are 3 nodes and 1 clients, which are numbered from 1"
    );
}

#[quorum_macros::service]
pub trait Well {
    async fn fetch(&self, request: ());
}

/// Nothing comes up.
struct Deep;

impl Well for Deep {
    async fn fetch(&self, _: Call, (): ()) -> Result<(), Status> {
        std::future::pending().await
    }
}

#[test]
fn what_is_stuck_ends_by_itself_and_says_at_what() {
    let mut sim = Simulation::new(1);
    sim.schedule("500ms heal".parse().unwrap()).patience(Duration::from_secs(5));
    sim.nodes(1, |host| async move {
        let server = Server::builder().service(WellServer::new(Deep));
        Ok(server.serve(host.address()).await?)
    });
    sim.clients(2, |host| async move {
        if host.number() == 1 {
            return Ok(());
        }
        let manager = Manager::builder().nodes(host.nodes()).timeout(Duration::from_secs(1000));
        Ok(manager.build()?.node(1)?.fetch(()).await?)
    });
    assert_eq!(
        fails(sim.record()).to_string(),
        "nothing works any more: everything healed, and after 5s of simulated time client 2 has not \
         ended, and waits for #1 Well.Fetch (node 1: has not answered)"
    );
    assert!(sim.elapsed() < Duration::from_secs(6), "{:?}", sim.elapsed());
}

use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::channel::mpsc;
use futures::task::noop_waker_ref;
use futures::{Stream, StreamExt as _, stream};
use tokio::task::coop;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::Inbound;
use crate::call::Method;
use crate::observe::Scope;
use crate::server::Call;
use crate::server::caller::Caller;
use crate::server::host::Host;
use crate::server::peer::Peer;
use crate::server::registry::Registry;
use crate::server::replier::Replier;
use crate::server::service::Methods;
use crate::wire::Envelope;

fn inbound<S>(requests: S, register: impl FnOnce(&mut Methods<'_>)) -> Inbound<S>
where
    S: Stream<Item = Result<Envelope, Status>> + Unpin,
{
    let mut registry = Registry::default();
    register(&mut Methods(&mut registry));
    let host = Host::of(registry, 1 << 20, 0, Scope::default());
    Inbound::new(requests, Caller::new(&host, Peer::default(), None), false)
}

fn request(sequence: u64, method: &'static str) -> Result<Envelope, Status> {
    let method = method.as_bytes().into();
    Ok(Envelope { sequence, method, ..Envelope::default() })
}

/// What is said without any wait.
fn said_at_once(
    inbound: &mut (impl Stream<Item = Result<Envelope, Status>> + Unpin),
) -> Vec<Envelope> {
    let mut task = Context::from_waker(noop_waker_ref());
    let next = || match inbound.poll_next_unpin(&mut task) {
        Poll::Ready(said) => said.map(Result::unwrap),
        Poll::Pending => None,
    };
    std::iter::from_fn(next).collect()
}

fn metadata() -> MetadataMap {
    let mut metadata = MetadataMap::new();
    metadata.insert("key", "value".parse().unwrap());
    metadata
}

/// Of one request nothing is left for the next, and a call that was kept speaks of its own request.
#[test]
fn a_turn_that_is_used_again_knows_nothing_of_the_request_before() {
    let (requests, incoming) = mpsc::unbounded();
    let kept = Arc::new(Mutex::new(Vec::<Call>::new()));
    let keeping = Arc::clone(&kept);
    let mut inbound = inbound(incoming, |methods| {
        methods.one_way(Method::new("s.Free"), |call, ()| {
            call.set_reply_metadata(metadata());
            call.release();
            ready(())
        });
        methods.two_way(Method::new("s.Keep"), move |call, ()| {
            keeping.lock().unwrap().push(call);
            ready(Ok(()))
        });
        methods.two_way(Method::new("s.Echo"), |_, ()| ready(Ok(())));
        methods.two_way(Method::new("s.Wait"), |_, ()| pending::<Result<(), Status>>());
    });
    let methods = ["s.Keep", "s.Free", "s.Echo", "s.Free", "s.Wait", "s.Echo"];
    for (sequence, method) in (1..).zip(methods) {
        requests.unbounded_send(request(sequence, method)).unwrap();
    }
    let said = said_at_once(&mut inbound);
    let said: Vec<_> = said.iter().map(|reply| (reply.sequence, reply.entries.len())).collect();
    assert_eq!(said, [(1, 0), (3, 0)], "without metadata, and not the last");
    kept.lock().unwrap()[0].release();
    assert!(said_at_once(&mut inbound).is_empty(), "another one holds the turn");
}

fn counting(replies: &'static [u32]) -> impl FnOnce(&mut Methods<'_>) {
    move |methods| {
        methods.streams(Method::new("s.Count"), move |_, (), replier: Replier<u32>| async move {
            for &reply in replies {
                replier.send(reply).await?;
            }
            Ok(())
        });
    }
}

/// At every point at which the task's budget may be used up.
#[tokio::test]
async fn what_was_said_is_heard_however_much_the_task_has_worked() {
    for used in 0..140 {
        let requests = stream::iter([request(1, "s.Count")]);
        let inbound = inbound(requests, counting(&[1, 2]));
        let said = tokio::spawn(async move {
            for _ in 0..used {
                coop::consume_budget().await;
            }
            inbound.count().await
        });
        assert_eq!(said.await.unwrap(), 3, "two replies and the end, after {used}");
    }
}

#[tokio::test]
async fn what_is_said_after_the_handler_has_returned_is_heard_as_well() {
    let (requests, incoming) = mpsc::unbounded();
    let kept = Arc::new(Mutex::new(None));
    let keeping = Arc::clone(&kept);
    let mut inbound = inbound(incoming, |methods| {
        methods.streams(Method::new("s.Count"), move |_, (), replier: Replier<u32>| {
            *keeping.lock().unwrap() = Some(replier);
            ready(Ok(()))
        });
    });
    requests.unbounded_send(request(1, "s.Count")).unwrap();
    assert_eq!(said_at_once(&mut inbound).len(), 1, "the end");
    let replier = kept.lock().unwrap().take().unwrap();
    replier.send(7).await.unwrap();
    assert_eq!(said_at_once(&mut inbound).len(), 1);
    drop(replier);
    assert!(said_at_once(&mut inbound).is_empty());
    assert!(!inbound.speaks, "nobody is there any more who could say something");
}

#[tokio::test]
async fn a_flood_of_requests_lets_other_tasks_run() {
    const FLOOD: usize = 10_000;
    let handled = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&handled);
    let requests = stream::iter((1..).map(|sequence| request(sequence, "s.Tell")).take(FLOOD));
    let inbound = inbound(requests, |methods| {
        methods.one_way(Method::new("s.Tell"), move |_, ()| {
            counting.fetch_add(1, Ordering::Relaxed);
            ready(())
        });
    });
    let flood = tokio::spawn(inbound.count());
    tokio::task::yield_now().await;
    let before = handled.load(Ordering::Relaxed);
    assert!((1..FLOOD / 10).contains(&before), "{before}");
    flood.await.unwrap();
    assert_eq!(handled.load(Ordering::Relaxed), FLOOD);
}

//! What takes time: calls, and the handlers of requests.

use std::collections::BTreeMap;

use super::call_id::CallId;
use super::columns::Columns;
use crate::observe::{Event, EventKind};

/// The calls of a run.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) calls: Vec<Call>,
    /// The call of which each event is one.
    pub(super) of: Vec<Option<usize>>,
}

/// One call. What is not told of it is `None`.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) method: String,
    pub(super) called: Option<usize>,
    pub(super) ended: Option<usize>,
}

/// One handler of a request; one that had not ended when its process crashed ends there.
#[derive(Debug)]
pub(super) struct Handler {
    pub(super) at: usize,
    pub(super) begun: usize,
    pub(super) ended: Option<usize>,
}

impl Calls {
    pub(super) fn new(events: &[&Event], columns: &Columns) -> Self {
        let mut places = BTreeMap::new();
        let mut all = Self { calls: Vec::new(), of: Vec::with_capacity(events.len()) };
        for (place, event) in events.iter().enumerate() {
            let call = CallId::of(event, columns).map(|id| {
                *places.entry(id).or_insert_with(|| {
                    let method = String::new();
                    all.calls.push(Call { id, method, called: None, ended: None });
                    all.calls.len() - 1
                })
            });
            all.of.push(call);
            let Some(call) = call.map(|call| &mut all.calls[call]) else {
                continue;
            };
            if call.method.is_empty() {
                (*event.method).clone_into(&mut call.method);
            }
            match event.kind {
                EventKind::Called { .. } => call.called = Some(place),
                EventKind::Ended { .. } => call.ended = Some(place),
                _ => {}
            }
        }
        all
    }
}

/// The handlers in these events.
pub(super) fn handlers(events: &[&Event], at: &[usize], calls: &Calls) -> Vec<Handler> {
    let mut all: Vec<Handler> = Vec::new();
    let mut open: BTreeMap<(usize, Option<usize>), Vec<usize>> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let at = at[place];
        match event.kind {
            EventKind::HandlerBegun => {
                open.entry((at, calls.of[place])).or_default().push(all.len());
                all.push(Handler { at, begun: place, ended: None });
            }
            EventKind::HandlerEnded { .. } | EventKind::HandlerStopped { .. } => {
                let begun = open.get_mut(&(at, calls.of[place])).and_then(Vec::pop);
                if let Some(begun) = begun {
                    all[begun].ended = Some(place);
                }
            }
            EventKind::Crashed => {
                for (_, handlers) in open.range_mut((at, None)..(at + 1, None)) {
                    for begun in handlers.drain(..) {
                        all[begun].ended = Some(place);
                    }
                }
            }
            _ => {}
        }
    }
    all
}

/// For each of these spans, in the order in which they begin, the first track on which nothing is
/// drawn at that time. A span that does not end takes its track for good.
pub(super) fn tracks<T: PartialOrd + Copy>(spans: &[(T, Option<T>)]) -> Vec<usize> {
    let mut free_from: Vec<Option<T>> = Vec::new();
    spans
        .iter()
        .map(|(begin, end)| {
            let is_free = |free: &Option<T>| free.is_some_and(|free| free <= *begin);
            let track = free_from.iter().position(is_free).unwrap_or(free_from.len());
            if track == free_from.len() {
                free_from.push(None);
            }
            free_from[track] = *end;
            track
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Process;
    use crate::trace::scripts::{Script, node_run};

    #[test]
    fn handlers_end_with_their_process() {
        let mut script = Script::default();
        let (node, client) = (node_run(1, 10), Process::run(77));
        script.handler([0, 2], [node, client], 1);
        script.of_call(3, [node, client], 2, EventKind::HandlerBegun);
        script.of_call(3, [node_run(2, 20), client], 2, EventKind::HandlerBegun);
        script.at(4, node, EventKind::Crashed);
        let trace = script.trace();
        let run = trace.run();
        let ends: Vec<_> =
            run.handlers.iter().map(|handler| (handler.begun, handler.ended)).collect();
        assert_eq!(ends, [(0, Some(1)), (2, Some(4)), (3, None)]);
    }

    #[test]
    fn spans_that_overlap_have_tracks_of_their_own() {
        let spans = [(0, Some(4)), (1, Some(2)), (2, None), (3, Some(5)), (4, Some(6))];
        assert_eq!(tracks(&spans), [0, 1, 1, 2, 0]);
    }
}

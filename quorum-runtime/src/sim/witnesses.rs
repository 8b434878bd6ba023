//! Which calls of a recorded run a violation is about.

use std::time::Duration;

use super::{Place, Recording};
use crate::history::{CheckError, Witness};
use crate::observe::{EventKind, Process};
use crate::transport::BoxError;

/// The calls that the witnesses of this error made, if it is a violation, and the clients of the history
/// are those of the simulation.
pub(super) fn witnesses(error: &BoxError, run: &Recording) -> Vec<(Process, u64)> {
    let Some(CheckError::Violation(violation)) = error.downcast_ref() else {
        return Vec::new();
    };
    violation.witnesses().iter().flat_map(|witness| calls(witness, run)).collect()
}

/// What its client called between the invocation and the answer.
fn calls(witness: &Witness, run: &Recording) -> Vec<(Process, u64)> {
    let Some(begun) = run.events.first().map(|event| event.time) else {
        return Vec::new();
    };
    let until = witness.returned.map_or(Duration::MAX, |returned| returned.time);
    let its = run.events.iter().filter(|event| {
        let place = event.at.incarnation.and_then(|run_of| run.names.get(&run_of));
        let is_its =
            matches!(place, Some(Place::Client(client)) if u64::from(*client) == witness.client);
        let time = event.time.saturating_duration_since(begun);
        is_its
            && matches!(event.kind, EventKind::Called { .. })
            && witness.invoked.time <= time
            && time <= until
    });
    its.map(|event| (event.at, event.sequence)).collect()
}

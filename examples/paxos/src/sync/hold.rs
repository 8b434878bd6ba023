//! The lease by which a leader trims no log while somebody copies a store (4.3). It ends by itself some
//! time after its requester, so that nobody has to say that he is gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a lease lasts after it was renewed: time enough for a node to learn the rest from the log when
/// its copy is complete.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// How often it is renewed.
pub(crate) const RENEWAL: Duration = Duration::from_secs(5);

/// Who holds back trimming, and until when. Clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds(Arc<Mutex<BTreeMap<u32, Instant>>>);

impl Holds {
    /// A node of the cluster asks for a lease, or renews its own.
    pub(crate) fn hold(&self, node: u32) {
        let mut holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        holds.insert(node, Instant::now() + LEASE);
    }

    /// Whether nothing may be trimmed.
    pub(crate) fn is_held(&self) -> bool {
        let holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        holds.values().any(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lease_lasts_as_long_as_it_is_renewed_and_a_while_after() {
        let holds = Holds::default();
        assert!(!holds.is_held());
        for node in [1, 2, 1] {
            holds.hold(node);
            tokio::time::sleep(LEASE - Duration::from_millis(1)).await;
            assert!(holds.is_held());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(!holds.is_held());
    }
}

//! Copies of a store, for a node that needs slots which the logs of the others no longer have.

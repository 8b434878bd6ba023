//! Quorum logic: who is a member, who has replied, and whether that is enough.
//!
//! **Invariant:** nothing here knows a clock, a socket, a task or a lock. Whatever is decided here
//! is decided from arguments alone, so it is tested exhaustively and without a network.

mod all;
mod and;
mod any;
mod collector;
mod complete;
mod dissemination;
mod grid;
mod joint;
mod level;
mod majority;
mod masking;
mod node_id;
mod node_set;
mod or;
#[cfg(test)]
mod properties;
mod replies;
mod system;
mod threshold;
mod verdict;
mod watermark;
mod weighted;
mod within;

pub use all::All;
pub use and::And;
pub use any::Any;
pub use collector::Collector;
pub(crate) use complete::complete;
pub use dissemination::Dissemination;
pub use grid::Grid;
pub use joint::Joint;
pub use level::Level;
pub use majority::Majority;
pub use masking::Masking;
pub use node_id::NodeId;
pub use node_set::NodeSet;
pub use or::Or;
pub use replies::Replies;
pub use system::QuorumSystem;
pub use threshold::Threshold;
pub use verdict::Verdict;
pub use watermark::Watermark;
pub use weighted::Weighted;
pub use within::Within;

//! The checker against other ways to tell, and against registers that are right or wrong on purpose.

mod atomic;
mod brute_force;
mod compared;
mod exact;
mod generated;

use super::*;

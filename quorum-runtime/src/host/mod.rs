//! stub
#![allow(missing_docs, dead_code)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Fails,
    Full,
}
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDisk;
#[allow(clippy::unused_self)]
impl SimulatedDisk {
    pub(crate) fn crash(&self, _: &mut fastrand::Rng) {}
    pub(crate) fn erase(&self) {}
    pub(crate) fn set_failure(&self, _: Option<Failure>) {}
    pub(crate) fn crash_in_write(&self, _: u32) {}
    pub(crate) fn disarm(&self) {}
    pub(crate) fn is_blown(&self) -> bool {
        false
    }
}

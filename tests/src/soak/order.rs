use std::collections::BTreeMap;

use anyhow::{Result, ensure};

/// What a number tells of the call that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// Who made the call; a session is somebody of its own.
    pub(super) caller: u32,
    /// Counts the calls of one caller.
    pub(super) call: u32,
    /// It may be handled again, or out of order.
    pub(super) is_free: bool,
}

impl Number {
    pub(super) const fn encode(self) -> u64 {
        (self.caller as u64) << 32 | (self.call as u64) << 1 | self.is_free as u64
    }

    const fn decode(number: u64) -> Self {
        let (caller, call) = ((number >> 32) as u32, (number as u32) >> 1);
        Self { caller, call, is_free: number & 1 == 1 }
    }
}

/// Sees to it that one life of a server handles the calls of each caller in order, and once.
#[derive(Debug, Default)]
pub(super) struct Order {
    last: BTreeMap<u32, u32>,
}

impl Order {
    /// Checks what the server has handled since the last time.
    pub(super) fn check(&mut self, handled: &[u64]) -> Result<()> {
        for number in handled.iter().copied().map(Number::decode).filter(|number| !number.is_free) {
            let Number { caller, call, .. } = number;
            if let Some(last) = self.last.insert(caller, call) {
                ensure!(last != call, "call {call} of caller {caller} was handled twice");
                ensure!(last < call, "call {call} of caller {caller} was handled after {last}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(caller: u32, call: u32) -> u64 {
        Number { caller, call, is_free: false }.encode()
    }

    #[test]
    fn order_is_seen_per_caller_and_across_checks() {
        let mut order = Order::default();
        order.check(&[number(1, 1), number(2, 9), number(1, 3)]).unwrap();
        order.check(&[number(1, 4), number(2, 10)]).unwrap();
        let error = order.check(&[number(1, 2)]).unwrap_err();
        assert_eq!(error.to_string(), "call 2 of caller 1 was handled after 4");
        let error = order.check(&[number(2, 10)]).unwrap_err();
        assert_eq!(error.to_string(), "call 10 of caller 2 was handled twice");
    }

    #[test]
    fn what_may_be_repeated_may_come_again() {
        let again = Number { caller: 1, call: 5, is_free: true }.encode();
        Order::default().check(&[number(1, 4), again, number(1, 6), again]).unwrap();
    }
}

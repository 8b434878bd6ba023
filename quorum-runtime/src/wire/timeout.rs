use std::time::Duration;

use super::piece::Piece;

/// The entry that tells how many microseconds the caller still gives a request, as protobuf has it:
/// the key with its tag and length, and the tag of the value. Only a peer that announced that it
/// understands our additions is sent one.
const HEAD: &[u8] = b"\x0a\x11quorum-timeout-us\x12";

/// The longest number, that of `u64::MAX`.
const MAX_DIGITS: usize = 20;

/// How many bytes [`Digits`] write as an entry.
pub(super) fn encoded_len(timeout: Duration) -> usize {
    Digits::of(timeout).entry_len()
}

/// A timeout, as its entry tells it.
pub(super) struct Digits {
    digits: [u8; MAX_DIGITS],
    start: usize,
}

impl Digits {
    pub(super) fn of(timeout: Duration) -> Self {
        let mut number = micros(timeout);
        let (mut digits, mut start) = ([0; MAX_DIGITS], MAX_DIGITS);
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { digits, start };
            }
        }
    }

    pub(super) const fn entry_len(&self) -> usize {
        HEAD.len() + 1 + MAX_DIGITS - self.start
    }

    pub(super) fn write_entry(&self, piece: &mut Piece) {
        let digits = &self.digits[self.start..];
        piece.slice(HEAD);
        piece.byte(digits.len() as u8);
        piece.slice(digits);
    }
}

/// The time that an entry tells, if it is the one that does.
pub(super) fn decode(entry: &[u8]) -> Option<Duration> {
    let (&len, digits) = entry.strip_prefix(HEAD)?.split_first()?;
    if usize::from(len) != digits.len() || digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })?;
    Some(Duration::from_micros(number))
}

fn micros(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX)
}

use std::time::Duration;

use super::piece::Piece;

/// The entry that tells how many microseconds the caller still gives a request, as protobuf has it:
/// the key with its tag and length, and the tag of the value. Only a peer that announced that it
/// understands our additions is sent one.
const HEAD: &[u8] = b"\x0a\x11quorum-timeout-us\x12";

/// The longest number, that of `u64::MAX`.
const MAX_DIGITS: usize = 20;

/// How many bytes [`encode`] writes.
pub(super) fn encoded_len(timeout: Duration) -> usize {
    HEAD.len() + 1 + digits_of(micros(timeout))
}

pub(super) fn encode(timeout: Duration, piece: &mut Piece) {
    let mut number = micros(timeout);
    let len = digits_of(number);
    let mut digits = [0; MAX_DIGITS];
    for digit in digits[..len].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    piece.slice(HEAD);
    piece.byte(len as u8);
    piece.slice(&digits[..len]);
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

fn digits_of(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

use std::time::Duration;

use bytes::BufMut;

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

pub(super) fn encode(timeout: Duration, buffer: &mut impl BufMut) {
    let mut number = micros(timeout);
    let len = digits_of(number);
    let mut digits = [0; MAX_DIGITS];
    for digit in digits[..len].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    buffer.put_slice(HEAD);
    buffer.put_u8(len as u8);
    buffer.put_slice(&digits[..len]);
}

/// The time that an entry tells, if it is the one that does.
pub(super) fn decode(entry: &[u8]) -> Option<Duration> {
    let (&len, digits) = entry.strip_prefix(HEAD)?.split_first()?;
    if usize::from(len) != digits.len() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(Duration::from_micros(number))
}

fn micros(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX)
}

fn digits_of(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

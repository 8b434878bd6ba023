//! What gRPC puts in front of each message: whether it is compressed, and its length.

use tonic::Status;

/// Bytes of a prefix.
pub(super) const LEN: usize = 5;

/// The prefix of a message of this length, which is not compressed.
pub(super) fn of(len: usize) -> [u8; LEN] {
    // Limits are below this, else the other side would refuse it.
    let [a, b, c, d] = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    [0, a, b, c, d]
}

/// The length of the message behind a prefix.
pub(super) fn read(prefix: [u8; LEN], limit: usize) -> Result<usize, Status> {
    let [flag, length @ ..] = prefix;
    match flag {
        0 => {}
        1 => {
            return Err(Status::internal(
                "a message is compressed, although no compression was agreed on",
            ));
        }
        other => return Err(Status::internal(format!("there is no compression flag {other}"))),
    }
    let len = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if len > limit {
        return Err(Status::out_of_range(format!(
            "a message of {len} bytes is over the limit of {limit}"
        )));
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_in_literal_bytes() {
        assert_eq!(of(0x0102), [0, 0, 0, 1, 2]);
        assert_eq!(read(of(7), 7).unwrap(), 7);
    }

    #[test]
    fn what_is_compressed_or_too_long_is_refused() {
        let refusal = |prefix| read(prefix, 7).unwrap_err().message().to_owned();
        assert!(refusal([1, 0, 0, 0, 0]).contains("compressed"));
        assert_eq!(refusal([9, 0, 0, 0, 0]), "there is no compression flag 9");
        assert_eq!(refusal(of(8)), "a message of 8 bytes is over the limit of 7");
    }
}

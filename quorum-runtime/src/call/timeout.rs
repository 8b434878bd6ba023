use std::time::Duration;

use tonic::metadata::MetadataMap;

/// The timeout that `tonic::Request::set_timeout` left in the metadata, in gRPC's notation: up to
/// eight digits and a unit. `None` when there is none or it can't be read.
pub(super) fn timeout_of(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = is_number.then(|| digits.parse().ok()).flatten()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &'static str) -> Option<Duration> {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", tonic::metadata::MetadataValue::from_static(text));
        timeout_of(&metadata)
    }

    #[test]
    fn what_tonic_writes_is_read() {
        for timeout in [1, 999, 1_500_000, 7_000_000_000_000].map(Duration::from_nanos) {
            let mut request = tonic::Request::new(());
            request.set_timeout(timeout);
            assert_eq!(timeout_of(request.metadata()), Some(timeout));
        }
    }

    #[test]
    fn what_is_no_timeout_is_none() {
        for text in ["", "S", "12", "1x", "-1S", "123456789S", "1 S", "+1S"] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        assert_eq!(parsed("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
    }
}

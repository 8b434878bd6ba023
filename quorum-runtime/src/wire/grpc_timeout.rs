use std::time::Duration;

use http::HeaderMap;

/// The header in which gRPC tells how long a client waits, and under which `tonic::Request` keeps
/// its timeout; it is no metadata of the application.
pub(crate) const GRPC_TIMEOUT: &str = "grpc-timeout";

/// How long a client waits, in gRPC's notation: up to eight digits and a unit. `None` when it does
/// not say so, or it can't be read.
pub(crate) fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
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
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, http::HeaderValue::from_static(text));
        grpc_timeout(&headers)
    }

    #[test]
    fn what_tonic_writes_is_read() {
        for timeout in [1, 999, 1_500_000, 7_000_000_000_000].map(Duration::from_nanos) {
            let mut request = tonic::Request::new(());
            request.set_timeout(timeout);
            assert_eq!(grpc_timeout(request.metadata().as_ref()), Some(timeout));
        }
    }

    #[test]
    fn what_is_no_timeout_is_none() {
        for text in ["", "S", "12", "1x", "-1S", "123456789S", "1 S", "+1S"] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        assert_eq!(grpc_timeout(&HeaderMap::new()), None);
    }

    #[test]
    fn each_unit_is_read() {
        let units = [("2H", 7_200_000), ("3M", 180_000), ("4S", 4000), ("5m", 5)];
        for (text, millis) in units {
            assert_eq!(parsed(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parsed("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parsed("7n"), Some(Duration::from_nanos(7)));
        assert_eq!(parsed("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
    }
}

//! Durations as schedules have them: `1.5s`, `20ms`, `300us`.

use std::fmt;
use std::time::Duration;

use super::ScheduleError;

const UNITS: [(&str, u64); 3] = [("us", 1), ("ms", 1_000), ("s", 1_000_000)];

/// A duration in the largest unit of which it is a whole number, to the microsecond.
pub(super) struct Written(pub(super) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let whole = UNITS.iter().rev().find(|(_, unit)| micros.is_multiple_of(u128::from(*unit)));
        let (name, unit) = whole.unwrap_or(&UNITS[0]);
        write!(f, "{}{name}", micros / u128::from(*unit))
    }
}

pub(super) fn parse(text: &str) -> Result<Duration, ScheduleError> {
    let malformed =
        || ScheduleError::new(format!("`{text}` is no duration: write 1.5s, 20ms or 300us"));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = UNITS.iter().find(|(name, _)| *name == &text[digits.len()..]);
    let (_, unit) = unit.ok_or_else(malformed)?;
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 6 {
        return Err(malformed());
    }
    let micros = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(*unit));
    let scale = 10_u64.pow(part.len() as u32);
    let part = part.parse::<u64>().map_err(|_| malformed())? * unit / scale;
    let micros = micros.and_then(|micros| micros.checked_add(part)).ok_or_else(malformed)?;
    Ok(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for micros in [0, 1, 999, 1_000, 1_500, 20_000, 1_000_000, 1_500_000, 86_400_000_000] {
            let duration = Duration::from_micros(micros);
            assert_eq!(parse(&Written(duration).to_string()).unwrap(), duration);
        }
        assert_eq!(parse("1.5s").unwrap(), Duration::from_millis(1500));
        assert_eq!(parse("0.25ms").unwrap(), Duration::from_micros(250));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "5",
            "ms5",
            "-1s",
            "1.s",
            ".5s",
            "1e3s",
            "1 s",
            "99999999999999s",
            "1,5s",
            "1m",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("is no duration"), "{text}: {error}");
        }
    }
}

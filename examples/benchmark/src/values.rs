//! Values on the command line.

use std::time::Duration;

/// A number of calls.
pub(crate) fn calls(text: &str) -> Result<u64, String> {
    number(text, 1, 1_000_000_000).map(|number| number as u64)
}

/// A number from 1.
pub(crate) fn count(max: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| number(text, 1, max)
}

/// A payload that a message of every peer has room for.
pub(crate) fn payload() -> impl Fn(&str) -> Result<usize, String> + Clone {
    |text| number(text, 0, MAX_PAYLOAD)
}

/// The largest payload that can be asked for.
pub(crate) const MAX_PAYLOAD: usize = 64 * 1024 * 1024;

fn number(text: &str, min: usize, max: usize) -> Result<usize, String> {
    let number = text.trim().parse().map_err(|_| format!("it is no number from {min} to {max}"))?;
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(format!("it must be from {min} to {max}"))
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match seconds_or_none(text)? {
        Duration::ZERO => Err("nothing can be measured in no time".to_owned()),
        time => Ok(time),
    }
}

pub(crate) fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let number: f64 = text.trim().parse().map_err(|_| "it is no number of seconds".to_owned())?;
    if !(0.0..=86_400.0).contains(&number) {
        return Err("it must be from 0 to 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(number))
}

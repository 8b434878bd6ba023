use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::duration::{self, Written};
use super::{Fault, Place};

/// Which faults come when, from the start of the simulation.
///
/// Its text has one fault a line, or several with `;` between them, and after `#` a remark:
///
/// ```
/// use std::time::Duration;
/// use quorum_runtime::sim::{Fault, Place, Schedule};
///
/// let schedule: Schedule = "
///     200ms cut 1 3          # both ways
///     0.5s  crash 2 in write
///     800ms start 2; 1s join 1 3
/// ".parse()?;
/// assert_eq!(schedule.faults().len(), 4);
/// assert_eq!(schedule.faults()[1], (Duration::from_millis(500), Fault::CrashInWrite(Place::Node(2))));
/// assert_eq!(schedule.to_string().parse::<Schedule>()?, schedule);
/// # Ok::<(), quorum_runtime::sim::ScheduleError>(())
/// ```
///
/// The faults are listed at [`Fault`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule(Vec<(Duration, Fault)>);

/// Why a text is no [`Schedule`]. Reads like a sentence, and says what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScheduleError(String);

impl ScheduleError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Schedule {
    /// The faults, the first to come first.
    #[must_use]
    pub fn faults(&self) -> &[(Duration, Fault)] {
        &self.0
    }

    /// Adds a fault, behind those of the same time.
    #[must_use]
    pub fn at(mut self, time: Duration, fault: Fault) -> Self {
        let place = self.0.partition_point(|(at, _)| *at <= time);
        self.0.insert(place, (time, fault));
        self
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (time, fault)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{} {fault}", Written(*time))?;
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let mut schedule = Self::default();
        for (line, number) in text.lines().zip(1..) {
            let line = line.split_once('#').map_or(line, |(faults, _remark)| faults);
            for entry in line.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
                let (time, fault) = parse(entry).map_err(|ScheduleError(why)| {
                    ScheduleError(format!("line {number} of the schedule, `{entry}`: {why}"))
                })?;
                schedule = schedule.at(time, fault);
            }
        }
        Ok(schedule)
    }
}

fn parse(entry: &str) -> Result<(Duration, Fault), ScheduleError> {
    let words: Vec<_> = entry.split_whitespace().collect();
    let (time, words) = words.split_first().unwrap_or((&"", &[]));
    Ok((duration::parse(time)?, fault(words)?))
}

fn fault(words: &[&str]) -> Result<Fault, ScheduleError> {
    let place = |word: &str| word.parse::<Place>();
    let two = |one: &str, other: &str| -> Result<_, ScheduleError> {
        match (place(one)?, place(other)?) {
            (one, other) if one == other => {
                Err(ScheduleError::new(format!("{one} and {other} are the same place")))
            }
            places => Ok(places),
        }
    };
    Ok(match words {
        ["crash", at] => Fault::Crash(place(at)?),
        ["crash", at, "in", "write"] => Fault::CrashInWrite(place(at)?),
        ["crash", at, "before", "operation", number] => {
            Fault::CrashBeforeOperation(place(at)?, count(number)?)
        }
        ["crash", at, "in", "operation", number] => {
            Fault::CrashInOperation(place(at)?, count(number)?)
        }
        ["power-off", at] => Fault::PowerOff(place(at)?),
        ["erase", at] => Fault::Erase(place(at)?),
        ["start", at] => Fault::Start(place(at)?),
        ["cut", from, "->", to] => two(from, to).map(|(from, to)| Fault::CutOneWay(from, to))?,
        ["cut", one, other] => two(one, other).map(|(one, other)| Fault::Cut(one, other))?,
        ["join", one, other] => two(one, other).map(|(one, other)| Fault::Join(one, other))?,
        ["split", side @ ..] if !side.is_empty() => {
            Fault::Split(side.iter().map(|at| place(at)).collect::<Result<_, _>>()?)
        }
        ["unite"] => Fault::Unite,
        ["break", one, other] => two(one, other).map(|(one, other)| Fault::Break(one, other))?,
        ["hang", at] => Fault::Hang(place(at)?),
        ["wake", at] => Fault::Wake(place(at)?),
        ["slow", at, by] => Fault::Slow(place(at)?, duration::parse(by)?),
        ["fast", at] => Fault::Fast(place(at)?),
        ["ahead", at, by] => Fault::Ahead(place(at)?, duration::parse(by)?),
        ["behind", at, by] => Fault::Behind(place(at)?, duration::parse(by)?),
        ["disk", at, "fails"] => Fault::DiskFails(place(at)?),
        ["disk", at, "full"] => Fault::DiskFull(place(at)?),
        ["disk", at, "slow", by] => Fault::DiskSlow(place(at)?, duration::parse(by)?),
        ["disk", at, "works"] => Fault::DiskWorks(place(at)?),
        ["heal"] => Fault::Heal,
        _ => {
            return Err(ScheduleError::new(format!(
                "`{}` is no fault: write crash N, crash N in write, crash N before operation K, \
                 crash N in operation K, power-off N, erase N, start N, \
                 cut N M, cut N -> M, join N M, split N M .., unite, break N M, hang N, wake N, slow N TIME, fast N, \
                 ahead N TIME, behind N TIME, disk N fails, disk N full, disk N slow TIME, \
                 disk N works, or heal",
                words.join(" ")
            )));
        }
    })
}

/// A number from 1 on, by which things are counted.
fn count(word: &str) -> Result<u32, ScheduleError> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        ScheduleError::new(format!("`{word}` counts nothing: write 1 for the first"))
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_fault_is_read_as_it_is_written() {
        let (one, other, by) = (Place::Node(12), Place::Client(3), Duration::from_millis(20));
        let faults = [
            Fault::Crash(one),
            Fault::CrashInWrite(one),
            Fault::CrashBeforeOperation(one, 17),
            Fault::CrashInOperation(other, 1),
            Fault::PowerOff(one),
            Fault::Erase(one),
            Fault::Start(other),
            Fault::Cut(one, other),
            Fault::CutOneWay(other, one),
            Fault::Join(one, other),
            Fault::Split([one, other].into()),
            Fault::Unite,
            Fault::Break(one, other),
            Fault::Hang(one),
            Fault::Wake(one),
            Fault::Slow(one, by),
            Fault::Fast(one),
            Fault::Ahead(one, by),
            Fault::Behind(one, by),
            Fault::DiskFails(one),
            Fault::DiskFull(one),
            Fault::DiskSlow(one, by),
            Fault::DiskWorks(one),
            Fault::Heal,
        ];
        let written =
            faults.iter().fold(Schedule::default(), |all, fault| all.at(by, fault.clone()));
        assert_eq!(written.to_string().parse::<Schedule>().unwrap(), written);
        assert_eq!(written.faults().len(), faults.len());
    }

    #[test]
    fn faults_come_by_time_and_then_as_they_were_written() {
        let schedule: Schedule = "2s heal; 1s crash 1\n1s start 1\n500ms hang 2".parse().unwrap();
        expect!["500ms hang 2; 1s crash 1; 1s start 1; 2s heal"].assert_eq(&schedule.to_string());
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_its_line() {
        let error = |text: &str| text.parse::<Schedule>().unwrap_err().to_string();
        expect![[r"line 2 of the schedule, `soon crash 1`: `soon` is no duration: write 1.5s, 20ms or 300us"]]
            .assert_eq(&error("1s heal\nsoon crash 1"));
        expect![[r"line 1 of the schedule, `1s crash x`: `x` is no place: a node is written as its number, 3 for example, and a client with a c before it, c1"]]
            .assert_eq(&error("1s crash x"));
        expect![[r"line 1 of the schedule, `1s cut 2 2`: 2 and 2 are the same place"]]
            .assert_eq(&error("1s cut 2 2"));
        expect![[r"line 1 of the schedule, `1s crash 1 in operation 0`: `0` counts nothing: write 1 for the first"]]
            .assert_eq(&error("1s crash 1 in operation 0"));
        for text in ["1s", "1s explode 1", "1s crash", "1s crash 0", "1s crash +1", "1s cut 1 2 3"]
        {
            assert!(error(text).starts_with("line 1 of the schedule"), "{text}");
        }
    }
}

use std::fmt;
use std::str::FromStr;

use super::ScheduleError;

/// One machine of a simulated cluster.
///
/// Written as schedules and traces have it: `3` is a node, `c1` a client.
///
/// ```
/// use quorum_runtime::sim::Place;
///
/// assert_eq!("c1".parse::<Place>()?, Place::Client(1));
/// assert_eq!(Place::Node(3).to_string(), "3");
/// # Ok::<(), quorum_runtime::sim::ScheduleError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The node with this number, from 1, which is its node id too.
    Node(u32),
    /// The client with this number, from 1.
    Client(u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(number) => write!(f, "{number}"),
            Self::Client(number) => write!(f, "c{number}"),
        }
    }
}

impl FromStr for Place {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let (place, digits): (fn(u32) -> Self, _) = match text.strip_prefix('c') {
            Some(digits) => (Self::Client, digits),
            None => (Self::Node, text),
        };
        match digits.parse() {
            Ok(number @ 1..) if digits.starts_with(|c: char| c.is_ascii_digit()) => {
                Ok(place(number))
            }
            _ => Err(ScheduleError::new(format!(
                "`{text}` is no place: a node is written as its number, 3 for example, and a client \
                 with a c before it, c1"
            ))),
        }
    }
}

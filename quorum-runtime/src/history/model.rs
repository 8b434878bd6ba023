use std::fmt::Debug;
use std::hash::Hash;

/// What one copy of the service would do, all by itself: the sequential specification that a history
/// is compared with.
///
/// A model must be deterministic: state, input and output decide the next state.
///
/// # Keys
///
/// A history is linearizable when that of each object is (Herlihy and Wing, 1990, call it locality),
/// and many small histories are checked faster than a large one. So a model says which object an
/// operation is about; each operation must be about one. A model of one object has the key `()`.
///
/// # Examples
///
/// A counter, which gives the sum with every addition:
///
/// ```
/// use quorum_runtime::history::{History, Model};
///
/// struct Counter;
///
/// impl Model for Counter {
///     type Input = u64; // How much to add.
///     type Output = u64; // The sum.
///     type Key = ();
///     type State = u64;
///
///     fn key(&self, _input: &u64) {}
///
///     fn init(&self, _key: &()) -> u64 {
///         0
///     }
///
///     fn step(&self, sum: &u64, add: &u64, seen: Option<&u64>) -> Option<u64> {
///         let sum = sum + add;
///         seen.is_none_or(|seen| *seen == sum).then_some(sum)
///     }
/// }
///
/// let history = History::new(Counter);
/// let (one, other) = (history.invoke(1, 5), history.invoke(2, 3));
/// one.returned(8);
/// other.returned(3);
/// history.check()?;
/// # Ok::<_, quorum_runtime::history::CheckError>(())
/// ```
pub trait Model {
    /// What a client asks for.
    type Input: Clone + Debug;
    /// What it is answered.
    type Output: Clone + Debug;
    /// Names an object.
    type Key: Ord + Debug;
    /// What an object holds.
    type State: Clone + Eq + Hash;

    /// The object that the operation is about.
    fn key(&self, input: &Self::Input) -> Self::Key;

    /// What the object holds before the first operation.
    fn init(&self, key: &Self::Key) -> Self::State;

    /// What the object holds after the operation, or `None` where it would not have answered so.
    ///
    /// The output of an operation that did not return is `None`: any would do.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Self::State>;

    /// Whether the operation is always possible, and what it leaves does not depend on what it found, as
    /// with a write. By default none is.
    ///
    /// This is for speed: an operation that was left open need not be tried directly before such a one,
    /// which would hide it. To say so of an operation that is no such one makes the check wrong.
    fn overwrites(&self, input: &Self::Input) -> bool {
        let _ = input;
        false
    }

    /// The object as the subject of a sentence: `key "k3"`.
    fn describe_key(&self, key: &Self::Key) -> String {
        format!("key {key:?}")
    }

    /// The operation as what a client did, `wrote "b"`; or without an output as what it was to do,
    /// `write "b"`. By default the two are shown as `{:?}` shows them.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> String {
        match output {
            Some(output) => format!("{input:?} -> {output:?}"),
            None => format!("{input:?}"),
        }
    }
}

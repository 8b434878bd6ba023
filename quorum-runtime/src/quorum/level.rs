/// One state of a result that improves while replies come in.
///
/// The function of a correctable call makes it of the replies so far. Levels are numbered by the
/// protocol: 1 may be "some node says so", 2 "a majority does". The idea is that of Guerraoui,
/// Pavlovic and Seredinschi (Incremental Consistency Guarantees, 2016).
///
/// ```
/// use quorum_runtime::{Level, Majority, Replies, Verdict};
///
/// /// The newest so far at level 1, and at level 2 when a majority has replied.
/// fn newest(replies: &Replies<u64>) -> Verdict<Level<u64>> {
///     let newest = replies.values().max().copied();
///     let level = |value| match replies.is_quorum(&Majority) {
///         true => Level::new(2, value).last(),
///         false => Level::new(1, value),
///     };
///     newest.map(level).into()
/// }
///
/// let replies = Replies::new([1, 2, 3]).with_reply(1, 7);
/// assert_eq!(newest(&replies), Verdict::Done(Level::new(1, 7)));
/// assert_eq!(newest(&replies.with_reply(2, 9)), Verdict::Done(Level::new(2, 9).last()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level<T> {
    /// How good the value is: larger is better.
    pub number: u32,
    /// The result as it stands at this level.
    pub value: T,
    /// No better level will come: the call is done.
    pub is_last: bool,
}

impl<T> Level<T> {
    /// A value that may still improve.
    #[must_use]
    pub const fn new(number: u32, value: T) -> Self {
        Self { number, value, is_last: false }
    }

    /// The same, and nothing better will come.
    #[must_use]
    pub fn last(mut self) -> Self {
        self.is_last = true;
        self
    }
}

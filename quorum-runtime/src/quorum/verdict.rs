/// What a quorum function says of the replies so far.
///
/// The quorum functions of Gorums (Lea, Jehl and Meling, 2017) wait or are done. The third exit is
/// for a reply after which waiting is pointless, as that of a higher term is.
///
/// ```
/// use quorum_runtime::Verdict;
///
/// // The best of what has come, if anything has: `Some` decides, `None` waits.
/// let newest: Verdict<u64> = [3, 1].into_iter().max().into();
/// assert_eq!(newest, Verdict::Done(3));
/// assert_eq!(Verdict::<u64>::from(None), Verdict::Pending);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Not enough has come to decide.
    Pending,
    /// The call ends with this value.
    Done(T),
    /// The call ends with an error, for this reason: no further reply would change that. The
    /// reason is read as the end of a sentence: "a higher term was seen".
    Failed(String),
}

impl<T> Verdict<T> {
    /// [`Verdict::Failed`] from anything that reads as a string.
    ///
    /// ```
    /// use quorum_runtime::Verdict;
    ///
    /// let verdict = Verdict::<()>::failed("a higher term was seen");
    /// assert_eq!(verdict, Verdict::Failed("a higher term was seen".to_owned()));
    /// ```
    #[must_use]
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    /// The same verdict on another value.
    ///
    /// ```
    /// use quorum_runtime::Verdict;
    ///
    /// assert_eq!(Verdict::Done(2).map(|n| n + 1), Verdict::Done(3));
    /// ```
    pub fn map<U>(self, function: impl FnOnce(T) -> U) -> Verdict<U> {
        match self {
            Self::Pending => Verdict::Pending,
            Self::Done(value) => Verdict::Done(function(value)),
            Self::Failed(reason) => Verdict::Failed(reason),
        }
    }
}

impl<T> From<Option<T>> for Verdict<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Pending, Self::Done)
    }
}

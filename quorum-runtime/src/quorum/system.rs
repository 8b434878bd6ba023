use std::sync::Arc;

use super::{And, NodeSet, Or};

/// Says which sets of repliers are quorums of a membership.
///
/// A system must be *monotone*: adding a replier to a quorum gives a quorum again. Members are
/// the nodes over which quorums are counted, whether a call contacted all of them or not;
/// repliers that are no members do not count.
///
/// That quorums can be any sets of nodes which meet, and not majorities alone, is from
/// Garcia-Molina and Barbara (How to assign votes in a distributed system, 1985).
///
/// ```
/// use quorum_runtime::{NodeSet, QuorumSystem};
///
/// /// Every member must have replied, but for one.
/// struct AllButOne;
///
/// impl QuorumSystem for AllButOne {
///     fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
///         members.common(repliers) + 1 >= members.len()
///     }
///
///     fn intersects(&self, members: &NodeSet) -> bool {
///         members.len() > 2
///     }
/// }
///
/// let members = NodeSet::from([1, 2, 3]);
/// assert!(AllButOne.is_quorum(&members, &NodeSet::from([1, 3])));
/// assert!(!AllButOne.can_still(&members, &NodeSet::from([2, 3])));
/// ```
pub trait QuorumSystem {
    /// Whether these repliers suffice.
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool;

    /// Whether a quorum can still come when these members will never reply. A call ends when none
    /// can, so what is not monotone may end too early.
    fn can_still(&self, members: &NodeSet, failed: &NodeSet) -> bool {
        if failed.is_empty() {
            return self.is_quorum(members, members);
        }
        self.is_quorum(members, &members.difference(failed))
    }

    /// Whether the system claims that any two of its quorums over these members share a member.
    ///
    /// Storage and consensus stand on that: what one quorum was told, some member of the next one
    /// knows. A claim must hold. A system that claims nothing, as it does unless it says
    /// otherwise, may have the property all the same.
    ///
    /// ```
    /// use quorum_runtime::{Majority, NodeSet, QuorumSystem, Threshold};
    ///
    /// let members = NodeSet::from([1, 2, 3, 4]);
    /// assert!(Majority.intersects(&members));
    /// assert!(!Threshold(2).intersects(&members), "{{1, 2}} and {{3, 4}}");
    /// ```
    fn intersects(&self, members: &NodeSet) -> bool {
        let _ = members;
        false
    }

    /// The system whose quorums are those of both: enough for this one and for `other`.
    ///
    /// ```
    /// use quorum_runtime::{Majority, NodeSet, QuorumSystem, Within};
    ///
    /// let leader = Within::new(Majority, NodeSet::from([1]));
    /// let system = Majority.and(leader);
    /// let members = NodeSet::from([1, 2, 3]);
    /// assert!(system.is_quorum(&members, &NodeSet::from([1, 2])));
    /// assert!(!system.is_quorum(&members, &NodeSet::from([2, 3])));
    /// ```
    #[must_use]
    fn and<Other: QuorumSystem>(self, other: Other) -> And<Self, Other>
    where
        Self: Sized,
    {
        And::new(self, other)
    }

    /// The system whose quorums are those of either: enough for this one or for `other`.
    ///
    /// ```
    /// use quorum_runtime::{All, NodeSet, QuorumSystem, Within};
    ///
    /// let here = Within::new(All, NodeSet::from([1, 2]));
    /// let there = Within::new(All, NodeSet::from([3, 4]));
    /// let system = here.or(there);
    /// let members = NodeSet::from([1, 2, 3, 4]);
    /// assert!(system.is_quorum(&members, &NodeSet::from([3, 4])));
    /// assert!(!system.is_quorum(&members, &NodeSet::from([2, 3])));
    /// ```
    #[must_use]
    fn or<Other: QuorumSystem>(self, other: Other) -> Or<Self, Other>
    where
        Self: Sized,
    {
        Or::new(self, other)
    }
}

macro_rules! stands_for_its_target {
    ($($pointer:ty),*) => {$(
        impl<Q: QuorumSystem + ?Sized> QuorumSystem for $pointer {
            fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
                (**self).is_quorum(members, repliers)
            }

            fn can_still(&self, members: &NodeSet, failed: &NodeSet) -> bool {
                (**self).can_still(members, failed)
            }

            fn intersects(&self, members: &NodeSet) -> bool {
                (**self).intersects(members)
            }
        }
    )*};
}

stands_for_its_target!(&Q, Box<Q>, Arc<Q>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::Majority;

    /// Answers each question in its own way, so that an answer tells who gave it.
    struct Stubborn;

    impl QuorumSystem for Stubborn {
        fn is_quorum(&self, _: &NodeSet, _: &NodeSet) -> bool {
            false
        }

        fn can_still(&self, _: &NodeSet, _: &NodeSet) -> bool {
            true
        }

        fn intersects(&self, _: &NodeSet) -> bool {
            true
        }
    }

    #[test]
    fn a_pointer_gives_the_answers_of_its_target() {
        fn answers(system: impl QuorumSystem) -> [bool; 3] {
            let none = NodeSet::new();
            [
                system.is_quorum(&none, &none),
                system.can_still(&none, &none),
                system.intersects(&none),
            ]
        }
        let expected = [false, true, true];
        assert_eq!(answers(&Stubborn), expected);
        assert_eq!(answers(&Stubborn as &dyn QuorumSystem), expected);
        assert_eq!(answers(Box::new(Stubborn) as Box<dyn QuorumSystem>), expected);
        assert_eq!(answers(Arc::new(Stubborn) as Arc<dyn QuorumSystem + Send>), expected);
    }

    #[test]
    fn systems_that_are_known_only_at_run_time_combine_like_others() {
        let chosen: Vec<Box<dyn QuorumSystem>> = vec![Box::new(Majority), Box::new(Stubborn)];
        let members = NodeSet::from([1, 2, 3]);
        assert!((&chosen[0]).or(&chosen[1]).is_quorum(&members, &members));
        assert!(!(&chosen[0]).and(&chosen[1]).is_quorum(&members, &members));
    }

    #[test]
    fn a_system_claims_nothing_unless_it_says_so() {
        struct Silent;
        impl QuorumSystem for Silent {
            fn is_quorum(&self, _: &NodeSet, _: &NodeSet) -> bool {
                false
            }
        }
        assert!(!Silent.intersects(&NodeSet::from([1])));
    }
}

use super::{NodeId, NodeSet, QuorumSystem};

/// One full row of a grid, and at least one member of every other row.
///
/// The members stand in rows of `columns` in the order of their ids; the last row has what is
/// left. With √n columns a quorum needs about 2√n of n members, where a majority needs n/2.
///
/// Any two quorums share a member: the full row of one is a row of which the other has a member.
/// That holds for rows of any length, so for a short last row too; but a last row of a single
/// member makes that member part of every quorum. In a single row, and in a single column, only
/// all members together are a quorum; with 0 columns nothing is.
///
/// These are the write quorums of the grid protocol (Cheung, Ammar and Ahamad, 1992), which calls
/// columns what is a row here.
///
/// ```
/// use quorum_runtime::{Grid, NodeSet, QuorumSystem};
///
/// // 1 2 3
/// // 4 5 6
/// // 7 8 9
/// let members: NodeSet = (1..=9).collect();
/// let grid = Grid { columns: 3 };
/// assert!(grid.is_quorum(&members, &NodeSet::from([2, 4, 5, 6, 9])));
/// assert!(!grid.is_quorum(&members, &NodeSet::from([2, 4, 5, 6])), "nobody of the last row");
/// assert!(!grid.is_quorum(&members, &NodeSet::from([1, 2, 4, 5, 7, 8])), "no full row");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// How many members stand in each row.
    pub columns: usize,
}

impl QuorumSystem for Grid {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        if self.columns == 0 {
            return false;
        }
        let replied = |node: &NodeId| repliers.contains(*node);
        let mut rows = members.as_slice().chunks(self.columns);
        let every_row_is_met = rows.clone().all(|row| row.iter().any(replied));
        every_row_is_met && rows.any(|row| row.iter().all(replied))
    }

    fn intersects(&self, _: &NodeSet) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::All;
    use crate::quorum::properties::{holds, holds_over, minimal_quorums, subsets};

    #[test]
    fn grids_of_every_width_are_quorum_systems() {
        for columns in 0..=6 {
            holds(&Grid { columns });
        }
        holds(&Grid { columns: usize::MAX });
    }

    #[test]
    fn grids_of_several_rows_are_too_whether_their_last_row_is_full_or_not() {
        for n in 6..=8 {
            for columns in [2, 3] {
                holds_over(&Grid { columns }, &(1..=n).collect());
            }
        }
    }

    #[test]
    fn the_quorums_of_two_rows_of_two_are_a_row_and_one_of_the_other() {
        let members = NodeSet::from([10, 20, 30, 40]);
        let quorums = minimal_quorums(&Grid { columns: 2 }, &members);
        let expected = [[10, 20, 30], [10, 20, 40], [10, 30, 40], [20, 30, 40]];
        assert_eq!(quorums, expected.map(NodeSet::from));
    }

    #[test]
    fn a_short_last_row_is_full_when_all_it_has_replied() {
        // 1 2 3
        // 4 5
        let quorums = minimal_quorums(&Grid { columns: 3 }, &(1..=5).collect());
        let expected = [vec![1, 2, 3, 4], vec![1, 2, 3, 5], vec![1, 4, 5], vec![2, 4, 5]];
        let last = vec![3, 4, 5];
        let expected = expected.into_iter().chain([last]).map(NodeSet::from_iter);
        assert_eq!(quorums, expected.collect::<Vec<_>>());
    }

    #[test]
    fn one_row_or_one_column_needs_all_members() {
        for n in 0..=5 {
            let members: NodeSet = (1..=n).collect();
            for set in subsets(&members) {
                let all = All.is_quorum(&members, &set);
                assert_eq!(Grid { columns: 1 }.is_quorum(&members, &set), all);
                assert_eq!(Grid { columns: n.max(1) as usize }.is_quorum(&members, &set), all);
            }
        }
    }

    #[test]
    fn without_columns_there_is_no_quorum() {
        let members = NodeSet::from([1, 2]);
        assert!(!Grid { columns: 0 }.is_quorum(&members, &members));
    }
}

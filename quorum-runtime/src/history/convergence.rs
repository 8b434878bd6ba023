use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug, Display};

/// Compares what the nodes hold, when everything has come to rest: all must hold the same.
///
/// # Errors
///
/// [`Divergence`] names the keys that differ, and who has what.
///
/// ```
/// use std::collections::BTreeMap;
/// use quorum_runtime::history::converged;
///
/// let stores = [
///     ("node 1", BTreeMap::from([("a", 1), ("b", 2)])),
///     ("node 2", BTreeMap::from([("a", 1), ("b", 2)])),
///     ("node 3", BTreeMap::from([("a", 1)])),
/// ];
/// assert_eq!(
///     converged(stores).unwrap_err().to_string(),
///     "3 stores differ in 1 of 2 keys: \"b\" is 2 at node 1, node 2; nothing at node 3",
/// );
/// converged([("node 1", BTreeMap::from([("a", 1)])), ("node 2", BTreeMap::from([("a", 1)]))])?;
/// # Ok::<_, quorum_runtime::history::Divergence>(())
/// ```
pub fn converged<N, K, V>(
    stores: impl IntoIterator<Item = (N, BTreeMap<K, V>)>,
) -> Result<(), Divergence>
where
    N: Display,
    K: Debug + Ord,
    V: Debug + PartialEq,
{
    let stores: Vec<_> = stores.into_iter().collect();
    let keys: BTreeSet<_> = stores.iter().flat_map(|(_, store)| store.keys()).collect();
    let differences: Vec<_> = keys.iter().filter_map(|key| difference(&stores, key)).collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(Divergence { stores: stores.len(), keys: keys.len(), differences })
}

fn difference<N, K, V>(stores: &[(N, BTreeMap<K, V>)], key: &K) -> Option<Difference>
where
    N: Display,
    K: Debug + Ord,
    V: Debug + PartialEq,
{
    let mut held: Vec<(Option<&V>, Vec<String>)> = Vec::new();
    for (name, store) in stores {
        let value = store.get(key);
        match held.iter_mut().find(|(other, _)| *other == value) {
            Some((_, holders)) => holders.push(name.to_string()),
            None => held.push((value, vec![name.to_string()])),
        }
    }
    let shown = |(value, holders): (Option<&V>, _)| (value.map(|v| format!("{v:?}")), holders);
    (held.len() > 1).then(|| Difference {
        key: format!("{key:?}"),
        held: held.into_iter().map(shown).collect(),
    })
}

/// Stores that should be equal are not. Reads as a sentence, which names the first keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Text(self))]
#[non_exhaustive]
pub struct Divergence {
    /// How many stores were compared.
    pub stores: usize,
    /// How many keys any of them has.
    pub keys: usize,
    /// The keys that differ, in their order.
    pub differences: Vec<Difference>,
}

/// A key that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The key, as `{:?}` shows it.
    pub key: String,
    /// The values, as `{:?}` shows them, each with the names of the stores that hold it; `None` is no
    /// value.
    pub held: Vec<(Option<String>, Vec<String>)>,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is", self.key)?;
        for (number, (value, holders)) in self.held.iter().enumerate() {
            let (separator, value) =
                (if number > 0 { ";" } else { "" }, value.as_deref().unwrap_or("nothing"));
            write!(f, "{separator} {value} at {}", holders.join(", "))?;
        }
        Ok(())
    }
}

/// How many keys are named in a sentence.
const MAX_NAMED: usize = 5;

struct Text<'a>(&'a Divergence);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Divergence { stores, keys, differences } = self.0;
        write!(f, "{stores} stores differ in {} of {keys} keys: ", differences.len())?;
        for (number, difference) in differences.iter().take(MAX_NAMED).enumerate() {
            write!(f, "{}{difference}", if number > 0 { " | " } else { "" })?;
        }
        match differences.len().saturating_sub(MAX_NAMED) {
            0 => Ok(()),
            more => write!(f, " | and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(values: &[(u32, u32)]) -> BTreeMap<u32, u32> {
        values.iter().copied().collect()
    }

    #[test]
    fn a_missing_key_and_another_value_differ_wherever_they_are() {
        let (same, less, other) =
            (store(&[(1, 1), (2, 2)]), store(&[(1, 1)]), store(&[(1, 1), (2, 3)]));
        for odd in [less, other] {
            for place in 0..3 {
                let mut stores = vec![same.clone(); 3];
                stores[place] = odd.clone();
                let divergence = converged(stores.into_iter().enumerate()).unwrap_err();
                assert_eq!(divergence.differences.len(), 1);
                assert_eq!(divergence.differences[0].key, "2");
                assert_eq!(divergence.differences[0].held.len(), 2);
            }
        }
    }

    #[test]
    fn equal_stores_and_few_stores_have_converged() {
        converged(vec![store(&[(1, 1)]); 3].into_iter().enumerate()).unwrap();
        converged([(1, store(&[(1, 1)]))]).unwrap();
        converged::<u32, u32, u32>([]).unwrap();
    }

    #[test]
    fn a_sentence_names_the_first_keys_and_counts_the_others() {
        let many: Vec<_> = (1..=7).map(|key| (key, 0)).collect();
        let text = converged([("a", store(&many)), ("b", store(&[]))]).unwrap_err().to_string();
        assert!(
            text.starts_with("2 stores differ in 7 of 7 keys: 1 is 0 at a; nothing at b | 2 is")
        );
        assert!(text.ends_with("5 is 0 at a; nothing at b | and 2 more"), "{text}");
    }
}

use std::sync::atomic::{AtomicU64, Ordering};

/// A number for one link, by which its node knows the streams that follow each other on it.
///
/// No other link should have the same. The random part alone does not see to that, because one seed
/// may be given to several clients.
pub(super) fn link_id(random: &mut fastrand::Rng) -> u64 {
    static LINKS: AtomicU64 = AtomicU64::new(0);
    let link = LINKS.fetch_add(1, Ordering::Relaxed) << 32 | u64::from(std::process::id());
    // Multiplied by an odd number, different links stay different, and differ in all bits.
    random.u64(..) ^ link.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_clients_with_one_seed_are_different() {
        let id = || link_id(&mut fastrand::Rng::with_seed(7));
        assert_ne!(id(), id());
    }
}

use std::collections::BTreeMap;

use crate::{Network, Refusal};

/// How many requests each [`Network`] may make: a token bucket for each.
///
/// It stands in for Cloudflare's rate limiter where there is none, which is workerd by itself. Time
/// is an argument, in milliseconds of any clock. A network that is as good as new is forgotten, and
/// no more than [`MAX_NETWORKS`](Self::MAX_NETWORKS) are remembered.
#[derive(Debug, Default)]
pub struct Limiter {
    /// When each network's bucket is full again, in [units](Self::unit_of).
    full_at: BTreeMap<Network, u64>,
}

impl Limiter {
    /// Number of requests that may come at once, and in each [`PERIOD_S`](Self::PERIOD_S) after
    /// that. `wrangler.toml` says the same to Cloudflare.
    ///
    /// Thirty devices with three rooms each, behind one address, must not notice it: they make some
    /// 2,900 in their first minute (`docs/phone-book-cost.md`), and may load the page once more.
    pub const REQUESTS: u64 = 6_000;

    /// Time in which an empty bucket gets full again, in seconds.
    pub const PERIOD_S: u64 = 60;

    /// Maximum number of networks that are remembered; they take some 200 kB.
    pub const MAX_NETWORKS: usize = 4096;

    /// What a request costs. With a unit of 1/[`REQUESTS`](Self::REQUESTS) ms there are no
    /// fractions.
    const COST: u64 = Self::PERIOD_S * 1000;

    /// How much a bucket holds.
    const CAPACITY: u64 = Self::REQUESTS * Self::COST;

    /// A time in milliseconds, in units of which a bucket gets one back in each.
    fn unit_of(now_ms: u64) -> u64 {
        now_ms.saturating_mul(Self::REQUESTS)
    }

    /// Lets one request through, or refuses it at no cost to the network.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooManyRequests`] when the network's bucket is empty.
    pub fn admit(&mut self, network: Network, now_ms: u64) -> Result<(), Refusal> {
        let now = Self::unit_of(now_ms);
        let known = self.full_at.get_mut(&network);
        let is_new = known.is_none();
        let full_at = match known {
            Some(full_at) => {
                // No bucket is emptier than empty, also when the clock was set back.
                *full_at = (*full_at).clamp(now, now.saturating_add(Self::CAPACITY));
                *full_at
            }
            None => now,
        };
        let full_at = full_at.saturating_add(Self::COST);
        let missing = full_at.saturating_sub(now).saturating_sub(Self::CAPACITY);
        if missing > 0 {
            return Err(Refusal::TooManyRequests { retry_after_s: missing.div_ceil(Self::unit_of(1000)) });
        }
        if is_new && self.full_at.len() >= Self::MAX_NETWORKS {
            self.make_room(now);
        }
        self.full_at.insert(network, full_at);
        Ok(())
    }

    /// Forgets the networks whose bucket is full, or the one whose bucket is the fullest: it gains
    /// the least by that.
    fn make_room(&mut self, now: u64) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= Self::MAX_NETWORKS
            && let Some(fullest) = self.full_at.iter().min_by_key(|(_, full_at)| **full_at).map(|(network, _)| *network)
        {
            self.full_at.remove(&fullest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    const DEVICES: u64 = 30;
    const ROOMS: u64 = 3;

    fn network(n: u32) -> Network {
        Network::of(IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    /// How many of these requests are let through.
    fn admitted(limiter: &mut Limiter, times_ms: impl IntoIterator<Item = u64>) -> usize {
        times_ms.into_iter().filter(|now_ms| limiter.admit(network(1), *now_ms).is_ok()).count()
    }

    #[test]
    fn a_flood_gets_what_a_bucket_holds_and_then_its_share() {
        let mut limiter = Limiter::default();
        // 1,000 requests a second, for two minutes.
        let taken = admitted(&mut limiter, 0..=120_000);
        assert_eq!(taken as u64, 3 * Limiter::REQUESTS);
    }

    #[test]
    fn who_is_refused_is_told_when_to_come_again() {
        let mut limiter = Limiter::default();
        assert_eq!(admitted(&mut limiter, (0..Limiter::REQUESTS).map(|_| 0)) as u64, Limiter::REQUESTS);
        assert_eq!(limiter.admit(network(1), 0), Err(Refusal::TooManyRequests { retry_after_s: 1 }));
        assert_eq!(limiter.admit(network(1), 1000), Ok(()));
        // Being refused costs nothing, and others are not touched.
        assert_eq!(limiter.admit(network(2), 0), Ok(()));
    }

    /// Thirty devices with three rooms each, behind one address, are loaded at once. Each asks more
    /// than the dialler does: a look every 3 s and a registration every 45 s for ten minutes, and in
    /// the first ten seconds thirty requests on top of that.
    #[test]
    fn honest_crowds_are_not_touched() {
        let mut limiter = Limiter::default();
        let every = |step: usize| (0..600_000u64).step_by(step);
        let of_one = || every(3_000).chain(every(45_000)).chain((0..10_000).step_by(333));
        let mut times: Vec<u64> = (0..DEVICES * ROOMS).flat_map(|_| of_one()).collect();
        times.sort_unstable();
        assert_eq!(admitted(&mut limiter, times.iter().copied()), times.len());
        // All reload once more, at any moment.
        assert_eq!(admitted(&mut limiter, (0..DEVICES * ROOMS * 30).map(|_| 600_000)) as u64, DEVICES * ROOMS * 30);
    }

    #[test]
    fn a_clock_that_is_set_back_bars_nobody() {
        let mut limiter = Limiter::default();
        admitted(&mut limiter, (0..Limiter::REQUESTS).map(|_| 1_000_000_000));
        let wait = Limiter::PERIOD_S * 1000;
        assert!(limiter.admit(network(1), 0).is_err());
        assert_eq!(limiter.admit(network(1), 1000), Ok(()));
        assert_eq!(admitted(&mut limiter, (0..Limiter::REQUESTS).map(|_| 2 * wait)) as u64, Limiter::REQUESTS);
    }

    #[test]
    fn remembers_a_bounded_number_and_forgets_the_least_busy() {
        let mut limiter = Limiter::default();
        for _ in 0..Limiter::REQUESTS {
            limiter.admit(network(0), 0).unwrap();
        }
        for n in 1..=5_000 {
            limiter.admit(network(n), 0).unwrap();
            assert!(limiter.full_at.len() <= Limiter::MAX_NETWORKS);
        }
        assert!(limiter.admit(network(0), 0).is_err(), "a flooder is forgotten because others came");
        limiter.admit(network(1), 1_000_000).unwrap();
        assert_eq!(limiter.full_at.len(), 1, "those who are quiet are forgotten");
    }

    proptest! {
        /// In any time a network gets no more than a bucket and what flows in meanwhile, and no
        /// less while it asks for less.
        #[test]
        fn never_more_than_a_bucket_and_its_share(gaps in prop::collection::vec((0u64..60_000, 1u64..8_000), 1..12)) {
            let mut limiter = Limiter::default();
            let (mut now, mut level) = (0, Limiter::CAPACITY);
            for (gap, burst) in gaps {
                now += gap;
                level = (level + Limiter::unit_of(gap)).min(Limiter::CAPACITY);
                let taken = admitted(&mut limiter, (0..burst).map(|_| now)) as u64;
                prop_assert_eq!(taken, burst.min(level / Limiter::COST));
                level -= taken * Limiter::COST;
            }
        }
    }
}

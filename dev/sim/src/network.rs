//! What the network does to a datagram: loses it, doubles it, delays each copy by its own time, so
//! that they overtake each other. All of it is drawn from the seed.

use std::ops::RangeInclusive;
use std::time::Duration;

use ruf_message::Entropy;

/// The weather.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Of 100 datagrams, so many are lost.
    pub loss_percent: u64,
    /// Of 100 datagrams, so many arrive twice.
    pub duplicate_percent: u64,
    /// How long a copy is under way, in milliseconds; a wide range reorders.
    pub delay_ms: RangeInclusive<u64>,
}

impl Conditions {
    /// Nothing is lost, and everything takes 10 ms.
    pub fn fair() -> Self {
        Conditions { loss_percent: 0, duplicate_percent: 0, delay_ms: 10..=10 }
    }

    /// So many percent lost, one percent doubled, 5 to 120 ms under way.
    pub fn rough(loss_percent: u64) -> Self {
        Conditions { loss_percent, duplicate_percent: 1, delay_ms: 5..=120 }
    }
}

/// The network's dice.
#[derive(Debug)]
pub struct Network {
    /// The weather now; may be changed at any time.
    pub conditions: Conditions,
    entropy: Entropy,
}

impl Network {
    /// A network with this weather.
    pub fn new(conditions: Conditions, entropy: Entropy) -> Self {
        Network { conditions, entropy }
    }

    /// After which time each copy of a datagram arrives; none: it is lost.
    pub fn carry(&mut self) -> Vec<Duration> {
        let copies = match self.below(100) {
            roll if roll < self.conditions.loss_percent => 0,
            roll if roll < self.conditions.loss_percent + self.conditions.duplicate_percent => 2,
            _ => 1,
        };
        (0..copies).map(|_| self.delay()).collect()
    }

    /// A number from 0 up to but without `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.entropy.u64() % n.max(1)
    }

    fn delay(&mut self) -> Duration {
        let (least, most) = (*self.conditions.delay_ms.start(), *self.conditions.delay_ms.end());
        // In microseconds, so that two copies seldom arrive together.
        let spread = most.saturating_sub(least) * 1000;
        Duration::from_micros(least * 1000 + self.below(spread + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(conditions: Conditions) -> Network {
        Network::new(conditions, Entropy::from_seed([1; 32]))
    }

    #[test]
    fn fair_weather_carries_everything_once_in_ten_milliseconds() {
        let mut network = network(Conditions::fair());
        for _ in 0..1000 {
            assert_eq!(network.carry(), [Duration::from_millis(10)]);
        }
    }

    #[test]
    fn rough_weather_loses_doubles_and_delays_as_often_as_it_says() {
        let mut network = network(Conditions::rough(5));
        let carried: Vec<Vec<Duration>> = (0..100_000).map(|_| network.carry()).collect();
        let of = |copies: usize| carried.iter().filter(|times| times.len() == copies).count();
        assert!((4_700..5_300).contains(&of(0)), "{}", of(0));
        assert!((900..1_100).contains(&of(2)), "{}", of(2));
        let within = Duration::from_millis(5)..=Duration::from_millis(120);
        assert!(carried.iter().flatten().all(|time| within.contains(time)));
    }
}

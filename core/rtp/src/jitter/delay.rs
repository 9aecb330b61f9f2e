//! How late packets come, and which delay would have them in time.
//!
//! The *transit* of a packet is when it came less when it was sent, by clocks that have nothing to do with each other:
//! only differences mean something. The *base* is the transit of the fastest packet of the last seconds, so that it
//! follows a drift of the clocks and a new way through the network. How much slower the others were is kept as a
//! histogram that forgets; the target is what nearly all of them keep to.

use super::micros;
use super::playout::JitterLimits;
use super::window::WindowedMin;

const BIN_MICROS: i64 = 5_000;
/// The last bin holds all that is slower.
const BINS: usize = 101;
/// Of all packets, so many may be late for the target.
const LATE_SHARE: f32 = 0.005;
/// What a packet counts, for each one after it: half of it after five seconds of 20 ms packets.
const FADE: f32 = 0.997;
/// Packets that come at once, as after a stall, were late for one reason: each counts so much at least.
const BURST_SHARE: f32 = 0.02;
/// Weights grow, so that old ones need not be touched, up to here.
const WEIGHT_MAX: f32 = 1.0e6;

/// What was learnt of the network.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    base: WindowedMin,
    /// The base from which `bins` are counted, but for less than one.
    origin: Option<i64>,
    bins: [f32; BINS],
    /// In all bins, and in those behind `quantile`.
    total: f32,
    behind: f32,
    /// The first bin behind which there is no more than what may be late.
    quantile: usize,
    /// Of the next packet.
    weight: f32,
    last_arrival: Option<i64>,
    first: i64,
    min: i64,
    max: i64,
    target: i64,
}

impl Delay {
    pub(super) fn new(limits: &JitterLimits) -> Delay {
        let min = micros(limits.delay_min);
        let mut delay = Delay {
            base: WindowedMin::new(),
            origin: None,
            bins: [0.0; BINS],
            total: 0.0,
            behind: 0.0,
            quantile: 0,
            weight: 1.0,
            last_arrival: None,
            first: micros(limits.delay_first),
            min,
            max: micros(limits.delay_max).max(min),
            target: 0,
        };
        delay.begin();
        delay
    }

    /// As if one packet had come so late as is expected of a network of which nothing is known. It is forgotten when
    /// enough was heard.
    fn begin(&mut self) {
        self.add(self.first - 1, 1.0);
        self.aim();
    }

    /// Another clock: transits before mean nothing. How late packets are does.
    pub(super) fn restart(&mut self) {
        self.base = WindowedMin::new();
        self.origin = None;
        self.last_arrival = None;
    }

    /// The transit of the fastest packet.
    pub(super) fn base(&self) -> i64 {
        self.base.least().unwrap_or_default()
    }

    /// How much slower than the fastest this transit is.
    pub(super) fn relative(&self, transit: i64) -> i64 {
        self.base.least().map_or(0, |base| transit - base)
    }

    /// A packet came at `now`; packets are `spacing` apart.
    pub(super) fn hear(&mut self, now: i64, transit: i64, spacing: i64) {
        self.base.push(now, transit);
        self.move_origin();
        let since = self.last_arrival.replace(now).map_or(spacing, |last| now - last);
        let share = (since as f32 / spacing.max(1) as f32).clamp(BURST_SHARE, 1.0);
        self.add(self.relative(transit), share);
        self.aim();
    }

    /// The delay with which nearly all packets are in time.
    pub(super) fn target(&self) -> i64 {
        self.target
    }

    /// A network that has become slower for good makes no packet late: those of before count from the new base, too.
    /// One that has become faster may well be slow again.
    fn move_origin(&mut self) {
        let base = self.base();
        let origin = *self.origin.get_or_insert(base);
        let bins = (base - origin) / BIN_MICROS;
        if bins < 0 {
            self.origin = Some(base);
        } else if bins > 0 {
            self.origin = Some(origin + bins * BIN_MICROS);
            let bins = usize::try_from(bins).unwrap_or(BINS).min(BINS - 1);
            let (fast, slow) = self.bins.split_at(bins);
            let fast: f32 = fast.iter().sum();
            let mut moved = [0.0; BINS];
            moved.iter_mut().zip(slow).for_each(|(bin, slow)| *bin = *slow);
            moved[0] += fast;
            self.bins = moved;
            self.count();
        }
    }

    fn add(&mut self, late: i64, share: f32) {
        let bin = usize::try_from(late / BIN_MICROS).unwrap_or_default().min(BINS - 1);
        let weight = self.weight * share;
        self.total += weight;
        if bin > self.quantile {
            self.behind += weight;
        }
        if let Some(bin) = self.bins.get_mut(bin) {
            *bin += weight;
        }
        self.weight /= FADE;
        if self.weight > WEIGHT_MAX {
            self.bins.iter_mut().for_each(|bin| *bin /= WEIGHT_MAX);
            self.weight /= WEIGHT_MAX;
            self.count();
        }
    }

    /// The sums anew, of bins that have changed as a whole.
    fn count(&mut self) {
        self.total = self.bins.iter().sum();
        self.behind = self.bins.iter().skip(self.quantile + 1).sum();
    }

    /// The target anew. The quantile moves by a bin or two, mostly by none.
    fn aim(&mut self) {
        let late = self.total * LATE_SHARE;
        while self.behind > late && self.quantile + 1 < BINS {
            self.quantile += 1;
            self.behind -= self.bin(self.quantile);
        }
        while self.quantile > 0 && self.behind + self.bin(self.quantile) <= late {
            self.behind += self.bin(self.quantile);
            self.quantile -= 1;
        }
        let bins = i64::try_from(self.quantile + 1).unwrap_or_default();
        self.target = (bins * BIN_MICROS).clamp(self.min, self.max);
    }

    fn bin(&self, bin: usize) -> f32 {
        self.bins.get(bin).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: i64 = 20_000;

    /// The target in ms after packets that were so many ms late.
    fn target_ms(late_ms: impl IntoIterator<Item = i64>) -> i64 {
        let mut delay = Delay::new(&JitterLimits::default());
        for (at, late_ms) in late_ms.into_iter().enumerate() {
            let now = i64::try_from(at).unwrap() * SPACING;
            delay.hear(now, late_ms * 1_000, SPACING);
        }
        delay.target() / 1_000
    }

    #[test]
    fn the_first_target_is_forgotten_when_enough_was_heard() {
        assert_eq!(target_ms([]), 80);
        assert_eq!(target_ms([0; 10]), 80);
        assert_eq!(target_ms([0; 500]), 20);
    }

    #[test]
    fn it_grows_fast_and_shrinks_slowly() {
        assert_eq!(target_ms([0, 0, 0, 0, 0, 93]), 95);
        let jitter = (0..100).map(|at| if at % 3 == 0 { 118 } else { 0 });
        let (second, minute) = (50, 3_000);
        assert_eq!(target_ms(jitter.clone()), 120);
        assert_eq!(target_ms(jitter.clone().chain((0..second).map(|_| 0))), 120);
        assert_eq!(target_ms(jitter.chain((0..minute).map(|_| 0))), 20);
    }

    #[test]
    fn one_late_packet_in_ten_seconds_is_not_worth_a_delay_for_all() {
        assert_eq!(target_ms((1..2_000).map(|at| if at % 500 == 0 { 200 } else { 3 })), 20);
        assert_eq!(target_ms((1..2_000).map(|at| if at % 50 == 0 { 204 } else { 3 })), 205);
    }

    #[test]
    fn a_stall_counts_once() {
        let mut delay = Delay::new(&JitterLimits::default());
        let mut now = 0;
        for _ in 0..1_000 {
            now += SPACING;
            delay.hear(now, 0, SPACING);
        }
        for packet in 0..20 {
            delay.hear(now + 20 * SPACING, (20 - packet) * SPACING, SPACING);
        }
        assert_eq!(delay.target(), 20_000);
    }

    #[test]
    fn a_stall_that_ends_slowly_counts_little_more() {
        let mut delay = Delay::new(&JitterLimits::default());
        let mut now = 0;
        for _ in 0..1_000 {
            now += SPACING;
            delay.hear(now, 0, SPACING);
        }
        let end = now + 20 * SPACING;
        for packet in 0..20 {
            delay.hear(end + packet * 500, (20 - packet) * SPACING + packet * 500, SPACING);
        }
        assert_eq!(delay.target(), 20_000, "half a millisecond counts as a fortieth of a packet");
    }

    #[test]
    fn a_network_that_becomes_slower_by_and_by_is_followed() {
        // Each eight seconds 7 ms more, and packets that are 42 ms late: the last of them 42 and no more.
        let drift = (0..40_000).map(|at| at / 400 * 7 + if at % 5 == 0 { 42 } else { 0 });
        let target = target_ms(drift);
        assert!((45..=60).contains(&target), "{target}");
    }

    #[test]
    fn a_network_that_became_slower_for_good_is_no_jitter() {
        let slower = |packets| (0..500).map(|_| 0).chain((0..packets).map(|_| 150));
        assert_eq!(target_ms(slower(100)), 155);
        assert_eq!(target_ms(slower(400)), 20);
    }

    #[test]
    fn weights_do_not_grow_without_end() {
        assert_eq!(target_ms((0..100_000).map(|at| at % 40)), 40);
    }
}

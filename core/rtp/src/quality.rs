//! How good a call is, in figures: now, on average, and at its worst.
//!
//! Not here: the E-model itself ([`Impairment`]), and reports of the other end ([`Control::remote`](crate::Control)).

use crate::e_model::{Impairment, mos};
use crate::jitter::{Counts, JitterBuffer};
use crate::receiver::Receiver;
use crate::rtcp::VoipMetrics;
use std::time::Duration;

/// One figure of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figure {
    /// At the last look.
    pub now: f32,
    /// Over the call.
    pub mean: f32,
    /// At the worst look.
    pub worst: f32,
}

/// How good a call is, where it is received.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Packets that should have been played.
    pub packets: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came too late, or would have been played too late.
    pub discarded: u64,
    /// Lost, in percent.
    pub loss_percent: Figure,
    /// Discarded, in percent.
    pub discarded_percent: Figure,
    /// Interarrival jitter, as RTCP reports it.
    pub jitter_ms: Figure,
    /// The round trip of the network, if the other end's RTCP tells it.
    pub round_trip_ms: Option<Figure>,
    /// The delay of the jitter buffer.
    pub delay_ms: Figure,
    /// R of the E-model at the last look.
    pub rating: f32,
    /// The MOS of the E-model; its worst is its least.
    pub mos: Figure,
}

/// Looks at a call now and then.
#[derive(Clone, Debug)]
pub struct QualityMeter {
    impairment: Impairment,
    counts: Counts,
    quality: Quality,
    looks: u32,
    round_trip_looks: u32,
    delay_max: Duration,
}

impl QualityMeter {
    /// Has not looked yet.
    pub fn new(impairment: Impairment) -> QualityMeter {
        QualityMeter {
            impairment,
            counts: Counts::default(),
            quality: Quality::default(),
            looks: 0,
            round_trip_looks: 0,
            delay_max: Duration::ZERO,
        }
    }

    /// The codec has changed.
    pub fn set_impairment(&mut self, impairment: Impairment) {
        self.impairment = impairment;
    }

    /// Looks, best every second. A time in which nothing was to be played says nothing.
    pub fn look(&mut self, receiver: &Receiver, buffer: &JitterBuffer, round_trip: Option<Duration>) {
        let (before, counts) = (std::mem::replace(&mut self.counts, buffer.counts()), buffer.counts());
        let packets = counts.packets() - before.packets();
        if packets == 0 {
            return;
        }
        let percent = |part: u64, all: u64| part as f32 * 100.0 / all.max(1) as f32;
        let (missed, all) = (counts.missed - before.missed, counts.packets());
        let discarded = (counts.discarded() - before.discarded()).min(missed);
        let quality = &mut self.quality;
        self.looks += 1;
        (quality.packets, quality.lost, quality.discarded) = (all, counts.lost(), counts.discarded());
        quality.loss_percent.look(percent(missed - discarded, packets), self.looks, f32::max);
        quality.loss_percent.mean = percent(counts.lost(), all);
        quality.discarded_percent.look(percent(discarded, packets), self.looks, f32::max);
        quality.discarded_percent.mean = percent(counts.discarded(), all);
        let jitter = receiver.reception().map_or(Duration::ZERO, |reception| reception.jitter());
        quality.jitter_ms.look(ms(jitter), self.looks, f32::max);
        quality.delay_ms.look(ms(buffer.delay()), self.looks, f32::max);
        self.delay_max = self.delay_max.max(buffer.delay());
        if let Some(trip) = round_trip {
            self.round_trip_looks += 1;
            let figure = quality.round_trip_ms.get_or_insert_default();
            figure.look(ms(trip), self.round_trip_looks, f32::max);
        }
        // From mouth to ear: half the way there and back, the buffer, and a packet that had to be full first.
        let delay = round_trip.unwrap_or_default() / 2 + buffer.delay() + buffer.spacing();
        quality.rating = self.impairment.rating(percent(missed, packets), delay);
        quality.mos.look(mos(quality.rating), self.looks, f32::min);
    }

    /// The figures of the call.
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// The same as RTCP tells it of a source.
    // rfc3611 §4.7.1, §4.7.2, §4.7.3, §4.7.5, §4.7.6, §4.7.7
    pub fn voip_metrics(&self, ssrc: u32, buffer: &JitterBuffer) -> VoipMetrics {
        let part = |part: f32| (part * 256.0).clamp(0.0, 255.0) as u8;
        let whole_ms = |ms: f32| ms.clamp(0.0, 65_535.0) as u16;
        let (bursts, spacing_ms) = (buffer.bursts(), ms(buffer.spacing()));
        let quality = &self.quality;
        let mos_tenths = if self.looks == 0 { 127 } else { (quality.mos.mean * 10.0).round() as u8 };
        VoipMetrics {
            loss_rate: part(quality.loss_percent.mean / 100.0),
            discard_rate: part(quality.discarded_percent.mean / 100.0),
            burst_density: part(bursts.burst_density),
            gap_density: part(bursts.gap_density),
            burst_ms: whole_ms(bursts.burst_packets * spacing_ms),
            gap_ms: whole_ms(bursts.gap_packets * spacing_ms),
            round_trip_ms: quality.round_trip_ms.map_or(0, |trip| whole_ms(trip.now)),
            end_system_ms: whole_ms(quality.delay_ms.now + spacing_ms),
            r_factor: if self.looks == 0 { 127 } else { quality.rating.round() as u8 },
            mos_listening: mos_tenths,
            mos_conversation: mos_tenths,
            receiver: VoipMetrics::ENHANCED_AND_ADAPTIVE,
            jitter_nominal_ms: whole_ms(ms(buffer.target())),
            jitter_maximum_ms: whole_ms(ms(self.delay_max)),
            jitter_absolute_ms: whole_ms(ms(buffer.limits().delay_max)),
            ..VoipMetrics::unknown(ssrc)
        }
    }
}

impl Figure {
    /// The `looks`th look saw this.
    fn look(&mut self, now: f32, looks: u32, worse: fn(f32, f32) -> f32) {
        self.now = now;
        self.mean += (now - self.mean) / looks as f32;
        self.worst = if looks == 1 { now } else { worse(self.worst, now) };
    }
}

fn ms(time: Duration) -> f32 {
    time.as_secs_f32() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jitter::{Content, JitterLimits};
    use crate::packet::Packet;
    use crate::receiver::Received;

    /// A call that is looked at every second, of which these packets are lost.
    fn call(
        packets: u16,
        is_lost: impl Fn(u16) -> bool,
        round_trip: Option<Duration>,
    ) -> (QualityMeter, JitterBuffer) {
        let mut receiver = Receiver::new(8_000);
        let mut buffer = JitterBuffer::new(8_000, JitterLimits::default());
        let mut meter = QualityMeter::new(Impairment::G711);
        for sequence in 0..packets {
            let now = Duration::from_millis(20) * u32::from(sequence);
            let timestamp = u32::from(sequence) * 160;
            let packet = Packet { sequence, timestamp, payload: &[0; 160], ..Packet::default() };
            if !is_lost(sequence)
                && let Received::Accepted(arrival) = receiver.receive(now, &packet)
            {
                buffer.insert(now, arrival, &packet, Content::Audio { ticks: 160 });
            }
            buffer.pull(now);
            if sequence % 50 == 49 {
                meter.look(&receiver, &buffer, round_trip);
            }
        }
        (meter, buffer)
    }

    #[test]
    fn a_good_call() {
        let quality = call(1_000, |_| false, Some(Duration::from_millis(40))).0.quality();
        assert_eq!((quality.lost, quality.discarded), (0, 0));
        assert_eq!((quality.loss_percent, quality.jitter_ms), (Figure::default(), Figure::default()));
        assert_eq!(quality.delay_ms.now, 80.0);
        assert_eq!(quality.round_trip_ms, Some(Figure { now: 40.0, mean: 40.0, worst: 40.0 }));
        // 20 ms of network, 80 of the buffer, 20 of the packet.
        assert!((quality.rating - (93.2 - 0.024 * 120.0)).abs() < 0.01, "{}", quality.rating);
        assert!(quality.mos.worst > 4.3 && quality.mos.mean <= quality.mos.now + 0.01);
    }

    #[test]
    fn a_bad_second_is_the_worst_and_not_the_last() {
        let (meter, _) = call(1_000, |sequence| (500..550).contains(&sequence) && sequence % 5 == 0, None);
        let quality = meter.quality();
        assert_eq!((quality.lost, quality.round_trip_ms), (10, None));
        assert!((9.0..=20.0).contains(&quality.loss_percent.worst), "{:?}", quality.loss_percent);
        assert_eq!(quality.loss_percent.now, 0.0);
        assert!((quality.loss_percent.mean - 1.0).abs() < 0.1);
        assert!(quality.mos.worst < 3.5 && quality.mos.now > 4.3 && quality.mos.mean > 4.1);
    }

    #[test]
    fn a_mean_is_that_of_all_looks() {
        let mut figure = Figure::default();
        for (looks, now) in [(1, 4.0), (2, 8.0), (3, 3.0)] {
            figure.look(now, looks, f32::max);
        }
        assert_eq!(figure, Figure { now: 3.0, mean: 5.0, worst: 8.0 });
    }

    #[test]
    fn the_metrics_that_rtcp_tells() {
        // tests rfc3611 §4.7.1, §4.7.2, §4.7.3, §4.7.5, §4.7.6, §4.7.7
        let buffer = JitterBuffer::new(8_000, JitterLimits::default());
        let nothing = QualityMeter::new(Impairment::G711).voip_metrics(9, &buffer);
        assert_eq!((nothing.ssrc, nothing.r_factor, nothing.mos_conversation), (9, 127, 127));
        let (meter, buffer) = call(1_000, |sequence| sequence % 4 == 3, Some(Duration::from_millis(80)));
        let metrics = meter.voip_metrics(9, &buffer);
        assert!((62..=65).contains(&metrics.loss_rate), "{}", metrics.loss_rate);
        assert_eq!((metrics.round_trip_ms, metrics.end_system_ms), (80, 100));
        assert_eq!((metrics.jitter_nominal_ms, metrics.jitter_maximum_ms), (20, 80));
        assert_eq!((metrics.jitter_absolute_ms, metrics.receiver), (500, 0xB0));
        assert_eq!(
            (metrics.gap_ms, metrics.burst_density),
            (60, 64),
            "six packets in two gaps, and one burst"
        );
        assert!((19_500..20_000).contains(&metrics.burst_ms), "{}", metrics.burst_ms);
        assert!(metrics.r_factor < 60 && (10..30).contains(&metrics.mos_listening));
    }
}

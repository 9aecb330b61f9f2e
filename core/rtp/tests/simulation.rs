//! The jitter buffer on simulated networks: seeded masks of loss and delay, a sender with a clock of its own, and a
//! player that pulls frames of 20 ms. No clock runs.

mod network;

use network::{Call, Heard};
use ruf_rtp::{JitterBuffer, JitterLimits};
use std::time::Duration;

const MS: i64 = 1_000;

#[test]
fn on_a_clean_network_all_is_played_and_nothing_is_touched() {
    let log = Call::default().run();
    assert_eq!(log.frames().collect::<Vec<_>>(), (0..500).collect::<Vec<_>>());
    assert_eq!((log.concealed_ticks(), log.counts.missed), (0, 0));
    let early = log.heard.iter().take(200);
    assert!(early.clone().all(|heard| !matches!(heard, Heard::Frame { stretch_ticks: 1.. | ..=-1, .. })));
    assert!((80..100).contains(&log.mean_delay_ms(0..200)), "{}", log.mean_delay_ms(0..200));
}

#[test]
fn a_player_that_can_shortens_the_delay_of_a_clean_network() {
    let log = Call { packets: 1_500, stretches: true, ..Call::default() }.run();
    assert_eq!((log.frames().count(), log.concealed_ticks()), (1_500, 0));
    assert!((20..45).contains(&log.mean_delay_ms(1_000..1_500)), "{}", log.mean_delay_ms(1_000..1_500));
}

#[test]
fn words_are_shortened_only_where_no_pause_comes_for_seconds() {
    for (pause_each, is_patient) in [(100, true), (190, true), (100_000, false)] {
        let call = Call { packets: 1_500, stretches: true, pause_each, ..Call::default() };
        let log = call.run();
        assert!(!log.shortened.is_empty());
        assert_eq!(log.shortened.iter().all(|number| call.is_pause(*number)), is_patient, "{pause_each}");
        assert!((20..45).contains(&log.mean_delay_ms(1_000..1_500)), "{}", log.mean_delay_ms(1_000..1_500));
    }
}

#[test]
fn under_loss_what_is_concealed_is_what_was_lost() {
    for seed in 0..20 {
        let call = Call { seed, packets: 1_000, loss_percent: 5, delay_max_us: 10 * MS, ..Call::default() };
        let log = call.run();
        let lost = call.lost();
        assert!((20..90).contains(&lost.len()), "{}", lost.len());
        assert_eq!(log.frames().count(), 1_000 - lost.len(), "seed {seed}");
        assert_eq!(log.counts.missed as usize, log.lost_between());
        assert_eq!(log.concealed_ticks() as usize, 160 * log.lost_between(), "seed {seed}");
        assert_eq!((log.counts.late, log.counts.stretched_ticks), (0, 0));
    }
}

#[test]
fn jitter_of_60_ms_costs_nothing_once_it_is_known() {
    for seed in 0..20 {
        let call =
            Call { seed, packets: 1_000, delay_max_us: 60 * MS, stretches: seed % 2 == 0, ..Call::default() };
        let log = call.run();
        assert_eq!((log.counts.missed, log.counts.late), (0, 0), "seed {seed}");
        let mean = log.mean_delay_ms(100..1_000);
        assert!((60..145).contains(&mean), "seed {seed}: {mean}");
    }
}

#[test]
fn more_jitter_than_expected_is_learnt_in_a_moment() {
    for seed in 0..20 {
        let call = Call { seed, packets: 1_000, delay_max_us: 120 * MS, ..Call::default() };
        let log = call.run();
        assert!(log.counts.missed <= 8, "seed {seed}: {}", log.counts.missed);
        let learnt = log.missed_after(150);
        assert!(learnt <= 5, "seed {seed}: {learnt} of 850, half a percent");
        assert!((110..190).contains(&log.mean_delay_ms(150..1_000)), "{}", log.mean_delay_ms(150..1_000));
    }
}

#[test]
fn jitter_and_loss_together() {
    for seed in 0..20 {
        let call = Call { seed, packets: 1_000, delay_max_us: 60 * MS, loss_percent: 5, ..Call::default() };
        let log = call.run();
        assert_eq!(log.counts.missed as usize, log.lost_between(), "seed {seed}");
        assert_eq!(log.counts.late, 0);
        assert!(log.mean_delay_ms(100..900) < 130, "{}", log.mean_delay_ms(100..900));
    }
}

#[test]
fn packets_of_10_to_60_ms_feed_frames_of_20() {
    for spacing_ms in [10, 20, 30, 40, 60] {
        let call = Call { spacing_ms, packets: 400, delay_max_us: 20 * MS, ..Call::default() };
        let log = call.run();
        assert_eq!(log.frames().count(), 400, "{spacing_ms} ms");
        assert_eq!(log.concealed_ticks(), 0, "{spacing_ms} ms");
        let lossy = Call { loss_percent: 5, ..call };
        let log = lossy.run();
        assert_eq!(log.concealed_ticks() as usize, log.lost_between() * spacing_ms as usize * 8);
    }
}

#[test]
fn a_handover_to_a_slower_network_loses_no_word() {
    for step_ms in [60, 120, 180] {
        let log =
            Call { packets: 1_500, step_at: 300..1_500, step_us: step_ms * MS, ..Call::default() }.run();
        assert_eq!((log.frames().count(), log.counts.missed), (1_500, 0));
        assert!(log.concealed_ticks() <= (step_ms as u64 - 20) * 8, "{}", log.concealed_ticks());
        let mean = log.mean_delay_ms(1_000..1_500) - step_ms;
        assert!((0..100).contains(&mean), "{mean}");
    }
}

#[test]
fn a_handover_and_back_again_is_shortened_to_what_it_was() {
    let call =
        Call { packets: 3_000, step_at: 300..600, step_us: 150 * MS, stretches: true, ..Call::default() };
    let log = call.run();
    assert_eq!((log.frames().count(), log.counts.missed), (3_000, 0));
    assert!((150..300).contains(&log.mean_delay_ms(650..700)));
    assert!(log.mean_delay_ms(2_500..3_000) < 50, "{}", log.mean_delay_ms(2_500..3_000));
}

#[test]
fn a_stall_of_the_network_ends_with_what_is_recent() {
    let log = Call { packets: 1_000, stall_at: 300..400, ..Call::default() }.run();
    assert!(log.frames().count() >= 1_000 - 80, "{}", log.frames().count());
    assert!(log.frames().is_sorted());
    assert_eq!(log.counts.missed, log.counts.overdue);
    assert!(log.mean_delay_ms(420..900) <= 500);
}

#[test]
fn clocks_that_drift_are_followed() {
    for skew_ppm in [-300, -100, 100, 300] {
        let call =
            Call { packets: 15_000, skew_ppm, stretches: true, delay_max_us: 10 * MS, ..Call::default() };
        let log = call.run();
        assert_eq!((log.frames().count(), log.counts.missed), (15_000, 0), "{skew_ppm} ppm");
        assert_eq!(log.concealed_ticks(), 0, "{skew_ppm} ppm");
        let mean = log.mean_delay_ms(10_000..15_000);
        assert!((15..65).contains(&mean), "{skew_ppm} ppm: {mean}");
        // 300 s at 300 ppm are 90 ms.
        let touched: i64 = log.stretched_ticks.abs() / 8;
        assert!(touched <= 150 + skew_ppm.abs() * 3 / 10, "{skew_ppm} ppm: {touched} ms");
    }
}

#[test]
fn clocks_that_drift_beside_a_player_that_cannot_stretch_cost_a_packet_now_and_then() {
    for (skew_ppm, dropped) in [(-300, 0), (300, 11)] {
        let log = Call { packets: 45_000, skew_ppm, ..Call::default() }.run();
        // 900 s at 300 ppm are 270 ms.
        assert!(log.counts.missed <= dropped, "{skew_ppm} ppm: {}", log.counts.missed);
        assert_eq!(log.counts.overdue, log.counts.missed);
        assert!(log.concealed_ticks() <= 14 * 160, "{skew_ppm} ppm: {}", log.concealed_ticks());
        let mean = log.mean_delay_ms(44_000..45_000);
        assert!((0..165).contains(&mean), "{skew_ppm} ppm: {mean}");
    }
}

#[test]
fn silence_is_no_loss_and_speech_after_it_begins_whole() {
    for (noise, delay_max_us) in [(true, 0), (true, 60 * MS), (false, 0), (false, 60 * MS)] {
        let call = Call { packets: 1_000, speech: Some((100, 150)), noise, delay_max_us, ..Call::default() };
        let log = call.run();
        assert_eq!(log.frames().collect::<Vec<_>>(), call.spoken(), "{noise} {delay_max_us}");
        assert_eq!(log.counts.missed, 0);
        let noisy = log.heard.iter().filter(|heard| matches!(heard, Heard::Noise)).count();
        assert_eq!(noisy > 300, noise, "{noisy}");
        if noise {
            assert_eq!(log.concealed_ticks(), 0);
        }
    }
}

#[test]
fn digits_in_between_are_no_loss() {
    let log = Call { packets: 500, events: Some(200..220), ..Call::default() }.run();
    assert_eq!(log.frames().count(), 480);
    assert_eq!((log.counts.missed, log.counts.late), (0, 0));
    assert_eq!(log.concealed_ticks(), 0);
}

#[test]
fn another_clock_or_another_source_goes_on_behind_the_one_before() {
    for (new_ssrc, jump) in [(false, 3_000_000), (false, -3_000_000), (true, 77), (false, 40_000)] {
        let call = Call { packets: 600, restart_at: Some((300, new_ssrc, jump)), ..Call::default() };
        let log = call.run();
        let lost = if new_ssrc { 4 } else { 0 };
        assert_eq!(log.frames().count(), 600 - lost, "{jump}");
        assert!(log.frames().is_sorted());
        assert!(log.mean_delay_ms(320..600) < 90, "{}", log.mean_delay_ms(320..600));
    }
}

#[test]
fn the_first_packet_is_played_though_the_second_overtook_it() {
    let log = Call { packets: 100, late: Some((0, 45 * MS)), ..Call::default() }.run();
    assert_eq!(log.frames().next(), Some(0));
    assert_eq!(log.frames().count(), 100);
}

#[test]
fn one_packet_that_is_very_late_is_concealed_and_the_delay_stays() {
    let log = Call { packets: 1_000, late: Some((800, 300 * MS)), ..Call::default() }.run();
    assert_eq!((log.frames().count(), log.counts.missed, log.counts.late), (999, 1, 1));
    assert_eq!(log.concealed_ticks(), 160);
    assert!(log.mean_delay_ms(850..1_000) < 105);
}

#[test]
fn a_player_that_pulls_in_bursts_has_what_it_needs() {
    let log = Call { packets: 1_000, burst: 3, delay_max_us: 20 * MS, ..Call::default() }.run();
    assert_eq!((log.frames().count(), log.counts.missed), (1_000, 0));
    assert!(log.concealed_ticks() <= 3 * 160, "{}", log.concealed_ticks());
}

#[test]
fn the_bounds_are_those_that_were_given() {
    let limits = JitterLimits { delay_first: Duration::from_millis(200), ..JitterLimits::default() };
    let buffer = JitterBuffer::new(8_000, limits);
    assert_eq!((*buffer.limits(), buffer.target()), (limits, Duration::from_millis(200)));
    assert_eq!((buffer.spacing(), buffer.delay()), (Duration::from_millis(20), Duration::ZERO));
}

//! What is heard in a call of `talk`: on the wire, at an address of ruf's.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::row::Row;
use super::{Media, PATIENCE, Side};
use crate::failure::{Outcome, ensure};
use crate::phone::Codec;
use crate::rtp;
use crate::tone;
use crate::wire::{Mark, Packet, Tap};

/// Packets listened to at once: half a second of 20 ms each.
const LISTEN_PACKETS: usize = 25;
/// So many are waited for: a second, of which half is recorded even if it begins late.
const COUNT_PACKETS: usize = 50;
/// How long nothing must be heard for silence.
const SILENCE: Duration = Duration::from_millis(600);

/// What a ruf at this address says arrives at the other, and the other way.
pub(super) fn both_heard(row: &Row, codec: Codec, at: IpAddr, tones: (u32, u32), from: Mark) -> Outcome<()> {
    let (ours, theirs) = tones;
    let is_decoded = codec.is_plain() && row.cast.media != Media::Srtp;
    heard(&row.tap, is_decoded, at, Side::Peer, theirs, from)?;
    heard(&row.tap, is_decoded, at, Side::Ruf, ours, from)
}

/// What the speaker says goes over the wire at ruf's address: the tone where it can be decoded here, else packets.
pub(crate) fn heard(
    tap: &Tap,
    is_decoded: bool,
    at: IpAddr,
    speaker: Side,
    hertz: u32,
    from: Mark,
) -> Outcome<()> {
    let (mut listened, mut last) = (0, None);
    let found = tap.wait_until(from, PATIENCE, PATIENCE, |packets| {
        let audio: Vec<&Arc<Packet>> =
            packets.iter().filter(|packet| is_audio(at, packet, speaker)).collect();
        if !is_decoded {
            listened = audio.len();
            return (listened >= COUNT_PACKETS).then_some(());
        }
        if audio.len() < COUNT_PACKETS.max(listened + LISTEN_PACKETS) {
            return None;
        }
        listened = audio.len();
        let latest = audio.get(listened - LISTEN_PACKETS..).unwrap_or_default();
        let samples = latest.iter().filter_map(|packet| packet.rtp()).flat_map(|rtp| rtp.samples);
        last = tone::heard(&samples.collect::<Vec<i16>>());
        last.filter(|heard| tone::is(*heard, hertz)).map(drop)
    });
    ensure!(
        found.is_some(),
        "{speaker:?} says {hertz} Hz; on the wire are {listened} packets with {last:?} Hz"
    );
    Ok(())
}

/// What goes to these ports has these tones, and not that one.
pub(crate) fn mixed(
    tap: &Tap,
    ports: &RangeInclusive<u16>,
    tones: &[u32],
    without: u32,
    from: Mark,
) -> Outcome<()> {
    let mut listened = 0;
    let found = tap.wait_until(from, PATIENCE, PATIENCE, |packets| {
        let is_theirs = |packet: &&Arc<Packet>| {
            ports.contains(&packet.destination.port()) && rtp::is_audio(&packet.payload)
        };
        let audio: Vec<&Arc<Packet>> = packets.iter().filter(is_theirs).collect();
        if audio.len() < COUNT_PACKETS.max(listened + LISTEN_PACKETS) {
            return None;
        }
        listened = audio.len();
        let latest = audio.get(listened - LISTEN_PACKETS..).unwrap_or_default();
        let samples = latest.iter().filter_map(|packet| packet.rtp()).flat_map(|rtp| rtp.samples);
        let samples: Vec<i16> = samples.collect();
        let all = tones.iter().all(|hertz| tone::has(&samples, *hertz));
        (all && !tone::has(&samples, without)).then_some(())
    });
    ensure!(found.is_some(), "in {listened} packets are not {tones:?} Hz alone, or {without} Hz is there");
    Ok(())
}

/// A ruf that is held sends no sound.
pub(super) fn stops(row: &Row, at: IpAddr, from: Mark) -> Outcome<()> {
    nothing(&row.tap, from, |packet| is_audio(at, packet, Side::Ruf))
}

/// A ruf that holds and who is held say nothing that could be heard, in either direction. What is encrypted nobody
/// hears here.
pub(super) fn silent(row: &Row, at: IpAddr, from: Mark) -> Outcome<()> {
    match row.cast.media {
        Media::Plain | Media::Ice => inaudible(&row.tap, at, &[Side::Ruf, Side::Peer], from),
        Media::Srtp => Ok(()),
    }
}

/// Nothing can be heard of these speakers.
pub(crate) fn inaudible(tap: &Tap, at: IpAddr, speakers: &[Side], from: Mark) -> Outcome<()> {
    let is_loud = |packet: &Packet| packet.rtp().is_some_and(|rtp| !tone::is_silent(&rtp.samples));
    nothing(tap, from, |packet| {
        speakers.iter().any(|speaker| is_audio(at, packet, *speaker)) && is_loud(packet)
    })
}

/// Waits until no such packet has come for some time.
fn nothing(tap: &Tap, from: Mark, such: impl Fn(&Packet) -> bool) -> Outcome<()> {
    let began = Instant::now();
    let mut said = 0;
    let quiet = tap.wait_until(from, PATIENCE, Duration::from_millis(50), |packets| {
        let said_now: Vec<&Arc<Packet>> = packets.iter().filter(|packet| such(packet)).collect();
        said = said_now.len();
        let since = said_now.last().map_or(began, |packet| packet.at);
        (since.elapsed() >= SILENCE).then_some(())
    });
    ensure!(quiet.is_some(), "nothing was to be heard, yet {said} packets were sent");
    Ok(())
}

/// Is this sound of this side? Ruf is known by its address; a peer may send from any.
fn is_audio(at: IpAddr, packet: &Packet, speaker: Side) -> bool {
    let end = match speaker {
        Side::Ruf => packet.source,
        Side::Peer => packet.destination,
    };
    end.ip() == at && rtp::is_audio(&packet.payload)
}

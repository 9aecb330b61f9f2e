//! Telephone events: whatever comes, each one begins before it ends, one at a time, and all end.
//!
//! The input is a script of records of eight octets and more: how long after the last, the low three octets of the
//! timestamp, and the length of the payload that follows.

use std::time::Duration;

use ruf_rtp::{Event, EventChange, EventReceiver, EventReport, EventSender};

/// Any script.
pub fn events(octets: &[u8]) {
    let mut receiver = EventReceiver::new();
    let (mut now, mut sounding, mut rest) = (Duration::ZERO, None, octets);
    while let Some((&[pause, t0, t1, t2, length], after)) = rest.split_first_chunk::<5>() {
        let (payload, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        now += Duration::from_millis(u64::from(pause) * 2);
        receiver.tick(now).into_iter().for_each(|change| follow(&mut sounding, change));
        let timestamp = u32::from_be_bytes([0xFF, t0, t1, t2]).wrapping_mul(0x101);
        for change in receiver.receive(now, timestamp, payload) {
            follow(&mut sounding, change);
        }
        assert_eq!(receiver.sounding(), sounding);
        if let Some(octets) = payload.first_chunk() {
            sent(*octets);
        }
    }
    let over = now + Duration::from_secs(1);
    receiver.tick(over).into_iter().for_each(|change| follow(&mut sounding, change));
    assert_eq!((sounding, receiver.sounding()), (None, None), "all end");
}

fn follow(sounding: &mut Option<Event>, change: EventChange) {
    match change {
        EventChange::Begin { event, volume } => {
            assert!(sounding.is_none() && volume <= EventReport::VOLUME_MAX);
            *sounding = Some(event);
        }
        EventChange::End { event, duration_ticks } => {
            assert!(*sounding == Some(event) && duration_ticks > 0);
            planted(duration_ticks);
            *sounding = None;
        }
    }
}

/// An event of such a length, as it is sent, is heard as one of that length.
fn sent(octets: [u8; EventReport::BYTES]) {
    let EventReport { event, volume, duration, .. } = EventReport::read(octets);
    let length = u32::from(duration) * 3;
    let mut sender = EventSender::begin(event, volume, 0xFFFF_FF00, 960, Some(length));
    let mut receiver = EventReceiver::new();
    let (mut now, mut changes) = (Duration::ZERO, Vec::new());
    while !sender.is_done() {
        now += Duration::from_millis(20);
        for update in sender.advance(960) {
            changes.extend(receiver.receive(now, update.timestamp, &update.payload));
        }
    }
    let [EventChange::Begin { event: begun, .. }, EventChange::End { duration_ticks, .. }] = changes[..]
    else {
        panic!("{changes:?}")
    };
    assert!(begun == event && (length.max(1)..length + 961).contains(&duration_ticks), "{duration_ticks}");
}

/// A fault for `dev/fuzz plant`: in an event of two segments.
fn planted(duration_ticks: u32) {
    if cfg!(feature = "planted") && duration_ticks > 0xFFFF {
        panic!("planted in events");
    }
}

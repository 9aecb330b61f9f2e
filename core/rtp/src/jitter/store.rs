//! The packets that wait for their turn, ordered; their number and length is bounded, and what one needed the next
//! one uses again.

use super::playout::{Content, Frame};
use crate::packet::Packet;
use std::collections::VecDeque;

/// Packets that wait: over two seconds of 20 ms.
const PACKETS_MAX: usize = 128;
/// 20 ms of uncompressed stereo at 48 kHz, which nothing exceeds.
const PAYLOAD_BYTES_MAX: usize = 4_096;

/// A packet that waits.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) sequence: u64,
    pub(super) timestamp: i64,
    /// It has nothing to do with those before it.
    pub(super) starts: bool,
    pub(super) content: Content,
    marker: bool,
    payload_type: u8,
    rtp_timestamp: u32,
    payload: Vec<u8>,
}

impl Stored {
    /// Without its payload, which [`Store::insert`] copies.
    pub(super) fn new(
        sequence: u64,
        timestamp: i64,
        starts: bool,
        packet: &Packet,
        content: Content,
    ) -> Stored {
        Stored {
            sequence,
            timestamp,
            starts,
            content,
            marker: packet.marker,
            payload_type: packet.payload_type,
            rtp_timestamp: packet.timestamp,
            payload: Vec::new(),
        }
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// As it came.
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame {
            marker: self.marker,
            payload_type: self.payload_type,
            timestamp: self.rtp_timestamp,
            payload: &self.payload,
            ticks: match self.content {
                Content::Audio { ticks } => ticks,
                Content::Noise | Content::Event => 0,
            },
            stretch_ticks: 0,
            in_pauses: false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Store {
    /// Rising by sequence number.
    packets: VecDeque<Stored>,
    /// What is being played.
    lent: Option<Stored>,
    spare: Vec<Vec<u8>>,
}

impl Store {
    pub(super) fn new() -> Store {
        Store { packets: VecDeque::new(), lent: None, spare: Vec::new() }
    }

    /// Puts a packet into its place; returns how many there was no room for.
    pub(super) fn insert(&mut self, mut stored: Stored, payload: &[u8]) -> u64 {
        let behind = self.packets.iter().rev().take_while(|other| other.sequence > stored.sequence).count();
        let at = self.packets.len() - behind;
        let is_double = at.checked_sub(1).and_then(|before| self.packets.get(before));
        if payload.len() > PAYLOAD_BYTES_MAX
            || is_double.is_some_and(|other| other.sequence == stored.sequence)
        {
            return 1;
        }
        stored.payload = self.spare.pop().unwrap_or_default();
        stored.payload.extend_from_slice(payload);
        self.packets.insert(at, stored);
        if self.packets.len() <= PACKETS_MAX {
            return 0;
        }
        self.drop_first();
        1
    }

    pub(super) fn first(&self) -> Option<&Stored> {
        self.packets.front()
    }

    /// The first packet begins what it starts.
    pub(super) fn begin_first(&mut self) {
        if let Some(first) = self.packets.front_mut() {
            first.starts = false;
        }
    }

    pub(super) fn take_first(&mut self) -> Option<Stored> {
        self.packets.pop_front()
    }

    pub(super) fn drop_first(&mut self) {
        if let Some(stored) = self.packets.pop_front() {
            self.give_back(stored);
        }
    }

    /// Keeps a packet until the next one is lent.
    pub(super) fn lend(&mut self, stored: Stored) -> &Stored {
        if let Some(played) = self.lent.take() {
            self.give_back(played);
        }
        self.lent.insert(stored)
    }

    /// It is over; what its payload took is used again.
    pub(super) fn give_back(&mut self, stored: Stored) {
        let mut payload = stored.payload;
        payload.clear();
        if self.spare.len() < PACKETS_MAX {
            self.spare.push(payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(store: &mut Store, sequence: u64) -> u64 {
        let packet = Packet::default();
        let octet = sequence as u8;
        store.insert(Stored::new(sequence, 0, false, &packet, Content::Audio { ticks: 160 }), &[octet])
    }

    #[test]
    fn packets_are_ordered_and_none_is_there_twice() {
        let mut store = Store::new();
        assert_eq!([5, 3, 4, 9, 4, 3].map(|sequence| insert(&mut store, sequence)), [0, 0, 0, 0, 1, 1]);
        let mut order = Vec::new();
        while let Some(stored) = store.take_first() {
            assert_eq!(stored.payload(), [stored.sequence as u8]);
            order.push(stored.sequence);
            assert_eq!(store.lend(stored).frame().payload.len(), 1);
        }
        assert_eq!(order, [3, 4, 5, 9]);
    }

    #[test]
    fn what_one_payload_took_the_next_one_uses() {
        let mut store = Store::new();
        for sequence in 0..10_000 {
            insert(&mut store, sequence);
            if sequence % 3 > 0 {
                store.drop_first();
                store.drop_first();
            }
        }
        assert!(store.spare.len() + store.packets.len() <= PACKETS_MAX, "{}", store.spare.len());
        assert!(!store.spare.is_empty());
        assert!(store.spare.iter().all(|payload| payload.is_empty() && payload.capacity() > 0));
    }

    #[test]
    fn a_full_store_drops_what_is_oldest() {
        let mut store = Store::new();
        let refused: u64 = (0..1_000).map(|sequence| insert(&mut store, sequence)).sum();
        assert_eq!(refused, 1_000 - PACKETS_MAX as u64);
        assert_eq!(store.first().map(|stored| stored.sequence), Some(1_000 - PACKETS_MAX as u64));
        let packet = Packet::default();
        let long = Stored::new(2_000, 0, false, &packet, Content::Noise);
        assert_eq!(store.insert(long, &[0; PAYLOAD_BYTES_MAX + 1]), 1);
    }
}

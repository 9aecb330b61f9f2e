//! The desk as io/net drives it.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use ruf_locate::{Answer, Query};
use ruf_message::{Flow, FrameError, Place, Tick, Transmit};
use ruf_net::{Node, Unreachable};

use super::Desk;

impl Node for Desk {
    // A phone has one worker.
    type Crossing = Infallible;

    fn receive(&mut self, now: Tick, flow: Flow, message: Bytes) {
        self.with(now, |desk, now| desk.agent.receive(now, flow, message));
    }

    fn unframed(&mut self, now: Tick, flow: Flow, octets: Bytes, _: FrameError) {
        // The parser says the same, and what the answer is.
        self.with(now, |desk, now| desk.agent.receive(now, flow, octets));
    }

    fn reached(&mut self, now: Tick, token: u64, flow: Result<Flow, Unreachable>) {
        self.with(now, |desk, now| desk.paths.reached(now, token, flow));
    }

    fn unreachable(&mut self, now: Tick, flow: Flow) {
        self.with(now, |desk, now| {
            desk.agent.unreachable(now, flow);
            desk.settle(now);
            desk.lost(now, flow);
        });
    }

    fn mapped(&mut self, now: Tick, flow: Flow, transaction: [u8; 12], mapped: SocketAddr) {
        self.with(now, |desk, now| desk.mapped(now, flow, transaction, mapped));
    }

    fn tick(&mut self, now: Tick) {
        self.with(now, |desk, now| {
            desk.paths.tick(now);
            desk.agent.tick(now);
            desk.home_tick(now);
            desk.watches_tick(now);
        });
    }

    fn poll_deadline(&self) -> Option<Tick> {
        let home = [self.home.deadline(), self.watches.deadline()];
        let deadlines = [self.agent.poll_deadline(), self.paths.deadline()].into_iter().chain(home);
        deadlines.flatten().min()
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.agent.poll_transmit().or_else(|| self.home.poll_transmit())
    }

    fn poll_reach(&mut self) -> Option<(u64, Place)> {
        self.paths.poll_reach()
    }

    fn poll_crossing(&mut self) -> Option<(u8, Infallible)> {
        None
    }

    fn crossed(&mut self, _: Tick, crossing: Infallible) {
        match crossing {}
    }

    fn not_crossed(&mut self, _: Tick, crossing: Infallible) {
        match crossing {}
    }

    fn poll_query(&mut self) -> Option<(u64, Query)> {
        self.paths.poll_query()
    }

    fn resolved(&mut self, now: Tick, number: u64, answer: Answer) {
        self.with(now, |desk, now| desk.paths.resolved(now, number, answer));
    }

    fn is_drained(&self) -> bool {
        let is_alone = self.watches.is_empty() && self.agent.watchers() == 0 && !self.agent.is_published();
        let is_quiet = self.lines.is_empty() && self.inquiries.is_empty() && is_alone;
        self.is_closed && is_quiet && !self.agent.is_bound()
    }
}

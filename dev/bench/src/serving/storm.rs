//! What the server holds before a storm, in it and after it: of calls with a password, a thousand a second, and for
//! twenty seconds ten times what it can do, of which it refuses most. Live octets are what the allocator was asked
//! for and has not got back; what it keeps itself is not in it: `dev/bench/overload.py` measures the process.

use std::collections::VecDeque;
use std::time::Duration;

use ruf_message::Tick;

use super::{ALICE, BOB, CLOSED, LOOK, Serving, ack_of_refusal, invite, response, route_of, taken, within};
use crate::allocations::Live;

/// Calls a second, before and after, and in the storm.
const CALM: u32 = 1_000;
const STORM: u32 = 20_000;
/// What it can do in the storm, between refusals.
const CAN_DO: f64 = 1_300.0;
/// What is kept of used nonces and completed calls is level after so many seconds.
const LEVEL_SECS: u32 = 75;
const STORM_SECS: u32 = 20;
/// How long a call rings and is talked.
const RINGS: Duration = Duration::from_millis(20);
const TALKS: Duration = Duration::from_millis(200);

/// Prints the table.
pub(crate) fn print() {
    let mut serving = Serving::new();
    serving.register_with_proof(BOB, "dave", 1);
    serving.number = 1;
    let mut storm = Storm {
        serving,
        ringing: VecDeque::new(),
        talking: VecDeque::new(),
        looked: Tick::ZERO,
        taken: 0,
        refused: 0,
    };
    println!("{:<8} {:>8} {:>8} {:>8} {:>10} {:>8}", "", "second", "calls", "refused", "live, kB", "blocks");
    for (what, rate, seconds) in
        [("calm", CALM, LEVEL_SECS), ("storm", STORM, STORM_SECS), ("after", CALM, LEVEL_SECS)]
    {
        for second in 1..=seconds {
            storm.second(rate);
            if second == 1 || second % 5 == 0 {
                let (live, Storm { taken, refused, .. }) = (Live::now(), &storm);
                let octets = live.bytes / 1000;
                println!("{what:<8} {second:>8} {taken:>8} {refused:>8} {octets:>10} {:>8}", live.blocks);
            }
        }
    }
}

struct Storm {
    serving: Serving,
    /// When it is answered, its number, and the INVITE that Bob heard.
    ringing: VecDeque<(Tick, u64, String)>,
    /// When it ends, its number, and the Route of what follows.
    talking: VecDeque<(Tick, u64, String)>,
    /// When the server looked last at how busy it is.
    looked: Tick,
    taken: u64,
    refused: u64,
}

impl Storm {
    fn second(&mut self, rate: u32) {
        let (begins, is_storm) = (self.serving.now, rate > CALM);
        let mut taken_before = self.taken;
        for number in 1..=rate {
            self.until(begins + Duration::from_secs(1) / rate * number);
            let now = self.serving.now;
            let since = now.saturating_sub(self.looked);
            if since >= LOOK {
                // What comes waits as much longer as more is taken than it can do.
                let done = (self.taken - taken_before) as f64 / since.as_secs_f64() / CAN_DO;
                let wait = Duration::from_millis(40).mul_f64(done.min(5.0));
                let (worked, waits) = if is_storm { (since, wait) } else { (since / 2, Duration::ZERO) };
                self.serving.node.busy(worked, since, waits);
                (self.looked, taken_before) = (now, self.taken);
            }
            self.call();
        }
    }

    /// Lets time pass: what rings is answered, what was talked enough ends.
    fn until(&mut self, until: Tick) {
        loop {
            let answer = self.ringing.front().map(|(at, ..)| *at);
            let end = self.talking.front().map(|(at, ..)| *at);
            let timer = self.serving.node.poll_deadline();
            let next = [answer, end, timer].into_iter().flatten().min().filter(|next| *next <= until);
            let Some(next) = next else { break };
            self.serving.now = self.serving.now.max(next);
            if timer == Some(next) {
                self.serving.node.tick(self.serving.now);
                while self.serving.node.poll_transmit().is_some() {}
            } else if answer == Some(next) {
                self.answer();
            } else {
                self.end();
            }
        }
        self.serving.now = until;
    }

    /// INVITE, 407 or 503, ACK, INVITE, 180.
    fn call(&mut self) {
        let serving = &mut self.serving;
        serving.number += 1;
        let n = serving.number;
        serving.receive(ALICE, &invite(CLOSED, n, 1));
        let heard = serving.heard(ALICE);
        let ack = ack_of_refusal(CLOSED, &heard, n);
        if heard.starts_with("SIP/2.0 503") {
            self.refused += 1;
            return serving.receive(ALICE, &ack);
        }
        let again = serving.proven(ALICE, "carol", &invite(CLOSED, n, 2));
        serving.receive(ALICE, &ack);
        serving.receive(ALICE, &again);
        let at_bob = serving.heard(BOB);
        assert!(at_bob.starts_with("INVITE"), "{at_bob}{}", serving.heard(ALICE));
        serving.receive(BOB, &response(&at_bob, "180 Ringing", "", ""));
        self.taken += 1;
        self.ringing.push_back((serving.now + RINGS, n, at_bob));
    }

    /// 200, ACK.
    fn answer(&mut self) {
        let (serving, Some((_, n, at_bob))) = (&mut self.serving, self.ringing.pop_front()) else { return };
        serving.receive(BOB, &taken(&at_bob));
        let route = route_of(&serving.heard(ALICE));
        serving.receive(ALICE, &within("ACK", CLOSED, n, 2, &route));
        self.talking.push_back((serving.now + TALKS, n, route));
    }

    /// BYE, 200.
    fn end(&mut self) {
        let (serving, Some((_, n, route))) = (&mut self.serving, self.talking.pop_front()) else { return };
        serving.receive(ALICE, &within("BYE", CLOSED, n, 3, &route));
        let bye = serving.heard(BOB);
        serving.receive(BOB, &response(&bye, "200 OK", "", ""));
        assert!(serving.heard(ALICE).starts_with("SIP/2.0 200"));
    }
}

//! What a registered contact and a ringing call hold in memory, as the allocator is asked for it: with all
//! that lingers for its timers, and once that is gone. What an allocator rounds up and keeps is not in it;
//! `dev/bench/compare` measures the process.

use std::fmt::Write as _;
use std::time::Duration;

use super::{ALICE, BOB, OFFER, Serving, address, response};
use crate::allocations::Live;

/// The harness's rates: 4,000 registrations and 1,000 calls a second.
const REGISTER_PACE: Duration = Duration::from_micros(250);
const CALL_PACE: Duration = Duration::from_millis(1);
/// After it no transaction of a registration is left.
const SETTLE: Duration = Duration::from_secs(40);
/// How many people the calls are for.
const CALLEES: u64 = 1_000;

/// What a phone says of itself.
const EXTRA: &str = "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, MESSAGE, NOTIFY, UPDATE\r\n\
                     Supported: replaces, timer\r\nUser-Agent: bench/1.0\r\n";

/// Prints the table, for so many contacts and so many calls.
pub(crate) fn print(contacts: u64, calls: u64) {
    println!("{:<44} {:>8} {:>8}", "of each", "octets", "blocks");
    let mut serving = Serving::new();
    let before = Live::now();
    for number in 0..contacts {
        serving.pass(REGISTER_PACE);
        serving.register_contact(number, 5999);
    }
    show("contact, registered just now", before, contacts);
    serving.pass(SETTLE);
    show("contact, after its transaction", before, contacts);
    drop(serving);

    let mut serving = Serving::new();
    for number in 0..CALLEES {
        serving.register_contact(number, BOB);
    }
    serving.pass(SETTLE);
    let before = Live::now();
    for number in 0..calls {
        serving.pass(CALL_PACE);
        serving.ring(number);
    }
    show("call that rings", before, calls);
    serving.pass(SETTLE);
    show("call that has been ringing for a while", before, calls);
}

fn show(what: &str, before: Live, count: u64) {
    let now = Live::now();
    let of_each = |now: i64, before: i64| (now - before) as f64 / count as f64;
    println!(
        "{what:<44} {:>8.0} {:>8.2}",
        of_each(now.bytes, before.bytes),
        of_each(now.blocks, before.blocks)
    );
}

impl Serving {
    /// Lets time pass.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.node.poll_deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.node.tick(self.now);
            while self.node.poll_transmit().is_some() {}
        }
        self.now = until;
        self.sent = Vec::new();
    }

    /// One of many phones at one address, all of them behind a translator.
    fn register_contact(&mut self, number: u64, port: u16) {
        let (here, user) = (address(BOB), format!("mem.u{number}"));
        let contact = address(port);
        let register = format!(
            "REGISTER sip:open.bench SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-4211-{number}-0\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@open.bench>;tag=4211T{number}\r\nTo: <sip:{user}@open.bench>\r\n\
             Call-ID: {number}-4211@192.0.2.2\r\nCSeq: 1 REGISTER\r\nContact: <sip:{user}@{contact}>\r\n\
             Expires: 3600\r\n{EXTRA}Content-Length: 0\r\n\r\n"
        );
        self.receive(BOB, &register);
        assert!(self.heard(BOB).starts_with("SIP/2.0 200"), "{}", self.heard(BOB));
    }

    /// A call that rings and is left alone.
    fn ring(&mut self, number: u64) {
        let (here, user) = (address(ALICE), format!("mem.u{}", number % CALLEES));
        let mut invite = format!(
            "INVITE sip:{user}@open.bench SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-4212-{number}-0\r\n\
             Max-Forwards: 70\r\nFrom: <sip:caller@open.bench>;tag=4212T{number}\r\nTo: <sip:{user}@open.bench>\r\n\
             Call-ID: {number}-4212@192.0.2.2\r\nCSeq: 1 INVITE\r\nContact: <sip:caller@{here}>\r\n{EXTRA}\
             Content-Type: application/sdp\r\n"
        );
        let _ = write!(invite, "Content-Length: {}\r\n\r\n{OFFER}", OFFER.len());
        self.receive(ALICE, &invite);
        let at_bob = self.heard(BOB);
        let contact = format!("Contact: <sip:uas@{}>\r\n", address(BOB));
        self.receive(BOB, &response(&at_bob, "180 Ringing", &contact, ""));
        assert!(self.heard(ALICE).starts_with("SIP/2.0 180"), "{}", self.heard(ALICE));
    }
}

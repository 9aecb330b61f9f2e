//! The INVITE client transaction, RFC 3261 section 17.1.1 as corrected by RFC 6026 section 7.2.
//!
//! It builds the ACK of a non-2xx itself (17.1.1.3) and knows when its CANCEL may leave (9.1).
//! Not here: the ACK of a 2xx (the user's), the CANCEL's own transaction (`non_invite_client.rs`,
//! opened by the table), Timer C (`ruf-proxy`).

use bytes::{Bytes, BytesMut};
use ruf_message::{Message, Request, Response};

use crate::limits::TIMER_A_RETRANSMITS_MAX;
use crate::turn::{Class, Ending, Kept, Timer as AnyTimer, Turn};

/// The timers of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Retransmits the request.
    A,
    /// Ends the wait for any response.
    B,
    /// Ends the wait for retransmissions of a non-2xx.
    D,
    /// Ends the wait for more 2xx (RFC 6026).
    M,
    /// Ends the wait for a final response after the CANCEL (9.1).
    Cancelled,
}

/// ```text
///                               |INVITE from TU
///             Timer A fires     |INVITE sent      Timer B fires
///             Reset A,          V                 or Transport Err.
///             INVITE sent +-----------+           inform TU
///               +---------|           |--------------------------+
///               |         |  Calling  |                          |
///               +-------->|           |-----------+              |
///  300-699                +-----------+ 2xx       |              |
///  ACK sent                  |  |       2xx to TU |              |
///  resp. to TU               |  |1xx              |              |
///   +------------------------+  |1xx to TU        |              |
///   |                           |(CANCEL sent if wanted)         |
///   |            1xx            V                 |              |
///   |            1xx to TU+-----------+           |  64*T1 after |
///   |            +--------|           |           |  the CANCEL  |
///   |            |        |Proceeding |-----------|------------->|
///   |            +------->|           |           |  or Transport|
///   |                     +-----------+ 2xx       |  Err.        |
///   |         300-699        |    |     2xx to TU |  inform TU   |
///   |         ACK sent,  +---+    +---------------+              |
///   |         resp. to TU|                        |              |
///   |                    V                        V              |
///   |              +-----------+              +----------+       |
///   +------------->|           |Transport Err.|          |       |
///                  | Completed |Inform TU     | Accepted |       |
///               +--|           |-------+      |          |-+     |
///       300-699 |  +-----------+       |      +----------+ |     |
///       ACK sent|    ^  |              |          |  ^     |     |
///               +----+  |Timer D fires |   Timer M|  +-----+     |
///                       |-             |   fires -|    2xx       |
///                       V              V          V    to TU     V
///                  +------------------------------------------------+
///                  |                  Terminated                    |
///                  +------------------------------------------------+
/// ```
#[derive(Debug)]
pub(crate) enum InviteClient {
    Calling {
        request: Kept,
        cancel: Box<[u8]>,
        retransmits: u8,
        cancel_wanted: bool,
    },
    /// While it rings nothing is kept of the request but its CANCEL, of which its ACK can be made.
    Proceeding {
        cancel: Box<[u8]>,
        cancelled: bool,
    },
    /// `None`: the ACK could not be made (never, see [`ack`]).
    Completed {
        ack: Option<Kept>,
    },
    Accepted,
    Terminated(Ending),
}

use InviteClient::{Accepted, Calling, Completed, Proceeding, Terminated};

impl InviteClient {
    /// The TU sends an INVITE, with our Via on top, which `write` writes; `cancel` is the wire form of its CANCEL.
    pub(crate) fn start(write: impl FnOnce(&mut BytesMut), cancel: Box<[u8]>, turn: &mut Turn<'_>) -> Self {
        let request = turn.send_first(write); // rfc3261 §17.1.1.2
        if !turn.is_reliable() {
            turn.arm(AnyTimer::InviteClient(Timer::A), turn.timers.timer_a(0)); // rfc3261 §17.1.1.2
        }
        turn.arm(AnyTimer::InviteClient(Timer::B), turn.timers.timeout()); // rfc3261 §17.1.1.2
        Calling { request, cancel, retransmits: 0, cancel_wanted: false }
    }

    pub(crate) fn response(self, response: &Response, turn: &mut Turn<'_>) -> Self {
        match (self, Class::of(response.status())) {
            (Calling { cancel, cancel_wanted, .. }, Class::Provisional) => {
                turn.pass_up(); // rfc3261 §17.1.1.2
                if cancel_wanted {
                    send_cancel(&cancel, turn); // rfc3261 §9.1
                }
                Proceeding { cancel, cancelled: cancel_wanted }
            }
            (Proceeding { cancel, cancelled }, Class::Provisional) => {
                turn.pass_up(); // rfc3261 §17.1.1.2
                Proceeding { cancel, cancelled }
            }
            (Calling { .. } | Proceeding { .. }, Class::Success) => {
                turn.pass_up(); // rfc6026 §7.2: and no ACK of our own
                turn.arm(AnyTimer::InviteClient(Timer::M), turn.timers.timeout()); // rfc6026 §7.2
                Accepted
            }
            (Calling { cancel, .. } | Proceeding { cancel, .. }, Class::Failure) => {
                turn.pass_up(); // rfc3261 §17.1.1.2
                complete(&cancel, response, turn)
            }
            (Completed { ack }, Class::Failure) => {
                // A retransmission: the ACK was lost. Not passed up.
                ack.iter().for_each(|ack| turn.send_again(ack)); // rfc3261 §17.1.1.2
                Completed { ack }
            }
            (Completed { ack }, Class::Provisional | Class::Success) => Completed { ack },
            (Accepted, Class::Success) => {
                turn.pass_up(); // rfc6026 §7.2
                Accepted
            }
            (Accepted, Class::Provisional | Class::Failure) => Accepted,
            (Terminated(ending), Class::Provisional | Class::Success | Class::Failure) => Terminated(ending),
        }
    }

    pub(crate) fn timer(self, timer: Timer, turn: &mut Turn<'_>) -> Self {
        match (self, timer) {
            (Calling { request, cancel, retransmits, cancel_wanted }, Timer::A) => {
                turn.send_again(&request); // rfc3261 §17.1.1.2
                let retransmits = retransmits.saturating_add(1);
                if retransmits < TIMER_A_RETRANSMITS_MAX {
                    let interval = turn.timers.timer_a(retransmits);
                    turn.arm(AnyTimer::InviteClient(Timer::A), interval); // rfc3261 §17.1.1.2
                }
                Calling { request, cancel, retransmits, cancel_wanted }
            }
            (Calling { .. }, Timer::B) => Terminated(Ending::Timeout), // rfc3261 §17.1.1.2
            (Proceeding { .. }, Timer::Cancelled) => Terminated(Ending::Timeout), // rfc3261 §9.1
            (Completed { .. }, Timer::D) => Terminated(Ending::Finished), // rfc3261 §17.1.1.2
            (Accepted, Timer::M) => Terminated(Ending::Finished),      // rfc6026 §7.2

            // Armed in a state that was left since.
            (state @ Calling { .. }, Timer::D | Timer::M | Timer::Cancelled) => state,
            (state @ Proceeding { .. }, Timer::A | Timer::B | Timer::D | Timer::M) => state,
            (state @ Completed { .. }, Timer::A | Timer::B | Timer::M | Timer::Cancelled) => state,
            (Accepted, Timer::A | Timer::B | Timer::D | Timer::Cancelled) => Accepted,
            (Terminated(ending), Timer::A | Timer::B | Timer::D | Timer::M | Timer::Cancelled) => {
                Terminated(ending)
            }
        }
    }

    /// The TU no longer wants an answer.
    pub(crate) fn cancel(self, turn: &mut Turn<'_>) -> Self {
        match self {
            // No provisional yet: the CANCEL waits for one. // rfc3261 §9.1
            Calling { request, cancel, retransmits, .. } => {
                Calling { request, cancel, retransmits, cancel_wanted: true }
            }
            Proceeding { cancel, cancelled: false } => {
                send_cancel(&cancel, turn); // rfc3261 §9.1
                Proceeding { cancel, cancelled: true }
            }
            Proceeding { cancel, cancelled: true } => Proceeding { cancel, cancelled: true },
            // There is a final response: a CANCEL would do nothing. // rfc3261 §9.1
            Completed { ack } => Completed { ack },
            Accepted => Accepted,
            Terminated(ending) => Terminated(ending),
        }
    }

    /// The transport reports that the flow failed.
    pub(crate) fn unreachable(self) -> Self {
        match self {
            Calling { .. } | Proceeding { .. } | Completed { .. } => {
                Terminated(Ending::Unreachable) // rfc3261 §17.1.4
            }
            // It sends nothing that could fail.
            Accepted => Accepted,
            Terminated(ending) => Terminated(ending),
        }
    }
}

fn send_cancel(cancel: &[u8], turn: &mut Turn<'_>) {
    turn.cancel = Some(Bytes::copy_from_slice(cancel));
    turn.arm(AnyTimer::InviteClient(Timer::Cancelled), turn.timers.timeout()); // rfc3261 §9.1
}

/// Acknowledges a non-2xx, on every transport, to where the INVITE went.
fn complete(cancel: &[u8], response: &Response, turn: &mut Turn<'_>) -> InviteClient {
    let ack = ack(cancel, response);
    if turn.is_reliable() {
        ack.iter().for_each(|ack| turn.send_once(|out| ack.write_to(out))); // rfc3261 §17.1.1.2
        return Terminated(Ending::Finished); // rfc3261 §17.1.1.2: Timer D is zero
    }
    let ack = ack.map(|ack| turn.send_first(|out| ack.write_to(out))); // rfc3261 §17.1.1.2
    turn.arm(AnyTimer::InviteClient(Timer::D), turn.timers.timer_d()); // rfc3261 §17.1.1.2
    Completed { ack }
}

/// The ACK of 17.1.1.3. It has all it takes from the request in common with the CANCEL, which is read
/// again here: most INVITEs never need it. It cannot fail: these bytes were printed from a valid request.
fn ack(cancel: &[u8], response: &Response) -> Option<Request> {
    Some(reread(&Bytes::copy_from_slice(cancel))?.ack_for(response)) // rfc3261 §17.1.1.3
}

/// The request that was printed to `wire`.
pub(crate) fn reread(wire: &Bytes) -> Option<Request> {
    match Message::parse(wire.clone()) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ruf_message::{Method, Transport};

    use super::*;
    use crate::rig::{INVITE, Rig, request, response};

    fn start(transport: Transport) -> (Rig, InviteClient) {
        let mut rig = Rig::new(transport);
        let machine =
            rig.turn(|turn| InviteClient::start(|out| out.extend_from_slice(&wire()), cancel(), turn));
        (rig, machine)
    }

    fn cancel() -> Box<[u8]> {
        request(INVITE).cancel_bytes()
    }

    fn wire() -> Bytes {
        Bytes::from_static(INVITE.as_bytes())
    }

    fn receive(rig: &mut Rig, machine: InviteClient, status: u16) -> InviteClient {
        let response = response(&request(INVITE), status);
        rig.turn(|turn| machine.response(&response, turn))
    }

    fn wait(rig: &mut Rig, machine: InviteClient, ms: u64) -> InviteClient {
        rig.wait(machine, Duration::from_millis(ms), |machine, timer, turn| match timer {
            AnyTimer::InviteClient(timer) => machine.timer(timer, turn),
            other => panic!("a timer of another machine: {other:?}"),
        })
    }

    #[test]
    fn over_udp_the_invite_is_sent_seven_times_and_then_times_out() {
        // tests rfc3261 §17.1.1.2
        let (mut rig, machine) = start(Transport::Udp);
        let machine = wait(&mut rig, machine, 31_999);
        let sent = ["0", "500", "1500", "3500", "7500", "15500", "31500"];
        assert_eq!(rig.log(), sent.map(|ms| format!("{ms} INVITE")));
        assert!(rig.sent.iter().all(|bytes| *bytes == wire()));
        assert!(matches!(machine, Calling { .. }));
        let machine = wait(&mut rig, machine, 1);
        assert!(matches!(machine, Terminated(Ending::Timeout)));
        assert!(rig.log().is_empty(), "a timeout sends nothing, no ACK either");
    }

    #[test]
    fn over_tcp_the_invite_is_sent_once() {
        // tests rfc3261 §17.1.1.2
        let (mut rig, machine) = start(Transport::Tcp);
        let machine = wait(&mut rig, machine, 31_999);
        assert_eq!(rig.log(), ["0 INVITE"]);
        assert!(matches!(wait(&mut rig, machine, 1), Terminated(Ending::Timeout)));
    }

    #[test]
    fn every_provisional_is_passed_up_and_the_first_ends_retransmission() {
        // tests rfc3261 §17.1.1.2
        let (mut rig, mut machine) = start(Transport::Udp);
        for status in [100, 180, 180, 183] {
            machine = receive(&mut rig, machine, status);
            assert!(rig.passed_up);
            assert!(matches!(machine, Proceeding { .. }));
        }
        machine = wait(&mut rig, machine, 600_000);
        assert!(matches!(machine, Proceeding { .. }), "no timer runs in Proceeding");
        assert_eq!(rig.log(), ["0 INVITE"]);
    }

    #[test]
    fn a_failure_is_acknowledged_and_its_retransmissions_are_too_but_not_passed_up() {
        // tests rfc3261 §17.1.1.2
        for before in [None, Some(180)] {
            let (mut rig, mut machine) = start(Transport::Udp);
            if let Some(status) = before {
                machine = receive(&mut rig, machine, status);
            }
            for status in [300, 486, 503, 603] {
                machine = receive(&mut rig, machine, status);
                assert_eq!(rig.passed_up, status == 300);
                assert!(matches!(machine, Completed { .. }));
            }
            assert_eq!(rig.log(), ["0 INVITE", "0 ACK", "0 ACK", "0 ACK", "0 ACK"]);
            machine = receive(&mut rig, machine, 180);
            assert!(!rig.passed_up);
            machine = receive(&mut rig, machine, 200);
            assert!(!rig.passed_up);
            machine = wait(&mut rig, machine, 31_999);
            assert!(matches!(machine, Completed { .. }));
            assert!(matches!(wait(&mut rig, machine, 1), Terminated(Ending::Finished)));
            assert!(rig.log().is_empty());
        }
    }

    #[test]
    fn over_tcp_a_failure_is_acknowledged_and_ends_the_transaction_at_once() {
        // tests rfc3261 §17.1.1.2
        let (mut rig, machine) = start(Transport::Tls);
        assert!(matches!(receive(&mut rig, machine, 404), Terminated(Ending::Finished)));
        assert!(rig.passed_up);
        assert_eq!(rig.log(), ["0 INVITE", "0 ACK"]);
    }

    #[test]
    fn every_2xx_is_passed_up_for_64_t1_and_none_is_acknowledged() {
        // tests rfc6026 §7.2, rfc6026 §8.4
        for transport in [Transport::Udp, Transport::Tcp] {
            let (mut rig, machine) = start(transport);
            let mut machine = receive(&mut rig, machine, 200);
            assert!(rig.passed_up);
            machine = wait(&mut rig, machine, 20_000);
            machine = receive(&mut rig, machine, 200);
            assert!(rig.passed_up);
            for stray in [180, 486] {
                machine = receive(&mut rig, machine, stray);
                assert!(!rig.passed_up);
            }
            machine = wait(&mut rig, machine, 11_999);
            assert!(matches!(machine, Accepted));
            assert!(matches!(wait(&mut rig, machine, 1), Terminated(Ending::Finished)));
            assert_eq!(rig.log(), ["0 INVITE"]);
        }
    }

    #[test]
    fn the_ack_of_a_failure_is_made_from_invite_and_response() {
        // tests rfc3261 §17.1.1.3
        let (mut rig, machine) = start(Transport::Udp);
        receive(&mut rig, machine, 486);
        let ack = reread(&rig.sent[1]).expect("a request");
        let invite = request(INVITE);
        assert_eq!(ack.method(), Method::Ack);
        assert_eq!(ack.uri().as_bytes(), invite.uri().as_bytes());
        assert_eq!(ack.call_id(), invite.call_id());
        assert_eq!(ack.from_tag(), invite.from_tag());
        assert_eq!(ack.to_tag(), Some(&b"314159"[..]));
        assert_eq!((ack.cseq().number, ack.cseq().method), (2, &b"ACK"[..]));
        let vias: Vec<&[u8]> = ack.raw("Via").collect();
        assert_eq!(vias, [b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK74bf9;rport"]);
        let routes: Vec<&[u8]> = ack.raw("Route").collect();
        assert_eq!(routes, [b"<sip:192.0.2.2;lr>"]);
        assert!(ack.body().is_empty());
    }

    #[test]
    fn a_cancel_waits_for_a_provisional_and_leaves_once() {
        // tests rfc3261 §9.1
        let (mut rig, machine) = start(Transport::Udp);
        let machine = rig.turn(|turn| machine.cancel(turn));
        assert_eq!(rig.cancel, None);
        let machine = wait(&mut rig, machine, 500);
        assert_eq!(rig.log(), ["0 INVITE", "500 INVITE"], "it still looks for a provisional");
        let machine = receive(&mut rig, machine, 100);
        assert_eq!(rig.cancel, Some(Bytes::from(cancel())));
        let machine = rig.turn(|turn| machine.cancel(turn));
        assert_eq!(rig.cancel, None);
        let machine = receive(&mut rig, machine, 180);
        assert_eq!(rig.cancel, None);
        assert!(matches!(receive(&mut rig, machine, 487), Completed { .. }));
    }

    #[test]
    fn a_cancelled_invite_that_is_never_answered_ends_64_t1_after_the_cancel() {
        // tests rfc3261 §9.1
        let (mut rig, machine) = start(Transport::Udp);
        let machine = receive(&mut rig, machine, 180);
        let machine = wait(&mut rig, machine, 60_000);
        let machine = rig.turn(|turn| machine.cancel(turn));
        assert_eq!(rig.cancel, Some(Bytes::from(cancel())));
        let machine = wait(&mut rig, machine, 31_999);
        assert!(matches!(machine, Proceeding { .. }));
        assert!(matches!(wait(&mut rig, machine, 1), Terminated(Ending::Timeout)));
    }

    #[test]
    fn after_a_final_response_a_cancel_does_nothing() {
        // tests rfc3261 §9.1
        for status in [200, 486] {
            let (mut rig, machine) = start(Transport::Udp);
            let machine = receive(&mut rig, machine, status);
            rig.log();
            rig.turn(|turn| machine.cancel(turn));
            assert_eq!(rig.cancel, None);
            assert!(rig.log().is_empty());
        }
    }

    #[test]
    fn a_transport_error_ends_every_state_that_sends() {
        // tests rfc3261 §17.1.4, rfc6026 §8.4
        let after = |statuses: &[u16]| {
            let (mut rig, mut machine) = start(Transport::Udp);
            for &status in statuses {
                machine = receive(&mut rig, machine, status);
            }
            machine.unreachable()
        };
        for statuses in [&[][..], &[180], &[486]] {
            assert!(matches!(after(statuses), Terminated(Ending::Unreachable)));
        }
        assert!(matches!(after(&[200]), Accepted));
    }
}

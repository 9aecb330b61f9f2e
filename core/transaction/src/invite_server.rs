//! The INVITE server transaction, RFC 3261 section 17.2.1 as corrected by RFC 6026 section 7.1.
//!
//! Not here: the retransmission of a 2xx (the user's, 13.3.1.4), CANCEL (a transaction of its own;
//! the user answers the INVITE with 487).

use crate::limits::TRYING_DELAY;
use crate::out::Event;
use crate::silent::Silent;
use crate::turn::{Class, Kept, Says, Timer as AnyTimer, Turn};

/// The timers of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Sends 100 if the TU has been silent for 200 ms.
    Trying,
    /// Retransmits a non-2xx.
    G,
    /// Ends the wait for the ACK.
    H,
    /// Ends the wait for retransmissions of the ACK.
    I,
    /// Ends the wait for retransmissions of an accepted INVITE (RFC 6026).
    L,
}

/// What a retransmission of the INVITE is answered with.
#[derive(Debug)]
pub(crate) enum Provisional {
    /// The TU was silent so far: nothing; this 100 goes out by timer.
    Silent(Silent),
    /// The last one sent.
    Sent(Kept),
}

/// ```text
///                                  |INVITE
///                                  |pass INV to TU
///               INVITE             V send 100 if TU won't in 200 ms
///               send response+------------+
///                   +--------|            |--------+ 101-199 from TU
///                   |        |            |        | send response
///                   +------->|            |<-------+
///                            | Proceeding |
///                            |            |--------+ Transport Err.
///                            |            |        | Inform TU
///                            |            |<-------+
///                            +------------+
///               300-699 from TU |    |2xx from TU
///               send response   |    |send response
///                +--------------+    +------------+
///                |                                |
/// INVITE         V          Timer G fires         |
/// send response+-----------+ send response        |
///     +--------|           |--------+             |
///     |        |           |        |             |
///     +------->| Completed |<-------+      INVITE |  Transport Err.
///              |           |               -      |  Inform TU
///     +--------|           |----+         +-----+ |  +---+
///     |        +-----------+    | ACK     |     | v  |   v
///     |          ^   |          | -       |  +------------+
///     |          |   |          |         |  |            |---+ ACK
///     +----------+   |          |         +->|  Accepted  |   | to TU
///     Transport Err. |          |            |            |<--+
///     Inform TU      |          V            +------------+
///                    |      +-----------+       |  ^     |
///                    |      |           |       |  |     |
///                    |      | Confirmed |       |  +-----+
///                    |      |           |       |  2xx from TU
///      Timer H fires |      +-----------+       |  send response
///      inform TU     |          |               |
///                    |          | Timer I fires |
///                    |          | -             | Timer L fires
///                    |          V               | -
///                    |        +------------+    |
///                    +------->| Terminated |<---+
///                             +------------+
/// ```
#[derive(Debug)]
pub(crate) enum InviteServer {
    Proceeding { last: Provisional },
    Completed { response: Kept, retransmits: u8 },
    Confirmed,
    Accepted,
    Terminated,
}

use InviteServer::{Accepted, Completed, Confirmed, Proceeding, Terminated};

impl InviteServer {
    /// An INVITE was admitted.
    pub(crate) fn start(request: Silent, turn: &mut Turn<'_>) -> Self {
        turn.arm(AnyTimer::InviteServer(Timer::Trying), TRYING_DELAY); // rfc3261 §17.2.1
        Proceeding { last: Provisional::Silent(request) }
    }

    /// The INVITE came again.
    pub(crate) fn retransmission(self, turn: &mut Turn<'_>) -> Self {
        match self {
            Proceeding { last: Provisional::Sent(response) } => {
                turn.send_again(&response); // rfc3261 §17.2.1
                Proceeding { last: Provisional::Sent(response) }
            }
            Proceeding { last: Provisional::Silent(trying) } => {
                Proceeding { last: Provisional::Silent(trying) }
            }
            Completed { response, retransmits } => {
                turn.send_again(&response); // rfc3261 §17.2.1
                Completed { response, retransmits }
            }
            Confirmed => Confirmed,
            // The UAS that accepted it sends its 2xx again by itself.
            Accepted => Accepted, // rfc6026 §7.1
            Terminated => Terminated,
        }
    }

    /// An ACK that matches.
    pub(crate) fn ack(self, turn: &mut Turn<'_>) -> Self {
        match self {
            // Nothing was sent that it could acknowledge.
            Proceeding { last } => Proceeding { last },
            Completed { .. } => {
                if turn.is_reliable() {
                    return Terminated; // rfc3261 §17.2.1: Timer I is zero
                }
                turn.arm(AnyTimer::InviteServer(Timer::I), turn.timers.t4); // rfc3261 §17.2.1
                Confirmed
            }
            Confirmed => Confirmed, // rfc3261 §17.2.1
            Accepted => {
                turn.pass_up(); // rfc6026 §7.1
                Accepted
            }
            Terminated => Terminated,
        }
    }

    /// The TU responds.
    pub(crate) fn respond(self, says: &Says<'_>, turn: &mut Turn<'_>) -> Self {
        match (self, Class::of(says.status())) {
            (Proceeding { .. }, Class::Provisional) => {
                let response = turn.send_first(|out| says.write_to(out)); // rfc3261 §17.2.1
                Proceeding { last: Provisional::Sent(response) }
            }
            (Proceeding { .. }, Class::Success) => {
                turn.send_once(|out| says.write_to(out)); // rfc3261 §17.2.1
                turn.arm(AnyTimer::InviteServer(Timer::L), turn.timers.timeout()); // rfc6026 §7.1
                Accepted
            }
            (Proceeding { .. }, Class::Failure) => {
                let response = turn.send_first(|out| says.write_to(out)); // rfc3261 §17.2.1
                if !turn.is_reliable() {
                    let interval = turn.timers.capped(0);
                    turn.arm(AnyTimer::InviteServer(Timer::G), interval); // rfc3261 §17.2.1
                }
                turn.arm(AnyTimer::InviteServer(Timer::H), turn.timers.timeout()); // rfc3261 §17.2.1
                Completed { response, retransmits: 0 }
            }
            (Accepted, Class::Success) => {
                turn.send_once(|out| says.write_to(out)); // rfc6026 §7.1
                Accepted
            }
            // One final response was given: what comes after it is dropped.
            (Accepted, Class::Provisional | Class::Failure) => Accepted,
            (
                state @ (Completed { .. } | Confirmed | Terminated),
                Class::Provisional | Class::Success | Class::Failure,
            ) => state,
        }
    }

    pub(crate) fn timer(self, timer: Timer, turn: &mut Turn<'_>) -> Self {
        match (self, timer) {
            (Proceeding { last: Provisional::Silent(trying) }, Timer::Trying) => {
                let Some(trying) = trying.trying(&turn.flow) else {
                    return Proceeding { last: Provisional::Silent(trying) };
                };
                let trying = turn.send_first(|out| trying.write_to(out)); // rfc3261 §17.2.1
                Proceeding { last: Provisional::Sent(trying) }
            }
            (Completed { response, retransmits }, Timer::G) => {
                turn.send_again(&response); // rfc3261 §17.2.1
                let retransmits = retransmits.saturating_add(1);
                let interval = turn.timers.capped(retransmits);
                turn.arm(AnyTimer::InviteServer(Timer::G), interval); // rfc3261 §17.2.1
                Completed { response, retransmits }
            }
            (Completed { .. }, Timer::H) => {
                turn.inform(|server, user| Event::ServerTimedOut { server, user }); // rfc3261 §17.2.1
                Terminated
            }
            (Confirmed, Timer::I) => Terminated, // rfc3261 §17.2.1
            (Accepted, Timer::L) => Terminated,  // rfc6026 §7.1

            // Armed in a state that was left since.
            (
                Proceeding { last: Provisional::Sent(last) },
                Timer::Trying | Timer::G | Timer::H | Timer::I | Timer::L,
            ) => Proceeding { last: Provisional::Sent(last) },
            (Proceeding { last: Provisional::Silent(trying) }, Timer::G | Timer::H | Timer::I | Timer::L) => {
                Proceeding { last: Provisional::Silent(trying) }
            }
            (state @ Completed { .. }, Timer::Trying | Timer::I | Timer::L) => state,
            (Confirmed, Timer::Trying | Timer::G | Timer::H | Timer::L) => Confirmed,
            (Accepted, Timer::Trying | Timer::G | Timer::H | Timer::I) => Accepted,
            (Terminated, Timer::Trying | Timer::G | Timer::H | Timer::I | Timer::L) => Terminated,
        }
    }

    /// The transport reports that a response could not be sent. The machine stays, so that
    /// retransmissions of the INVITE are still absorbed.
    pub(crate) fn unreachable(self, turn: &mut Turn<'_>) -> Self {
        match &self {
            Proceeding { .. } | Completed { .. } | Accepted => {
                turn.inform(|server, user| Event::ServerUnreachable { server, user }); // rfc6026 §7.1
            }
            Confirmed | Terminated => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ruf_message::Transport;

    use super::*;
    use crate::rig::{INVITE, Rig, request, response};

    fn start(transport: Transport) -> (Rig, InviteServer) {
        let mut rig = Rig::new(transport);
        let silent = Silent::of(&request(INVITE));
        let machine = rig.turn(|turn| InviteServer::start(silent, turn));
        (rig, machine)
    }

    fn respond(rig: &mut Rig, machine: InviteServer, status: u16) -> InviteServer {
        let response = response(&request(INVITE), status);
        rig.turn(|turn| machine.respond(&Says::Response(&response), turn))
    }

    fn again(rig: &mut Rig, machine: InviteServer) -> InviteServer {
        rig.turn(|turn| machine.retransmission(turn))
    }

    fn ack(rig: &mut Rig, machine: InviteServer) -> InviteServer {
        rig.turn(|turn| machine.ack(turn))
    }

    fn wait(rig: &mut Rig, machine: InviteServer, ms: u64) -> InviteServer {
        rig.wait(machine, Duration::from_millis(ms), |machine, timer, turn| match timer {
            AnyTimer::InviteServer(timer) => machine.timer(timer, turn),
            other => panic!("a timer of another machine: {other:?}"),
        })
    }

    #[test]
    fn a_silent_user_has_100_sent_for_it_after_200_ms_without_a_to_tag() {
        // tests rfc3261 §17.2.1
        let (mut rig, machine) = start(Transport::Udp);
        let machine = again(&mut rig, machine);
        assert!(rig.log().is_empty(), "there is nothing to send again yet");
        let machine = wait(&mut rig, machine, 200);
        let machine = again(&mut rig, machine);
        assert_eq!(rig.log(), ["200 100", "200 100"]);
        let text = String::from_utf8_lossy(&rig.sent[0]).into_owned();
        assert!(text.contains("\r\nTo: Bob <sip:bob@example.org>\r\n"), "{text}");
        let machine = wait(&mut rig, machine, 600_000);
        assert!(matches!(machine, Proceeding { .. }), "no timer ends Proceeding");
    }

    #[test]
    fn a_user_that_speaks_in_time_is_not_spoken_for() {
        // tests rfc3261 §17.2.1
        let (mut rig, machine) = start(Transport::Udp);
        let machine = respond(&mut rig, machine, 180);
        wait(&mut rig, machine, 10_000);
        assert_eq!(rig.log(), ["0 180"]);
    }

    #[test]
    fn a_retransmission_is_answered_with_the_last_provisional() {
        // tests rfc3261 §17.2.1
        let (mut rig, machine) = start(Transport::Udp);
        let machine = respond(&mut rig, machine, 100);
        let machine = again(&mut rig, machine);
        let machine = respond(&mut rig, machine, 183);
        let machine = again(&mut rig, machine);
        assert_eq!(rig.log(), ["0 100", "0 100", "0 183", "0 183"]);
        let machine = ack(&mut rig, machine);
        assert!(!rig.passed_up);
        assert!(matches!(machine, Proceeding { .. }));
    }

    #[test]
    fn over_udp_a_failure_is_sent_at_doubling_intervals_up_to_t2_until_timer_h() {
        // tests rfc3261 §17.2.1
        let (mut rig, machine) = start(Transport::Udp);
        let machine = respond(&mut rig, machine, 486);
        let machine = wait(&mut rig, machine, 31_999);
        let sent = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
        assert_eq!(rig.log(), sent.map(|ms| format!("{ms} 486")));
        let machine = again(&mut rig, machine);
        assert_eq!(rig.log(), ["31999 486"]);
        assert!(matches!(wait(&mut rig, machine, 1), Terminated));
        assert_eq!(rig.log(), ["32000 ServerTimedOut"]);
    }

    #[test]
    fn over_tcp_a_failure_is_sent_once_and_still_waits_for_its_ack() {
        // tests rfc3261 §17.2.1
        let (mut rig, machine) = start(Transport::Tcp);
        let machine = respond(&mut rig, machine, 486);
        let machine = wait(&mut rig, machine, 31_999);
        assert_eq!(rig.log(), ["0 486"]);
        assert!(matches!(ack(&mut rig, machine), Terminated), "Timer I is zero");
        assert!(!rig.passed_up);
    }

    #[test]
    fn an_ack_ends_retransmission_and_more_acks_are_absorbed_for_t4() {
        // tests rfc3261 §17.2.1
        let (mut rig, machine) = start(Transport::Udp);
        let machine = respond(&mut rig, machine, 486);
        let mut machine = ack(&mut rig, machine);
        for _ in 0..2 {
            assert!(!rig.passed_up);
            assert!(matches!(machine, Confirmed));
            machine = ack(&mut rig, machine);
        }
        machine = again(&mut rig, machine);
        machine = respond(&mut rig, machine, 200);
        machine = wait(&mut rig, machine, 4_999);
        assert!(matches!(machine, Confirmed));
        assert!(matches!(wait(&mut rig, machine, 1), Terminated));
        assert_eq!(rig.log(), ["0 486"]);
    }

    #[test]
    fn after_one_failure_the_user_can_say_nothing_more() {
        let (mut rig, machine) = start(Transport::Udp);
        let mut machine = respond(&mut rig, machine, 486);
        for status in [180, 200, 503] {
            machine = respond(&mut rig, machine, status);
            assert!(matches!(machine, Completed { .. }));
        }
        assert_eq!(rig.log(), ["0 486"]);
    }

    #[test]
    fn an_accepted_invite_absorbs_its_retransmissions_until_timer_l() {
        // tests rfc6026 §7.1
        for transport in [Transport::Udp, Transport::Tcp] {
            let (mut rig, machine) = start(transport);
            let machine = respond(&mut rig, machine, 200);
            let machine = again(&mut rig, machine);
            assert!(!rig.passed_up);
            let machine = wait(&mut rig, machine, 31_999);
            assert_eq!(rig.log(), ["0 200"], "the machine never sends a 2xx again by itself");
            assert!(matches!(machine, Accepted));
            assert!(matches!(wait(&mut rig, machine, 1), Terminated));
            assert!(rig.log().is_empty());
        }
    }

    #[test]
    fn in_accepted_the_users_2xx_is_sent_again_and_an_ack_is_passed_up() {
        // tests rfc6026 §7.1, rfc6026 §8.7
        let (mut rig, machine) = start(Transport::Udp);
        let machine = respond(&mut rig, machine, 200);
        let machine = respond(&mut rig, machine, 200);
        assert_eq!(rig.log(), ["0 200", "0 200"]);
        let machine = ack(&mut rig, machine);
        assert!(rig.passed_up);
        let machine = respond(&mut rig, machine, 180);
        let machine = respond(&mut rig, machine, 486);
        assert!(matches!(machine, Accepted));
        assert!(rig.log().is_empty());
    }

    #[test]
    fn a_transport_error_informs_the_user_and_leaves_the_state() {
        // tests rfc6026 §7.1, rfc6026 §6
        let told = |status: Option<u16>, acked: bool| {
            let (mut rig, mut machine) = start(Transport::Udp);
            if let Some(status) = status {
                machine = respond(&mut rig, machine, status);
            }
            if acked {
                machine = ack(&mut rig, machine);
            }
            rig.log();
            let before = std::mem::discriminant(&machine);
            let machine = rig.turn(|turn| machine.unreachable(turn));
            assert_eq!(std::mem::discriminant(&machine), before);
            rig.log()
        };
        for status in [None, Some(180), Some(486), Some(200)] {
            assert_eq!(told(status, false), ["0 ServerUnreachable"]);
        }
        assert!(told(Some(486), true).is_empty());
    }
}

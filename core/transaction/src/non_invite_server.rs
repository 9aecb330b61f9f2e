//! The non-INVITE server transaction, RFC 3261 section 17.2.2 with RFC 4320.
//!
//! Not here: matching (`matching.rs`), retransmissions of the request in Completed, and Timer J
//! (`completed.rs`).

use ruf_message::StatusCode;

use crate::completed::Said;
use crate::out::Event;
use crate::silent::Silent;
use crate::turn::{Class, Kept, Says, Timer as AnyTimer, Turn};

/// The timers of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// When a client's Timer E is reset to T2: a 100 is sent, and not before (RFC 4320).
    Trying,
    /// Ends a transaction that the TU never answered: the client has given up.
    Lifetime,
}

/// What the TU has said so far.
#[derive(Debug)]
pub(crate) enum Silence {
    /// Too early for a 100.
    Early(Silent),
    /// An answer 408 must not be sent: nothing will be (RFC 4320 section 4.2).
    Resigned,
}

/// ```text
///                                   |Request received
///                                   |pass to TU
///                                   V
///                             +-----------+  Lifetime fires, or
///                             |  Trying   |  408 from TU and it fires
///                             |           |----------------------->+
///                             +-----------+                        |
///                                |     |      200-699 from TU      |
///             Timer E would be   |     |      send response        |
///             at T2, or 100 from |     +-------------+             |
///             TU over reliable   |                   |             |
///             send 100           |                   |             |
///                Request         V      100 from TU  |             |
///                send 100     +-----------+ send 100 |             |
///                    +--------|           |--------+ |             |
///                    |        | Proceeding|        | | Lifetime    |
///                    +------->|           |<-------+ | fires       |
///        Transport Err. +-----|           |----------|------------>|
///        Inform TU      +---->+-----------+          |             |
///                                   |                |             |
///                                   |200-699 from TU |             |
///                   Request         |send response   |             |
///                   send response   V                |             |
///                       +-----+-----------+          |             |
///                       |     | Completed |<---------+             |
///                       +---->|           |                        |
///                             +-----------+                        |
///                                   | Timer J fires                |
///                                   V -                            |
///                             +-----------+                        |
///                             | Terminated|<-----------------------+
///                             +-----------+
/// ```
///
/// A transport error leaves the state as it is: RFC 6026 section 8.8 replaces the arrows of
/// RFC 3261's figure 8. In Completed, nobody is informed: the TU is done, and could do nothing.
#[derive(Debug)]
pub(crate) enum NonInviteServer {
    Trying {
        silence: Silence,
    },
    Proceeding {
        trying: Kept,
    },
    /// Left behind by the table, which keeps what was said.
    Completed {
        said: Said,
    },
    Terminated,
}

use NonInviteServer::{Completed, Proceeding, Terminated, Trying};

impl NonInviteServer {
    /// A request was admitted.
    pub(crate) fn start(request: Silent, turn: &mut Turn<'_>) -> Self {
        turn.arm(AnyTimer::NonInviteServer(Timer::Trying), turn.timers.trying_non_invite()); // rfc4320 §4.1
        Trying { silence: Silence::Early(request) }
    }

    /// The request came again.
    pub(crate) fn retransmission(self, turn: &mut Turn<'_>) -> Self {
        match self {
            Trying { silence } => Trying { silence }, // rfc3261 §17.2.2
            Proceeding { trying } => {
                turn.send_again(&trying); // rfc3261 §17.2.2
                Proceeding { trying }
            }
            state @ (Completed { .. } | Terminated) => state,
        }
    }

    /// The TU responds.
    pub(crate) fn respond(self, says: &Says<'_>, turn: &mut Turn<'_>) -> Self {
        let status = says.status();
        match (self, Class::of(status)) {
            (Trying { silence }, Class::Provisional) => {
                let too_early = !turn.is_reliable(); // rfc4320 §4.1: the timer says it in time
                if status != StatusCode::TRYING || too_early {
                    return Trying { silence }; // rfc4320 §4.1
                }
                let trying = turn.send_first(|out| says.write_to(out)); // rfc3261 §17.2.2
                Proceeding { trying }
            }
            (Proceeding { trying }, Class::Provisional) => {
                if status != StatusCode::TRYING {
                    return Proceeding { trying }; // rfc4320 §4.1
                }
                let trying = turn.send_first(|out| says.write_to(out)); // rfc3261 §17.2.2
                Proceeding { trying }
            }
            (Trying { .. }, Class::Failure) if status == StatusCode::REQUEST_TIMEOUT => {
                Trying { silence: Silence::Resigned } // rfc4320 §4.2
            }
            (Proceeding { trying }, Class::Failure) if status == StatusCode::REQUEST_TIMEOUT => {
                Proceeding { trying } // rfc4320 §4.2
            }
            (Trying { .. } | Proceeding { .. }, Class::Success | Class::Failure) => {
                if turn.is_reliable() {
                    turn.send_once(|out| says.write_to(out)); // rfc3261 §17.2.2
                    return Terminated; // rfc3261 §17.2.2: Timer J is zero
                }
                Completed { said: turn.send_last(says) } // rfc3261 §17.2.2
            }
            // Another final response is discarded.
            (
                state @ (Completed { .. } | Terminated),
                Class::Provisional | Class::Success | Class::Failure,
            ) => state, // rfc3261 §17.2.2
        }
    }

    pub(crate) fn timer(self, timer: Timer, turn: &mut Turn<'_>) -> Self {
        // Nearly all are answered by now, and have no need of it.
        if timer == Timer::Trying && matches!(self, Trying { .. } | Proceeding { .. }) {
            let rest = turn.timers.non_invite_lifetime_after_trying();
            turn.arm(AnyTimer::NonInviteServer(Timer::Lifetime), rest); // rfc4320 §4.2
        }
        match (self, timer) {
            (Trying { silence: Silence::Early(trying) }, Timer::Trying) => {
                let Some(trying) = trying.trying(&turn.flow) else {
                    return Trying { silence: Silence::Early(trying) };
                };
                let trying = turn.send_first(|out| trying.write_to(out)); // rfc4320 §4.1
                Proceeding { trying }
            }
            (Trying { .. } | Proceeding { .. }, Timer::Lifetime) => Terminated, // rfc4320 §4.2

            // Armed in a state that was left since.
            (Trying { silence: Silence::Resigned }, Timer::Trying) => Trying { silence: Silence::Resigned },
            (Proceeding { trying }, Timer::Trying) => Proceeding { trying },
            (state @ (Completed { .. } | Terminated), Timer::Trying | Timer::Lifetime) => state,
        }
    }

    /// The transport reports that a response could not be sent.
    pub(crate) fn unreachable(self, turn: &mut Turn<'_>) -> Self {
        match &self {
            Proceeding { .. } => {
                turn.inform(|server, user| Event::ServerUnreachable { server, user }); // rfc6026 §8.8
            }
            Trying { .. } | Completed { .. } | Terminated => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ruf_message::Transport;

    use super::*;
    use crate::rig::{Rig, of_method, response};

    fn start(transport: Transport) -> (Rig, NonInviteServer) {
        let mut rig = Rig::new(transport);
        let silent = Silent::of(&of_method("MESSAGE"));
        let machine = rig.turn(|turn| NonInviteServer::start(silent, turn));
        (rig, machine)
    }

    fn respond(rig: &mut Rig, machine: NonInviteServer, status: u16) -> NonInviteServer {
        let response = response(&of_method("MESSAGE"), status);
        rig.turn(|turn| machine.respond(&Says::Response(&response), turn))
    }

    fn again(rig: &mut Rig, machine: NonInviteServer) -> NonInviteServer {
        rig.turn(|turn| machine.retransmission(turn))
    }

    fn wait(rig: &mut Rig, machine: NonInviteServer, ms: u64) -> NonInviteServer {
        rig.wait(machine, Duration::from_millis(ms), |machine, timer, turn| match timer {
            AnyTimer::NonInviteServer(timer) => machine.timer(timer, turn),
            other => panic!("a timer of another machine: {other:?}"),
        })
    }

    #[test]
    fn in_trying_retransmissions_are_discarded() {
        // tests rfc3261 §17.2.2
        let (mut rig, machine) = start(Transport::Udp);
        let machine = again(&mut rig, machine);
        assert!(matches!(machine, Trying { .. }));
        assert!(rig.log().is_empty());
        assert!(!rig.passed_up);
    }

    #[test]
    fn over_udp_a_100_leaves_when_timer_e_is_at_t2_and_not_before() {
        // tests rfc4320 §4.1
        let (mut rig, machine) = start(Transport::Udp);
        let machine = respond(&mut rig, machine, 100);
        let machine = wait(&mut rig, machine, 3_499);
        assert!(rig.log().is_empty());
        let machine = wait(&mut rig, machine, 1);
        assert_eq!(rig.log(), ["3500 100"]);
        let machine = again(&mut rig, machine);
        let machine = respond(&mut rig, machine, 100);
        assert_eq!(rig.log(), ["3500 100", "3500 100"]);
        let machine = respond(&mut rig, machine, 200);
        assert!(matches!(machine, Completed { .. }));
        assert_eq!(rig.log(), ["3500 200"]);
    }

    #[test]
    fn over_tcp_a_100_may_leave_at_any_time() {
        // tests rfc4320 §4.1
        let (mut rig, machine) = start(Transport::Tcp);
        let machine = respond(&mut rig, machine, 100);
        assert!(matches!(machine, Proceeding { .. }));
        wait(&mut rig, machine, 10_000);
        assert_eq!(rig.log(), ["0 100"]);
        let (mut rig, machine) = start(Transport::Tcp);
        wait(&mut rig, machine, 10_000);
        assert_eq!(rig.log(), ["3500 100"], "and must, if nothing else was said");
    }

    #[test]
    fn no_provisional_but_100_is_sent() {
        // tests rfc4320 §4.1
        let (mut rig, machine) = start(Transport::Tcp);
        let machine = respond(&mut rig, machine, 180);
        assert!(matches!(machine, Trying { .. }));
        let machine = respond(&mut rig, machine, 100);
        let machine = respond(&mut rig, machine, 183);
        assert!(matches!(machine, Proceeding { .. }));
        assert_eq!(rig.log(), ["0 100"]);
    }

    #[test]
    fn no_408_is_sent_and_the_transaction_ends_in_silence() {
        // tests rfc4320 §4.2
        let (mut rig, machine) = start(Transport::Udp);
        let machine = respond(&mut rig, machine, 408);
        let machine = wait(&mut rig, machine, 36_999);
        assert!(matches!(machine, Trying { .. }));
        assert!(matches!(wait(&mut rig, machine, 1), Terminated));
        assert!(rig.log().is_empty());

        let (mut rig, machine) = start(Transport::Udp);
        let machine = wait(&mut rig, machine, 30_000);
        let machine = respond(&mut rig, machine, 408);
        assert!(matches!(wait(&mut rig, machine, 7_000), Terminated));
        assert_eq!(rig.log(), ["3500 100"]);
    }

    #[test]
    fn after_a_100_any_final_response_but_408_is_sent() {
        // tests rfc4320 §4.2
        let (mut rig, machine) = start(Transport::Udp);
        let machine = wait(&mut rig, machine, 4_000);
        let machine = respond(&mut rig, machine, 408);
        assert!(matches!(machine, Proceeding { .. }));
        let machine = respond(&mut rig, machine, 404);
        assert!(matches!(machine, Completed { .. }));
        assert_eq!(rig.log(), ["3500 100", "4000 404"]);
    }

    #[test]
    fn a_user_that_never_answers_leaves_no_transaction_behind() {
        // tests rfc4320 §4.2
        let (mut rig, machine) = start(Transport::Udp);
        assert!(matches!(wait(&mut rig, machine, 37_000), Terminated));
        assert_eq!(rig.log(), ["3500 100"]);
    }

    #[test]
    fn one_final_response_completes_the_transaction() {
        // tests rfc3261 §17.2.2
        for status in [200, 302, 404, 500, 603] {
            let (mut rig, machine) = start(Transport::Udp);
            let machine = respond(&mut rig, machine, status);
            let machine = respond(&mut rig, machine, 500);
            assert_eq!(rig.log(), [format!("0 {status}")], "another final response is discarded");
            let Completed { said } = wait(&mut rig, machine, 40_000) else { panic!("not completed") };
            assert_eq!((said.question, said.octets), (None, rig.sent[0].clone()));
            assert!(rig.log().is_empty());
        }
    }

    #[test]
    fn over_tcp_the_final_response_ends_the_transaction() {
        // tests rfc3261 §17.2.2
        let (mut rig, machine) = start(Transport::Tcp);
        assert!(matches!(respond(&mut rig, machine, 200), Terminated));
        assert_eq!(rig.log(), ["0 200"]);
    }

    #[test]
    fn a_transport_error_informs_the_user_and_leaves_the_state() {
        // tests rfc6026 §8.8
        let (mut rig, machine) = start(Transport::Udp);
        let machine = rig.turn(|turn| machine.unreachable(turn));
        assert!(matches!(machine, Trying { .. }));
        assert!(rig.log().is_empty(), "nothing was sent yet");
        let machine = wait(&mut rig, machine, 3_500);
        let machine = rig.turn(|turn| machine.unreachable(turn));
        assert!(matches!(machine, Proceeding { .. }));
        let machine = respond(&mut rig, machine, 200);
        let machine = rig.turn(|turn| machine.unreachable(turn));
        assert!(matches!(machine, Completed { .. }));
        assert_eq!(rig.log(), ["3500 100", "3500 ServerUnreachable", "3500 200"], "nothing is left to do");
    }
}

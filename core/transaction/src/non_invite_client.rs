//! The non-INVITE client transaction, RFC 3261 section 17.1.2. A CANCEL is one too.
//!
//! Not here: what its user makes of a timeout (a proxy sends nothing upstream, RFC 4320).

use bytes::BytesMut;
use ruf_message::Response;

use crate::turn::{Class, Ending, Kept, Timer as AnyTimer, Turn};

/// The timers of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Retransmits the request.
    E,
    /// Ends the wait for a final response.
    F,
    /// Ends the wait for retransmissions of the response.
    K,
}

/// ```text
///                                    |Request from TU
///                                    |send request
///                Timer E             V
///                send request  +-----------+
///                    +---------|           |-------------------+
///                    |         |  Trying   |  Timer F          |
///                    +-------->|           |  or Transport Err.|
///                              +-----------+  inform TU        |
///                 200-699         |  |                         |
///                 resp. to TU     |  |1xx                      |
///                 +---------------+  |resp. to TU              |
///                 |                  |                         |
///                 |   Timer E        V       Timer F           |
///                 |   send req +-----------+ or Transport Err. |
///                 |  +---------|           | inform TU         |
///                 |  |         |Proceeding |------------------>|
///                 |  +-------->|           |-----+             |
///                 |            +-----------+     |1xx          |
///                 |              |      ^        |resp to TU   |
///                 | 200-699      |      +--------+             |
///                 | resp. to TU  |                             |
///                 |              V                             |
///                 |            +-----------+                   |
///                 +----------->| Completed |                   |
///                              +-----------+                   |
///                                    | Timer K                 |
///                                    V -                       |
///                              +-----------+                   |
///                              | Terminated|<------------------+
///                              +-----------+
/// ```
#[derive(Debug)]
pub(crate) enum NonInviteClient {
    Trying { request: Kept, retransmits: u8 },
    Proceeding { request: Kept },
    Completed,
    Terminated(Ending),
}

use NonInviteClient::{Completed, Proceeding, Terminated, Trying};

impl NonInviteClient {
    /// The TU sends a request, with our Via on top, which `write` writes.
    pub(crate) fn start(write: impl FnOnce(&mut BytesMut), turn: &mut Turn<'_>) -> Self {
        let request = turn.send_first(write); // rfc3261 §17.1.2.2
        if !turn.is_reliable() {
            turn.arm(AnyTimer::NonInviteClient(Timer::E), turn.timers.capped(0)); // rfc3261 §17.1.2.2
        }
        turn.arm(AnyTimer::NonInviteClient(Timer::F), turn.timers.timeout()); // rfc3261 §17.1.2.2
        Trying { request, retransmits: 0 }
    }

    /// Whether the request was of this method; not known any more in `Completed`, where any
    /// response is absorbed.
    pub(crate) fn is_method(&self, method: &[u8]) -> bool {
        match self {
            Trying { request, .. } | Proceeding { request } => {
                request.strip_prefix(method).is_some_and(|rest| rest.starts_with(b" "))
            }
            Completed | Terminated(_) => true,
        }
    }

    pub(crate) fn response(self, response: &Response, turn: &mut Turn<'_>) -> Self {
        match (self, Class::of(response.status())) {
            (Trying { request, .. } | Proceeding { request }, Class::Provisional) => {
                turn.pass_up(); // rfc3261 §17.1.2.2
                Proceeding { request }
            }
            (Trying { .. } | Proceeding { .. }, Class::Success | Class::Failure) => {
                turn.pass_up(); // rfc3261 §17.1.2.2
                if turn.is_reliable() {
                    return Terminated(Ending::Finished); // rfc3261 §17.1.2.2: Timer K is zero
                }
                turn.arm(AnyTimer::NonInviteClient(Timer::K), turn.timers.t4); // rfc3261 §17.1.2.2
                Completed
            }
            (Completed, Class::Provisional | Class::Success | Class::Failure) => Completed,
            (Terminated(ending), Class::Provisional | Class::Success | Class::Failure) => Terminated(ending),
        }
    }

    pub(crate) fn timer(self, timer: Timer, turn: &mut Turn<'_>) -> Self {
        match (self, timer) {
            (Trying { request, retransmits }, Timer::E) => {
                turn.send_again(&request); // rfc3261 §17.1.2.2
                let retransmits = retransmits.saturating_add(1);
                let interval = turn.timers.capped(retransmits);
                turn.arm(AnyTimer::NonInviteClient(Timer::E), interval); // rfc3261 §17.1.2.2
                Trying { request, retransmits }
            }
            (Proceeding { request }, Timer::E) => {
                turn.send_again(&request); // rfc3261 §17.1.2.2
                turn.arm(AnyTimer::NonInviteClient(Timer::E), turn.timers.t2); // rfc3261 §17.1.2.2
                Proceeding { request }
            }
            (Trying { .. } | Proceeding { .. }, Timer::F) => {
                Terminated(Ending::Timeout) // rfc3261 §17.1.2.2
            }
            (Completed, Timer::K) => Terminated(Ending::Finished), // rfc3261 §17.1.2.2

            // Armed in a state that was left since.
            (state @ (Trying { .. } | Proceeding { .. }), Timer::K) => state,
            (Completed, Timer::E | Timer::F) => Completed,
            (Terminated(ending), Timer::E | Timer::F | Timer::K) => Terminated(ending),
        }
    }

    /// The transport reports that the flow failed.
    pub(crate) fn unreachable(self) -> Self {
        match self {
            Trying { .. } | Proceeding { .. } => {
                Terminated(Ending::Unreachable) // rfc3261 §17.1.4
            }
            // It sends nothing that could fail.
            Completed => Completed,
            Terminated(ending) => Terminated(ending),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ruf_message::Transport;

    use super::*;
    use crate::rig::{Rig, of_method, response};

    fn start(transport: Transport) -> (Rig, NonInviteClient) {
        let mut rig = Rig::new(transport);
        let machine = rig.turn(|turn| NonInviteClient::start(|out| of_method("BYE").write_to(out), turn));
        (rig, machine)
    }

    fn receive(rig: &mut Rig, machine: NonInviteClient, status: u16) -> NonInviteClient {
        let response = response(&of_method("BYE"), status);
        rig.turn(|turn| machine.response(&response, turn))
    }

    fn wait(rig: &mut Rig, machine: NonInviteClient, ms: u64) -> NonInviteClient {
        rig.wait(machine, Duration::from_millis(ms), |machine, timer, turn| match timer {
            AnyTimer::NonInviteClient(timer) => machine.timer(timer, turn),
            other => panic!("a timer of another machine: {other:?}"),
        })
    }

    #[test]
    fn over_udp_the_request_is_sent_at_doubling_intervals_up_to_t2_until_timer_f() {
        // tests rfc3261 §17.1.2.2
        let (mut rig, machine) = start(Transport::Udp);
        let machine = wait(&mut rig, machine, 31_999);
        let sent = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
        assert_eq!(rig.log(), sent.map(|ms| format!("{ms} BYE")));
        assert!(matches!(wait(&mut rig, machine, 1), Terminated(Ending::Timeout)));
    }

    #[test]
    fn over_tcp_the_request_is_sent_once() {
        // tests rfc3261 §17.1.2.2
        let (mut rig, machine) = start(Transport::Tcp);
        let machine = wait(&mut rig, machine, 31_999);
        assert_eq!(rig.log(), ["0 BYE"]);
        assert!(matches!(wait(&mut rig, machine, 1), Terminated(Ending::Timeout)));
    }

    #[test]
    fn after_a_provisional_the_request_is_still_sent_every_t2_until_timer_f() {
        // tests rfc3261 §17.1.2.2
        let (mut rig, machine) = start(Transport::Udp);
        let machine = receive(&mut rig, machine, 100);
        assert!(rig.passed_up);
        let machine = receive(&mut rig, machine, 100);
        assert!(rig.passed_up);
        let machine = wait(&mut rig, machine, 31_999);
        let sent = [0, 500, 4500, 8500, 12500, 16500, 20500, 24500, 28500];
        assert_eq!(rig.log(), sent.map(|ms| format!("{ms} BYE")));
        assert!(matches!(wait(&mut rig, machine, 1), Terminated(Ending::Timeout)));
    }

    #[test]
    fn one_final_response_is_passed_up_and_the_others_are_absorbed_for_t4() {
        // tests rfc3261 §17.1.2.2
        for before in [None, Some(100)] {
            for status in [200, 302, 404, 500, 603] {
                let (mut rig, mut machine) = start(Transport::Udp);
                if let Some(status) = before {
                    machine = receive(&mut rig, machine, status);
                }
                machine = receive(&mut rig, machine, status);
                assert!(rig.passed_up);
                for other in [100, 200, 486] {
                    machine = receive(&mut rig, machine, other);
                    assert!(!rig.passed_up);
                }
                machine = wait(&mut rig, machine, 4_999);
                assert!(matches!(machine, Completed));
                assert!(matches!(wait(&mut rig, machine, 1), Terminated(Ending::Finished)));
                assert_eq!(rig.log(), ["0 BYE"]);
            }
        }
    }

    #[test]
    fn over_tcp_a_final_response_ends_the_transaction_at_once() {
        // tests rfc3261 §17.1.2.2
        let (mut rig, machine) = start(Transport::Wss);
        assert!(matches!(receive(&mut rig, machine, 200), Terminated(Ending::Finished)));
        assert!(rig.passed_up);
    }

    #[test]
    fn a_transport_error_ends_the_states_that_send() {
        // tests rfc3261 §17.1.4
        let (_, machine) = start(Transport::Udp);
        assert!(matches!(machine.unreachable(), Terminated(Ending::Unreachable)));
        let (mut rig, machine) = start(Transport::Udp);
        let machine = receive(&mut rig, machine, 100);
        assert!(matches!(machine.unreachable(), Terminated(Ending::Unreachable)));
        let (mut rig, machine) = start(Transport::Udp);
        let machine = receive(&mut rig, machine, 200);
        assert!(matches!(machine.unreachable(), Completed));
    }

    #[test]
    fn the_method_of_the_request_is_known_while_it_matters() {
        // tests rfc3261 §17.1.3
        let (mut rig, machine) = start(Transport::Udp);
        assert!(machine.is_method(b"BYE"));
        assert!(!machine.is_method(b"BY"));
        assert!(!machine.is_method(b"CANCEL"));
        assert!(receive(&mut rig, machine, 200).is_method(b"CANCEL"));
    }
}

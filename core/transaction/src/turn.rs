//! One turn of a machine: what a transition may do to the world.
//!
//! A machine sees its flow, the base timers and the time; it sends, arms, passes up and informs.
//! How it ends is told by its `Terminated` state alone; the table makes the one last event of
//! that, so no machine can forget or repeat it. Not here: the machines, the table.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ruf_message::{Deadlines, Flow, Reply, Request, Response, StatusClass, StatusCode, Tick, Transmit};

use crate::completed::{Question, Said};
use crate::entry::User;
use crate::limits::Timers;
use crate::out::{Event, Out};
use crate::slab::{Id, ServerId};
use crate::{invite_client, invite_server, non_invite_client, non_invite_server};

/// The timers of all four machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    InviteClient(invite_client::Timer),
    NonInviteClient(non_invite_client::Timer),
    InviteServer(invite_server::Timer),
    NonInviteServer(non_invite_server::Timer),
}

/// What comes due: a timer of a transaction that may be gone by then.
pub(crate) type Alarm = (Id, Timer);

/// A message that may have to be sent again: exactly its octets, for half a minute.
pub(crate) type Kept = Box<[u8]>;

/// How a client transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A final response was delivered.
    Finished,
    Timeout,
    Unreachable,
}

/// The three classes of responses that the figures of section 17 know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// 100 to 199.
    Provisional,
    /// 200 to 299.
    Success,
    /// 300 to 699.
    Failure,
}

impl Class {
    pub(crate) fn of(status: StatusCode) -> Self {
        match status.class() {
            StatusClass::Provisional => Class::Provisional,
            StatusClass::Success => Class::Success,
            StatusClass::Redirection
            | StatusClass::ClientError
            | StatusClass::ServerError
            | StatusClass::GlobalFailure => Class::Failure,
        }
    }
}

/// What the user of a server transaction responds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Says<'a> {
    Response(&'a Response),
    Reply(&'a Reply, &'a Request),
}

impl Says<'_> {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Says::Response(response) => response.status(),
            Says::Reply(reply, _) => reply.status(),
        }
    }

    pub(crate) fn write_to(&self, out: &mut BytesMut) {
        match self {
            Says::Response(response) => response.write_to(out),
            Says::Reply(reply, request) => reply.write_to(request, out),
        }
    }
}

pub(crate) struct Turn<'a> {
    pub(crate) now: Tick,
    pub(crate) id: Id,
    pub(crate) flow: Flow,
    pub(crate) user: User,
    pub(crate) timers: &'a Timers,
    pub(crate) alarms: &'a mut Deadlines<Alarm>,
    pub(crate) out: &'a mut Out,
    /// The message that caused this turn is for the user.
    pub(crate) passed_up: bool,
    /// The wire form of a CANCEL that is to be sent now.
    pub(crate) cancel: Option<Bytes>,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::Mutant>,
}

impl Turn<'_> {
    pub(crate) fn is_reliable(&self) -> bool {
        self.flow.transport.is_reliable()
    }

    /// Sends a message that is made now and never again.
    pub(crate) fn send_once(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let bytes = self.out.written_once(write);
        self.out.transmits.push_back(Transmit { flow: self.flow, bytes });
    }

    /// Sends a message that is made now; what is given back may be sent again.
    pub(crate) fn send_first(&mut self, write: impl FnOnce(&mut BytesMut)) -> Kept {
        let bytes = self.out.written_once(write);
        let kept = Kept::from(&*bytes);
        self.out.transmits.push_back(Transmit { flow: self.flow, bytes });
        kept
    }

    /// Sends the final response of a transaction that is done but for retransmissions of its request.
    pub(crate) fn send_last(&mut self, says: &Says<'_>) -> Said {
        let bytes = self.out.written_once(|out| says.write_to(out));
        let said = match says {
            Says::Response(_) => Said { question: None, octets: bytes.clone() },
            Says::Reply(reply, request) => Said {
                question: Some(Question::of(request)),
                octets: Bytes::copy_from_slice(reply.as_kept()),
            },
        };
        self.out.transmits.push_back(Transmit { flow: self.flow, bytes });
        said
    }

    /// Sends again what was kept.
    pub(crate) fn send_again(&mut self, kept: &Kept) {
        self.send_once(|out| out.extend_from_slice(kept));
    }

    pub(crate) fn arm(&mut self, timer: Timer, duration: Duration) {
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::Mutant::TimerLOff)
            && timer == Timer::InviteServer(invite_server::Timer::L)
        {
            return;
        }
        self.alarms.arm(self.now, duration, (self.id, timer));
    }

    pub(crate) fn pass_up(&mut self) {
        self.passed_up = true;
    }

    /// Tells the user of a server transaction something that does not end it.
    pub(crate) fn inform(&mut self, event: impl FnOnce(ServerId, u64) -> Event) {
        if let Some(user) = self.user.tag() {
            self.out.events.push_back(event(ServerId(self.id), user));
        }
    }
}

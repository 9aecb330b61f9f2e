//! What became of the units: one outcome each, and how long things took.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ruf_message::{Method, StatusCode};

use crate::histogram::Histogram;
use crate::mix::Kind;

/// How a unit ended. Each ends once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// All of it went as it should.
    Good,
    /// This request was answered with a final response other than 2xx.
    Refused(Method, u16),
    /// This request had no final answer in time.
    Silence(Method),
    /// The answer to this request was none that may be given.
    Wrong(Method, &'static str),
    /// The connection was lost, or there was none.
    Lost,
    /// It was not sent: as many were under way as may be.
    Unsent,
    /// It was ended because the run was.
    Cut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Outcome::Good => f.write_str("ok"),
            Outcome::Refused(method, code) => {
                let reason = StatusCode::new(code).map_or("", StatusCode::reason);
                write!(f, "{method} {code} {reason}")
            }
            Outcome::Silence(method) => write!(f, "{method} without an answer in time"),
            Outcome::Wrong(method, what) => write!(f, "{method}: {what}"),
            Outcome::Lost => f.write_str("connection lost"),
            Outcome::Unsent => f.write_str("not sent: too many under way"),
            Outcome::Cut => f.write_str("ended with the run"),
        }
    }
}

/// A span that is measured. Those that begin with a unit count from its intended start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// INVITE to its first provisional response other than 100.
    InviteToRinging,
    /// INVITE to its 200.
    InviteToAnswer,
    /// BYE to its 200.
    Bye,
    /// REGISTER to its 200.
    Register,
    /// MESSAGE to its 2xx.
    Message,
    /// SUBSCRIBE to its 2xx.
    Subscribe,
    /// SUBSCRIBE to the first NOTIFY.
    Notify,
    /// OPTIONS to its 200.
    Options,
    /// A grain after the intended start of a unit to its real one: how far behind its schedule the generator was.
    Behind,
}

impl Span {
    /// Those of the server, in the order of the report.
    pub const OF_THE_SERVER: [Span; 8] = [
        Span::InviteToRinging,
        Span::InviteToAnswer,
        Span::Bye,
        Span::Register,
        Span::Message,
        Span::Subscribe,
        Span::Notify,
        Span::Options,
    ];

    /// A name for people and for JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Span::InviteToRinging => "INVITE to ringing",
            Span::InviteToAnswer => "INVITE to 200",
            Span::Bye => "BYE to 200",
            Span::Register => "REGISTER to 200",
            Span::Message => "MESSAGE to 200",
            Span::Subscribe => "SUBSCRIBE to 200",
            Span::Notify => "SUBSCRIBE to NOTIFY",
            Span::Options => "OPTIONS to 200",
            Span::Behind => "behind schedule",
        }
    }
}

/// What our answering side did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Calls that were answered 200.
    pub calls: u64,
    /// Of those, the calls that heard their ACK.
    pub acknowledged: u64,
    /// Of those, the calls that were ended by BYE.
    pub ended: u64,
    /// Calls that were withdrawn while they rang.
    pub cancelled: u64,
    /// Messages.
    pub messages: u64,
    /// Requests that were answered with an error: for no call of ours, or of a kind we do not take.
    pub refused: u64,
}

/// What became of the units.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    started: BTreeMap<Kind, u64>,
    outcomes: BTreeMap<(Kind, Outcome), u64>,
    spans: BTreeMap<Span, Histogram>,
    /// Requests and answers that were sent again, because nothing came back.
    pub resent: u64,
    /// Messages that belong to nothing that is under way, repetitions mostly.
    pub strays: u64,
    /// NOTIFYs that came.
    pub notifies: u64,
    /// Units that started more than [`Tally::BEHIND`] and a grain after their intended start.
    pub behind: u64,
    /// The answering side.
    pub answered: Answered,
}

impl Tally {
    /// From here on a unit started late: what the server is charged for may be the generator's.
    pub const BEHIND: Duration = Duration::from_millis(10);

    pub(crate) fn start(&mut self, kind: Kind, behind: Duration) {
        *self.started.entry(kind).or_default() += 1;
        self.behind += u64::from(behind > Self::BEHIND);
        self.span(Span::Behind, behind);
    }

    pub(crate) fn end(&mut self, kind: Kind, outcome: Outcome) {
        *self.outcomes.entry((kind, outcome)).or_default() += 1;
    }

    pub(crate) fn span(&mut self, span: Span, took: Duration) {
        self.spans.entry(span).or_default().record(took);
    }

    /// Units of a kind that were to start.
    pub fn started_of(&self, kind: Kind) -> u64 {
        self.started.get(&kind).copied().unwrap_or_default()
    }

    /// Units that were to start.
    pub fn started(&self) -> u64 {
        self.started.values().sum()
    }

    /// Units that ended well, of one kind or of all.
    pub fn good(&self, kind: Option<Kind>) -> u64 {
        let of = |of: Kind| self.outcomes.get(&(of, Outcome::Good)).copied().unwrap_or_default();
        kind.map_or_else(|| Kind::ALL.into_iter().map(of).sum(), of)
    }

    /// Units that ended otherwise, of one kind or of all.
    pub fn failed(&self, kind: Option<Kind>) -> u64 {
        self.failures().filter(|(of, ..)| kind.is_none_or(|kind| kind == *of)).map(|(.., count)| count).sum()
    }

    /// How they ended, and how often.
    pub fn failures(&self) -> impl Iterator<Item = (Kind, Outcome, u64)> {
        let all = self.outcomes.iter().map(|((kind, outcome), count)| (*kind, *outcome, *count));
        all.filter(|(_, outcome, _)| *outcome != Outcome::Good)
    }

    /// How long something took; `None` if it never happened.
    pub fn spanned(&self, span: Span) -> Option<&Histogram> {
        self.spans.get(&span)
    }
}

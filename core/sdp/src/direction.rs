//! `a=sendrecv`, `sendonly`, `recvonly`, `inactive`: which way media goes (RFC 8866 §6.7, RFC 3264 §6.1).

use std::fmt;

/// Which way media goes, seen by who says it. RTCP goes both ways in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// Only sent.
    SendOnly,
    /// Only received.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The four of them.
    pub const ALL: [Direction; 4] =
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];

    /// The one with these ways.
    pub fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether media is sent.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether media is received.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same, seen by the peer.
    #[must_use]
    pub fn reversed(self) -> Direction {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow.
    #[must_use]
    pub fn and(self, other: Direction) -> Direction {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// What holds the peer: nothing is received any more (RFC 3264 §8.4).
    #[must_use]
    pub fn held(self) -> Direction {
        self.and(Direction::SendOnly) // rfc3264 §8.4
    }

    /// The attribute's name.
    pub fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// Reads an attribute's name.
    pub fn parse(name: &str) -> Option<Direction> {
        Direction::ALL.into_iter().find(|direction| direction.name() == name)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_answerer_may_say() {
        // tests rfc3264 §6.1
        use Direction::*;
        let answers = |offered: Direction| Direction::ALL.map(|wish| offered.reversed().and(wish));
        assert_eq!(answers(SendRecv), [SendRecv, SendOnly, RecvOnly, Inactive]);
        assert_eq!(answers(SendOnly), [RecvOnly, Inactive, RecvOnly, Inactive]);
        assert_eq!(answers(RecvOnly), [SendOnly, SendOnly, Inactive, Inactive]);
        assert_eq!(answers(Inactive), [Inactive; 4]);
    }

    #[test]
    fn hold_marks_what_was_received() {
        // tests rfc3264 §8.4
        use Direction::*;
        assert_eq!(Direction::ALL.map(Direction::held), [SendOnly, SendOnly, Inactive, Inactive]);
    }
}

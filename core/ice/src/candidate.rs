//! [`Candidate`]: an address at which one side may be reached, and how much it is preferred (RFC 8445 §5.1).

use std::net::SocketAddr;

/// Which flow of a stream (RFC 8445 §13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// RTP, and RTCP if they share a port.
    Rtp,
    /// RTCP of its own.
    Rtcp,
}

impl Component {
    /// Both.
    pub const ALL: [Component; 2] = [Component::Rtp, Component::Rtcp];

    /// As candidates are numbered.
    pub fn number(self) -> u16 {
        match self {
            Component::Rtp => 1,
            Component::Rtcp => 2,
        }
    }
}

/// One of something for each component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// Of RTP.
    pub rtp: T,
    /// Of RTCP.
    pub rtcp: T,
}

impl<T> Both<T> {
    /// That of a component.
    pub fn of(&self, component: Component) -> &T {
        match component {
            Component::Rtp => &self.rtp,
            Component::Rtcp => &self.rtcp,
        }
    }

    pub(crate) fn of_mut(&mut self, component: Component) -> &mut T {
        match component {
            Component::Rtp => &mut self.rtp,
            Component::Rtcp => &mut self.rtcp,
        }
    }
}

/// How an address was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The side has it itself.
    Host,
    /// A STUN server saw it.
    ServerReflexive,
    /// The far side saw it.
    PeerReflexive,
    /// A TURN server lends it.
    Relayed,
}

impl Kind {
    // rfc8445 §5.1.2.2
    fn preference(self) -> u32 {
        match self {
            Kind::Host => 126,
            Kind::PeerReflexive => 110,
            Kind::ServerReflexive => 100,
            Kind::Relayed => 0,
        }
    }

    /// The priority of a candidate of ours: we have one address of each family, so all are alike in that.
    // rfc8445 §5.1.2.1
    pub(crate) fn priority(self, component: Component) -> u32 {
        (self.preference() << 24) | (0xFFFF << 8) | (256 - u32::from(component.number()))
    }

    /// Equal for candidates of the same kind, address and server: ours have one of each.
    // rfc8445 §5.1.1.3
    pub(crate) fn foundation(self) -> &'static str {
        match self {
            Kind::Host => "1",
            Kind::ServerReflexive => "2",
            Kind::PeerReflexive => "3",
            Kind::Relayed => "4",
        }
    }
}

/// An address at which one side may be reached, by UDP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Equal of candidates that are alike.
    pub foundation: String,
    /// Which flow.
    pub component: Component,
    /// The higher the better.
    pub priority: u32,
    /// Where.
    pub address: SocketAddr,
    /// How it was come by.
    pub kind: Kind,
    /// What it stands for: the base of a reflexive one, what the server saw of a relayed one.
    pub related: Option<SocketAddr>,
}

impl Candidate {
    pub(crate) fn ours(
        kind: Kind,
        component: Component,
        address: SocketAddr,
        related: Option<SocketAddr>,
    ) -> Candidate {
        let (foundation, priority) = (kind.foundation().to_owned(), kind.priority(component));
        Candidate { foundation, component, priority, address, kind, related }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priorities_are_those_of_the_example() {
        // tests rfc8445 §5.1.2.1
        assert_eq!(Kind::Host.priority(Component::Rtp), 2_130_706_431);
        assert_eq!(Kind::ServerReflexive.priority(Component::Rtp), 1_694_498_815);
        assert_eq!(Kind::Host.priority(Component::Rtcp), 2_130_706_430);
        assert_eq!(Kind::Relayed.priority(Component::Rtp), 16_777_215);
    }
}

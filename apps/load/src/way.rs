//! The two ways to the server: the caller's and the answering side's. Over UDP each is a socket of its
//! own; over a connection they are one, since a server answers a registration over the connection that it
//! came by.

use ruf_message::{Flow, Place, Transport};
use ruf_net::Unreachable;

/// How the server is reached.
#[derive(Clone, Debug)]
pub enum Link {
    /// By two sockets for datagrams.
    Datagrams {
        /// The caller's.
        caller: Flow,
        /// The answering side's.
        answering: Flow,
    },
    /// By a connection, which is to be opened.
    Connection(Place),
}

impl Link {
    /// One sentence: why there is no way.
    pub(crate) fn nobody(&self, error: Unreachable) -> String {
        let place = match self {
            Link::Datagrams { caller, .. } => format!("udp:{}", caller.remote),
            Link::Connection(place) => format!("{}:{}", place.transport.as_param(), place.address),
        };
        match error {
            Unreachable::Refused if place.starts_with("tls:") => format!(
                "nobody whom we believe listens at {place}; start the server, or name the authority of its certificate with --ca"
            ),
            Unreachable::Refused => {
                format!("nobody listens at {place}; start the server, or look at its port")
            }
            Unreachable::Silent => {
                format!("{place} does not answer; look for a firewall between here and there")
            }
            Unreachable::NoRoute => format!("no way leads to {place}; look at this machine's routes"),
            Unreachable::NoListener | Unreachable::Full => format!("no socket of ours can reach {place}"),
        }
    }
}

/// Both ways.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) caller: Way,
    pub(crate) answering: Way,
}

/// One way, and how it is written into messages.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) flow: Flow,
    /// `SIP/2.0/UDP 192.0.2.1:5060;rport;branch=`
    pub(crate) via: String,
    /// `192.0.2.1:5060;transport=tcp`
    pub(crate) host: String,
}

impl Way {
    pub(crate) fn new(flow: Flow) -> Way {
        let (transport, local) = (flow.transport, flow.local);
        // rfc3581 §3: answers find their way back through a translator
        let via = format!("SIP/2.0/{transport} {local};rport;branch=");
        let host = match transport {
            Transport::Udp => local.to_string(),
            _ => format!("{local};transport={}", transport.as_param()),
        };
        Way { flow, via, host }
    }
}

//! What leaves the gate: [`Admitted`], which only this crate can make, and the [`Identity`] in it
//! (RFC 3261 §26.3.2.2). What an identity may reach is for routing and the services to say.

use crate::account::AddressOfRecord;
use ruf_message::{Flow, Reply, Request};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A request that may be served, with the flow it came on and who sent it.
///
/// There is no other way to one than through a [`Gate`](crate::Gate); in a test, that of an open domain:
///
/// ```
/// use ruf_admission::{Domain, Gate, Identity, Keys, Limits, Listener, Ourselves, Policy, Verdict};
/// use ruf_message::{Entropy, Flow, Method, Request, Tick, Transport, Uri};
///
/// let local = "192.0.2.1:5060".parse()?;
/// let ourselves = Ourselves {
///     domains: vec![Domain::open("example.org")],
///     listeners: vec![Listener::new(Transport::Udp, local)],
/// };
/// let mut entropy = Entropy::from_seed([0; 32]);
/// let keys = Keys::new(&mut entropy);
/// let mut gate = Gate::new(ourselves, Policy::default(), &Limits::default(), &keys, entropy);
///
/// let bob: Uri = "sip:bob@example.org".parse()?;
/// let invite = Request::build(Method::Invite, &bob)
///     .via("SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1").from("<sip:alice@example.org>;tag=1")
///     .to("<sip:bob@example.org>").call_id("1").cseq(1).finish()?;
/// let flow = Flow { transport: Transport::Udp, listener: 0, local, remote: "192.0.2.7:5060".parse()?, connection: 0 };
///
/// let Verdict::Admitted(admitted) = gate.admit(Tick::ZERO, flow, invite, &()) else { panic!("refused") };
/// assert_eq!(*admitted.identity(), Identity::Guest);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Admitted {
    flow: Flow,
    request: Request,
    identity: Identity,
}

impl Admitted {
    pub(crate) const fn new(flow: Flow, request: Request, identity: Identity) -> Self {
        Admitted { flow, request, identity }
    }

    /// The way it came.
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// The request, without credentials for our realms, and without an identity that nobody vouched for.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Who sent it.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The request alone.
    pub fn into_request(self) -> Request {
        self.request
    }

    /// All of it.
    pub fn into_parts(self) -> (Flow, Request, Identity) {
        (self.flow, self.request, self.identity)
    }
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// An account: it proved its password, or it said so where that is enough (an open domain, a
    /// trusted address).
    Account(AddressOfRecord),
    /// A configured peer, by its name in the configuration: the range of addresses it is trusted from.
    Peer(Arc<str>),
    /// A party to a dialog that went through us.
    Dialog(DialogPass),
    /// Nobody known, where that is enough.
    Guest,
}

/// A short name of an address-of-record: the first octets of its SHA-256. Nobody finds another address
/// that has the name of a given one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Party(pub(crate) [u8; Party::LEN]);

impl Party {
    pub(crate) const LEN: usize = 8;

    /// The name of this address.
    pub fn of(address: &AddressOfRecord) -> Self {
        let mut name = [0; Party::LEN];
        for (to, from) in name.iter_mut().zip(Sha256::digest(address.as_str())) {
            *to = from;
        }
        Party(name)
    }
}

/// One side of a dialog, as our token names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The way to it.
    pub flow: Flow,
    /// Whose phone it is, where its Contact may be a GRUU of ours: requests in the dialog follow that
    /// address's GRUUs and nobody else's.
    pub party: Option<Party>,
    /// The port at its address where it takes connections, if its flow is a connection and it said so: when that is
    /// gone, one may be opened there, and nowhere else ([`Ourselves::listens_at`](crate::Ourselves::listens_at)).
    pub listens: Option<u16>,
}

impl Side {
    /// A phone that has no GRUU, and takes no connections.
    pub const fn by(flow: Flow) -> Self {
        Side { flow, party: None, listens: None }
    }
}

/// What the token of our Record-Route says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialogPass {
    /// The other side: where the request goes on, and nowhere else.
    pub onward: Side,
    /// It was sent by the caller.
    pub from_caller: bool,
}

/// What becomes of a request at the gate.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It goes on.
    Admitted(Admitted),
    /// It is answered with this, without a transaction.
    Reply(Request, Reply),
    /// Nothing is sent.
    Drop,
}

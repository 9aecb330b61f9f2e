//! Who an agent is, where its server is, and how much it takes on.

use ruf_auth::Keyring;
use ruf_message::{Flow, Uri};
use ruf_session::MIN_SE_SECS;
use std::time::Duration;

/// What an [`Agent`](crate::Agent) is made of. [`Settings::new`] fills in what most have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address-of-record: who calls and is called.
    pub aor: Uri,
    /// Display name; empty for none.
    pub display: String,
    /// Passwords.
    pub keyring: Keyring,
    /// The way to the server, or to the peer if there is none. All requests of ours out of dialog go
    /// there: which address a name means was found before (core/locate, or the caller's resolver).
    pub flow: Flow,
    /// There is a server, which knows the way of all that begins with us. Without one, a call that is sent on
    /// (3xx) goes where its new Request-URI says.
    pub has_server: bool,
    /// User part of our Contact. One that nobody guesses keeps strangers from calling around the
    /// server.
    pub contact_user: String,
    /// Requests for any user at our address are ours: an agent that answers for a whole host, and has no server.
    pub any_user: bool,
    /// The URN of this device. With one, the registrar is asked for GRUUs, and the public one becomes the
    /// Contact in dialogs (RFC 5627 §4.4).
    pub instance: Option<String>,
    /// Which of the device's flows to the registrar this one is, from 1 (RFC 5626 §4.2).
    pub reg_id: Option<u32>,
    /// A pre-existing route set (RFC 3261 §8.1.1.1): loose routers start with `sip:...;lr`.
    pub route_set: Vec<Uri>,
    /// User-Agent; empty for none.
    pub user_agent: String,
    /// Types of body that a call may bring: the value of Accept.
    pub accepted_types: Vec<String>,
    /// A change of a session is answered with the description given last, without asking.
    pub answer_reinvites: bool,
    /// What the server asserts of callers and callees is believed (RFC 3325). Without a server of ours before us
    /// anybody might assert it.
    pub trusts_asserted: bool,
    /// Who asks to watch us and is not known waits until our user allows it
    /// ([`AgentEvent::WatcherAsks`](crate::AgentEvent::WatcherAsks)). Otherwise whoever asks may, once something is shown.
    pub asks_consent: bool,
    /// Our user can mix: a call that asks to join another one (RFC 3911) is told as such. Otherwise nobody is told
    /// that we could.
    pub joins: bool,
    /// How many other places a call of ours may be sent on to. RFC 3261 §8.1.3.4 wants redirections to be
    /// followed, and a server that passes them up relies on it; 0 leaves them to the user.
    pub redirects_max: u8,
    /// T1, T2, T4.
    pub timers: ruf_transaction::Timers,
    /// How long a call may ring.
    pub ringing_max: Duration,
    /// How long a change of a session may wait for its user.
    pub reinvite_max: Duration,
    /// How long a user may think about being referred to somebody.
    pub referral_max: Duration,
    /// How many seconds a call lives if nobody refreshes it (RFC 4028): one whose far side has vanished ends by
    /// itself. `None` asks for no such end.
    pub session_expires_secs: Option<u32>,
    /// The least of that which we take from others; never below 90.
    pub min_se_secs: u32,
    /// Bounds.
    pub limits: Limits,
}

impl Settings {
    /// An account without a password yet, reached by this flow.
    pub fn new(aor: Uri, flow: Flow) -> Self {
        let user = aor.as_ref().user().unwrap_or_default();
        let times = ruf_session::Times::default();
        Settings {
            contact_user: String::from_utf8_lossy(user).into_owned(),
            aor,
            display: String::new(),
            keyring: Keyring::empty(),
            flow,
            has_server: true,
            any_user: false,
            instance: None,
            reg_id: None,
            route_set: Vec::new(),
            user_agent: String::new(),
            accepted_types: vec!["application/sdp".to_owned()],
            answer_reinvites: true,
            trusts_asserted: true,
            asks_consent: false,
            joins: false,
            redirects_max: 5,
            timers: ruf_transaction::Timers::default(),
            ringing_max: times.ringing_max,
            reinvite_max: times.reinvite_max,
            referral_max: times.referral_max,
            session_expires_secs: Some(1_800),
            min_se_secs: MIN_SE_SECS,
            limits: Limits::default(),
        }
    }

    /// With this name and password, for whoever asks.
    #[must_use]
    pub fn with_password(self, user: &str, secret: &str) -> Self {
        Settings { keyring: Keyring::new(user, secret), ..self }
    }
}

/// The bounds of an agent.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls at a time, those counted whose last retransmissions are still waited for. One more from
    /// outside is answered 486.
    pub calls_max: usize,
    /// What is watched at a time; and so many may watch us. One more is answered 480.
    pub subscriptions_max: usize,
    /// Transactions at a time. One more from outside is answered 503, without state.
    pub transactions: ruf_transaction::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            calls_max: 256,
            subscriptions_max: 256,
            transactions: ruf_transaction::Limits { clients_max: 1_024, servers_max: 1_024 },
        }
    }
}

//! The agent's side of a binding: one Contact, registered, refreshed, removed (RFC 3261 §10.2).
//! Digest is the agent's ([`Agent`](crate::Agent)); the registrar's side is core/registrar.

use crate::event::AgentEvent;
use crate::failover::retry_after_secs;
use crate::settings::Settings;
use ruf_auth::Keyring;
use ruf_message::{
    Entropy, HeaderName, Method, Request, RequestBuilder, Response, StatusClass, StatusCode, Tick, Uri, lease,
};
use ruf_session::Failure;
use std::mem;
use std::time::Duration;

/// ```text
///            register             200
///   Absent ------------> Asking --------> Registered
///     ^  ^                | ^ ^             |   |
///     |  | refused        | | |  time       |   |
///     |  +----------------+ | +-------------+   |
///     |                   | | time or register  |
///     |    silence, 5xx   v |                   |
///     |                 Waiting                 |
///     |                   |                     | unregister
///     |     final         v                     v
///     +---------------- Asking for 0 seconds <--+
/// ```
/// A wish that comes while one REGISTER is out waits for its final response, and so does one to go another way.
#[derive(Debug)]
enum State {
    Absent,
    /// A REGISTER for so many seconds is out.
    // rfc3261 §10.2: no new one before its final response
    Asking {
        expires_secs: u32,
    },
    Registered {
        refresh_at: Tick,
    },
    Waiting {
        retry_at: Tick,
    },
}

/// One binding of one address-of-record.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) keyring: Keyring,
    aor: Vec<u8>,
    registrar: Uri,
    route_set: Vec<Uri>,
    contact: Uri,
    /// The REGISTER that is out went by another way than the next will.
    is_moved: bool,
    device: Device,
    /// The public GRUU that the registrar gave.
    gruu: Option<String>,
    /// The registrar keeps to our flow, and answers when it is asked whether it stands.
    is_flow_kept: bool,
    call_id: String,
    tag: String,
    cseq: u32,
    state: State,
    /// For how long; `None`: not at all.
    wanted: Option<u32>,
    /// The registrar may hold a binding of ours.
    bound: bool,
    failures: u32,
    /// Times in a row that we asked for longer.
    longer: u32,
}

/// What a Contact says of the device, and what the phone knows for that.
#[derive(Debug)]
pub(crate) struct Device {
    instance: Option<String>,
    reg_id: Option<u32>,
}

impl Device {
    pub(crate) fn of(settings: &Settings) -> Self {
        Device { instance: settings.instance.clone(), reg_id: settings.reg_id }
    }

    // rfc5626 §4.1, §4.2.1
    // rfc5627 §4.1
    fn params(&self) -> String {
        let Some(instance) = &self.instance else { return String::new() };
        let reg_id = self.reg_id.map_or_else(String::new, |id| format!(";reg-id={id}"));
        format!(";+sip.instance=\"<{instance}>\"{reg_id}")
    }

    fn supported(&self) -> &'static str {
        match (&self.instance, self.reg_id) {
            (None, _) => "",
            (Some(_), None) => "gruu",
            (Some(_), Some(_)) => "gruu, outbound, path",
        }
    }
}

/// What came of a turn.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) send: Option<Request>,
    pub(crate) event: Option<AgentEvent>,
}

impl Registration {
    pub(crate) fn new(
        aor: Vec<u8>,
        registrar: Uri,
        route_set: Vec<Uri>,
        contact: Uri,
        device: Device,
        keyring: Keyring,
        entropy: &mut Entropy,
    ) -> Self {
        Registration {
            keyring,
            aor,
            registrar,
            route_set,
            contact,
            is_moved: false,
            device,
            gruu: None,
            is_flow_kept: false,
            // rfc3261 §10.2: the same for all registrations of one boot cycle
            call_id: entropy.token(22),
            tag: entropy.token(12),
            cseq: 0,
            state: State::Absent,
            wanted: None,
            bound: false,
            failures: 0,
            longer: 0,
        }
    }

    /// Our Contact, from the next REGISTER on, which goes another way. If one is out, the next follows it.
    pub(crate) fn move_to(&mut self, contact: Uri) {
        self.contact = contact;
        self.is_moved = true;
    }

    /// Wants to be registered.
    pub(crate) fn register(&mut self, expires_secs: u32) -> Step {
        self.wanted = Some(expires_secs.max(1));
        (self.failures, self.longer) = (0, 0);
        match self.state {
            State::Asking { .. } => Step::default(),
            State::Absent | State::Registered { .. } | State::Waiting { .. } => self.ask(),
        }
    }

    /// Wants not to be.
    // rfc3261 §10.2.2
    pub(crate) fn unregister(&mut self) -> Step {
        self.wanted = None;
        match self.state {
            State::Asking { .. } => Step::default(),
            State::Absent | State::Registered { .. } | State::Waiting { .. } => self.ask(),
        }
    }

    /// Asks for what is wanted.
    fn ask(&mut self) -> Step {
        let expires_secs = self.wanted.unwrap_or(0);
        if expires_secs == 0 && !self.bound {
            self.state = State::Absent;
            return Step { send: None, event: Some(AgentEvent::Unregistered) };
        }
        self.bound = true;
        self.is_moved = false;
        self.cseq += 1;
        self.state = State::Asking { expires_secs };
        Step { send: Some(self.request(expires_secs)), event: None }
    }

    // rfc3261 §10.2
    fn request(&self, expires_secs: u32) -> Request {
        let (uri, routes) = ruf_dialog::RouteSet::new(self.route_set.clone()).apply(&self.registrar);
        let mut from = self.aor.clone();
        from.extend(b";tag=");
        from.extend(self.tag.as_bytes());
        let mut builder: RequestBuilder = Request::build(Method::Register, &uri)
            .from(from)
            // rfc3261 §10.2: To is the address-of-record
            .to(&self.aor)
            .call_id(&self.call_id)
            // rfc3261 §10.2: one higher for each REGISTER of the Call-ID
            .cseq(self.cseq)
            // rfc3261 §10.2.1.1: how long
            .header(HeaderName::Contact, self.contact_for(expires_secs))
            .header(HeaderName::Expires, expires_secs.to_string());
        if !self.device.supported().is_empty() {
            builder = builder.header(HeaderName::Supported, self.device.supported());
        }
        for route in &routes {
            builder = builder.header(HeaderName::Route, format!("<{route}>"));
        }
        builder.finish().expect("made of URIs that were parsed and of tokens of our own")
    }

    fn contact_for(&self, expires_secs: u32) -> String {
        format!("<{}>{};expires={expires_secs}", self.contact, self.device.params())
    }

    /// A REGISTER that is out goes out once more by the new way, for our Contact as it is now.
    pub(crate) fn locate(&mut self, request: &mut Request) {
        self.is_moved = false;
        if let State::Asking { expires_secs } = self.state {
            request.set(HeaderName::Contact, self.contact_for(expires_secs));
        }
    }

    /// A REGISTER was challenged and goes out again with credentials: the number to use.
    pub(crate) fn retry(&mut self) -> Option<u32> {
        match self.state {
            State::Asking { .. } => {
                self.cseq += 1;
                Some(self.cseq)
            }
            State::Absent | State::Registered { .. } | State::Waiting { .. } => None,
        }
    }

    /// The final response.
    pub(crate) fn response(&mut self, now: Tick, entropy: &mut Entropy, response: &Response) -> Step {
        let State::Asking { expires_secs } = self.state else { return Step::default() };
        match response.status().class() {
            StatusClass::Provisional => Step::default(),
            StatusClass::Success if expires_secs == 0 => {
                self.bound = false;
                self.settle(State::Absent, AgentEvent::Unregistered, 0)
            }
            StatusClass::Success => self.granted(now, entropy, expires_secs, response),
            // rfc5626 §4.2.1: who is before the registrar cannot keep a flow, so it is one Contact as ever
            StatusClass::ClientError
                if response.status() == StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT
                    && self.is_outbound() =>
            {
                self.device.reg_id = None;
                self.ask()
            }
            StatusClass::Redirection
            | StatusClass::ClientError
            | StatusClass::ServerError
            | StatusClass::GlobalFailure => {
                let longer = number(response, HeaderName::MinExpires).filter(|min| *min > expires_secs);
                match longer {
                    // rfc3261 §10.2.8: longer, if the registrar says so
                    Some(min_secs)
                        if response.status() == StatusCode::INTERVAL_TOO_BRIEF
                            && expires_secs > 0
                            && self.longer < lease::LONGER_MAX =>
                    {
                        self.longer += 1;
                        if self.wanted.is_some() {
                            self.wanted = Some(min_secs);
                        }
                        self.ask()
                    }
                    Some(_) | None => self.failed(
                        now,
                        entropy,
                        Failure::Refused(response.status()),
                        retry_after_secs(response),
                    ),
                }
            }
        }
    }

    // rfc3261 §10.2.4
    fn granted(&mut self, now: Tick, entropy: &mut Entropy, asked_secs: u32, response: &Response) -> Step {
        // rfc3261 §10.2.4: ours is the one that compares equal; its expires, else Expires
        let ours = response
            .contacts()
            .find(|contact| contact.uri().is_some_and(|uri| uri.equivalent(&self.contact.as_ref())));
        // rfc5627 §4.2
        self.gruu = ours.as_ref().and_then(|ours| {
            let gruu = ours.address()?.pub_gruu()?;
            Some(Uri::parse(gruu).ok()?.to_string())
        });
        // rfc5626 §4.2.1: it says so
        self.is_flow_kept =
            self.is_outbound() && response.require().any(|tag| tag.eq_ignore_ascii_case("outbound"));
        let expires_secs = ours
            .and_then(|contact| contact.expires_secs())
            .or_else(|| number(response, HeaderName::Expires))
            .unwrap_or(asked_secs);
        if expires_secs == 0 {
            return self.failed(now, entropy, Failure::NotKept, None);
        }
        (self.failures, self.longer) = (0, 0);
        let refresh_at = now + lease::refresh_in(expires_secs);
        self.settle(State::Registered { refresh_at }, AgentEvent::Registered { expires_secs }, asked_secs)
    }

    /// The final response is here; a wish that came meanwhile goes out now, and so does one for another way.
    fn settle(&mut self, state: State, event: AgentEvent, asked_secs: u32) -> Step {
        self.state = state;
        let is_moved = self.is_moved && self.wanted.is_some();
        if self.wanted.unwrap_or(0) == asked_secs && !is_moved {
            return Step { send: None, event: Some(event) };
        }
        Step { event: Some(event), ..self.ask() }
    }

    /// It was refused, or not answered.
    pub(crate) fn failed(
        &mut self,
        now: Tick,
        entropy: &mut Entropy,
        failure: Failure,
        retry_after_secs: Option<u32>,
    ) -> Step {
        let State::Asking { expires_secs } = mem::replace(&mut self.state, State::Absent) else {
            return Step::default();
        };
        if self.wanted.is_some() && expires_secs == 0 {
            // A removal failed that is not wanted any more.
            return self.ask();
        }
        let passing = match failure {
            Failure::Silence | Failure::Unreachable | Failure::NotKept => true,
            Failure::Refused(StatusCode::REQUEST_TIMEOUT) => true,
            Failure::Refused(status) => status.class() == StatusClass::ServerError,
        };
        let passing = passing || retry_after_secs.is_some();
        if self.wanted.is_none() || !passing {
            self.wanted = None;
            self.bound = false;
            return Step {
                send: None,
                event: Some(AgentEvent::RegistrationFailed { failure, retry_in: None }),
            };
        }
        // rfc3261 §10.2.7: not at once
        let retry_in = retry_after_secs.map_or_else(
            || lease::retry_in(self.failures, entropy),
            |secs| Duration::from_secs(secs.max(1).into()),
        );
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting { retry_at: now + retry_in };
        Step { send: None, event: Some(AgentEvent::RegistrationFailed { failure, retry_in: Some(retry_in) }) }
    }

    pub(crate) fn tick(&mut self, now: Tick) -> Step {
        if self.deadline().is_some_and(|deadline| deadline <= now) { self.ask() } else { Step::default() }
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        match self.state {
            State::Registered { refresh_at } => Some(refresh_at),
            State::Waiting { retry_at } => Some(retry_at),
            State::Absent | State::Asking { .. } => None,
        }
    }

    /// The public GRUU, as long as it may be used.
    // rfc5627 §4.4: with an active registration only
    pub(crate) fn gruu(&self) -> Option<&str> {
        self.gruu.as_deref().filter(|_| self.bound)
    }

    /// The server is asked to keep to our flow (RFC 5626).
    pub(crate) fn is_outbound(&self) -> bool {
        self.device.reg_id.is_some()
    }

    pub(crate) fn keeps_flow(&self) -> bool {
        self.is_flow_kept
    }

    pub(crate) fn is_registered(&self) -> bool {
        matches!(self.state, State::Registered { .. })
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.bound
    }
}

/// The number that a header begins with.
fn number(response: &Response, name: HeaderName) -> Option<u32> {
    let value = response.raw(name).next()?;
    let digits = value.iter().take_while(|octet| octet.is_ascii_digit()).count();
    std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()
}

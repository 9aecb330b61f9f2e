//! Steps 6 and 7: what a REGISTER does to the bindings there are (RFC 3261 §10.3).

use std::net::SocketAddr;
use std::time::Duration;

use ruf_admission::Ourselves;
use ruf_message::scan::Scanner;
use ruf_message::{Contact, Flow, HeaderName, NameAddr, Request, Scheme, Tick, Transport, UriRef};

use crate::binding::{Binding, Fresh};
use crate::limits::Limits;
use crate::reject::Reject;

/// An interval of an hour or more is never too brief, whatever the minimum says.
// rfc3261 §10.3-19
const NEVER_TOO_BRIEF_SECS: u32 = 3_600;

/// One thing to do to the bindings of an address-of-record. Numbers are places among those that
/// [`changes`] was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A binding that was not there.
    Add(Binding),
    /// A binding in the place of the one that it refreshes.
    Refresh(usize, Binding),
    /// A binding that goes.
    Remove(usize),
}

/// What `request`, which came by `flow`, changes in the live bindings `current` of its
/// address-of-record. Nothing, if it only asks.
///
/// # Errors
/// The first contact that fails, and then nothing may be changed.
pub fn changes(
    request: &Request,
    flow: Flow,
    current: &[Binding],
    ourselves: &Ourselves,
    limits: &Limits,
    now: Tick,
) -> Result<Vec<Change>, Reject> {
    let contacts: Vec<Contact<'_>> = request.contacts().take(limits.contacts_per_request_max + 1).collect();
    if contacts.len() > limits.contacts_per_request_max {
        return Err(Reject::TooManyContacts);
    }
    let register = Register { request, flow, current, ourselves, limits, now };
    if contacts.iter().any(|contact| matches!(contact, Contact::Star)) {
        return if contacts.len() == 1 { register.remove_all() } else { Err(Reject::BadStar) };
    }
    let mut changes = Vec::new();
    for contact in &contacts {
        if let Some(address) = contact.address() {
            register.contact(contact, address, &mut changes)?;
        }
    }
    register.fits(&changes)?;
    Ok(changes)
}

/// Makes `changes` real: all of them, once all have succeeded. The order of bindings is that of their
/// first registration.
// rfc3261 §10.3-5, §10.3-23
pub fn apply(changes: Vec<Change>, bindings: &mut Vec<Binding>) {
    let mut gone = Vec::new();
    for change in changes {
        match change {
            Change::Add(binding) => {
                // Exactly: one contact is what most have.
                bindings.reserve_exact(1);
                bindings.push(binding);
            }
            Change::Refresh(at, binding) => {
                if let Some(place) = bindings.get_mut(at) {
                    *place = binding;
                }
            }
            Change::Remove(at) => gone.push(at),
        }
    }
    if !gone.is_empty() {
        let mut at = 0;
        bindings.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
    }
}

struct Register<'a> {
    request: &'a Request,
    flow: Flow,
    current: &'a [Binding],
    ourselves: &'a Ourselves,
    limits: &'a Limits,
    now: Tick,
}

impl Register<'_> {
    /// `Contact: *`.
    // rfc3261 §10.3-12, §10.3-13
    fn remove_all(&self) -> Result<Vec<Change>, Reject> {
        if self.expires_header() != Some(Some(0)) {
            return Err(Reject::BadStar);
        }
        let remove = |(at, binding)| self.is_in_order(binding).map(|()| Change::Remove(at));
        self.current.iter().enumerate().map(remove).collect()
    }

    /// One contact.
    // rfc3261 §10.3-19, §10.3-20, §10.3-21
    fn contact(
        &self,
        contact: &Contact<'_>,
        address: &NameAddr<'_>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Reject> {
        let requested = self.requested_secs(contact);
        let min_secs = self.limits.expires_secs_min;
        if requested > 0 && requested < NEVER_TOO_BRIEF_SECS && requested < min_secs {
            return Err(Reject::IntervalTooBrief { min_secs });
        }
        let uri = address.uri();
        let existing = find(self.current, uri);
        if let Some((_, binding)) = existing {
            self.is_in_order(binding)?;
        }
        // A contact that stands twice in one request: the last one counts, and there is one binding.
        changes.retain(|change| !self.is_of(change, existing.map(|(at, _)| at), uri));
        match (requested, existing) {
            (0, None) => {}
            (0, Some((at, _))) => changes.push(Change::Remove(at)),
            (secs, None) => changes.push(Change::Add(self.binding(contact, address, secs)?)),
            (secs, Some((at, _))) => changes.push(Change::Refresh(at, self.binding(contact, address, secs)?)),
        }
        Ok(())
    }

    /// A contact's own parameter, the header, or the default.
    fn requested_secs(&self, contact: &Contact<'_>) -> u32 {
        // rfc3261 §10.3-16: an "expires" parameter MUST be taken
        if let Some(secs) = contact.expires_secs() {
            return secs;
        }
        match self.expires_header() {
            // rfc3261 §10.3-17: else the Expires header MUST be taken
            Some(Some(secs)) => secs,
            // A malformed one reads as the parameter does.
            // rfc3261 §10.2
            Some(None) => NEVER_TOO_BRIEF_SECS,
            // rfc3261 §10.3-18: else a configured default MUST be taken
            None => self.limits.expires_secs_default,
        }
    }

    /// `None` if there is none, `Some(None)` if it is no number.
    // rfc3261 §20.19
    fn expires_header(&self) -> Option<Option<u32>> {
        let value = self.request.raw(HeaderName::Expires).next()?;
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        Some(scanner.number().ok().filter(|_| scanner.end().is_ok()))
    }

    /// An older request of the same phone must not undo what a newer one did.
    // rfc3261 §10.3-13, §10.3-14, §10.3-15, §10.3-20, §10.3-21, §10.3-22
    fn is_in_order(&self, binding: &Binding) -> Result<(), Reject> {
        let same_phone = binding.call_id() == self.request.call_id();
        if same_phone && self.request.cseq().number <= binding.cseq() {
            return Err(Reject::OutOfOrder);
        }
        Ok(())
    }

    fn is_of(&self, change: &Change, existing: Option<usize>, uri: UriRef<'_>) -> bool {
        match change {
            Change::Add(binding) => existing.is_none() && binding.is_of(uri),
            Change::Refresh(at, _) | Change::Remove(at) => existing == Some(*at),
        }
    }

    fn binding(&self, contact: &Contact<'_>, address: &NameAddr<'_>, secs: u32) -> Result<Binding, Reject> {
        let uri = address.uri();
        // What the URI says is the phone's business, even where it names us (RFC 4475 §3.3.14 registers
        // one): requests leave by the flow. A flow that ends in us is what would go round for ever.
        if is_own_socket(self.flow.remote, self.ourselves) {
            return Err(Reject::FromOurselves);
        }
        // The registrar may choose less than was requested (step 7).
        let granted = Duration::from_secs(secs.min(self.limits.expires_secs_max).into());
        let path = self.request.values(HeaderName::Path).collect::<Vec<_>>().join(&b", "[..]);
        let fresh = Fresh {
            contact: uri,
            flow: self.way_to(uri),
            expires: self.now + granted,
            q: contact.q().unwrap_or(1_000),
            // Each binding records Call-ID and CSeq (step 7).
            call_id: self.request.call_id(),
            cseq: self.request.cseq().number,
            params: &other_params(address),
            user_agent: self.request.raw(HeaderName::UserAgent).next().unwrap_or_default(),
            path: &path,
        };
        Binding::new(&fresh, self.limits.binding_bytes_max).ok_or(Reject::ContactTooLarge)
    }

    /// The flow that leads to a contact: that of its REGISTER. Only where a phone without NAT says that
    /// it listens on another port of the very address it sends from, that port is taken.
    fn way_to(&self, contact: UriRef<'_>) -> Flow {
        let there = contact.host().and_then(|host| host.ip()).map(|ip| ip.to_canonical());
        let no_nat = there == Some(self.flow.remote.ip().to_canonical());
        let by_udp = contact.transport().is_none_or(|named| named == Some(Transport::Udp));
        if self.flow.transport.is_reliable() || contact.scheme() != Scheme::Sip || !no_nat || !by_udp {
            return self.flow;
        }
        let port = contact.port().unwrap_or(self.flow.transport.default_port());
        let flow = Flow { remote: SocketAddr::new(self.flow.remote.ip(), port), ..self.flow };
        if is_own_socket(flow.remote, self.ourselves) { self.flow } else { flow }
    }

    /// Whether the address-of-record has room for what is added.
    fn fits(&self, changes: &[Change]) -> Result<(), Reject> {
        let count = |what: fn(&Change) -> bool| changes.iter().filter(|change| what(change)).count();
        let added = count(|change| matches!(change, Change::Add(_)));
        let removed = count(|change| matches!(change, Change::Remove(_)));
        let bindings = self.current.len() + added - removed;
        if added == 0 || bindings <= self.limits.bindings_max {
            return Ok(());
        }
        let soonest = self.current.iter().map(|binding| binding.remaining_secs(self.now)).min();
        Err(Reject::TooManyBindings { retry_after_secs: soonest.unwrap_or(1) })
    }
}

fn is_own_socket(remote: SocketAddr, ourselves: &Ourselves) -> bool {
    ourselves.listeners.iter().any(|listener| listener.is_socket(remote))
}

/// The binding of this contact. Equivalence is not transitive, so several may match: the first.
// rfc3261 §19.1.4
fn find<'a>(current: &'a [Binding], uri: UriRef<'_>) -> Option<(usize, &'a Binding)> {
    current.iter().enumerate().find(|(_, binding)| binding.is_of(uri))
}

/// The contact's parameters but `q` and `expires`, without the white space there may be between.
fn other_params(address: &NameAddr<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(address.params().as_bytes().len());
    for param in address.params().iter() {
        if param.name.eq_ignore_ascii_case(b"q") || param.name.eq_ignore_ascii_case(b"expires") {
            continue;
        }
        out.push(b';');
        out.extend_from_slice(param.name);
        if let Some(value) = param.value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    out
}

//! Steps 6 and 7: what a REGISTER does to the bindings there are (RFC 3261 §10.3, RFC 5626 §6).

use std::net::SocketAddr;
use std::time::Duration;

use ruf_admission::{AddressOfRecord, Ourselves};
use ruf_message::scan::Scanner;
use ruf_message::{Contact, Flow, HeaderName, NameAddr, Request, Scheme, Tick, Transport, UriRef};
use smallvec::SmallVec;

use crate::binding::{Binding, Bindings, Fresh};
use crate::gruu::Gruus;
use crate::instance::canonical;
use crate::limits::Limits;
use crate::path::{Path, is_outbound_way, is_own_socket, supports};
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

/// What one REGISTER does, in this order. Most do one thing.
pub type Changes = SmallVec<[Change; 1]>;

/// One REGISTER, and whom it is about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The request.
    pub request: &'a Request,
    /// The way it came.
    pub flow: Flow,
    /// What [`address_of_record`](crate::address_of_record) said.
    pub address: &'a AddressOfRecord,
    /// The tag that its answer gives To.
    pub to_tag: &'a str,
    /// The time.
    pub now: Tick,
}

/// What a registrar goes by.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Where we are.
    pub ourselves: &'a Ourselves,
    /// Durations and bounds.
    pub limits: &'a Limits,
    /// The maker of GRUUs.
    pub gruus: &'a Gruus,
}

/// What a REGISTER changes in the live bindings `current` of its address-of-record. Nothing, if it only
/// asks.
///
/// # Errors
/// The first contact that fails, and then nothing may be changed.
pub fn changes(asked: &Asked<'_>, current: &[Binding], rules: &Rules<'_>) -> Result<Changes, Reject> {
    let (request, max) = (asked.request, rules.limits.contacts_per_request_max);
    let contacts: SmallVec<[Contact<'_>; 1]> = request.contacts().take(max + 1).collect();
    if contacts.len() > max {
        return Err(Reject::TooManyContacts);
    }
    let path = Path::of(request, &asked.flow, rules.ourselves)?;
    // Whether the way holds counts for a flow alone.
    let outbound = contacts.iter().any(names_flow) && is_outbound_way(request);
    let changes = Changes::new();
    let mut register = Register { asked, current, rules, path, outbound, changes, runs: Vec::new() };
    if contacts.iter().any(|contact| matches!(contact, Contact::Star)) {
        return if contacts.len() == 1 { register.remove_all() } else { Err(Reject::BadStar) };
    }
    register.outbound_is_asked_rightly(&contacts)?;
    for contact in &contacts {
        if let Some(address) = contact.address() {
            register.contact(contact, address)?;
        }
    }
    register.carry_runs();
    register.fits()?;
    Ok(register.changes)
}

/// Makes `changes` real: all of them, once all have succeeded. The order of bindings is that of their
/// first registration.
// rfc3261 §10.3-5, §10.3-23
pub fn apply(changes: Changes, bindings: &mut Bindings) {
    let mut gone = Vec::new();
    for change in changes {
        match change {
            Change::Add(binding) => {
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
    asked: &'a Asked<'a>,
    current: &'a [Binding],
    rules: &'a Rules<'a>,
    path: Path<'a>,
    /// The way from the phone holds, so that `reg-id` counts.
    outbound: bool,
    changes: Changes,
    /// Instances that registered, each with its run.
    runs: Vec<(Vec<u8>, u64)>,
}

/// What a binding is found by.
struct Key<'a> {
    contact: UriRef<'a>,
    /// In canonical form.
    instance: Option<Vec<u8>>,
    /// `None`: the contact is the key.
    // rfc5626 §6: else instance and reg-id are
    reg_id: Option<u32>,
}

impl Key<'_> {
    fn is_of(&self, binding: &Binding) -> bool {
        match self.reg_id {
            Some(_) => self.is_flow_of(binding),
            None => !binding.is_outbound() && binding.is_of(self.contact),
        }
    }

    /// Whether a binding is of the same instance, and of the same `reg-id` where there is one.
    fn is_flow_of(&self, binding: &Binding) -> bool {
        self.reg_id == binding.reg_id() && self.instance.is_some() && self.instance == binding.instance()
    }
}

impl Register<'_> {
    /// `Contact: *`.
    // rfc3261 §10.3-12, §10.3-13
    fn remove_all(&self) -> Result<Changes, Reject> {
        if self.expires_header() != Some(Some(0)) {
            return Err(Reject::BadStar);
        }
        let remove = |(at, binding)| self.is_in_order(binding).map(|()| Change::Remove(at));
        self.current.iter().enumerate().map(remove).collect()
    }

    // rfc5626 §6
    fn outbound_is_asked_rightly(&self, contacts: &[Contact<'_>]) -> Result<(), Reject> {
        if !contacts.iter().any(names_flow) {
            return Ok(());
        }
        if !self.outbound && supports(self.asked.request, "outbound") {
            return Err(Reject::FirstHopLacksOutbound);
        }
        let mut bound = contacts.iter().filter(|contact| self.requested_secs(contact) > 0);
        let flows =
            contacts.iter().filter_map(Contact::address).any(|address| self.reg_id(address).is_some());
        // Of contacts that are to be bound, none may stand beside a flow.
        if flows && bound.clone().any(names_flow) && bound.nth(1).is_some() {
            return Err(Reject::FlowBesideContacts);
        }
        Ok(())
    }

    /// Which flow of its instance a contact is; `None` where that does not count.
    // rfc5626 §6: without an instance, and over a way that does not hold, reg-id is ignored
    fn reg_id(&self, address: &NameAddr<'_>) -> Option<u32> {
        address.reg_id().filter(|_| self.outbound && address.instance().is_some())
    }

    /// One contact.
    // rfc3261 §10.3-19, §10.3-20, §10.3-21
    fn contact(&mut self, contact: &Contact<'_>, address: &NameAddr<'_>) -> Result<(), Reject> {
        let requested = self.requested_secs(contact);
        let min_secs = self.rules.limits.expires_secs_min;
        if requested > 0 && requested < NEVER_TOO_BRIEF_SECS && requested < min_secs {
            return Err(Reject::IntervalTooBrief { min_secs });
        }
        let key = Key {
            contact: address.uri(),
            instance: address.instance().map(|instance| canonical(&instance)),
            reg_id: self.reg_id(address),
        };
        let existing = self.current.iter().enumerate().find(|(_, binding)| key.is_of(binding));
        if let Some((_, binding)) = existing {
            self.is_in_order(binding)?;
        }
        let existing = existing.map(|(at, _)| at);
        if requested == 0 && self.moves_away(&key) {
            return Ok(());
        }
        // A contact that stands twice in one request: the last one counts, and there is one binding.
        self.changes.retain(|change| match change {
            Change::Add(binding) => existing.is_some() || !key.is_of(binding),
            Change::Refresh(at, _) | Change::Remove(at) => existing != Some(*at),
        });
        match (requested, existing) {
            (0, None) => {}
            (0, Some(at)) => self.changes.push(Change::Remove(at)),
            (secs, at) => {
                let binding = self.binding(contact, address, &key, secs)?;
                self.changes.push(match at {
                    None => Change::Add(binding),
                    Some(at) => Change::Refresh(at, binding),
                });
            }
        }
        Ok(())
    }

    /// Whether a phone takes back the contact that it had and names its new one in the same request: PJSIP
    /// does so when it learns its address from us. Both have one `reg-id`, so there is nothing to remove.
    fn moves_away(&self, key: &Key<'_>) -> bool {
        key.reg_id.is_some()
            && self.changes.iter().any(|change| match change {
                Change::Add(binding) | Change::Refresh(_, binding) => {
                    key.is_of(binding) && !binding.is_of(key.contact)
                }
                Change::Remove(_) => false,
            })
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
            None => self.rules.limits.expires_secs_default,
        }
    }

    /// `None` if there is none, `Some(None)` if it is no number.
    // rfc3261 §20.19
    fn expires_header(&self) -> Option<Option<u32>> {
        let value = self.asked.request.raw(HeaderName::Expires).next()?;
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        Some(scanner.number().ok().filter(|_| scanner.end().is_ok()))
    }

    /// An older request of the same phone must not undo what a newer one did.
    // rfc3261 §10.3-13, §10.3-14, §10.3-15, §10.3-20, §10.3-21, §10.3-22
    fn is_in_order(&self, binding: &Binding) -> Result<(), Reject> {
        let same_phone = binding.call_id() == self.asked.request.call_id();
        if same_phone && self.asked.request.cseq().number <= binding.cseq() {
            return Err(Reject::OutOfOrder);
        }
        Ok(())
    }

    fn binding(
        &mut self,
        contact: &Contact<'_>,
        address: &NameAddr<'_>,
        key: &Key<'_>,
        secs: u32,
    ) -> Result<Binding, Reject> {
        let (request, flow, limits) = (self.asked.request, self.asked.flow, self.rules.limits);
        // What the URI says is the phone's business, even where it names us (RFC 4475 §3.3.14 registers
        // one): requests leave by the flow. A flow that ends in us is what would go round for ever.
        if is_own_socket(flow.remote, self.rules.ourselves) {
            return Err(Reject::FromOurselves);
        }
        self.may_be_bound(key)?;
        // The registrar may choose less than was requested (step 7).
        let granted_secs = secs.min(limits.expires_secs_max);
        let fresh = Fresh {
            contact: key.contact,
            flow: self.way_to(self.path.first().unwrap_or(key.contact)),
            expires: self.asked.now + Duration::from_secs(granted_secs.into()),
            granted_secs,
            is_outbound: key.reg_id.is_some(),
            run: self.run(key),
            q: contact.q().unwrap_or(1_000),
            // Each binding records Call-ID and CSeq (step 7).
            call_id: request.call_id(),
            cseq: request.cseq().number,
            params: &other_params(address),
            user_agent: request.raw(HeaderName::UserAgent).next().unwrap_or_default(),
            path: &self.path.to_value(),
        };
        Binding::new(&fresh, limits.binding_bytes_max).ok_or(Reject::ContactTooLarge)
    }

    /// Whether a contact may be bound at all.
    fn may_be_bound(&self, key: &Key<'_>) -> Result<(), Reject> {
        let (uri, ourselves) = (key.contact, self.rules.ourselves);
        if uri.scheme() == Scheme::Sips {
            // rfc5630 §5.2: Request-URI and Path must be of the same scheme, else 400
            if self.asked.request.uri().scheme() != Scheme::Sips || !self.path.is_secure() {
                return Err(Reject::SipsBesideSip);
            }
            // rfc3261 §26.2.2: and it could never be called
            if !self.asked.flow.transport.is_secure() {
                return Err(Reject::SipsWithoutTls);
            }
        }
        let Some(instance) = &key.instance else { return Ok(()) };
        if instance.len() > self.rules.limits.instance_bytes_max {
            return Err(Reject::ContactTooLarge);
        }
        // rfc5627 §5.1: the address itself, which its public GRUU is equivalent to, or another GRUU of it
        // would go round for ever; what is no SIP URI can have none
        let is_name = uri.host().is_some_and(|host| host.ip().is_none()) && ourselves.is_us(uri);
        let itself = is_name && AddressOfRecord::of(uri, ourselves).as_ref() == Some(self.asked.address);
        let gruu = || self.rules.gruus.read(uri, ourselves);
        if itself
            || uri.equivalent(&self.asked.request.to().uri())
            || gruu().is_some_and(|gruu| gruu.address() == self.asked.address)
        {
            return Err(Reject::ContactIsItself);
        }
        if uri.is_sip() { Ok(()) } else { Err(Reject::InstanceWithoutSip) }
    }

    /// The run of the contact's instance, if its phone knows GRUUs.
    fn run(&mut self, key: &Key<'_>) -> Option<u64> {
        let instance = key.instance.as_ref()?;
        let known = |binding: &&Binding| binding.instance().as_ref() == Some(instance);
        let going_on = self.current.iter().filter(known).find_map(Binding::run);
        if going_on.is_none() && !supports(self.asked.request, "gruu") {
            return None;
        }
        let (address, call_id) = (self.asked.address, self.asked.request.call_id());
        let cseq = self.asked.request.cseq().number;
        // rfc5627 §5.1: the most recent contact of the instance, and reg-id, tells by its Call-ID whether
        // all earlier temporary GRUUs of the instance end
        let before = self.current.iter().filter(|binding| key.is_flow_of(binding));
        let before = before.max_by_key(|binding| binding.refreshed_micros());
        let goes_on = before.is_none_or(|before| before.call_id() == call_id);
        let run = going_on
            .filter(|_| goes_on)
            .unwrap_or_else(|| self.rules.gruus.run(address, instance, call_id, cseq));
        self.runs.retain(|(of, _)| of != instance);
        self.runs.push((instance.clone(), run));
        Some(run)
    }

    /// All bindings of an instance are in one run: those that this request does not name come along.
    // rfc5627 §5.1
    fn carry_runs(&mut self) {
        if self.runs.is_empty() {
            return;
        }
        for (at, binding) in self.current.iter().enumerate() {
            let touched =
                |change: &Change| matches!(change, Change::Refresh(of, _) | Change::Remove(of) if *of == at);
            let Some(before) = binding.run().filter(|_| !self.changes.iter().any(touched)) else { continue };
            let instance = binding.instance();
            let now = self.runs.iter().find(|(of, _)| Some(of) == instance.as_ref()).map(|(_, run)| *run);
            if let Some(run) = now.filter(|run| *run != before) {
                self.changes.push(Change::Refresh(at, binding.clone().in_run(run)));
            }
        }
    }

    /// The flow that leads to a contact, or to the first proxy of its Path: that of its REGISTER. Only where
    /// one without NAT says that it listens on another port of the very address it sends from, that port is
    /// taken.
    fn way_to(&self, contact: UriRef<'_>) -> Flow {
        let came_by = self.asked.flow;
        let there = contact.host().and_then(|host| host.ip()).map(|ip| ip.to_canonical());
        let no_nat = there == Some(came_by.remote.ip().to_canonical());
        let by_udp = contact.transport().is_none_or(|named| named == Some(Transport::Udp));
        if came_by.transport.is_reliable() || contact.scheme() != Scheme::Sip || !no_nat || !by_udp {
            return came_by;
        }
        let port = contact.port().unwrap_or(came_by.transport.default_port());
        let flow = Flow { remote: SocketAddr::new(came_by.remote.ip(), port), ..came_by };
        if is_own_socket(flow.remote, self.rules.ourselves) { came_by } else { flow }
    }

    /// Whether the address-of-record has room for what is added.
    fn fits(&self) -> Result<(), Reject> {
        let count = |what: fn(&Change) -> bool| self.changes.iter().filter(|change| what(change)).count();
        let added = count(|change| matches!(change, Change::Add(_)));
        let removed = count(|change| matches!(change, Change::Remove(_)));
        let bindings = self.current.len() + added - removed;
        if added == 0 || bindings <= self.rules.limits.bindings_max {
            return Ok(());
        }
        let soonest = self.current.iter().map(|binding| binding.remaining_secs(self.asked.now)).min();
        Err(Reject::TooManyBindings { retry_after_secs: soonest.unwrap_or(1) })
    }
}

/// Whether a contact says which flow of its instance it is.
fn names_flow(contact: &Contact<'_>) -> bool {
    contact.address().is_some_and(|address| address.reg_id().is_some())
}

/// The contact's parameters but `q` and `expires`, without the white space there may be between. GRUUs are
/// ours to give.
// rfc5627 §5.1, §5.1-10: what a phone writes there is ignored
fn other_params(address: &NameAddr<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(address.params().as_bytes().len());
    for param in address.params().iter() {
        let ours = [&b"q"[..], b"expires", b"pub-gruu", b"temp-gruu"];
        if ours.iter().any(|name| param.name.eq_ignore_ascii_case(name)) {
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

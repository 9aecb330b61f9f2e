//! Request forwarding (RFC 3261 section 16.6), to one target or to several: those of equal q at once,
//! the groups one after the other.
//!
//! Not here: what comes back (`response.rs`), and the Via with its branch, which is written by the
//! client transaction (items 8 and 10) like Content-Length (item 9).

use ruf_admission::Gate;
use ruf_message::{Flow, Hop, Method, Request, Scheme, StatusCode, Transport, UriRef};

use crate::best::Failure;
use crate::context::{Branch, BranchState, Pending, Phase, ResponseContext};
use crate::proxy::{Kept, Step};
use crate::question::{Question, Refusal, Target, TargetSet, Unreachable};
use crate::route;
use crate::sips;
use crate::slots::{BranchId, Token};

/// What a request without Max-Forwards gets.
// rfc3261 §16.6: item 3
pub(crate) const MAX_FORWARDS: u8 = 70;

impl ResponseContext {
    /// The answer of the location service.
    pub(crate) fn located(&mut self, step: &mut Step<'_, '_>, targets: Result<TargetSet, Refusal>) -> Kept {
        let refusal = match targets {
            Ok(targets) if !targets.is_empty() => return self.begin(step, targets),
            Ok(_) => Refusal::Unavailable, // rfc3261 §16.5
            Err(refusal) => refusal,
        };
        match self.phase {
            Phase::Locating(_) => self.refuse(step, refusal.status()),
            // The question's deadline, after the answer.
            Phase::Forwarding(_) | Phase::Accepted => Kept::Yes,
        }
    }

    /// Begins to forward.
    pub(crate) fn begin(&mut self, step: &mut Step<'_, '_>, targets: TargetSet) -> Kept {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Accepted) {
            Phase::Locating(mut pending) => {
                pending.waiting = in_order(targets, step.limits.branches_max);
                Phase::Forwarding(pending)
            }
            // A second answer.
            later @ (Phase::Forwarding(_) | Phase::Accepted) => later,
        };
        self.advance(step)
    }

    /// A branch has ended, one way or another: goes on with the next targets, or answers.
    pub(crate) fn advance(&mut self, step: &mut Step<'_, '_>) -> Kept {
        while let Some(pending) = self.forwarding() {
            if !pending.is_idle() {
                return Kept::Yes;
            }
            let Some(q) = pending.waiting.last().map(|target| target.q) else {
                return self.conclude(step);
            };
            self.try_saying(step);
            if let Some(pending) = self.forwarding() {
                pending.open_group(step, q);
            }
        }
        Kept::Yes
    }

    /// Says 100 (Trying), once: from here on the answer is not ours to give.
    // rfc3261 §16.2: as a user agent server would, and to INVITE only
    fn try_saying(&mut self, step: &mut Step<'_, '_>) {
        let is_invite = self.is_invite;
        let Some(pending) = self.forwarding() else {
            return;
        };
        if is_invite && !std::mem::replace(&mut pending.trying, true) {
            let trying = pending.request.reply(StatusCode::TRYING);
            self.respond(step, &trying);
        }
    }

    /// The flow of a next hop is known, or will not be known.
    pub(crate) fn reached(
        &mut self,
        step: &mut Step<'_, '_>,
        id: BranchId,
        flow: Result<Flow, Unreachable>,
    ) -> Kept {
        if let Some(pending) = self.forwarding() {
            pending.reached(step, id, flow);
        }
        self.advance(step)
    }
}

impl Pending {
    /// Opens a branch for every waiting target of this q.
    fn open_group(&mut self, step: &mut Step<'_, '_>, q: u16) {
        while self.waiting.last().is_some_and(|target| target.q == q) {
            let (Some(target), Some(id)) = (self.waiting.pop(), BranchId::after(self.branches.len())) else {
                return;
            };
            self.branches.push(Branch::completed());
            let copy = Copy::of(self.request.clone(), &target);
            match target.flow {
                Some(flow) => self.send(step, id, copy, flow),
                None => self.reach(step, id, copy),
            }
        }
    }

    /// Asks for the flow of a branch's next hop.
    // rfc3261 §16.6: item 7; the procedures of RFC 3263 are the question's
    fn reach(&mut self, step: &mut Step<'_, '_>, id: BranchId, copy: Copy) {
        let Some(hop) = copy.next_hop() else {
            return self.fail(id, Failure::Unreachable);
        };
        self.set(id, BranchState::Reaching(Box::new(copy)));
        let token = Token::of_branch(step.key, id);
        step.ask(token, Question::Reach { token, hop });
    }

    fn reached(&mut self, step: &mut Step<'_, '_>, id: BranchId, flow: Result<Flow, Unreachable>) {
        let Some(branch) = self.branch(id) else {
            return;
        };
        match std::mem::replace(&mut branch.state, BranchState::Completed) {
            BranchState::Reaching(copy) => match flow {
                Ok(flow) => self.send(step, id, *copy, flow),
                Err(Unreachable) => self.fail(id, Failure::Unreachable),
            },
            // Answered before, or cancelled meanwhile.
            before @ (BranchState::Calling(_)
            | BranchState::Proceeding(_)
            | BranchState::Cancelling(_)
            | BranchState::Completed) => branch.state = before,
        }
    }

    /// Sends a branch's request by a new client transaction.
    // rfc3261 §16.6: items 4, 8, 9, 10 and 11
    fn send(&mut self, step: &mut Step<'_, '_>, id: BranchId, copy: Copy, flow: Flow) {
        let mut request = copy.into_request();
        if let Err(failure) = sips::settle(&self.request, &mut request, &flow) {
            return self.fail(id, failure);
        }
        let turn = &mut *step.turn;
        let sent_by = turn.gate.ourselves().sent_by(&flow);
        if self.recorded {
            record_route(&mut request, &self.upstream, &flow, &sent_by, turn.gate);
        }
        let is_invite = request.method() == Method::Invite;
        let user = Token::of_branch(step.key, id).as_user();
        let sent = turn.transactions.send(turn.now, flow, request, &sent_by, user, turn.wire);
        match sent {
            Ok(client) => self.set(id, BranchState::Calling(client)),
            Err(ruf_transaction::Full) => return self.fail(id, Failure::Overloaded),
        }
        if is_invite {
            self.start_timer_c(step, id);
        }
    }

    fn set(&mut self, id: BranchId, state: BranchState) {
        if let Some(branch) = self.branch(id) {
            branch.state = state;
        }
    }

    /// Notes the end of a branch that was never sent.
    fn fail(&mut self, id: BranchId, failure: Failure) {
        self.set(id, BranchState::Completed);
        self.failures.push(failure);
    }
}

/// We stay on the path of every dialog that the request may create: only through us do the ends
/// find each other's flow. An unknown method may create one. Inside a dialog the route set stands.
// rfc3261 §16.6: item 4
pub(crate) fn is_recorded(request: &Request, in_dialog: bool) -> bool {
    let may_create = matches!(
        request.method(),
        Method::Invite | Method::Subscribe | Method::Refer | Method::Notify | Method::Other
    );
    may_create && !in_dialog
}

/// The next one last: highest q first, and in the given order where it is equal.
// rfc3261 §16.6: from highest q to lowest, equal ones in parallel
fn in_order(targets: TargetSet, max: usize) -> TargetSet {
    let mut set = TargetSet::new();
    for target in targets {
        // rfc3261 §16.5: a target already in the set is not added again. Two phones behind two NATs
        // may have the same URI: what tells them apart is the flow.
        let known = |other: &Target| other.flow == target.flow && other.uri == target.uri;
        if !set.iter().any(known) {
            set.push(target);
        }
    }
    set.sort_by_key(|target| std::cmp::Reverse(target.q));
    set.truncate(max);
    set.reverse();
    set
}

/// One branch's own copy of the request, complete but for what depends on its flow.
#[derive(Debug)]
pub(crate) struct Copy {
    request: Request,
    /// It was rewritten for a strict router, which its Request-URI names.
    strict: bool,
}

impl Copy {
    // rfc3261 §16.6: item 1, all header fields and the body as received
    pub(crate) fn of(mut request: Request, target: &Target) -> Self {
        if let Some(uri) = &target.uri {
            request.set_uri(&route::in_request(uri.as_ref())); // rfc3261 §16.6: item 2
        }
        // rfc3261 §16.6: item 3; zero was refused by 16.3
        request.set_max_forwards(request.max_forwards().map_or(MAX_FORWARDS, |hops| hops.saturating_sub(1)));
        for route in target.routes.iter().rev() {
            request.push_route([b"<", route.as_bytes(), b">"].concat()); // rfc3261 §16.6: item 6; rfc3327 §5.3
        }
        let strict = route::yield_to_strict_router(&mut request);
        Copy { request, strict }
    }

    pub(crate) fn into_request(self) -> Request {
        self.request
    }

    /// Where RFC 3263 begins; `None` where the URI names no host.
    // rfc3261 §16.6: item 7; the Request-URI after a rewrite for a strict router, else the first
    // Route, else the Request-URI
    fn next_hop(&self) -> Option<Hop> {
        let secure = self.request.uri().scheme() == Scheme::Sips;
        let hop = match self.request.routes().next() {
            Some(route) if !self.strict => hop_of(route.uri()),
            Some(_) | None => hop_of(self.request.uri()),
        }?;
        // rfc3261 §16.6: item 7; as if it were a SIPS URI
        Some(if secure { Hop { transport: Some(Transport::Tls), ..hop } } else { hop })
    }
}

fn hop_of(uri: UriRef<'_>) -> Option<Hop> {
    let host = uri.maddr().or_else(|| uri.host())?;
    let transport =
        if uri.scheme() == Scheme::Sips { Some(Transport::Tls) } else { uri.transport().flatten() };
    Some(Hop { host: host.to_owned(), port: uri.port(), transport })
}

/// Writes the flows of both ends into a Record-Route that names us on the outgoing side.
// rfc3261 §16.6: item 4; first position, a SIP or SIPS URI with lr
fn record_route(request: &mut Request, upstream: &Flow, downstream: &Flow, sent_by: &str, gate: &Gate) {
    let tag = request.from_tag().unwrap_or_default();
    let token = gate.token(request.call_id(), tag, upstream, downstream);
    let secure = request.uri().scheme() == Scheme::Sips
        || request.routes().next().is_some_and(|route| route.uri().scheme() == Scheme::Sips);
    let mut value = String::with_capacity(token.len() + sent_by.len() + 32);
    value.push_str(if secure { "<sips:" } else { "<sip:" });
    value.push_str(&token);
    value.push('@');
    value.push_str(sent_by);
    match downstream.transport {
        Transport::Udp => {}
        // rfc5630 §3.1.4: never transport=tls
        Transport::Tls => {}
        transport @ (Transport::Tcp | Transport::Ws | Transport::Wss) => {
            value.push_str(";transport=");
            value.push_str(transport.as_param());
        }
    }
    value.push_str(";lr>");
    request.push_record_route(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ruf_message::HeaderName;

    fn target(uri: &str, flow: u8, q: u16) -> Target {
        Target { q, ..Target::by_flow(uri.parse().unwrap(), sample::flow(flow)) }
    }

    #[test]
    fn targets_are_tried_from_the_highest_q_and_none_twice() {
        // tests rfc3261 §16.5
        // tests rfc3261 §16.6
        let set = [
            target("sip:a@h", 1, 500),
            target("sip:b@h", 2, 1000),
            target("sip:A@h;x=y", 1, 300),
            target("sip:a@H", 1, 300),
            target("sip:a@h", 3, 500),
            target("sip:c@h", 4, 100),
        ];
        let order = in_order(Vec::from(set).into(), 4);
        let shown: Vec<String> = order
            .iter()
            .rev()
            .map(|target| format!("{} {}", target.uri.as_ref().unwrap(), target.q))
            .collect();
        assert_eq!(shown, ["sip:b@h 1000", "sip:a@h 500", "sip:a@h 500", "sip:A@h;x=y 300"]);
    }

    #[test]
    fn a_copy_differs_in_what_section_16_says_and_in_nothing_else() {
        // tests rfc3261 §16.6
        let headers = "Max-Forwards: 5\r\nX-Odd:  a ,b\r\ns: hi\r\nX-Odd: c\r\nDate: no date\r\n";
        let request = sample::request("INVITE", "sip:bob@example.org", headers);
        let copy = Copy::of(request.clone(), &target("sip:bob@phone.example", 1, 0)).into_request();
        let expected = request
            .to_string()
            .replace("INVITE sip:bob@example.org ", "INVITE sip:bob@phone.example ")
            .replace("Max-Forwards: 5", "Max-Forwards: 4");
        assert_eq!(copy.to_string(), expected);
        assert_eq!(copy.body(), request.body());
    }

    #[test]
    fn a_request_without_max_forwards_gets_70() {
        // tests rfc3261 §16.6
        let request = sample::request("INVITE", "sip:bob@example.org", "");
        let copy = Copy::of(request, &Target::unchanged()).into_request();
        assert_eq!(copy.max_forwards(), Some(70));
    }

    #[test]
    fn the_next_hop_is_the_first_route_or_the_request_uri() {
        // tests rfc3261 §16.6
        let hop = |uri: &str, routes: &str| {
            let request = sample::request("BYE", uri, routes);
            let hop = Copy::of(request, &Target::unchanged()).next_hop()?;
            Some(format!("{} {:?} {:?}", hop.host, hop.port, hop.transport))
        };
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(hop("sip:b@h.example", ""), of("h.example None None"));
        assert_eq!(hop("sip:b@h.example:70;transport=tcp", ""), of("h.example Some(70) Some(Tcp)"));
        assert_eq!(hop("sip:b@h.example;maddr=192.0.2.9", ""), of("192.0.2.9 None None"));
        assert_eq!(
            hop("sip:b@h.example", "Route: <sip:loose.example;lr>, <sip:strict.example>\r\n"),
            of("loose.example None None")
        );
        assert_eq!(
            hop("sip:b@h.example", "Route: <sip:strict.example>, <sip:loose.example;lr>\r\n"),
            of("strict.example None None")
        );
        assert_eq!(
            hop("sips:b@h.example", "Route: <sip:loose.example;lr>\r\n"),
            of("loose.example None Some(Tls)")
        );
        assert_eq!(hop("sips:b@h.example", ""), of("h.example None Some(Tls)"));
        assert_eq!(hop("tel:+1", ""), None);
    }

    #[test]
    fn a_path_is_visited_in_its_order_before_any_route() {
        // tests rfc3261 §16.6
        let routes = ["sip:edge.example;lr", "sip:inner.example;lr"].map(|uri| uri.parse().unwrap());
        let target = Target { routes: routes.into(), ..target("sip:b@phone", 1, 0) };
        let request = sample::request("INVITE", "sip:bob@example.org", "Route: <sip:own.example;lr>\r\n");
        let copy = Copy::of(request, &target).into_request();
        let shown: Vec<String> = copy.routes().map(|route| route.uri().to_string()).collect();
        assert_eq!(shown, ["sip:edge.example;lr", "sip:inner.example;lr", "sip:own.example;lr"]);
    }

    #[test]
    fn the_path_of_dialogs_is_recorded_and_only_there() {
        // tests rfc3261 §16.6
        for (method, recorded) in [
            ("INVITE", true),
            ("SUBSCRIBE", true),
            ("REFER", true),
            ("NOTIFY", true),
            ("NEWMETHOD", true),
            ("MESSAGE", false),
            ("OPTIONS", false),
            ("BYE", false),
        ] {
            let request = sample::request(method, "sip:bob@example.org", "");
            assert_eq!(is_recorded(&request, false), recorded, "{method}");
            assert!(!is_recorded(&request, true), "{method}");
        }
    }

    #[test]
    fn the_recorded_uri_names_us_on_the_outgoing_side() {
        // tests rfc3261 §16.6
        let gate = sample::gate();
        let recorded = |uri: &str, routes: &str, transport: Transport| {
            let mut request =
                sample::request("INVITE", uri, &format!("{routes}Record-Route: <sip:p1.example;lr>\r\n"));
            let downstream = Flow { transport, ..sample::flow(2) };
            record_route(&mut request, &sample::flow(1), &downstream, "192.0.2.1:5060", &gate);
            let values: Vec<String> = request
                .raw(HeaderName::RecordRoute)
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .collect();
            assert_eq!(values.last().unwrap(), "<sip:p1.example;lr>");
            let (scheme, rest) = values[0].split_once(':').unwrap();
            format!("{scheme}:{}", rest.split_once('@').unwrap().1)
        };
        let sip = "sip:bob@phone.example";
        assert_eq!(recorded(sip, "", Transport::Udp), "<sip:192.0.2.1:5060;lr>");
        assert_eq!(recorded(sip, "", Transport::Tcp), "<sip:192.0.2.1:5060;transport=tcp;lr>");
        assert_eq!(recorded(sip, "", Transport::Wss), "<sip:192.0.2.1:5060;transport=wss;lr>");
        assert_eq!(recorded("sips:bob@phone.example", "", Transport::Tls), "<sips:192.0.2.1:5060;lr>");
        assert_eq!(
            recorded(sip, "Route: <sips:edge.example;lr>\r\n", Transport::Tls),
            "<sips:192.0.2.1:5060;lr>"
        );
    }
}

//! What is tried when a branch fails: the next place where RFC 3263 found its next hop (section 4.3 of
//! that); a new connection to a phone that takes some, if its own is gone; then another flow of the same
//! instance (RFC 5626 section 7). Each try is a branch of its own, with a client transaction and a Via of
//! its own, in the same response context.
//!
//! Not here: where the places come from (core/locate, by a question), which of them failed lately (it
//! remembers that; this tells it), and other targets (`queue.rs`).

use ruf_message::{Place, StatusClass, StatusCode, Transport};

use crate::best::Failure;
use crate::branch_request::BranchRequest;
use crate::breadth::Share;
use crate::context::{Branch, BranchState, Pending, ResponseContext, Withdrawn};
use crate::proxy::{Kept, Step};
use crate::question::{Question, Reconnect, Target};
use crate::slots::{BranchId, Token};

/// A request that says UDP and is longer goes over TCP.
// rfc3261 §18.1.1: 1300 octets where the path MTU is not known
const DATAGRAM_BYTES_MAX: usize = 1300;

/// What is tried in the place of a branch that fails.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    /// The places of its next hop.
    pub(crate) search: Option<Box<Search>>,
    /// Its search is for a phone whose connection is gone.
    pub(crate) reconnect: Option<Box<Reconnect>>,
    /// Other ways to the same instance, the next one last.
    pub(crate) others: Vec<Target>,
}

impl Spare {
    /// Nothing is tried.
    pub(crate) fn is_empty(&self) -> bool {
        self.search.is_none() && self.reconnect.is_none() && self.others.is_empty()
    }
}

/// A next hop that is found at several places.
#[derive(Debug)]
pub(crate) struct Search {
    /// As it is sent to any of them: without what depends on the flow.
    pub(crate) copy: BranchRequest,
    at: Attempt,
    /// The next one last.
    rest: Vec<Attempt>,
}

#[derive(Clone, Debug)]
struct Attempt {
    place: Place,
    /// RFC 3263 says UDP, and the request is too long for that.
    for_size: bool,
}

impl Search {
    /// Of the first `max` of these places; `None` if there is none.
    pub(crate) fn new(copy: BranchRequest, places: Vec<Place>, max: usize) -> Option<Self> {
        let is_long = copy.bytes_when_sent() > DATAGRAM_BYTES_MAX;
        let mut rest = Vec::with_capacity(places.len());
        for place in places.into_iter().take(max) {
            // rfc3261 §18.1.1: only where nobody but us has chosen UDP; a flow is never left
            if is_long && place.transport == Transport::Udp {
                let place = Place { transport: Transport::Tcp, ..place.clone() };
                rest.push(Attempt { place, for_size: true });
            }
            rest.push(Attempt { place, for_size: false });
        }
        rest.reverse();
        Some(Search { copy, at: rest.pop()?, rest })
    }

    /// Where it is tried.
    pub(crate) fn place(&self) -> &Place {
        &self.at.place
    }

    /// There is something else to try, if it is silent here.
    pub(crate) fn has_more(&self) -> bool {
        self.rest.len() > usize::from(self.at.for_size)
    }

    /// Where RFC 3263 found the hop, and it is not there. That a place does not speak TCP, which nobody
    /// promised, says nothing about it.
    fn failed(&self) -> Option<Place> {
        (!self.at.for_size).then(|| self.at.place.clone())
    }

    /// The same, at the next place.
    fn after(mut self: Box<Self>, is_unreachable: bool) -> Option<Box<Self>> {
        // rfc3261 §18.1.1: once more over UDP if there is no connection, and not if it was heard
        if self.at.for_size && !is_unreachable {
            self.rest.pop();
        }
        self.at = self.rest.pop()?;
        Some(self)
    }
}

impl ResponseContext {
    /// A branch has said nothing for a while: the next place is tried beside it.
    // rfc3263 §4.3
    pub(crate) fn silent(&mut self, step: &mut Step<'_, '_>, id: BranchId) -> Kept {
        if let Some(pending) = self.forwarding() {
            pending.silent(step, id);
        }
        self.advance(step)
    }
}

impl Pending {
    /// A branch has ended without success. Another takes its place, or what ended it is kept for the
    /// choice at the end.
    // rfc3261 §16.7 step 4
    pub(crate) fn fail(&mut self, step: &mut Step<'_, '_>, id: BranchId, failure: Failure) {
        let is_invite = self.is_invite;
        let Some(branch) = self.branch(id) else {
            return;
        };
        // rfc5626 §5.3.1: the flow no longer exists
        let is_gone = failure.is_unreachable() && branch.by_connection;
        let failure = if is_gone { Failure::FlowGone } else { failure };
        let failure = match std::mem::replace(&mut branch.state, BranchState::Completed) {
            // Given up before; or the ACK of its final response could not be sent.
            BranchState::Completed => return,
            // Another place was asked instead. A decline still is one, for all.
            BranchState::Abandoned if failure.status().class() != StatusClass::GlobalFailure => return,
            // Our own CANCEL brought it: what happened is that time ran out.
            BranchState::Cancelling(Withdrawn::TimerC)
                if failure.status() == StatusCode::REQUEST_TERMINATED =>
            {
                Failure::TimedOut
            }
            BranchState::Abandoned | BranchState::Cancelling(_) => failure,
            before @ (BranchState::Resolving(_)
            | BranchState::Reaching
            | BranchState::Calling(_)
            | BranchState::Proceeding(_)) => {
                // The phone has the request, and would take another branch of it for a loop.
                // rfc3261 §8.2.2.2
                if matches!(before, BranchState::Proceeding(_)) {
                    branch.spare.others.retain(|other| !other.is_anew());
                }
                if self.succeed(step, id, &failure) {
                    return;
                }
                failure
            }
        };
        // rfc4320 §4.2: nobody is told 408 who did not send INVITE
        if is_invite || failure.status() != StatusCode::REQUEST_TIMEOUT {
            self.failures.push(failure);
        }
    }

    /// Opens the branch that takes the place of one that has ended; says whether there is one.
    fn succeed(&mut self, step: &mut Step<'_, '_>, id: BranchId, failure: &Failure) -> bool {
        if self.halted.is_some() {
            return false;
        }
        let is_invite = self.is_invite;
        let Some(branch) = self.branch(id) else {
            return false;
        };
        let (share, mut spare) = (branch.share, std::mem::take(&mut branch.spare));
        if let Some(search) = spare.search.take()
            && failure.is_of_the_place()
        {
            step.turn.out.failed.extend(search.failed());
            // rfc3263 §4.3: a new client transaction with a new branch
            // rfc4321 §1.4: who sent no INVITE has given up when Timer F fires
            if (is_invite || !failure.is_timeout())
                && let Some(search) = search.after(failure.is_unreachable())
            {
                self.reach(step, search, spare.others, Share::of(share.all()));
                return true;
            }
        }
        // rfc5626 §7: another flow of the instance, unless it has given its response
        // rfc5627 §6.1-3
        // rfc3261 §18.1.1: a connection is opened where there is none; one that is there was answered by
        let is_gone = matches!(failure, Failure::FlowGone);
        while spare.others.pop_if(|next| next.is_anew() && !is_gone).is_some() {}
        if failure.is_of_the_flow()
            && (is_invite || !failure.is_timeout())
            && let Some(target) = spare.others.pop()
        {
            self.open(step, target, spare.others, Share::of(share.all()));
            return true;
        }
        false
    }

    fn silent(&mut self, step: &mut Step<'_, '_>, id: BranchId) {
        if self.halted.is_some() {
            return;
        }
        let Some(branch) = self.branch(id) else {
            return;
        };
        let BranchState::Calling(client) = branch.state else {
            return;
        };
        // rfc5393 §5.3.3: it still has its share, so the next one must have another. Without one, or
        // with nowhere else to ask, it has until Timer B.
        let Share { later: 1.., .. } = branch.share else {
            return;
        };
        let Some(search) = branch.spare.search.take_if(|search| search.has_more()) else {
            return;
        };
        branch.state = BranchState::Abandoned;
        let share = Share::of(std::mem::take(&mut branch.share.later));
        let others = std::mem::take(&mut branch.spare.others);
        let turn = &mut *step.turn;
        // What may still come of it is a 2xx: it wins.
        turn.transactions.cancel(turn.now, client, turn.wire);
        turn.out.failed.extend(search.failed());
        if let Some(search) = search.after(false) {
            self.reach(step, search, others, share);
        }
    }

    /// Asks for a flow to the place of a search, as a new branch.
    fn reach(&mut self, step: &mut Step<'_, '_>, search: Box<Search>, others: Vec<Target>, share: Share) {
        let spare = Spare { others, ..Spare::default() };
        match self.push(Branch::new(BranchState::Completed, share, spare)) {
            Some(id) => self.reach_by(step, id, search),
            None => self.failures.push(Failure::Unreachable),
        }
    }

    /// The same, as this branch.
    pub(crate) fn reach_by(&mut self, step: &mut Step<'_, '_>, id: BranchId, search: Box<Search>) {
        let is_invite = self.is_invite;
        let Some(branch) = self.branch(id) else {
            return;
        };
        if is_invite && search.has_more() {
            branch.share = branch.share.halved();
        }
        branch.state = BranchState::Reaching;
        let place = search.place().clone();
        branch.spare.search = Some(search);
        let token = Token::of_branch(step.key, id);
        step.ask(token, Question::Reach { token, place });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ruf_message::Request;

    fn place(transport: Transport, last: u8) -> Place {
        let host = "far.example".parse().unwrap();
        Place { transport, address: ([192, 0, 2, last], 5060).into(), host }
    }

    fn of_length(bytes: usize) -> BranchRequest {
        let request = |headers: &str| sample::request("INVITE", "sip:bob@far.example", headers);
        let short = BranchRequest::of(request("X: \r\n"), &Target::unchanged()).bytes_when_sent();
        let long: Request = request(&format!("X: {}\r\n", "y".repeat(bytes - short)));
        BranchRequest::of(long, &Target::unchanged())
    }

    /// Where it is tried, and in brackets what is told of a failure there.
    fn tried(bytes: usize, places: &[Place], is_unreachable: bool) -> String {
        let mut shown = Vec::new();
        let mut search = Search::new(of_length(bytes), places.to_vec(), 8).map(Box::new);
        while let Some(now) = search {
            let told = if now.failed().is_some() { " (told)" } else { "" };
            shown.push(format!("{}{told}", now.place()));
            search = now.after(is_unreachable);
        }
        shown.join(", ")
    }

    #[test]
    fn a_long_request_goes_by_tcp_and_by_udp_only_where_there_is_no_connection() {
        // tests rfc3261 §18.1.1
        let udp = [place(Transport::Udp, 1), place(Transport::Udp, 2)];
        assert_eq!(tried(1300, &udp, true), "UDP 192.0.2.1:5060 (told), UDP 192.0.2.2:5060 (told)");
        assert_eq!(
            tried(1301, &udp, true),
            "TCP 192.0.2.1:5060, UDP 192.0.2.1:5060 (told), TCP 192.0.2.2:5060, UDP 192.0.2.2:5060 (told)"
        );
        assert_eq!(tried(1301, &udp, false), "TCP 192.0.2.1:5060, TCP 192.0.2.2:5060");
        let tcp = [place(Transport::Tcp, 1)];
        assert_eq!(tried(1301, &tcp, true), "TCP 192.0.2.1:5060 (told)");
    }

    #[test]
    fn no_more_places_are_tried_than_the_bound_says() {
        let many: Vec<Place> = (0..9).map(|last| place(Transport::Udp, last)).collect();
        assert_eq!(tried(1000, &many, true).split(", ").count(), 8);
        assert!(Search::new(of_length(1000), Vec::new(), 8).is_none());
    }
}

//! The side that is referred: asks its user, answers, and reports what becomes of it (RFC 3515 §2.4.2,
//! §2.4.4).

use super::reference::Reference;
use super::reports::{Report, Reports, State};
use super::{PACKAGE, event_id, fragment};
use crate::effect::{Turn, Verb};
use crate::event::SessionEvent;
use crate::invite::answer_to;
use crate::reinvite::too_early;
use crate::session::Session;
use crate::terms::Terms;
use ruf_message::header::event::EndReason;
use ruf_message::header::expires::Expires;
use ruf_message::header::refer::ReferSub;
use ruf_message::{HeaderName, Method, Request, StatusCode, Tick};
use std::mem;
use std::time::Duration;

/// Most references of one dialog that are reported at a time; one more is asked to come back later.
const REFERRALS_MAX: usize = 4;

/// A REFER is left without an answer for so long, in the hope that its user decides at once.
// rfc3515 §2.4.2: 202 before the transaction expires
const PATIENCE: Duration = Duration::from_secs(2);

/// What the peer asked us to do; of each, its own state.
#[derive(Debug, Default)]
pub(crate) struct Referrals {
    all: Vec<Referral>,
    /// One was accepted before: reports of others bear an id.
    any_accepted: bool,
}

#[derive(Debug)]
struct Referral {
    reference: Reference,
    stage: Stage,
}

/// ```text
///   REFER         accept: 202, NOTIFY 100                    the last NOTIFY answered
///  ------> Asked ---------------------------------> Followed -----------------------> over
///           | |  time: 202, NOTIFY pending            ^ ^
///           | +-------------> Pending -- accept ------+ |
///           |                    |                      |
///           |                    +-- refuse, time: 603 -+
///           | refuse, or the call ends: the answer
///           +---------------------------------------------------------------> over
/// ```
#[derive(Debug)]
enum Stage {
    /// The REFER waits for its answer.
    Asked { server: u64, request: Box<Request>, until: Tick },
    /// It has its 202; the user has still not decided.
    Pending { reports: Reports, until: Tick },
    /// The user has decided.
    Followed { reports: Reports },
}

impl Referrals {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        let deadline = |referral: &Referral| match &referral.stage {
            Stage::Asked { until, .. } => Some(*until),
            Stage::Pending { reports, until } => reports.deadline().into_iter().chain([*until]).min(),
            Stage::Followed { reports } => reports.deadline(),
        };
        self.all.iter().filter_map(deadline).min()
    }

    /// This NOTIFY of ours is out, and its answer is waited for.
    pub(crate) fn is_telling(&self, cseq: u32) -> bool {
        self.all.iter().filter_map(Referral::reports).any(|reports| reports.is_telling(cseq))
    }

    /// A NOTIFY went out again with another number.
    pub(crate) fn sent_again(&mut self, before: u32, number: u32) {
        let mut all = self.all.iter_mut().filter_map(Referral::reports_mut);
        if let Some(reports) = all.find(|reports| reports.is_telling(before)) {
            reports.sent_again(number);
        }
    }

    /// The one that its user has not decided about.
    fn take_undecided(&mut self) -> Option<Referral> {
        let at = self.all.iter().position(Referral::is_undecided)?;
        Some(self.all.swap_remove(at))
    }

    /// A subscription begins.
    fn reports(&mut self, id: u32, now: Tick, terms: &Terms, state: State) -> Reports {
        // rfc3515 §2.4.6: from the second on, reports say which
        let event_id = mem::replace(&mut self.any_accepted, true).then_some(id);
        let first = Report { status: StatusCode::TRYING, state };
        Reports::new(event_id, now, now + terms.times.reference(), first)
    }
}

impl Referral {
    fn is_undecided(&self) -> bool {
        match self.stage {
            Stage::Asked { .. } | Stage::Pending { .. } => true,
            Stage::Followed { .. } => false,
        }
    }

    fn reports(&self) -> Option<&Reports> {
        match &self.stage {
            Stage::Asked { .. } => None,
            Stage::Pending { reports, .. } | Stage::Followed { reports } => Some(reports),
        }
    }

    fn reports_mut(&mut self) -> Option<&mut Reports> {
        match &mut self.stage {
            Stage::Asked { .. } => None,
            Stage::Pending { reports, .. } | Stage::Followed { reports } => Some(reports),
        }
    }
}

impl Session {
    /// The peer refers us to somebody.
    // rfc3515 §2.4.2
    pub(crate) fn refer(&mut self, turn: &mut Turn<'_>, server: u64, request: &Request) {
        let reference = match Reference::read(request) {
            Ok(reference) => reference,
            Err(status) => return turn.refuse(server, request, status),
        };
        // One question at a time.
        let all = &self.referrals.all;
        if all.len() >= REFERRALS_MAX || all.iter().any(Referral::is_undecided) {
            let response = too_early(turn.entropy, request);
            return turn.respond(server, response);
        }
        turn.event(SessionEvent::Referred {
            to: reference.to.clone(),
            replaces: reference.replaces(),
            referred_by: reference.referred_by(),
        });
        let request = Box::new(request.clone());
        let stage = Stage::Asked { server, request, until: turn.now + PATIENCE };
        self.referrals.all.push(Referral { reference, stage });
    }

    /// Our user follows it: what to call. The owner says how that call fares by [`Self::report`].
    // rfc3515 §2.4.2
    pub(crate) fn accept_referral(&mut self, turn: &mut Turn<'_>, terms: &Terms) -> Option<Reference> {
        let Referral { reference, stage } = self.referrals.take_undecided()?;
        let reports = match stage {
            Stage::Asked { server, request, .. } => {
                // rfc4488 §4: no subscription where none is wished for
                let is_silent =
                    request.header::<ReferSub<'_>>().is_ok_and(|sub| sub.is_some_and(|sub| !sub.subscribes));
                self.accept_refer(turn, terms, server, &request, is_silent);
                if is_silent {
                    return Some(reference);
                }
                self.referrals.reports(reference.id, turn.now, terms, State::Active)
            }
            Stage::Pending { mut reports, .. } | Stage::Followed { mut reports } => {
                reports.tell(Report { status: StatusCode::TRYING, state: State::Active });
                reports
            }
        };
        let stage = Stage::Followed { reports };
        self.referrals.all.push(Referral { reference: reference.clone(), stage });
        self.send_reports(turn, terms);
        Some(reference)
    }

    /// Our user does not.
    // rfc3515 §2.4.2
    pub(crate) fn refuse_referral(&mut self, turn: &mut Turn<'_>, terms: &Terms, status: StatusCode) {
        let Some(Referral { reference, stage }) = self.referrals.take_undecided() else { return };
        match stage {
            Stage::Asked { server, request, .. } => turn.refuse(server, &request, status),
            // rfc3515 §2.4.5: it was accepted before anybody was asked
            Stage::Pending { mut reports, .. } | Stage::Followed { mut reports } => {
                reports.tell(Report { status, state: State::Over(EndReason::Rejected) });
                self.referrals.all.push(Referral { reference, stage: Stage::Followed { reports } });
                self.send_reports(turn, terms);
            }
        }
    }

    /// The call that follows the reference stands so.
    // rfc3515 §2.4.5, §2.4.7
    pub(crate) fn report(&mut self, turn: &mut Turn<'_>, terms: &Terms, id: u32, status: StatusCode) {
        let referral = self.referrals.all.iter_mut().find(|referral| referral.reference.id == id);
        if let Some(reports) = referral.and_then(Referral::reports_mut) {
            let state = if status.is_final() { State::Over(EndReason::Noresource) } else { State::Active };
            reports.tell(Report { status, state });
            self.send_reports(turn, terms);
        }
    }

    /// The call ends before its user has decided.
    pub(crate) fn terminate_referral(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        self.refuse_referral(turn, terms, StatusCode::REQUEST_TERMINATED);
    }

    /// Whoever referred us asks for more reports, or for no more.
    // rfc3515 §2.4.4 and rfc6665 §4.2.1
    pub(crate) fn subscribed(&mut self, turn: &mut Turn<'_>, terms: &Terms, server: u64, request: &Request) {
        let id = event_id(request).flatten();
        let mut all = self.referrals.all.iter_mut().filter(|referral| match id {
            None => true,
            Some(id) => referral.reference.id == id,
        });
        let Some(reports) = all.find_map(Referral::reports_mut) else {
            // rfc3515 §2.4.4: only a REFER makes one
            return turn.refuse(server, request, StatusCode::FORBIDDEN);
        };
        let most = terms.times.reference();
        let wanted = request.header::<Expires>().ok().flatten();
        let granted = wanted.map_or(most, |Expires(secs)| Duration::from_secs(secs.into()).min(most));
        reports.refresh(turn.now, turn.now + granted);
        self.peer.dialog.refresh(request.contacts());
        let mut response = answer_to(request, StatusCode::OK, "", &terms.party, None);
        // rfc6665 §4.2.1.1
        response.set(HeaderName::Expires, granted.as_secs().to_string());
        turn.respond(server, response);
        self.send_reports(turn, terms);
    }

    /// A NOTIFY of ours has its final response, or will have none.
    pub(crate) fn report_answered(&mut self, cseq: u32, status: StatusCode) {
        if !status.is_provisional() {
            for reports in self.referrals.all.iter_mut().filter_map(Referral::reports_mut) {
                reports.answered(cseq, status.is_success());
            }
        }
        self.referrals.all.retain(|referral| !referral.reports().is_some_and(Reports::is_over));
    }

    pub(crate) fn tick_referrals(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        for referral in &mut self.referrals.all {
            match &referral.stage {
                Stage::Asked { until, .. } | Stage::Pending { until, .. } if *until > turn.now => {}
                Stage::Asked { .. } => return self.defer(turn, terms),
                // rfc3515 §2.4.5: 603, where nobody consented
                Stage::Pending { .. } => return self.refuse_referral(turn, terms, StatusCode::DECLINE),
                Stage::Followed { .. } => {}
            }
        }
        self.send_reports(turn, terms);
    }

    /// The user takes longer than a transaction may.
    // rfc3515 §2.4.2
    fn defer(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        let Some(Referral { reference, stage }) = self.referrals.take_undecided() else { return };
        let Stage::Asked { server, request, .. } = stage else {
            return self.referrals.all.push(Referral { reference, stage });
        };
        self.accept_refer(turn, terms, server, &request, false);
        let reports = self.referrals.reports(reference.id, turn.now, terms, State::Pending);
        let stage = Stage::Pending { reports, until: turn.now + terms.times.referral_max };
        self.referrals.all.push(Referral { reference, stage });
        self.send_reports(turn, terms);
    }

    fn accept_refer(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        server: u64,
        request: &Request,
        is_silent: bool,
    ) {
        // rfc4488 §4: a target refresh request
        self.peer.dialog.refresh(request.contacts());
        let mut response = answer_to(request, StatusCode::ACCEPTED, "", &terms.party, None);
        if is_silent {
            response.set(HeaderName::ReferSub, "false");
        }
        turn.respond(server, response);
    }

    /// Tells what is due.
    fn send_reports(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        let mut all = mem::take(&mut self.referrals.all);
        for reports in all.iter_mut().filter_map(Referral::reports_mut) {
            let Some(Report { status, state }) = reports.due(turn.now) else { continue };
            let event = match reports.event_id {
                None => PACKAGE.to_owned(),
                Some(id) => format!("{PACKAGE};id={id}"),
            };
            let left = reports.expires_secs(turn.now);
            // rfc3515 §2.4.7
            let state = match state {
                State::Pending => format!("pending;expires={left}"),
                State::Active => format!("active;expires={left}"),
                State::Over(reason) => format!("terminated;reason={}", reason.as_str()),
            };
            let body = fragment::of(status);
            let request = self.peer.build(Method::Notify, |notify| {
                notify
                    .header(HeaderName::Contact, format!("<{}>", terms.party.contact))
                    .header(HeaderName::Event, event)
                    .header(HeaderName::SubscriptionState, state)
                    .body(&body.content_type, body.content)
            });
            let cseq = request.cseq().number;
            turn.request(self.peer.asked(Verb::Notify, cseq), request);
            reports.sent(turn.now, cseq);
        }
        self.referrals.all = all;
    }
}

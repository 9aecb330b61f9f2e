//! Offer and answer, in turn (RFC 3264): one machine for one session.
//!
//! ```text
//!                offer()                       receive_offer()
//!   Offered <-------------- Idle, or Stable ------------------> Received
//!      |                     ^   ^    ^  ^                          |
//!      |  receive_answer()   |   |    |  |         answer()         |
//!      +---------------------+   |    |  +--------------------------+
//!      |       (to Stable)       |    |          (to Stable)        |
//!      +-------------------------+    +-----------------------------+
//!        rollback(): it is what it was
//! ```
//!
//! Either side may offer first, so a late offer (in the 2xx, answered in the ACK) is the same as an early
//! one. Where an offer was forked, each early dialog goes on with its own clone. Which message carries what,
//! and how glare is settled, is core/session's.

use std::net::IpAddr;

use crate::answer::answer;
use crate::host::Family;
use crate::negotiated::Negotiated;
use crate::offer::{Draft, Slot, offer};
use crate::outcome::outcome;
use crate::wording::description;
use crate::{Capabilities, Description, Limits, Line, MediaLine, OfferAnswerError, Origin};

/// Who we are in `o=`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ourselves {
    /// A name without spaces, or `-`.
    pub username: String,
    /// Drawn at random for each session. 63 bits of it are used (RFC 3264 §5).
    pub session_id: u64,
    /// An address of ours, for what has no media.
    pub address: IpAddr,
}

/// The offers and answers of one session.
#[derive(Debug, Clone)]
pub struct OfferAnswer {
    ourselves: Ourselves,
    limits: Limits,
    /// The version of what we sent last, which is kept to know whether the next is another.
    version: u64,
    sent: Option<Description>,
    state: State,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Idle,
    Offered {
        before: Option<Box<Agreement>>,
        ours: Box<Ours>,
    },
    Received {
        before: Option<Box<Agreement>>,
        theirs: Description,
    },
    Stable(Box<Agreement>),
}

/// What we said.
#[derive(Debug, Clone)]
struct Ours {
    capabilities: Vec<Capabilities>,
    is_held: bool,
    slots: Vec<Slot>,
    description: Description,
}

/// What both said, and what it comes to.
#[derive(Debug, Clone)]
struct Agreement {
    ours: Ours,
    theirs: Description,
    negotiated: Negotiated,
}

/// Where an [`OfferAnswer`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing was negotiated yet.
    Idle,
    /// Our offer is open.
    Offered,
    /// The peer's offer is open.
    Received,
    /// The last offer was answered.
    Stable,
}

impl OfferAnswer {
    /// A session without any media yet.
    pub fn new(ourselves: Ourselves) -> OfferAnswer {
        OfferAnswer { ourselves, limits: Limits::DEFAULT, version: 0, sent: None, state: State::Idle }
    }

    /// Offers these capabilities, which may be others than before. While the session is on hold by us, they are
    /// offered so.
    ///
    /// # Errors
    /// [`OfferAnswerError::OfferOpen`] and [`OfferAnswerError::AnswerOwed`]: one offer at a time.
    pub fn offer(&mut self, capabilities: &[Capabilities]) -> Result<Description, OfferAnswerError> {
        let is_held = self.agreement().is_some_and(|agreement| agreement.ours.is_held);
        self.offer_so(capabilities.to_vec(), is_held)
    }

    /// Offers the same again: to refresh, or because the peer asks for an offer. All that we have is offered,
    /// not only what was agreed on (RFC 6337 §5.2.5).
    ///
    /// # Errors
    /// Those of [`OfferAnswer::offer`], and [`OfferAnswerError::NoSession`].
    pub fn offer_again(&mut self) -> Result<Description, OfferAnswerError> {
        let ours = &self.agreement().ok_or(OfferAnswerError::NoSession)?.ours;
        let (capabilities, is_held) = (ours.capabilities.clone(), ours.is_held);
        self.offer_so(capabilities, is_held)
    }

    /// Offers the same, on hold: nothing is received. It stays so in all offers and answers of ours until
    /// [`OfferAnswer::resume`] (RFC 6337 §5.3).
    ///
    /// # Errors
    /// Those of [`OfferAnswer::offer_again`].
    pub fn hold(&mut self) -> Result<Description, OfferAnswerError> {
        // rfc3264 §8.4, rfc6337 §5.3
        let capabilities = self.capabilities().ok_or(OfferAnswerError::NoSession)?.to_vec();
        self.offer_so(capabilities, true)
    }

    /// Offers the same, not on hold any more.
    ///
    /// # Errors
    /// Those of [`OfferAnswer::offer_again`].
    pub fn resume(&mut self) -> Result<Description, OfferAnswerError> {
        let capabilities = self.capabilities().ok_or(OfferAnswerError::NoSession)?.to_vec();
        self.offer_so(capabilities, false)
    }

    /// Takes the answer to our offer.
    ///
    /// # Errors
    /// [`OfferAnswerError::NoOffer`], and what makes the answer useless; the offer is open then, and the session
    /// what it was before: [`OfferAnswer::rollback`].
    pub fn receive_answer(&mut self, octets: &[u8]) -> Result<&Negotiated, OfferAnswerError> {
        // rfc3264 §7
        let State::Offered { ours, .. } = &self.state else {
            return Err(OfferAnswerError::NoOffer);
        };
        let theirs = self.read(octets)?;
        let (expected, found) = (ours.description.sections().len(), theirs.sections().len());
        if expected != found {
            return Err(OfferAnswerError::MediaCount { expected, found }); // rfc3264 §6
        }
        let Ours { capabilities, is_held, slots, description } = &**ours;
        let (slots, negotiated) = outcome(capabilities, *is_held, slots.clone(), description, &theirs)?;
        self.state = std::mem::take(&mut self.state).answered(slots, theirs, negotiated);
        self.negotiated().ok_or(OfferAnswerError::NoOffer)
    }

    /// Takes an offer of the peer's, to be answered.
    ///
    /// # Errors
    /// [`OfferAnswerError::Glare`], [`OfferAnswerError::OfferBeforeAnswer`], and what makes the offer useless.
    pub fn receive_offer(&mut self, octets: &[u8]) -> Result<&Description, OfferAnswerError> {
        match &self.state {
            State::Idle | State::Stable(_) => {}
            State::Offered { .. } => return Err(OfferAnswerError::Glare),
            State::Received { .. } => return Err(OfferAnswerError::OfferBeforeAnswer),
        }
        let theirs = self.read(octets)?;
        let expected = self.agreement().map_or(0, |agreement| agreement.theirs.sections().len());
        let found = theirs.sections().len();
        if found < expected {
            return Err(OfferAnswerError::MediaCount { expected, found }); // rfc3264 §8
        }
        self.state = std::mem::take(&mut self.state).received(theirs);
        self.remote().ok_or(OfferAnswerError::NoOffer)
    }

    /// Answers the peer's offer with what these capabilities and the offer have in common. Each media is given
    /// the capabilities that it had, or the first that fit; what none fits is rejected.
    ///
    /// # Errors
    /// [`OfferAnswerError::NoOffer`] and [`OfferAnswerError::NothingInCommon`]; the offer is open then, until
    /// [`OfferAnswer::rollback`].
    pub fn answer(&mut self, capabilities: &[Capabilities]) -> Result<Description, OfferAnswerError> {
        let State::Received { before, theirs } = &self.state else {
            return Err(OfferAnswerError::NoOffer);
        };
        let is_held = before.as_ref().is_some_and(|agreement| agreement.ours.is_held);
        let slots = before.as_ref().map_or(&[][..], |agreement| &agreement.ours.slots);
        let (draft, negotiated) = answer(capabilities, is_held, theirs, slots)?;
        let time = theirs.session().first('t').map_or("0 0", Line::text).to_owned(); // rfc3264 §6
        let ours = self.say(capabilities.to_vec(), is_held, &time, draft);
        let description = ours.description.clone();
        self.state = std::mem::take(&mut self.state).answers(ours, negotiated);
        Ok(description)
    }

    /// Answers with the capabilities that we had.
    ///
    /// # Errors
    /// Those of [`OfferAnswer::answer`], and [`OfferAnswerError::NoSession`].
    pub fn answer_again(&mut self) -> Result<Description, OfferAnswerError> {
        let capabilities = self.capabilities().ok_or(OfferAnswerError::NoSession)?.to_vec();
        self.answer(&capabilities)
    }

    /// The open offer, whosever it is, was refused or is not to be answered: the session is what it was
    /// (RFC 6337 §3.4). Without an open offer nothing happens.
    pub fn rollback(&mut self) {
        self.state = std::mem::take(&mut self.state).rolled_back();
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Idle => Phase::Idle,
            State::Offered { .. } => Phase::Offered,
            State::Received { .. } => Phase::Received,
            State::Stable(_) => Phase::Stable,
        }
    }

    /// What was agreed on last. It holds while an offer is open.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.agreement().map(|agreement| &agreement.negotiated)
    }

    /// Our capabilities, as they were agreed on last.
    pub fn capabilities(&self) -> Option<&[Capabilities]> {
        self.agreement().map(|agreement| &agreement.ours.capabilities[..])
    }

    /// Whether we hold the peer.
    pub fn is_held(&self) -> bool {
        self.agreement().is_some_and(|agreement| agreement.ours.is_held)
    }

    /// What we said last: our open offer, or our part of what was agreed on.
    pub fn local(&self) -> Option<&Description> {
        match &self.state {
            State::Offered { ours, .. } => Some(&ours.description),
            State::Idle | State::Received { .. } | State::Stable(_) => {
                self.agreement().map(|agreement| &agreement.ours.description)
            }
        }
    }

    /// What the peer said last: its open offer, or its part of what was agreed on.
    pub fn remote(&self) -> Option<&Description> {
        match &self.state {
            State::Received { theirs, .. } => Some(theirs),
            State::Idle | State::Offered { .. } | State::Stable(_) => {
                self.agreement().map(|agreement| &agreement.theirs)
            }
        }
    }

    fn agreement(&self) -> Option<&Agreement> {
        match &self.state {
            State::Idle => None,
            State::Offered { before, .. } | State::Received { before, .. } => before.as_deref(),
            State::Stable(agreement) => Some(agreement),
        }
    }

    fn offer_so(
        &mut self,
        capabilities: Vec<Capabilities>,
        is_held: bool,
    ) -> Result<Description, OfferAnswerError> {
        match &self.state {
            State::Idle | State::Stable(_) => {}
            State::Offered { .. } => return Err(OfferAnswerError::OfferOpen),
            State::Received { .. } => return Err(OfferAnswerError::AnswerOwed),
        }
        let before = self.agreement().map(Agreement::media).transpose()?.unwrap_or_default();
        let draft = offer(&capabilities, is_held, before);
        let ours = self.say(capabilities, is_held, "0 0", draft);
        let description = ours.description.clone();
        self.state = std::mem::take(&mut self.state).offers(ours);
        Ok(description)
    }

    fn read(&self, octets: &[u8]) -> Result<Description, OfferAnswerError> {
        let description = Description::read(octets, &self.limits)?.description;
        description.validate()?;
        Ok(description)
    }

    /// Gives it its `o=`: another version if it says anything else than what we sent last, agreed on or not.
    fn say(&mut self, capabilities: Vec<Capabilities>, is_held: bool, time: &str, draft: Draft) -> Ours {
        // rfc3264 §8
        let Draft { sections, slots } = draft;
        let mut description = description(self.ourselves.address, time, sections);
        if self.sent.as_ref() != Some(&description) {
            self.version += 1;
            self.sent = Some(description.clone());
        }
        let Ourselves { username, session_id, address } = &self.ourselves;
        let origin = Origin {
            username: username.clone(),
            session_id: (session_id & i64::MAX as u64).to_string(), // rfc3264 §5
            version: self.version.to_string(),
            family: Family::of(*address),
            address: address.to_string(),
        };
        description.session_mut().put_second(Line::new('o', origin.to_string()));
        Ours { capabilities, is_held, slots, description }
    }
}

/// Each transition takes the state and gives the next; one that does not apply leaves it.
impl State {
    fn offers(self, ours: Ours) -> State {
        let ours = Box::new(ours);
        match self {
            State::Idle => State::Offered { before: None, ours },
            State::Stable(agreement) => State::Offered { before: Some(agreement), ours },
            State::Offered { .. } | State::Received { .. } => self,
        }
    }

    fn answered(self, slots: Vec<Slot>, theirs: Description, negotiated: Negotiated) -> State {
        match self {
            State::Offered { ours, .. } => {
                State::Stable(Box::new(Agreement { ours: Ours { slots, ..*ours }, theirs, negotiated }))
            }
            State::Idle | State::Received { .. } | State::Stable(_) => self,
        }
    }

    fn received(self, theirs: Description) -> State {
        match self {
            State::Idle => State::Received { before: None, theirs },
            State::Stable(agreement) => State::Received { before: Some(agreement), theirs },
            State::Offered { .. } | State::Received { .. } => self,
        }
    }

    fn answers(self, ours: Ours, negotiated: Negotiated) -> State {
        match self {
            State::Received { theirs, .. } => State::Stable(Box::new(Agreement { ours, theirs, negotiated })),
            State::Idle | State::Offered { .. } | State::Stable(_) => self,
        }
    }

    fn rolled_back(self) -> State {
        match self {
            State::Offered { before: Some(agreement), .. }
            | State::Received { before: Some(agreement), .. } => State::Stable(agreement),
            State::Offered { before: None, .. } | State::Received { before: None, .. } => State::Idle,
            State::Idle | State::Stable(_) => self,
        }
    }
}

impl Agreement {
    /// The media with their `m=` lines, as we said them.
    fn media(&self) -> Result<Vec<(Slot, MediaLine)>, OfferAnswerError> {
        let lines = self.ours.description.media().map(|media| media.line());
        self.ours.slots.iter().cloned().zip(lines).map(|(slot, line)| Ok((slot, line?))).collect()
    }
}

//! Reading the answer to our offer (RFC 3264 §7).

use crate::negotiated::{Negotiated, Protection, Stream};
use crate::offer::Slot;
use crate::terms::{Terms, dtls, is_acceptable, is_multicast, pairs_of_answer, setup, srtp, suffices};
use crate::{
    Capabilities, Crypto, Description, Media, MediaLine, Mismatch, OfferAnswerError, ParseError, Security,
    Setup,
};

/// What an answer makes of our offer, and of its media. The answer is valid, and has as many.
pub(crate) fn outcome(
    capabilities: &[Capabilities],
    is_held: bool,
    slots: Vec<Slot>,
    offer: &Description,
    answer: &Description,
) -> Result<(Vec<Slot>, Negotiated), OfferAnswerError> {
    let mut negotiated = Negotiated::default();
    let mut after = Vec::with_capacity(slots.len());
    for (at, ((slot, ours), theirs)) in slots.into_iter().zip(offer.media()).zip(answer.media()).enumerate() {
        let (offered, answered) = (ours.line()?, theirs.line()?);
        let capability = slot.capability.and_then(|place| Some((place, capabilities.get(place)?)));
        match capability {
            Some((capability, wanted)) if answered.port != 0 => {
                let direction = wanted.wish(is_held).and(theirs.direction().reversed());
                let place = Place { at, capability, wanted, direction };
                match place.stream(&slot, (&offered, &answered), theirs)? {
                    Ok(stream) => negotiated.streams.push(stream),
                    Err(mismatch) => negotiated.unusable.push((at, mismatch)),
                }
                after.push(slot);
            }
            Some(_) | None => after.push(Slot::empty(slot.mid.as_deref())), // rfc3264 §6: rejected
        }
    }
    match negotiated.unusable.first() {
        Some((_, mismatch)) if negotiated.streams.is_empty() => {
            Err(OfferAnswerError::NothingInCommon(*mismatch))
        }
        Some(_) | None => Ok((after, negotiated)),
    }
}

struct Place<'a> {
    at: usize,
    capability: usize,
    wanted: &'a Capabilities,
    direction: crate::Direction,
}

impl Place<'_> {
    fn stream(
        self,
        slot: &Slot,
        (offered, answered): (&MediaLine, &MediaLine),
        theirs: Media<'_>,
    ) -> Result<Result<Stream, Mismatch>, ParseError> {
        let pairs = pairs_of_answer(&slot.formats, &theirs, answered);
        let mismatch = if answered.kind != offered.kind {
            Some(Mismatch::Kind) // rfc3264 §6.1
        } else if !answered.protocol.is_rtp()
            || answered.protocol.is_dtls() != offered.protocol.is_dtls()
            || is_multicast(&theirs)
        {
            Some(Mismatch::Transport)
        } else if !suffices(&pairs, &slot.formats) {
            Some(Mismatch::Codec)
        } else {
            None
        };
        let protection = match mismatch {
            Some(mismatch) => Err(mismatch),
            None => protection(self.wanted, &slot.crypto, theirs, &answered.protocol),
        };
        let protection = match protection {
            Ok(protection) => protection,
            Err(mismatch) => return Ok(Err(mismatch)),
        };
        let Place { at: slot, capability, wanted: ours, direction } = self;
        Terms { slot, capability, ours, direction, theirs, line: answered, pairs: &pairs, protection }
            .stream()
            .map(Ok)
    }
}

/// How the answer says it is encrypted; what was required is there, or the stream is not.
fn protection(
    wanted: &Capabilities,
    offered: &[Crypto],
    theirs: Media<'_>,
    protocol: &crate::Protocol,
) -> Result<Protection, Mismatch> {
    if let Security::Dtls(_) = wanted.security {
        // rfc5763 §5
        return match setup(&theirs) {
            Setup::Active => dtls(&theirs, false),
            Setup::Passive => dtls(&theirs, true),
            Setup::ActPass | Setup::HoldConn => Err(Mismatch::Keys),
        };
    }
    // rfc4568 §5.1.3, §7.1.3: the suite and its tag are those of one of our lines
    let chosen = theirs.section().readable::<Crypto>().filter(is_acceptable).find_map(|line| {
        let own = offered.iter().find(|own| own.tag == line.tag && own.suite == line.suite)?;
        srtp(own, &line)
    });
    let may_be_plain = !protocol.demands_srtp()
        && !matches!(wanted.security, Security::Required(_))
        && !theirs.section().has("crypto");
    match chosen {
        Some(protection) => Ok(protection),
        None if may_be_plain => Ok(Protection::Plain),
        None => Err(Mismatch::Keys),
    }
}

//! Writing an answer (RFC 3264 §6).

use crate::codec::is_same;
use crate::ice::{self, Found};
use crate::negotiated::{Negotiated, Protection, Stream};
use crate::numbers::{Numbers, Wish};
use crate::offer::{Draft, Slot};
use crate::terms::{
    COMFORT_NOISE, OLD_EVENTS_CLOCK_HZ, Pair, TELEPHONE_EVENT, Terms, choose_crypto, dtls, is_beside,
    is_multicast, setup, srtp, suffices,
};
use crate::wording::{Wording, refused};
use crate::{
    Capabilities, Codec, Crypto, Description, Format, Ice, Media, MediaLine, Mismatch, OfferAnswerError,
    Order, ParseError, Section, Security, Setup,
};

/// The answer of these capabilities to an offer that is valid. `before` are the media of the session, which
/// go on as the same streams.
pub(crate) fn answer(
    capabilities: &[Capabilities],
    is_held: bool,
    offer: &Description,
    before: &[Slot],
) -> Result<(Draft, Negotiated), OfferAnswerError> {
    // rfc3264 §6
    let mut media = Vec::with_capacity(offer.sections().len());
    for (at, theirs) in offer.media().enumerate() {
        let (line, before) = (theirs.line()?, before.get(at).cloned().unwrap_or_default());
        media.push(Offered { at, formats: theirs.formats_of(&line, &[]), media: theirs, line, before });
    }
    let mut matching = Matching { capabilities, taken: vec![false; capabilities.len()], mismatch: None };
    // What goes on comes first, so that nothing else takes its capabilities.
    let goes_on: Vec<Option<(usize, Agreed)>> = media.iter().map(|offered| matching.take(offered)).collect();
    let (mut draft, mut negotiated) = (Draft::default(), Negotiated::default());
    for (offered, goes_on) in media.iter().zip(goes_on) {
        let found = goes_on.or_else(|| matching.find(offered));
        match found.and_then(|(at, agreed)| Some((at, capabilities.get(at)?, agreed))) {
            Some((capability, ours, agreed)) => {
                let (stream, section, slot) = agreed.accept(offered, (capability, ours), is_held)?;
                negotiated.streams.push(stream);
                draft.sections.push((section, Some(ours.address.ip())));
                draft.slots.push(slot);
            }
            None => {
                let mid = offered.media.mid();
                draft.sections.push((refused(&offered.line, mid), None)); // rfc3264 §6, §8.2
                draft.slots.push(Slot::empty(mid));
            }
        }
    }
    match matching.mismatch {
        Some(mismatch) if negotiated.streams.is_empty() => Err(OfferAnswerError::NothingInCommon(mismatch)), // rfc3264 §6.1
        Some(_) | None => Ok((draft, negotiated)),
    }
}

/// One media of the offer, and what the session knew of it.
struct Offered<'a> {
    at: usize,
    media: Media<'a>,
    line: MediaLine,
    formats: Vec<Format>,
    before: Slot,
}

/// Which capabilities are given to which media.
struct Matching<'a> {
    capabilities: &'a [Capabilities],
    taken: Vec<bool>,
    /// Why the first media that could not be had could not.
    mismatch: Option<Mismatch>,
}

impl Matching<'_> {
    /// Gives this media the capabilities that it had, if they agree.
    fn take(&mut self, offered: &Offered<'_>) -> Option<(usize, Agreed)> {
        let at = offered.before.capability?;
        let taken = self.taken.get_mut(at).filter(|taken| !**taken)?;
        let agreed = agree(self.capabilities.get(at)?, offered).ok()?;
        *taken = true;
        Some((at, agreed))
    }

    /// Gives this media the first capabilities that agree.
    fn find(&mut self, offered: &Offered<'_>) -> Option<(usize, Agreed)> {
        if offered.line.port == 0 {
            return None; // rfc3264 §8.2
        }
        let mut mismatch = Mismatch::Kind;
        for (at, (ours, taken)) in self.capabilities.iter().zip(&mut self.taken).enumerate() {
            if *taken {
                continue;
            }
            match agree(ours, offered) {
                Ok(agreed) => {
                    *taken = true;
                    return Some((at, agreed));
                }
                Err(Mismatch::Kind) => {}
                Err(other) => mismatch = other,
            }
        }
        self.mismatch.get_or_insert(mismatch);
        None
    }
}

/// What a media and capabilities have in common.
struct Agreed {
    pairs: Vec<Pair>,
    protection: Protection,
    crypto: Option<Crypto>,
    setup: Setup,
    numbers: Numbers,
}

impl Agreed {
    /// The stream, our section of it, and what the session knows of it from now on.
    fn accept(
        self,
        offered: &Offered<'_>,
        (capability, ours): (usize, &Capabilities),
        is_held: bool,
    ) -> Result<(Stream, Section, Slot), ParseError> {
        let Offered { at, media, line, .. } = offered;
        let Agreed { pairs, protection, crypto, setup, numbers } = self;
        let direction = media.direction().reversed().and(ours.wish(is_held)); // rfc3264 §6.1
        let slot = Slot {
            capability: Some(capability),
            numbers,
            formats: pairs.iter().map(|pair| pair.ours.clone()).collect(),
            crypto: crypto.into_iter().collect(),
            mid: media.mid().map(str::to_owned),
        };
        let rtcp_mux = ours.rtcp_mux && media.rtcp_mux(); // rfc5761 §5.1.1
        let wording = Wording {
            ours,
            protocol: line.protocol.clone(),
            formats: &slot.formats,
            direction,
            crypto: slot.crypto.clone(),
            setup,
            rtcp_mux,
            // rfc8839 §4.3.2
            ice: match Ice::find(media, line, rtcp_mux) {
                Found::Nothing => ice::Wording::Nothing,
                Found::Mismatch => ice::Wording::Mismatch,
                Found::Ice(_) if rtcp_mux => ice::Wording::OneComponent,
                Found::Ice(_) => ice::Wording::Whole,
            },
            mid: media.mid(), // rfc5888 §9.1
        };
        let section = wording.section();
        let (slot_at, theirs, pairs) = (*at, *media, &pairs[..]);
        let terms = Terms { slot: slot_at, capability, ours, direction, theirs, line, pairs, protection };
        Ok((terms.stream()?, section, slot))
    }
}

fn agree(ours: &Capabilities, offered: &Offered<'_>) -> Result<Agreed, Mismatch> {
    let Offered { media, line, formats, before, .. } = offered;
    if ours.kind != line.kind || !ours.is_wanted() || line.port == 0 {
        return Err(Mismatch::Kind);
    }
    if !ours.speaks(&line.protocol) || line.count != 1 || is_multicast(media) {
        return Err(Mismatch::Transport);
    }
    let (protection, crypto, setup) = protect(ours, media, line)?;
    let mut numbers = before.numbers.clone();
    let mut pairs: Vec<Pair> = Vec::new();
    let mut used: Vec<Format> = Vec::new();
    for (format, theirs) in common(ours, formats) {
        // The offer's number is taken, unless it means something else on our side (rfc3264 §6.1, §8.3.2).
        if let Some(payload_type) = numbers.give(&format, Wish::First, &used) {
            let format = Format { payload_type, ..format };
            used.push(format.clone());
            pairs.push(Pair { ours: format, theirs });
        }
    }
    if !suffices(&pairs, formats) {
        return Err(Mismatch::Codec);
    }
    Ok(Agreed { pairs, protection, crypto, setup, numbers })
}

/// How the stream is encrypted, with our line of keys, and who of us opens DTLS.
fn protect(
    ours: &Capabilities,
    media: &Media<'_>,
    line: &MediaLine,
) -> Result<(Protection, Option<Crypto>, Setup), Mismatch> {
    if let Security::Dtls(_) = &ours.security {
        // rfc5763 §5
        return match setup(media) {
            Setup::ActPass | Setup::Passive => Ok((dtls(media, true)?, None, Setup::Active)),
            Setup::Active => Ok((dtls(media, false)?, None, Setup::Passive)),
            Setup::HoldConn => Err(Mismatch::Keys),
        };
    }
    let chosen = choose_crypto(ours.security.keys(), media);
    let chosen = chosen.and_then(|(own, theirs)| Some((srtp(&own, &theirs)?, Some(own), Setup::ActPass)));
    let may_be_plain = !line.protocol.demands_srtp() && !matches!(ours.security, Security::Required(_));
    match chosen {
        Some(chosen) => Ok(chosen),
        None if may_be_plain => Ok((Protection::Plain, None, Setup::ActPass)),
        None => Err(Mismatch::Keys), // rfc4568 §5.1.2
    }
}

/// The formats that both have, ours with the peer's number, in the order that the answer has them.
fn common(ours: &Capabilities, offered: &[Format]) -> Vec<(Format, Format)> {
    let with_number =
        |theirs: &Format, fmtp: &str| (Format { fmtp: fmtp.to_owned(), ..theirs.clone() }, theirs.clone());
    let is_it = |codec: &Codec, theirs: &Format| {
        is_same((&codec.encoding, &theirs.encoding), (&codec.fmtp, &theirs.fmtp))
    };
    let mut codecs: Vec<(usize, &Codec, &Format)> = Vec::new();
    for codec in &ours.codecs {
        let is_free = |at: usize| codecs.iter().all(|(taken, ..)| *taken != at);
        let found = offered.iter().enumerate().find(|(at, theirs)| is_free(*at) && is_it(codec, theirs));
        codecs.extend(found.map(|(at, theirs)| (at, codec, theirs)));
    }
    match ours.order {
        Order::Offer => codecs.sort_by_key(|(at, ..)| *at), // rfc3264 §6.1
        Order::Ours => {}
    }
    let mut common: Vec<(Format, Format)> =
        codecs.into_iter().map(|(_, codec, theirs)| with_number(theirs, &codec.fmtp)).collect();
    let clocks: Vec<u32> = common.iter().map(|(format, _)| format.encoding.clock_rate_hz).collect();
    let named = |name: &'static str| offered.iter().filter(move |theirs| theirs.encoding.is(name));
    let of_the_clocks = |theirs: &&Format| clocks.contains(&theirs.encoding.clock_rate_hz);
    if ours.comfort_noise {
        common.extend(named(COMFORT_NOISE).filter(of_the_clocks).map(|theirs| with_number(theirs, "")));
    }
    if let Some(events) = ours.events {
        let fmtp = events.to_string();
        let alone = offered.iter().all(is_beside);
        let mut chosen: Vec<&Format> =
            named(TELEPHONE_EVENT).filter(|theirs| alone || of_the_clocks(theirs)).collect(); // rfc4733 §2.1
        if chosen.is_empty() {
            let old = |theirs: &&Format| theirs.encoding.clock_rate_hz == OLD_EVENTS_CLOCK_HZ;
            chosen.extend(named(TELEPHONE_EVENT).find(old));
        }
        common.extend(chosen.into_iter().map(|theirs| with_number(theirs, &fmtp)));
    }
    common
}

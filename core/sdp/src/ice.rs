//! What one side says of ICE in a media: the attributes of RFC 8839 §5, together. ICE itself is core/ice's.

use std::fmt;

use crate::negotiated::Destination;
use crate::terms::rtcp_of;
use crate::word::number;
use crate::{Candidate, Line, Media, MediaLine, Section};

/// An ufrag or password is no longer.
const WORD_OCTETS_MAX: usize = 256; // rfc8839 §5.4
/// The components of RTP.
const RTP: u16 = 1;
const RTCP: u16 = 2;

/// One side's credentials and candidates.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Ice {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
    /// `a=candidate`.
    pub candidates: Vec<Candidate>,
    /// `a=ice-options`: `trickle`, `ice2`.
    pub options: Vec<String>,
    /// `a=end-of-candidates`: none will follow.
    pub is_complete: bool,
    /// `a=ice-lite`, of the session. We are not.
    pub is_lite: bool,
    /// `a=ice-pacing`, of the session: the least time between two checks, in milliseconds. We say nothing, which is 50.
    pub pacing_ms: Option<u32>,
}

/// What a media says of ICE.
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// That it is done, but somebody on the way changed where the media is received, or the peer says that
    /// somebody changed ours: it cannot be used.
    Mismatch,
    /// All that is needed.
    Ice(Ice),
}

/// How our side of ICE is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    /// Not at all.
    Nothing,
    /// That it cannot be used.
    Mismatch,
    /// As it is.
    Whole,
    /// Without the candidates of RTCP, which shares the port of RTP.
    OneComponent,
}

impl Ice {
    /// What a media says, or its session; `None` without credentials.
    pub fn of(media: &Media<'_>) -> Option<Ice> {
        // rfc8839 §5.4
        let word = |word: &&str| word.len() <= WORD_OCTETS_MAX && word.bytes().all(is_of_word);
        Some(Ice {
            ufrag: media.ice_ufrag().filter(word)?.to_owned(),
            pwd: media.ice_pwd().filter(word)?.to_owned(),
            candidates: media.section().readable().collect(),
            options: media.ice_options().map(str::to_owned).collect(),
            is_complete: media.end_of_candidates(),
            is_lite: media.attribute("ice-lite").is_some(),
            pacing_ms: media.attribute("ice-pacing").and_then(|value| number(value.trim())),
        })
    }

    /// What a media says, and whether it can be used.
    pub(crate) fn find(media: &Media<'_>, line: &MediaLine, rtcp_mux: bool) -> Found {
        // rfc8839 §4.2.5, §4.3.3
        match Ice::of(media) {
            None if media.section().has("ice-mismatch") => Found::Mismatch,
            None => Found::Nothing,
            Some(_) if media.section().has("ice-mismatch") => Found::Mismatch,
            Some(ice) if ice.has_default(media, line, rtcp_mux) => Found::Ice(ice),
            Some(_) => Found::Mismatch,
        }
    }

    /// Whether where the media is received is one of its candidates, for each component that has any.
    fn has_default(&self, media: &Media<'_>, line: &MediaLine, rtcp_mux: bool) -> bool {
        // rfc8839 §4.2.5
        let Ok(Some(connection)) = media.connection() else { return false };
        let is_it = |component: u16, to: &Destination| {
            let is_candidate = |candidate: &Candidate| {
                (candidate.component, candidate.port) == (component, to.port) && candidate.host == to.host
            };
            // A name, and nowhere, are no mismatch.
            to.host.ip().is_none() || to.host.is_nowhere() || self.candidates.iter().any(is_candidate)
        };
        let rtp = Destination { host: connection.host, port: line.port };
        let has_rtcp = !rtcp_mux && self.candidates.iter().any(|candidate| candidate.component == RTCP);
        let rtcp = rtcp_of(media, &rtp).filter(|_| has_rtcp);
        is_it(RTP, &rtp) && rtcp.is_none_or(|rtcp| is_it(RTCP, &rtcp))
    }

    pub(crate) fn write(&self, wording: Wording, section: &mut Section) {
        match wording {
            Wording::Nothing => return,
            Wording::Mismatch => return section.put_flag("ice-mismatch"), // rfc8839 §4.2.5
            Wording::Whole | Wording::OneComponent => {}
        }
        section.push(Line::attribute("ice-ufrag", &self.ufrag));
        section.push(Line::attribute("ice-pwd", &self.pwd));
        if !self.options.is_empty() {
            section.push(Line::attribute("ice-options", self.options.join(" ")));
        }
        let is_said = |candidate: &&Candidate| wording == Wording::Whole || candidate.component == RTP; // rfc5761 §5.1.3
        self.candidates.iter().filter(is_said).for_each(|candidate| section.put(candidate));
        if self.is_complete {
            section.put_flag("end-of-candidates");
        }
    }
}

/// Letters, digits, `+` and `/`.
fn is_of_word(octet: u8) -> bool {
    // rfc8839 §5.1
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/')
}

/// Without the password.
impl fmt::Debug for Ice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ice")
            .field("ufrag", &self.ufrag)
            .field("candidates", &self.candidates)
            .field("options", &self.options)
            .field("is_complete", &self.is_complete)
            .field("is_lite", &self.is_lite)
            .field("pacing_ms", &self.pacing_ms)
            .finish_non_exhaustive()
    }
}

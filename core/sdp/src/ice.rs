//! What one side says of ICE in a media: the attributes of RFC 8839 §5, together. ICE itself is io/media's.

use std::fmt;

use crate::{Candidate, Line, Media, Section};

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
}

impl Ice {
    /// What a media says, or its session; `None` without credentials.
    pub fn of(media: &Media<'_>) -> Option<Ice> {
        // rfc8839 §5.4
        Some(Ice {
            ufrag: media.ice_ufrag()?.to_owned(),
            pwd: media.ice_pwd()?.to_owned(),
            candidates: media.section().readable().collect(),
            options: media.ice_options().map(str::to_owned).collect(),
            is_complete: media.end_of_candidates(),
            is_lite: media.attribute("ice-lite").is_some(),
        })
    }

    pub(crate) fn write(&self, section: &mut Section) {
        section.push(Line::attribute("ice-ufrag", &self.ufrag));
        section.push(Line::attribute("ice-pwd", &self.pwd));
        if !self.options.is_empty() {
            section.push(Line::attribute("ice-options", self.options.join(" ")));
        }
        self.candidates.iter().for_each(|candidate| section.put(candidate));
        if self.is_complete {
            section.put_flag("end-of-candidates");
        }
    }
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
            .finish_non_exhaustive()
    }
}

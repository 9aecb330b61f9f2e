//! One media of a description, with what it has of the session where it says nothing itself
//! (RFC 8866 §5, §6).

use crate::format::formats;
use crate::{Attribute, Connection, Direction, Format, Line, MediaLine, ParseError, Section};

/// A media section and the session that it stands in. Each view is read when it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Media<'a> {
    session: &'a Section,
    own: &'a Section,
}

impl<'a> Media<'a> {
    pub(crate) fn new(session: &'a Section, own: &'a Section) -> Media<'a> {
        Media { session, own }
    }

    /// Its own lines.
    pub fn section(&self) -> &'a Section {
        self.own
    }

    /// What its `m=` line says.
    ///
    /// # Errors
    /// The line, if it cannot be read.
    pub fn line(&self) -> Result<MediaLine, ParseError> {
        let line = self.own.first('m');
        let read = line.and_then(|line| MediaLine::parse(line.text()));
        read.ok_or_else(|| match line {
            Some(line) => line.unreadable(MediaLine::EXPECTED),
            None => ParseError::new(0, MediaLine::EXPECTED, "none"),
        })
    }

    /// Where its `m=` line stands, counted from 1.
    pub fn number(&self) -> usize {
        self.own.first('m').map_or(0, Line::number)
    }

    /// Its connection address, or the session's. The first, of several.
    ///
    /// # Errors
    /// The line, if it cannot be read.
    pub fn connection(&self) -> Result<Option<Connection>, ParseError> {
        // rfc8866 §5.7
        let Some(line) = self.own.first('c').or_else(|| self.session.first('c')) else {
            return Ok(None);
        };
        Connection::parse(line.text()).map(Some).ok_or_else(|| line.unreadable(Connection::EXPECTED))
    }

    /// Its direction, or the session's, or the default: both ways.
    pub fn direction(&self) -> Direction {
        // rfc8866 §6.7
        let of = |section: &Section| {
            section.lines().iter().filter_map(Line::as_attribute).find_map(|(name, _)| Direction::parse(name))
        };
        of(self.own).or_else(|| of(self.session)).unwrap_or_default()
    }

    /// The formats of RTP that say what they are, in order of preference, each once; those without `a=rtpmap`
    /// are the static ones.
    pub fn formats(&self) -> Vec<Format> {
        self.line().map(|line| self.formats_of(&line, &[])).unwrap_or_default()
    }

    /// The same, of its `m=` line, where a payload type without `a=rtpmap` is one of `known`.
    pub(crate) fn formats_of(&self, line: &MediaLine, known: &[Format]) -> Vec<Format> {
        formats(&line.formats, self.own, known)
    }

    /// The value of an attribute of its own or, if it has none, of the session.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.own.attribute(name).or_else(|| self.session.attribute(name))
    }

    /// An attribute with a type, of its own or the session's.
    ///
    /// # Errors
    /// The line, if it cannot be read.
    pub fn get<T: Attribute>(&self) -> Result<Option<T>, ParseError> {
        match self.own.get()? {
            Some(found) => Ok(Some(found)),
            None => self.session.get(),
        }
    }

    /// All attributes of a type that can be read: its own or, if it has none, the session's.
    pub fn readable<T: Attribute>(&self) -> impl Iterator<Item = T> {
        let section = if self.own.has(T::NAME) { self.own } else { self.session };
        section.readable()
    }

    /// Whether RTCP comes to the same port as RTP (RFC 5761 §5.1.1).
    pub fn rtcp_mux(&self) -> bool {
        self.own.has("rtcp-mux")
    }

    /// Its name in groups (RFC 5888 §4).
    pub fn mid(&self) -> Option<&'a str> {
        self.own.attribute("mid").map(str::trim)
    }

    /// The user fragment of ICE (RFC 8839 §5.4).
    pub fn ice_ufrag(&self) -> Option<&'a str> {
        self.attribute("ice-ufrag").map(str::trim)
    }

    /// The password of ICE (RFC 8839 §5.4).
    pub fn ice_pwd(&self) -> Option<&'a str> {
        self.attribute("ice-pwd").map(str::trim)
    }

    /// The options of ICE, of the media or the session (RFC 8839 §5.6).
    pub fn ice_options(&self) -> impl Iterator<Item = &'a str> {
        self.attribute("ice-options").unwrap_or_default().split_ascii_whitespace()
    }

    /// Whether no more candidates follow (RFC 8840 §8.2).
    pub fn end_of_candidates(&self) -> bool {
        self.attribute("end-of-candidates").is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::*;

    const TEXT: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        a=recvonly\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-options:trickle x\r\n\
        m=audio 9 RTP/AVP 0\r\na=ptime:30\r\na=ice-ufrag:8hhY\r\na=mid: 0\r\na=rtcp-mux\r\n\
        m=video 9 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\na=sendonly\r\na=ptime:x\r\na=end-of-candidates\r\n";

    #[test]
    fn a_media_has_of_the_session_what_it_does_not_say() {
        // tests rfc8866 §5.7, §6.7
        let description = Description::parse(TEXT.as_bytes()).unwrap();
        let [audio, video] = &description.media().collect::<Vec<_>>()[..] else { panic!("two media") };
        assert_eq!((audio.direction(), video.direction()), (Direction::RecvOnly, Direction::SendOnly));
        assert_eq!(audio.connection().unwrap().unwrap().to_string(), "IN IP4 192.0.2.1");
        assert_eq!(video.connection().unwrap().unwrap().to_string(), "IN IP6 2001:db8::1");
        assert_eq!((audio.ice_ufrag(), audio.mid()), (Some("8hhY"), Some("0")));
        assert_eq!(audio.ice_pwd(), video.ice_pwd());
        assert_eq!(video.ice_options().collect::<Vec<_>>(), ["trickle", "x"]);
        assert!(audio.rtcp_mux() && !video.rtcp_mux());
        assert!(!audio.end_of_candidates() && video.end_of_candidates());
        description.validate().unwrap();
    }

    #[test]
    fn a_value_is_judged_when_it_is_asked_for() {
        // tests rfc8866 §5.13
        let description = Description::parse(TEXT.as_bytes()).unwrap();
        let media: Vec<Media<'_>> = description.media().collect();
        assert_eq!(media[0].get(), Ok(Some(Ptime(Duration::from_millis(30)))));
        let error = media[1].get::<Ptime>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "SDP line 17: expected `a=ptime:<milliseconds>`, more than 0, found `a=ptime`"
        );
        assert_eq!(media[1].readable::<Ptime>().count(), 0);
    }

    #[test]
    fn without_address_it_is_no_description_to_answer() {
        let valid = |text: &str| Description::parse(text.as_bytes()).unwrap().validate();
        let head = "v=0\r\no=- 1 1 IN IP4 h\r\n";
        assert!(valid(&format!("{head}m=audio 9 RTP/AVP 0\r\n")).is_err());
        assert!(valid(&format!("{head}m=audio 0 RTP/AVP 0\r\n")).is_ok());
        assert!(valid(&format!("{head}m=audio\r\n")).is_err());
        assert!(valid(&format!("{head}c=x\r\nm=audio 9 RTP/AVP 0\r\n")).is_err());
    }
}

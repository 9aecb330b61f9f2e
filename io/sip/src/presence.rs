//! [`Presence`]: how somebody is, in the few words that a phone has for it. Its document is core/events'.

use std::fmt;

use ruf_events::Basic;
use ruf_message::body::Body;

/// How somebody is.
///
/// ```
/// use ruf_sip::Presence;
///
/// let lunch = Presence::away().doing("meal").saying("back at one");
/// assert_eq!(lunch.to_string(), "there, away, meal: back at one");
/// assert_eq!(Presence::offline().to_string(), "not there");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Whether they can be reached; `None` if nobody says.
    pub is_there: Option<bool>,
    /// What they do, in the words of RFC 4480 §3.2: `on-the-phone`, `away`, `busy`, `meeting`.
    pub activities: Vec<String>,
    /// What they say of it; may be empty.
    pub note: String,
}

impl Presence {
    /// Can be reached.
    pub fn available() -> Presence {
        Presence { is_there: Some(true), ..Presence::default() }
    }

    /// Can be reached, and would rather not.
    pub fn busy() -> Presence {
        Presence::available().doing("busy")
    }

    /// Can be reached, and may not be there.
    pub fn away() -> Presence {
        Presence::available().doing("away")
    }

    /// Cannot be reached.
    pub fn offline() -> Presence {
        Presence { is_there: Some(false), ..Presence::default() }
    }

    /// Doing this: a word of RFC 4480 §3.2, or words of one's own.
    #[must_use]
    pub fn doing(mut self, activity: &str) -> Presence {
        self.activities.push(activity.to_owned());
        self
    }

    /// Saying this.
    #[must_use]
    pub fn saying(self, note: &str) -> Presence {
        Presence { note: note.to_owned(), ..self }
    }

    /// The document that says so of this entity.
    pub(crate) fn document(&self, entity: &str) -> Body {
        let basic = if self.is_there == Some(true) { Basic::Open } else { Basic::Closed };
        let mut presence = ruf_events::Presence::new(entity, entity, basic);
        if self.is_there.is_none() {
            presence.tuples.clear();
        }
        presence.activities.clone_from(&self.activities);
        if !self.note.is_empty() {
            presence = presence.saying(&self.note);
        }
        Body { content_type: ruf_events::presence::CONTENT_TYPE.to_owned(), content: presence.write().into() }
    }

    pub(crate) fn of(presence: &ruf_events::Presence) -> Presence {
        Presence {
            is_there: presence.basic().map(|basic| basic == Basic::Open),
            activities: presence.activities.iter().map(|activity| one_line(activity)).collect(),
            note: one_line(presence.note().unwrap_or_default()),
        }
    }
}

/// What strangers say is one line, and moves no cursor.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_there {
            Some(true) => "there",
            Some(false) => "not there",
            None => "not known",
        })?;
        for activity in &self.activities {
            write!(f, ", {}", activity.replace('-', " "))?;
        }
        if self.note.is_empty() { Ok(()) } else { write!(f, ": {}", self.note) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        for presence in [
            Presence::default().saying("hm"),
            Presence::available(),
            Presence::busy().saying("<later>"),
            Presence::away().doing("at the lake"),
            Presence::offline(),
        ] {
            let document = presence.document("sip:alice@example.org");
            assert_eq!(Presence::of(&ruf_events::Presence::read(&document.content).unwrap()), presence);
        }
    }

    #[test]
    fn what_strangers_say_is_one_line() {
        let presence =
            ruf_events::Presence::new("x", "x", Basic::Open).doing("a\tb").saying("c\r\n\u{9b}2Jd");
        let read = Presence::of(&ruf_events::Presence::read(presence.write().as_bytes()).unwrap());
        assert_eq!((read.activities, read.note.as_str()), (vec!["a b".to_owned()], "c   2Jd"));
    }

    #[test]
    fn it_says_itself_in_a_few_words() {
        let of = |presence: Presence| presence.to_string();
        assert_eq!(of(Presence::available().doing("on-the-phone")), "there, on the phone");
        assert_eq!(of(Presence::default()), "not known");
    }
}

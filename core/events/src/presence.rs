//! The package `presence` and its documents (RFC 3856, RFC 3863): whether somebody can be reached, and how.
//!
//! [`Presence`] reads and writes `application/pidf+xml`, and of what RFC 4480 adds to it the activities. What else
//! extensions say is read over (RFC 3863 §4.2.3). Who may know it is the notifier's owner to say; where several
//! documents become one is a server's work.

mod read;
mod write;

use crate::package::EventPackage;

/// The package.
// rfc3856 §6.1, §6.4, §6.5, §6.9
pub const PRESENCE: EventPackage =
    EventPackage { name: "presence", content_type: CONTENT_TYPE, expires_secs: 3_600, is_forked: false };

/// The type of its documents.
// rfc3863 §6
pub const CONTENT_TYPE: &str = "application/pidf+xml";

/// Whether one can be reached.
// rfc3863 §4.1.4
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basic {
    /// One can.
    Open,
    /// One cannot.
    Closed,
}

/// All that is known of somebody's presence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Whose: `pres:`, `sip:` or another URI.
    pub entity: String,
    /// Each way to reach them, or device of theirs.
    pub tuples: Vec<Tuple>,
    /// What they do, in the words of RFC 4480 §3.2: `on-the-phone`, `away`, `busy`, `meeting`.
    pub activities: Vec<String>,
    /// What they say of it.
    pub notes: Vec<Note>,
}

/// One way to reach somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuple {
    /// Tells it from the others of the document.
    pub id: String,
    /// Whether it can be used; `None`: its status is of another kind.
    pub basic: Option<Basic>,
    /// Where.
    pub contact: Option<Contact>,
    /// What is said of it.
    pub notes: Vec<Note>,
    /// Since when it is so, as RFC 3339 writes it: `2001-10-27T16:49:29Z`.
    pub timestamp: Option<String>,
}

/// Where somebody is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The URI.
    pub uri: String,
    /// From 0 to 1,000: thousandths; where nothing is said it is the lowest.
    // rfc3863 §4.1.5
    pub priority_permille: u16,
}

/// A sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// In this language: `en`; empty if not said.
    pub lang: String,
    /// The sentence.
    pub text: String,
}

impl Presence {
    /// One way to reach somebody, that can be used or not.
    pub fn new(entity: &str, contact: &str, basic: Basic) -> Self {
        let contact = Contact { uri: contact.to_owned(), priority_permille: 1_000 };
        let tuple =
            Tuple { id: "ruf".to_owned(), basic: Some(basic), contact: Some(contact), ..Tuple::default() };
        Presence { entity: entity.to_owned(), tuples: vec![tuple], ..Presence::default() }
    }

    /// Doing this, in a word of RFC 4480 §3.2.
    #[must_use]
    pub fn doing(mut self, activity: &str) -> Self {
        self.activities.push(activity.to_owned());
        self
    }

    /// Saying this.
    #[must_use]
    pub fn saying(mut self, text: &str) -> Self {
        self.notes.push(Note { lang: String::new(), text: text.to_owned() });
        self
    }

    /// Whether they can be reached in any way; `None` if the document does not say.
    pub fn basic(&self) -> Option<Basic> {
        let mut all = self.tuples.iter().filter_map(|tuple| tuple.basic);
        all.clone().find(|basic| *basic == Basic::Open).or_else(|| all.next())
    }

    /// The first sentence for people: on the whole, else on a way that can be used, else on any.
    pub fn note(&self) -> Option<&str> {
        let open = self.tuples.iter().filter(|tuple| tuple.basic == Some(Basic::Open));
        let of_tuples = open.chain(&self.tuples).flat_map(|tuple| &tuple.notes);
        self.notes.iter().chain(of_tuples).map(|note| note.text.as_str()).next()
    }
}

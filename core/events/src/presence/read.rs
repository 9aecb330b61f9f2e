//! Reading: what is known is taken, what is not known is read over, and only what is no PIDF at all is refused.

use super::{Basic, Contact, Note, Presence, Tuple};
use crate::xml::{self, Element, Namespace, NotRead};

/// Most tuples that are kept of a document; also most notes, and most activities.
const KEPT_MAX: usize = 64;

impl Presence {
    /// Reads a document.
    ///
    /// # Errors
    /// It is no XML, or no PIDF.
    // rfc3863 §4.1
    pub fn read(document: &[u8]) -> Result<Self, NotRead> {
        let root = xml::read(document)?;
        // rfc3863 §4.1.1
        if !root.is(Namespace::Pidf, "presence") {
            return Err(NotRead::OtherRoot);
        }
        Ok(Presence {
            entity: root.attribute("entity").unwrap_or_default().trim().to_owned(),
            tuples: root.all(Namespace::Pidf, "tuple").take(KEPT_MAX).map(tuple).collect(),
            activities: activities(&root),
            notes: notes(&root),
        })
    }
}

// rfc3863 §4.1.2
fn tuple(tuple: &Element) -> Tuple {
    let status = tuple.all(Namespace::Pidf, "status").next();
    let basic = status.and_then(|status| status.all(Namespace::Pidf, "basic").next());
    let text = |name: &'static str| {
        tuple.all(Namespace::Pidf, name).map(Element::text).find(|text| !text.is_empty())
    };
    Tuple {
        id: tuple.attribute("id").unwrap_or_default().to_owned(),
        basic: basic.and_then(|basic| match basic.text() {
            // Written as RFC 3863 has it, and as phones do.
            text if text.eq_ignore_ascii_case("open") => Some(Basic::Open),
            text if text.eq_ignore_ascii_case("closed") => Some(Basic::Closed),
            _ => None,
        }),
        contact: tuple.all(Namespace::Pidf, "contact").find(|contact| !contact.text().is_empty()).map(
            |contact| {
                let priority = contact.attribute("priority").and_then(permille);
                // rfc3863 §4.1.5: the lowest, where none is given or it is out of range
                Contact { uri: contact.text().to_owned(), priority_permille: priority.unwrap_or(0) }
            },
        ),
        notes: notes(tuple),
        timestamp: text("timestamp").map(str::to_owned),
    }
}

fn notes(of: &Element) -> Vec<Note> {
    of.all(Namespace::Pidf, "note")
        .filter(|note| !note.text().is_empty())
        .take(KEPT_MAX)
        .map(|note| Note {
            lang: note.attribute("xml:lang").unwrap_or_default().to_owned(),
            text: note.text().to_owned(),
        })
        .collect()
}

/// Those of the person (RFC 4479), and those that old phones put into a tuple or right below the root.
fn activities(root: &Element) -> Vec<String> {
    let persons = root.all(Namespace::DataModel, "person");
    let tuples = || root.all(Namespace::Pidf, "tuple");
    let statuses = tuples().flat_map(|tuple| tuple.all(Namespace::Pidf, "status"));
    let places = persons.chain(tuples()).chain(statuses).chain([root]);
    places
        .flat_map(|place| place.all(Namespace::Rpid, "activities"))
        .flat_map(Element::children)
        .filter(|activity| {
            activity.namespace() == Namespace::Rpid && !matches!(activity.name(), "note" | "unknown")
        })
        .map(|activity| match (activity.name(), activity.text()) {
            // rfc4480 §3.2: in words of their own
            ("other", text) if !text.is_empty() => text.to_owned(),
            (name, _) => name.to_owned(),
        })
        .take(KEPT_MAX)
        .collect()
}

/// Thousandths: `0`, `0.021`, `1.00`.
// rfc3863 §4.1.5: at most three digits after the point
fn permille(text: &str) -> Option<u16> {
    ruf_message::header::address::qvalue(text.trim().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pidf(inner: &str) -> Presence {
        let document = format!(
            "<?xml version='1.0'?><presence xmlns='urn:ietf:params:xml:ns:pidf' \
             xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' xmlns:d='urn:ietf:params:xml:ns:pidf:data-model' \
             entity='sip:bob@h'>{inner}</presence>"
        );
        Presence::read(document.as_bytes()).unwrap()
    }

    #[test]
    fn somebody_is_there_if_any_way_to_them_is_open() {
        // tests rfc3863 §4.1.2, §4.1.4
        let tuple =
            |basic: &str| format!("<tuple id='{basic}'><status><basic>{basic}</basic></status></tuple>");
        let basic = |all: &[&str]| pidf(&all.iter().map(|one| tuple(one)).collect::<String>()).basic();
        assert_eq!(basic(&[]), None);
        assert_eq!(basic(&["odd"]), None);
        assert_eq!(basic(&["closed", "odd"]), Some(Basic::Closed));
        assert_eq!(basic(&["closed", "Open"]), Some(Basic::Open));
    }

    #[test]
    fn a_priority_out_of_range_is_the_lowest() {
        // tests rfc3863 §4.1.5
        let of = |priority: &str| {
            let found = pidf(&format!("<tuple id='1'><contact{priority}> sip:b@h </contact></tuple>"));
            found.tuples[0].contact.clone().unwrap()
        };
        for (priority, permille) in [
            ("", 0),
            (" priority='0.8'", 800),
            (" priority='1.00'", 1_000),
            (" priority='0.021'", 21),
            (" priority='2'", 0),
            (" priority='high'", 0),
        ] {
            assert_eq!(
                of(priority),
                Contact { uri: "sip:b@h".into(), priority_permille: permille },
                "{priority}"
            );
        }
    }

    #[test]
    fn what_somebody_does_is_read_wherever_phones_put_it() {
        // tests rfc4480 §3.2
        let activities = |inner: &str| pidf(inner).activities;
        let two =
            "<r:activities><r:note>x</r:note><r:away/><r:other>bowling</r:other><r:unknown/></r:activities>";
        let read = ["away", "bowling"];
        assert_eq!(activities(&format!("<d:person id='p'>{two}</d:person>")), read);
        assert_eq!(activities(&format!("<tuple id='1'><status>{two}</status></tuple>")), read);
        assert_eq!(activities(two), read);
        assert!(activities("<r:activities/><d:person/>").is_empty());
    }

    #[test]
    fn a_document_of_a_thousand_tuples_is_cut() {
        let many = "<tuple id='1'/>".repeat(1_000);
        assert_eq!(pidf(&many).tuples.len(), KEPT_MAX);
    }

    #[test]
    fn the_note_on_the_whole_comes_first_then_that_on_an_open_way() {
        // tests rfc3863 §4.1.6
        let tuple = |basic: &str| {
            format!("<tuple id='{basic}'><status><basic>{basic}</basic></status><note>{basic}</note></tuple>")
        };
        let ways = [tuple("closed"), tuple("open")].concat();
        assert_eq!(pidf(&ways).note(), Some("open"));
        assert_eq!(pidf(&tuple("closed")).note(), Some("closed"));
        assert_eq!(pidf(&format!("{ways}<note xml:lang='de'> Bin da </note>")).note(), Some("Bin da"));
        assert_eq!(pidf("<note> </note>").note(), None);
    }
}

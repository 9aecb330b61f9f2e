//! Writing: in the order of the schema, activities where RFC 4480 has them.

use super::{Basic, Note, Presence, Tuple};
use crate::xml::escape;
use std::fmt::Write as _;

impl Presence {
    /// The document, in UTF-8.
    // rfc3863 §4.1
    pub fn write(&self) -> String {
        let mut out = String::with_capacity(512);
        // rfc3863 §4.1.1
        out.push_str(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"",
        );
        if !self.activities.is_empty() {
            out.push_str(" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\"");
            out.push_str(" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\"");
        }
        attribute("entity", &self.entity, &mut out);
        out.push_str(">\n");
        for tuple in &self.tuples {
            write_tuple(tuple, &mut out);
        }
        for note in &self.notes {
            write_note(note, "  ", &mut out);
        }
        write_activities(&self.activities, &mut out);
        out.push_str("</presence>\n");
        out
    }
}

// rfc3863 §4.1.2: status, contact, notes, timestamp
fn write_tuple(tuple: &Tuple, out: &mut String) {
    out.push_str("  <tuple");
    attribute("id", &tuple.id, out);
    out.push_str(">\n    <status>");
    match tuple.basic {
        Some(Basic::Open) => out.push_str("<basic>open</basic>"),
        Some(Basic::Closed) => out.push_str("<basic>closed</basic>"),
        None => {}
    }
    out.push_str("</status>\n");
    if let Some(contact) = &tuple.contact {
        // rfc3863 §4.1.5: at most three digits after the point
        let (whole, rest) =
            (contact.priority_permille.min(1_000) / 1_000, contact.priority_permille.min(1_000) % 1_000);
        let _ = write!(out, "    <contact priority=\"{whole}.{rest:03}\">");
        escape(&contact.uri, out);
        out.push_str("</contact>\n");
    }
    for note in &tuple.notes {
        write_note(note, "    ", out);
    }
    if let Some(timestamp) = &tuple.timestamp {
        out.push_str("    <timestamp>");
        escape(timestamp, out);
        out.push_str("</timestamp>\n");
    }
    out.push_str("  </tuple>\n");
}

fn write_note(note: &Note, indent: &str, out: &mut String) {
    let _ = write!(out, "{indent}<note");
    if !note.lang.is_empty() {
        attribute("xml:lang", &note.lang, out);
    }
    out.push('>');
    escape(&note.text, out);
    out.push_str("</note>\n");
}

/// The person's, last: elements of others follow those of PIDF.
// rfc3863 §4.1.1
fn write_activities(activities: &[String], out: &mut String) {
    if activities.is_empty() {
        return;
    }
    out.push_str("  <dm:person id=\"person\"><rpid:activities>");
    for activity in activities {
        match activity.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-')
            && !activity.starts_with('-')
        {
            true => {
                let _ = write!(out, "<rpid:{activity}/>");
            }
            // rfc4480 §3.2: in words of their own
            false => {
                out.push_str("<rpid:other>");
                escape(activity, out);
                out.push_str("</rpid:other>");
            }
        }
    }
    out.push_str("</rpid:activities></dm:person>\n");
}

fn attribute(name: &str, value: &str, out: &mut String) {
    let _ = write!(out, " {name}=\"");
    escape(value, out);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::Contact;
    use proptest::prelude::*;

    #[test]
    fn somebody_on_the_phone() {
        // tests rfc3863 §4.1, §4.1.1, §4.1.2, rfc4480 §3.2
        let bob = Presence::new("sip:bob@h", "sip:bob@h;gr=<1>", Basic::Open)
            .doing("on-the-phone")
            .doing("at \"lunch\"");
        assert_eq!(
            bob.saying("back at 3").write(),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@h">
  <tuple id="ruf">
    <status><basic>open</basic></status>
    <contact priority="1.000">sip:bob@h;gr=&lt;1&gt;</contact>
  </tuple>
  <note>back at 3</note>
  <dm:person id="person"><rpid:activities><rpid:on-the-phone/><rpid:other>at &quot;lunch&quot;</rpid:other></rpid:activities></dm:person>
</presence>
"#
        );
    }

    /// Text that has no space at its ends, which the reader takes off, and says something.
    fn text() -> impl Strategy<Value = String> {
        "[ -~äß☎&<>\"']{1,12}".prop_map(|text| format!("x{text}x"))
    }

    fn note() -> impl Strategy<Value = Note> {
        ("(de|en|)", text()).prop_map(|(lang, text)| Note { lang, text })
    }

    fn tuple() -> impl Strategy<Value = Tuple> {
        let contact =
            (text(), 0..=1_000_u16).prop_map(|(uri, priority_permille)| Contact { uri, priority_permille });
        let basic = prop_oneof![Just(None), Just(Some(Basic::Open)), Just(Some(Basic::Closed))];
        (
            text(),
            basic,
            proptest::option::of(contact),
            proptest::collection::vec(note(), 0..3),
            proptest::option::of(text()),
        )
            .prop_map(|(id, basic, contact, notes, timestamp)| Tuple {
                id,
                basic,
                contact,
                notes,
                timestamp,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            entity in text(),
            tuples in proptest::collection::vec(tuple(), 0..4),
            activities in proptest::collection::vec(text(), 0..3),
            notes in proptest::collection::vec(note(), 0..3),
        ) {
            // tests rfc3863 §4.1
            let presence = Presence { entity, tuples, activities, notes };
            prop_assert_eq!(Presence::read(presence.write().as_bytes()), Ok(presence));
        }
    }
}

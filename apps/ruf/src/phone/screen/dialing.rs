//! What may be typed into the dial field, and whom it means: a name of the contacts, a number, an address, a link.

use super::contacts::Contact;

/// What is to be called for this text: the address of the contact of that name, or the text itself without the marks
/// that people put into numbers.
///
/// `None`: it names nobody.
pub(crate) fn meant(text: &str, contacts: &[Contact]) -> Option<String> {
    let text = text.trim();
    if let Some(contact) = contacts.iter().find(|contact| contact.name.to_lowercase() == text.to_lowercase())
    {
        return Some(contact.address.clone());
    }
    let text = linked(text);
    let text = if is_number(&text) { digits(&text) } else { text };
    (!text.is_empty()).then_some(text)
}

/// What a link to a phone leads to: `tel:`, `callto:`, or a SIP address as it is.
// rfc3966 §3
pub(crate) fn linked(text: &str) -> String {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let scheme = ["tel:", "callto:"].into_iter().find(|scheme| lower.starts_with(scheme));
    let Some(rest) = scheme.and_then(|scheme| text.get(scheme.len()..)) else { return text.to_owned() };
    let rest = rest.trim_start_matches('/');
    let number = rest.split(';').next().unwrap_or_default();
    if is_number(number) { digits(number) } else { rest.to_owned() }
}

fn is_number(text: &str) -> bool {
    let mut is_any = false;
    text.chars().all(|c| {
        is_any |= c.is_ascii_digit();
        c.is_ascii_digit() || matches!(c, '+' | '*' | '#' | ' ' | '-' | '/' | '.' | '(' | ')')
    }) && is_any
        // An address of the network, not a number.
        && text.split('.').count() != 4
}

// rfc3966 §5.1.1: visual separators mean nothing
fn digits(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_a_number_an_address_and_a_link_are_understood() {
        let bob = Contact {
            name: "Bob Müller".to_owned(),
            address: "sip:bob@example.org".to_owned(),
            watch: false,
        };
        for (text, wanted) in [
            ("bob müller ", Some("sip:bob@example.org")),
            ("bob", Some("bob")),
            ("+49 (30) 123-45/6", Some("+4930123456")),
            ("tel:+49-30-123;phone-context=example.org", Some("+4930123")),
            ("TEL://112", Some("112")),
            ("callto:carol@example.org", Some("carol@example.org")),
            ("sip:1 2@h", Some("sip:1 2@h")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("*21#", Some("*21#")),
            ("  ", None),
            ("tel:", None),
        ] {
            assert_eq!(meant(text, std::slice::from_ref(&bob)).as_deref(), wanted, "{text}");
        }
    }
}

//! Making a torture message unique without touching what it tests.

use crate::sip::find;

/// The cookie with which a branch says that it is unique (RFC 3261 section 8.1.1.7).
const COOKIE: &[u8] = b"z9hG4bK";

/// How the marks of all messages begin; no Call-ID of the RFCs begins so.
pub(super) const MARK: &str = "ruf.";

/// The mark of a message, put before its branch and Call-ID.
pub(super) fn mark(number: usize) -> String {
    format!("{MARK}{number}.")
}

/// The message with a branch and a Call-ID of its own: the RFCs use some of them twice, and a server
/// rightly takes the second for a retransmission. A branch that is the bare cookie stays as it is.
pub(super) fn made_unique(message: &[u8], mark: &str) -> Vec<u8> {
    let mark = mark.as_bytes();
    let mut unique = message.to_vec();
    let head = find(&unique, b"\r\n\r\n").unwrap_or(unique.len());
    let branch = unique.get(..head).and_then(|head| find(head, COOKIE)).map(|at| at + COOKIE.len());
    if let Some(at) = branch.filter(|&at| unique.get(at).is_some_and(|octet| !octet.is_ascii_whitespace())) {
        unique.splice(at..at, mark.iter().copied());
    }
    // Every Call-ID: a message may carry two, and each must differ from those before.
    let mut next = 0;
    while let Some(at) = call_id(&unique, next) {
        unique.splice(at..at, mark.iter().copied());
        next = at;
    }
    unique
}

/// The ports that an answer to this message over UDP may go to: the source port where the top Via asks
/// for it (`rport`), its own port, or the default one. Where it names TLS, that may be either default.
pub(super) fn answer_ports(message: &[u8], source_port: u16) -> Vec<u16> {
    // A reading of its own, since `Sip` takes no start line that is broken.
    let text = String::from_utf8_lossy(message).replace("\r\n ", " ").replace("\r\n\t", " ");
    let via = text.split("\r\n").skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let name = name.trim();
        (name.eq_ignore_ascii_case("Via") || name.eq_ignore_ascii_case("v")).then_some(value)
    });
    let first = via.unwrap_or_default().split(',').next().unwrap_or_default();
    let mut parts = first.split(';').map(str::trim);
    let sent_by = parts.next().unwrap_or_default();
    if parts.any(|part| part.eq_ignore_ascii_case("rport")) {
        return vec![source_port];
    }
    let port = sent_by.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
    match port.and_then(|(_, port)| port.trim().parse().ok()) {
        Some(port) => vec![port],
        None if sent_by.contains("TLS") => vec![5060, 5061],
        None => vec![5060],
    }
}

/// The Call-IDs of a message, as they stand in it: mostly one.
pub(super) fn call_ids(message: &[u8]) -> Vec<String> {
    let mut call_ids = Vec::new();
    let mut next = 0;
    while let Some(at) = call_id(message, next) {
        let line = message.get(at..).unwrap_or_default();
        let end = find(line, b"\r\n").unwrap_or(line.len());
        let value = String::from_utf8_lossy(line.get(..end).unwrap_or_default()).trim().to_owned();
        call_ids.extend((!value.is_empty()).then_some(value));
        next = at + end;
    }
    call_ids
}

/// Where the value of the first Call-ID after `from` begins.
fn call_id(message: &[u8], from: usize) -> Option<usize> {
    let head = find(message, b"\r\n\r\n").unwrap_or(message.len());
    let mut at = from;
    while at < head {
        let line_end = find(message.get(at..)?, b"\r\n").map_or(message.len(), |end| at + end);
        let line = message.get(at..line_end)?;
        if let Some(colon) = line.iter().position(|&octet| octet == b':') {
            let name = line.get(..colon)?.trim_ascii();
            if name.eq_ignore_ascii_case(b"Call-ID") || name.eq_ignore_ascii_case(b"i") {
                let blanks = line.get(colon + 1..)?.iter().take_while(|octet| octet.is_ascii_whitespace());
                return Some(at + colon + 1 + blanks.count());
            }
        }
        at = line_end + 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_and_call_ids_become_unique_and_nothing_else() {
        let message = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKq\r\nCall-ID: 1\r\nI:2\r\n\r\nCall-ID: 3";
        let unique = made_unique(message, "ruf.7.");
        let wanted = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKruf.7.q\r\nCall-ID: ruf.7.1\r\nI:ruf.7.2\r\n\r\nCall-ID: 3";
        assert_eq!(String::from_utf8_lossy(&unique), wanted);
    }

    #[test]
    fn the_call_ids_of_a_message_are_read() {
        let ids = |lines: &str| call_ids(format!("X sip:a SIP/2.0\r\n{lines}\r\n\r\nCall-ID: 9").as_bytes());
        assert_eq!(ids("Call-ID : \tone \r\nVia: x\r\ni:two"), ["one", "two"]);
        assert!(ids("Via: SIP/2.0/UDP h").is_empty());
    }

    #[test]
    fn an_answer_goes_where_the_top_via_asks() {
        let ports = |via: &str| answer_ports(format!("X sip:a SIP/2.0\r\n{via}\r\n\r\n").as_bytes(), 9);
        assert_eq!(ports("Via: SIP/2.0/UDP h:5080;branch=1, SIP/2.0/UDP g"), [5080]);
        assert_eq!(ports("v: SIP / 2.0\r\n / UDP h ;branch=1"), [5060]);
        assert_eq!(ports("Via: SIP/2.0/UDP [2001:db8::9:1];branch=1"), [5060]);
        assert_eq!(ports("Via: SIP/2.0/UDP [::1]:6050;branch=1"), [6050]);
        assert_eq!(ports("Via: SIP/2.0/UDP h:5080;rport"), [9]);
        assert_eq!(ports("Via: SIP/2.0/TLS h"), [5060, 5061]);
    }

    #[test]
    fn a_bare_cookie_stays_bare() {
        let message = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK\r\n\r\n";
        assert_eq!(made_unique(message, "ruf.7."), message);
    }
}

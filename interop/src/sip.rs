//! A plain reading of SIP as it was on the wire: enough to assert on, and on purpose not the parser
//! of the server under test (that one lives in core/message).

/// A SIP message as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sip {
    /// The request or status line.
    pub(crate) start: String,
    /// Names as written, values unfolded and trimmed, in order.
    headers: Vec<(String, String)>,
    /// What follows the empty line.
    pub(crate) body: Vec<u8>,
}

impl Sip {
    /// Reads a datagram; `None` if it is no SIP (keep-alive, RTP, STUN).
    pub(crate) fn read(datagram: &[u8]) -> Option<Sip> {
        let end = find(datagram, b"\r\n\r\n").unwrap_or(datagram.len());
        let head = String::from_utf8_lossy(datagram.get(..end)?).into_owned();
        let body = datagram.get(end + 4..).unwrap_or_default().to_vec();
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        if !start.starts_with("SIP/2.0 ") && !start.ends_with(" SIP/2.0") {
            return None;
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t'])
                && let Some((_, value)) = headers.last_mut()
            {
                value.push(' ');
                value.push_str(line.trim());
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Some(Sip { start, headers, body })
    }

    /// The method of a request; `None` for a response.
    pub(crate) fn method(&self) -> Option<&str> {
        if self.status().is_some() { None } else { self.start.split(' ').next() }
    }

    /// The status of a response; `None` for a request.
    pub(crate) fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()
    }

    /// The first header of this name, in long or compact form.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.lines_of(name).next()
    }

    /// All headers of this name, a line each.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        self.lines_of(name).collect()
    }

    fn lines_of<'a, 'b>(&'a self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        self.headers
            .iter()
            .filter(move |(written, _)| long_form(written).eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The Call-ID, empty where there is none.
    pub(crate) fn call_id(&self) -> &str {
        self.header("Call-ID").unwrap_or_default()
    }

    /// The method that CSeq names.
    pub(crate) fn cseq_method(&self) -> &str {
        self.header("CSeq").and_then(|value| value.split_whitespace().nth(1)).unwrap_or_default()
    }

    /// The number of CSeq.
    pub(crate) fn cseq_number(&self) -> Option<u32> {
        self.header("CSeq")?.split_whitespace().next()?.parse().ok()
    }

    /// Is it this request?
    pub(crate) fn is_request(&self, method: &str) -> bool {
        self.method() == Some(method)
    }

    /// Is it a response to this method with this status?
    pub(crate) fn is_response(&self, status: u16, method: &str) -> bool {
        self.status() == Some(status) && self.cseq_method() == method
    }

    /// The direction of the first audio stream of the session description: `sendrecv` unless said
    /// otherwise, `inactive` for the old hold by a null address. `None` without a description.
    pub(crate) fn audio_direction(&self) -> Option<&'static str> {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        if !body.contains("m=audio") {
            return None;
        }
        let mut direction = "sendrecv";
        for line in body.lines() {
            match line.trim() {
                "a=sendonly" => direction = "sendonly",
                "a=recvonly" => direction = "recvonly",
                "a=inactive" | "c=IN IP4 0.0.0.0" => direction = "inactive",
                _ => {}
            }
        }
        Some(direction)
    }
}

/// The tag of a From or To value, empty where there is none.
pub(crate) fn tag(value: &str) -> &str {
    value.split(';').find_map(|part| part.trim().strip_prefix("tag=")).unwrap_or_default()
}

fn long_form(name: &str) -> &str {
    match name {
        "v" | "V" => "Via",
        "f" | "F" => "From",
        "t" | "T" => "To",
        "i" | "I" => "Call-ID",
        "m" | "M" => "Contact",
        "l" | "L" => "Content-Length",
        "c" | "C" => "Content-Type",
        "r" | "R" => "Refer-To",
        long => long,
    }
}

/// Where `wanted` begins in `octets`.
pub(crate) fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_and_compact_names_are_read() {
        let message = Sip::read(
            b"INVITE sip:b@x SIP/2.0\r\ni: 7@x\r\nf: <sip:a@x>\r\n ;tag=9\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n",
        )
        .expect("a message");
        assert_eq!(message.method(), Some("INVITE"));
        assert_eq!(message.call_id(), "7@x");
        assert_eq!(message.header("From"), Some("<sip:a@x> ;tag=9"));
        assert_eq!(tag(message.header("From").expect("From")), "9");
        assert_eq!(message.body, b"v=0\r\n");
        assert_eq!(message.audio_direction(), None);
    }

    #[test]
    fn a_response_is_known_by_status_and_method() {
        let message = Sip::read(b"SIP/2.0 407 No\r\nCSeq: 3 INVITE\r\n\r\n").expect("a message");
        assert!(message.is_response(407, "INVITE"));
        assert_eq!(message.method(), None);
    }

    #[test]
    fn rtp_and_keepalives_are_no_sip() {
        assert_eq!(Sip::read(b"\r\n\r\n"), None);
        assert_eq!(Sip::read(&[0x80, 0, 1, 2, 3, 4]), None);
    }

    #[test]
    fn hold_is_read_in_its_old_and_new_form() {
        let with = |line: &str| {
            let text = format!("INVITE sip:b@x SIP/2.0\r\n\r\nv=0\r\nm=audio 9 RTP/AVP 0\r\n{line}\r\n");
            Sip::read(text.as_bytes()).expect("a message").audio_direction()
        };
        assert_eq!(with("a=sendonly"), Some("sendonly"));
        assert_eq!(with("c=IN IP4 0.0.0.0"), Some("inactive"));
        assert_eq!(with("a=ptime:20"), Some("sendrecv"));
    }
}

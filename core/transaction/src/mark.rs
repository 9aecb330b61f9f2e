//! What routes a request, as a number: the second part of the branch of a request that may come back to
//! us (RFC 5393 section 4.2). A request that bears the mark that it would get again has looped; with
//! another Request-URI or Route it spirals, and goes on.
//!
//! All Vias are looked at, not only those with our sent-by: the hash has a secret key, so nobody else's
//! branch bears it. A worker has its own key: a request and what comes back of it have one Call-ID, and
//! so one worker.
//!
//! Not here: what is done with a loop (`ruf-proxy`).

use ruf_message::header::Header;
use ruf_message::{HeaderName, Request, Via};

use crate::branch;
use crate::transactions::Transactions;

/// What routes a request, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub(crate) u64);

/// What our Via says, but for what the transaction and its flow know.
#[derive(Debug, Clone, Copy)]
pub struct OurVia<'a> {
    /// `host[:port]`.
    pub sent_by: &'a str,
    /// The mark of a request that may come back.
    pub mark: Option<Mark>,
}

impl<'a> From<&'a str> for OurVia<'a> {
    fn from(sent_by: &'a str) -> Self {
        OurVia { sent_by, mark: None }
    }
}

impl<'a> From<&'a String> for OurVia<'a> {
    fn from(sent_by: &'a String) -> Self {
        OurVia { sent_by, mark: None }
    }
}

impl Transactions {
    /// The mark of a request as it was received: of its Request-URI and Route, which decide where it
    /// goes, and of Call-ID and CSeq, so that not every call meets the same accident. Never of its method.
    // rfc5393 §4.2.1 step 8
    pub fn mark(&self, request: &Request) -> Mark {
        Mark(self.keyed.mark(request))
    }

    /// Whether the request was here before with this mark.
    // rfc5393 §4.2.2 step 4
    pub fn has_passed(&self, request: &Request, mark: Mark) -> bool {
        let vias = request.values(HeaderName::Via).filter_map(|value| Via::decode(value).ok());
        vias.filter_map(|via| branch::mark(via.branch()?)).any(|passed| passed == mark.0)
    }
}

#[cfg(test)]
mod tests {
    use ruf_message::{Entropy, Message};

    use super::*;
    use crate::limits::{Limits, Timers};

    fn request(uri: &str, headers: &str, cseq: &str) -> Request {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n{headers}\
             From: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.org>\r\nCall-ID: c\r\n\
             CSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
        );
        match Message::parse(text.replace("INVITE", cseq.split(' ').nth(1).unwrap()).into_bytes().into()) {
            Ok(Message::Request(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    fn transactions(seed: u8) -> Transactions {
        Transactions::new(Limits::default(), Timers::default(), Entropy::from_seed([seed; 32]))
    }

    #[test]
    fn the_mark_is_of_what_routes_a_request_and_not_of_its_method() {
        // tests rfc5393 §4.2.1 step 8
        let transactions = transactions(1);
        let of = |uri, headers, cseq| transactions.mark(&request(uri, headers, cseq));
        let bob = "sip:bob@example.org";
        let mark = of(bob, "", "1 INVITE");
        assert_eq!(mark, of(bob, "X: y\r\n", "1 OPTIONS"));
        assert_ne!(mark, of("sip:carol@example.org", "", "1 INVITE"));
        assert_ne!(mark, of(bob, "Route: <sip:edge.example;lr>\r\n", "1 INVITE"));
        assert_ne!(mark, of(bob, "", "2 INVITE"));
    }

    #[test]
    fn a_via_of_ours_is_found_among_others_and_a_strangers_is_not_ours() {
        // tests rfc5393 §4.2.2 step 4
        let (here, elsewhere) = (transactions(1), transactions(2));
        let bob = "sip:bob@example.org";
        let mark = here.mark(&request(bob, "", "1 INVITE"));
        let via = |mark: Mark| {
            let mut branch = Vec::new();
            branch::write(&mut branch, crate::slab::Id { index: 1, generation: 2 }, 3, Some(mark.0));
            let branch = String::from_utf8(branch).unwrap();
            format!(
                "Via: SIP/2.0/TCP a;odd;b=\"c,d\", SIP/2.0/UDP us:5060;branch={branch}, SIP/2.0/UDP e;branch=1\r\n"
            )
        };
        assert!(here.has_passed(&request(bob, &via(mark), "1 INVITE"), mark));
        let theirs = elsewhere.mark(&request(bob, "", "1 INVITE"));
        assert!(!here.has_passed(&request(bob, &via(theirs), "1 INVITE"), mark));
        assert!(!here.has_passed(&request(bob, "", "1 INVITE"), mark));
    }
}

//! Other places for a call: those that a 3xx names, in their order, each once (RFC 3261 §8.1.3.4).
//! Settings say how many; where one leads is found by the driver, as for any request.

use ruf_dialog::RouteSet;
use ruf_message::header::Header;
use ruf_message::header::history::Derived;
use ruf_message::{Contact, HeaderName, Response, Scheme, StatusCode, Uri};
use std::sync::Arc;

/// Most places that one call keeps in mind.
const PLACES_MAX: usize = 16;
/// Most of those who sent a call on that are named to the next.
const DIVERSIONS_MAX: usize = 8;
/// Most octets of each of them; who is named at greater length is left out.
const DIVERSION_OCTETS_MAX: usize = 256;
/// Most octets of a Contact that says how it was found; of a longer one this is not known.
const CONTACT_OCTETS_MAX: usize = 512;

/// The target set of a call of ours.
#[derive(Debug)]
pub(crate) struct TargetSet {
    /// All that were ever in it.
    known: Vec<Uri>,
    /// Those that were not tried, the next one last.
    left: Vec<Target>,
    tries_left: u8,
}

/// A place that a redirection named.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    q: u16,
    /// The Contact that says how it came from the place that named it.
    contact: Option<Vec<u8>>,
    /// Who sent the call on there, and before.
    // rfc5806 §5.2
    pub(crate) diversions: Arc<[Vec<u8>]>,
}

impl Target {
    /// How it came from the place that named it.
    // rfc7044 §10.4
    pub(crate) fn derived(&self) -> Option<Derived<'_>> {
        Derived::of_contact(&Contact::decode(self.contact.as_ref()?).ok()?)
    }
}

impl TargetSet {
    /// It begins with where the call goes. So many others may be tried.
    // rfc3261 §8.1.3.4: exactly one URI, the Request-URI
    pub(crate) fn new(request_uri: Uri, tries_max: u8) -> Self {
        TargetSet { known: vec![request_uri], left: Vec::new(), tries_left: tries_max }
    }

    /// That of a call which came to us.
    pub(crate) fn none() -> Self {
        TargetSet { known: Vec::new(), left: Vec::new(), tries_left: 0 }
    }

    /// A redirection adds to it, what speaks for everywhere empties it.
    pub(crate) fn refused(&mut self, refusal: &Response) {
        match refusal.status() {
            StatusCode::MULTIPLE_CHOICES | StatusCode::MOVED_PERMANENTLY | StatusCode::MOVED_TEMPORARILY => {
                self.add(refusal)
            }
            // rfc3261 §21.6: nobody else will answer it
            status if status >= StatusCode::BUSY_EVERYWHERE => self.left.clear(),
            // 305 would put a proxy before us that nobody chose, 380 is for humans.
            _ => {}
        }
    }

    fn add(&mut self, redirection: &Response) {
        let named = redirection.values(HeaderName::Diversion);
        let named = named.filter(|diversion| diversion.len() <= DIVERSION_OCTETS_MAX);
        let diversions: Arc<[Vec<u8>]> = named.take(DIVERSIONS_MAX).map(<[u8]>::to_vec).collect();
        let wants_sips = self.known.first().is_some_and(|first| first.as_ref().scheme() == Scheme::Sips);
        for contact in redirection.contacts() {
            let Some(uri) = contact.uri().filter(|uri| uri.is_sip()) else { continue };
            // rfc3261 §8.1.3.4: a call that began as secure stays so
            if wants_sips && uri.scheme() != Scheme::Sips {
                continue;
            }
            let (uri, q) = (uri.to_owned(), contact.q().unwrap_or(1_000));
            // As it will be the Request-URI.
            let (bare, _) = RouteSet::default().apply(&uri);
            // rfc3261 §8.1.3.4: each once
            if self.known.len() < PLACES_MAX && !self.known.iter().any(|known| known.equivalent(&bare)) {
                self.known.push(bare);
                // Before its equals, which are tried first: the next one is the last.
                let at = self.left.partition_point(|other| other.q < q);
                let says_how = Derived::of_contact(&contact).map(|_| contact.to_value());
                let contact = says_how.filter(|value| value.len() <= CONTACT_OCTETS_MAX);
                self.left.insert(at, Target { uri, q, contact, diversions: Arc::clone(&diversions) });
            }
        }
    }

    /// The next to try.
    // rfc3261 §8.1.3.4: by decreasing q, one after the other
    pub(crate) fn next(&mut self) -> Option<Target> {
        if self.tries_left == 0 {
            return None;
        }
        let target = self.left.pop()?;
        self.tries_left -= 1;
        Some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::{HeaderName, Method, Request};

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    fn redirection(status: StatusCode, contacts: &str) -> Response {
        let request = Request::build(Method::Invite, &uri("sip:b@h"))
            .from("<sip:a@h>;tag=a")
            .to("<sip:b@h>")
            .call_id("1")
            .cseq(1)
            .finish()
            .unwrap();
        let mut response = request.reply(status);
        response.set(HeaderName::Contact, contacts);
        response
    }

    fn order(first: &str, tries_max: u8, contacts: &[&str]) -> Vec<String> {
        let mut targets = TargetSet::new(uri(first), tries_max);
        for contacts in contacts {
            targets.refused(&redirection(StatusCode::MOVED_TEMPORARILY, contacts));
        }
        std::iter::from_fn(|| targets.next()).map(|target| target.uri.to_string()).collect()
    }

    #[test]
    fn places_are_tried_by_their_q_and_each_once() {
        // tests rfc3261 §8.1.3.4
        let contacts = "<sip:low@h>;q=0.1, <sip:first@h>, <sip:second@h>, <sip:mid@h>;q=0.5, <sip:b@h>";
        let all = ["sip:first@h", "sip:second@h", "sip:mid@h", "sip:low@h"];
        assert_eq!(order("sip:b@h", 9, &[contacts]), all);
        assert_eq!(
            order("sip:b@h", 9, &[contacts, "<sip:low@h>, <sip:MID@h>;q=0.5"])[3..],
            ["sip:MID@h", "sip:low@h"]
        );
        assert_eq!(order("sip:b@h", 2, &[contacts]), all[..2]);
        assert_eq!(order("sip:b@h", 0, &[contacts]), [""; 0]);
    }

    #[test]
    fn only_places_for_calls_are_taken_and_secure_ones_for_a_secure_call() {
        // tests rfc3261 §8.1.3.4
        let contacts = "<mailto:b@h>, <tel:+1>, <sip:plain@h>, <sips:secure@h>";
        assert_eq!(order("sip:b@h", 9, &[contacts]), ["sip:plain@h", "sips:secure@h"]);
        assert_eq!(order("sips:b@h", 9, &[contacts]), ["sips:secure@h"]);
        let many: Vec<String> = (0..40).map(|n| format!("<sip:{n}@h>")).collect();
        assert_eq!(order("sip:b@h", 99, &[&many.join(", ")]).len(), PLACES_MAX - 1);
    }

    #[test]
    fn what_speaks_for_everywhere_is_the_end() {
        // tests rfc3261 §8.1.3.4, §21.6
        let mut targets = TargetSet::new(uri("sip:b@h"), 9);
        for other in [StatusCode::USE_PROXY, StatusCode::ALTERNATIVE_SERVICE, StatusCode::BUSY_HERE] {
            targets.refused(&redirection(other, "<sip:x@h>"));
        }
        assert!(targets.next().is_none());
        targets.refused(&redirection(StatusCode::MULTIPLE_CHOICES, "<sip:x@h>, <sip:y@h>"));
        assert!(targets.next().is_some());
        targets.refused(&redirection(StatusCode::DECLINE, "<sip:z@h>"));
        assert!(targets.next().is_none());
    }
}

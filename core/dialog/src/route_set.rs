//! The route set: the servers that every request of a dialog visits (RFC 3261 §12.1, §12.2.1.1).

use ruf_message::Uri;

/// The servers between the two ends, nearest first. Empty: the peer is reached directly.
#[derive(Clone, Debug, Default)]
pub struct RouteSet(Vec<Uri>);

impl RouteSet {
    /// Most servers that a dialog remembers. A response with more than that is not believed.
    pub const SERVERS_MAX: usize = 70;

    /// A pre-existing route set, as a user or provider configures it (RFC 3261 §8.1.1.1).
    pub fn new(servers: Vec<Uri>) -> Self {
        RouteSet(servers)
    }

    /// Where a request goes: its Request-URI, and the values of Route in order.
    pub fn apply(&self, target: &Uri) -> (Uri, Vec<Uri>) {
        match self.0.split_first() {
            // rfc3261 §12.2.1.1: no route set, no Route
            None => (bare(target), Vec::new()),
            // rfc3261 §12.2.1.1: a loose router leaves the Request-URI alone
            Some((first, _)) if first.as_ref().is_loose_router() => (bare(target), self.0.clone()),
            // rfc3261 §12.2.1.1: a strict router is put where the target belongs, the target last
            Some((first, rest)) => {
                let mut routes = rest.to_vec();
                routes.push(bare(target));
                (bare(first), routes)
            }
        }
    }

    /// Where it is sent: to the nearest server, loose or strict, or else to the target itself.
    // rfc3261 §8.1.2, §12.2.1.1
    pub fn next_hop<'a>(&'a self, target: &'a Uri) -> &'a Uri {
        self.0.first().unwrap_or(target)
    }

    /// The servers, nearest first.
    pub fn servers(&self) -> &[Uri] {
        &self.0
    }
}

/// The URI without what a Request-URI may not carry: headers and the method parameter.
// rfc3261 §19.1.1
fn bare(uri: &Uri) -> Uri {
    let whole = uri.as_ref();
    if !whole.has_headers() && whole.param("method").is_none() {
        return uri.clone();
    }
    // A question mark may stand in the user part, too.
    let text = whole.as_bytes();
    let host = text.iter().position(|&octet| octet == b'@').unwrap_or(0);
    let end = text.iter().skip(host).position(|&octet| octet == b'?').map_or(text.len(), |at| host + at);
    let base = end
        - whole
            .params()
            .map(|(name, value)| 1 + name.len() + value.map_or(0, |value| 1 + value.len()))
            .sum::<usize>();
    let mut kept = text.get(..base).unwrap_or_default().to_vec();
    for (name, value) in whole.params().filter(|(name, _)| !name.eq_ignore_ascii_case(b"method")) {
        kept.push(b';');
        kept.extend(name);
        if let Some(value) = value {
            kept.push(b'=');
            kept.extend(value);
        }
    }
    Uri::parse(kept).unwrap_or_else(|_| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    fn applied(servers: &[&str], target: &str) -> (String, Vec<String>) {
        let set = RouteSet::new(servers.iter().map(|server| uri(server)).collect());
        let (request_uri, routes) = set.apply(&uri(target));
        (request_uri.to_string(), routes.iter().map(Uri::to_string).collect())
    }

    #[test]
    fn without_a_route_set_the_target_is_the_request_uri() {
        // tests rfc3261 §12.2.1.1
        assert_eq!(applied(&[], "sip:user@remoteua"), ("sip:user@remoteua".into(), vec![]));
    }

    #[test]
    fn a_loose_router_leaves_the_request_uri_alone() {
        // tests rfc3261 §12.2.1.1
        let (uri, routes) = applied(&["sip:p1;lr", "sip:p2;lr;x=y"], "sip:user@remoteua");
        assert_eq!(
            (uri.as_str(), routes),
            ("sip:user@remoteua", vec!["sip:p1;lr".into(), "sip:p2;lr;x=y".into()])
        );
    }

    #[test]
    fn a_strict_router_gets_the_request_uri_and_the_target_goes_last() {
        // tests rfc3261 §12.2.1.1
        let (uri, routes) =
            applied(&["sip:proxy1", "sip:proxy2", "sip:proxy3;lr", "sip:proxy4"], "sip:user@remoteua");
        assert_eq!(uri, "sip:proxy1");
        assert_eq!(routes, ["sip:proxy2", "sip:proxy3;lr", "sip:proxy4", "sip:user@remoteua"]);
    }

    #[test]
    fn the_nearest_server_is_the_next_hop_however_it_routes() {
        // tests rfc3261 §12.2.1.1
        for (servers, hop) in [
            (&[][..], "sip:user@remoteua"),
            (&["sip:p1;lr", "sip:p2;lr"], "sip:p1;lr"),
            (&["sip:proxy1", "sip:p2;lr"], "sip:proxy1"),
        ] {
            let set = RouteSet::new(servers.iter().map(|server| uri(server)).collect());
            assert_eq!(set.next_hop(&uri("sip:user@remoteua")).to_string(), hop);
        }
    }

    #[test]
    fn what_a_request_uri_may_not_carry_is_taken_off() {
        // tests rfc3261 §19.1.1
        let target = "sips:a?b@h:5061;method=INVITE;transport=tcp;ob?Subject=x&To=y";
        assert_eq!(applied(&[], target).0, "sips:a?b@h:5061;transport=tcp;ob");
        assert_eq!(applied(&[], "sip:h?Subject=x").0, "sip:h");
        assert_eq!(applied(&[], "tel:+1;phone-context=x").0, "tel:+1;phone-context=x");
    }
}

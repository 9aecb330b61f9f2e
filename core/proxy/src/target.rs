//! Request targets (RFC 3261 section 16.5): what is asked for, in canonical form (10.3), or the
//! target itself where the request has determined it.
//!
//! Not here: the location service (a question), and what a number means (services/routing).

use std::borrow::Cow;

use ruf_admission::{AddressOfRecord, DialogPass, Identity, Ourselves, Side};
use ruf_message::{Host, Place, Request, Scheme, UriRef};

use crate::question::{Destination, Reconnect, Target};

/// What determines where a request goes.
#[derive(Debug)]
pub(crate) enum Targets {
    /// The request itself.
    Predetermined(Target),
    /// The location service.
    Sought(Destination),
}

/// The targets of a request after route preprocessing.
pub(crate) fn determine(request: &Request, identity: &Identity, ourselves: &Ourselves) -> Targets {
    if let Identity::Dialog(pass) = identity {
        if let Some(destination) = gruu(request, pass, ourselves) {
            return Targets::Sought(destination);
        }
        // The dialog's Request-URI and Route stay; the token knows the flow to the other side.
        let reconnect = reconnect(request, &pass.onward, ourselves);
        return Targets::Predetermined(Target {
            flow: Some(pass.onward.flow),
            reconnect,
            ..Target::unchanged()
        });
    }
    let destination = match request.next_route() {
        // rfc3261 §16.6 step 7; the next hop is somebody else's: a matter of rules
        Some(route) => Destination::Elsewhere(route.to_owned()),
        None => destination(request.uri(), ourselves),
    };
    Targets::Sought(destination)
}

/// Where the other side of a dialog takes connections, for when its own is gone: it may have no binding that says so.
/// The token says where it was heard to; a Request-URI alone could name any port of its host. One that keeps its flows
/// makes new ones, and one behind a proxy is the proxy's to reach.
// rfc3261 §18.1.1
fn reconnect(request: &Request, onward: &Side, ourselves: &Ourselves) -> Option<Box<Reconnect>> {
    let (contact, before) = (request.uri(), onward.flow);
    let port = onward.listens?;
    // rfc5626 §4.3: `ob`
    if request.next_route().is_some() || contact.param("ob").is_some() {
        return None;
    }
    let address = ourselves.listens_at(contact, &before).filter(|address| address.port() == port)?;
    let place = Place { transport: before.transport, address, host: address.ip().into() };
    Some(Box::new(Reconnect { place, address: None, before }))
}

/// The device that a request inside a dialog is for, if its Request-URI is a GRUU of ours and we are the
/// last router before it. The token names the flow that the device had when the dialog began; where it is
/// now, its bindings say.
// rfc5627 §6.1: a GRUU is looked up inside a dialog, too
// rfc5627 §6.1-4: with a Route beyond us, nothing is looked up, and no Path is added
pub(crate) fn gruu(request: &Request, pass: &DialogPass, ourselves: &Ourselves) -> Option<Destination> {
    // Most are none, and are seen at once.
    if request.next_route().is_some() || request.uri().gr().is_none() {
        return None;
    }
    match destination(request.uri(), ourselves) {
        Destination::Gruu { uri, onward: _ } => {
            Some(Destination::Gruu { uri, onward: Some(pass.onward.flow) })
        }
        Destination::User(_)
        | Destination::Ourselves
        | Destination::Service(_)
        | Destination::Elsewhere(_) => None,
    }
}

/// What a Request-URI asks for.
// rfc3261 §16.5
pub fn destination(uri: UriRef<'_>, ourselves: &Ourselves) -> Destination {
    match uri.scheme() {
        Scheme::Sip | Scheme::Sips => {}
        Scheme::Tel => return subscriber(uri, ourselves),
        Scheme::Other => {
            return Destination::Service(String::from_utf8_lossy(uri.as_bytes()).to_ascii_lowercase());
        }
    }
    // rfc3261 §16.5: with an maddr, or outside our domains, it is its own target
    if uri.param("maddr").is_some() || !ourselves.is_us(uri) {
        return Destination::Elsewhere(uri.to_owned());
    }
    match user(uri) {
        // rfc5627 §6.1: `gr` is not removed when the URI is made canonical
        Some(_) if uri.gr().is_some() => Destination::Gruu { uri: uri.to_owned(), onward: None },
        Some(user) => Destination::User(AddressOfRecord::new(&user, domain(uri.host(), ourselves))),
        None => Destination::Ourselves,
    }
}

/// The user in canonical form: a telephone number without what only people read, any other user
/// without escapes.
// rfc3261 §10.3 step 5
// rfc3261 §16.5: canonicalised before it is looked up
fn user(uri: UriRef<'_>) -> Option<Cow<'_, str>> {
    match uri.tel_number() {
        Some(number) if is_number(&number) => Some(number.into()),
        // Accounts have names in UTF-8; what is none is nobody's.
        Some(_) | None => uri.user_unescaped().map(|user| match user {
            Cow::Borrowed(user) => String::from_utf8_lossy(user),
            Cow::Owned(user) => String::from_utf8_lossy(&user).into_owned().into(),
        }),
    }
}

/// `user=phone` is sometimes written after a name, whose dots are its own.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'*' | b'#'))
}

/// A telephone number is the user of that name in our first domain, or in the one that its context
/// names. The context of a local number may also be the start of a global one, which says where it
/// is dialled and is no part of it.
// rfc3966 §5.1.5
fn subscriber(uri: UriRef<'_>, ourselves: &Ourselves) -> Destination {
    let context =
        uri.param("phone-context").flatten().filter(|context| !context.starts_with(b"+")).map(Host::parse);
    let domain = match context {
        None => domain(None, ourselves),
        Some(host) => match host.and_then(|host| ourselves.domain(host)) {
            Some(domain) => &domain.name,
            None => return Destination::Elsewhere(uri.to_owned()),
        },
    };
    let number = uri.tel_number().unwrap_or_default();
    Destination::User(AddressOfRecord::new(&number, domain))
}

/// The name of the domain that a host of ours stands for: our addresses are the first domain's.
fn domain<'o>(host: Option<Host<'_>>, ourselves: &'o Ourselves) -> &'o str {
    let named = host.and_then(|host| ourselves.domain(host));
    named.or(ourselves.domains.first()).map_or("", |domain| &domain.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn of(uri: &str) -> String {
        let request = sample::request("INVITE", uri, "");
        match destination(request.uri(), &sample::ourselves()) {
            Destination::User(address) => address.to_string(),
            Destination::Gruu { uri, onward: None } => format!("gruu {uri}"),
            Destination::Gruu { uri, onward: Some(_) } => panic!("{uri} is in no dialog"),
            Destination::Ourselves => "ourselves".into(),
            Destination::Service(urn) => urn,
            Destination::Elsewhere(uri) => format!("elsewhere {uri}"),
        }
    }

    #[test]
    fn a_user_of_our_domains_is_looked_up_in_canonical_form() {
        // tests rfc3261 §16.5
        // tests rfc3261 §10.3 step 5
        assert_eq!(of("sip:b%6fb:pw@EXAMPLE.org;transport=tcp;x=y"), "bob@example.org");
        assert_eq!(of("sips:bob@example.org"), "bob@example.org");
        assert_eq!(of("sip:bob@192.0.2.1:5060"), "bob@example.org");
        assert_eq!(of("sip:bob@localhost"), "bob@example.org");
        assert_eq!(of("sip:bob@second.example"), "bob@second.example");
        assert_eq!(of("sip:example.org"), "ourselves");
    }

    #[test]
    fn a_number_is_the_user_of_that_name() {
        assert_eq!(of("tel:+1-201-555-0123;ext=7"), "+12015550123@example.org");
        assert_eq!(of("tel:7042;phone-context=second.example"), "7042@second.example");
        assert_eq!(of("tel:(70)42;phone-context=+1-201"), "7042@example.org");
        assert_eq!(of("tel:7042;phone-context=far.example"), "elsewhere tel:7042;phone-context=far.example");
        assert_eq!(of("sip:+1.201.555.0123;isub=1@second.example;user=phone"), "+12015550123@second.example");
        assert_eq!(of("sip:bob.b@example.org;user=phone"), "bob.b@example.org");
        assert_eq!(of("sip:bob-1.2@example.org"), "bob-1.2@example.org");
    }

    #[test]
    fn what_is_not_ours_is_left_to_rules() {
        // tests rfc3261 §16.5
        for uri in ["sip:bob@far.example", "sip:bob@192.0.2.1:5080", "sip:bob@example.org;maddr=198.51.100.1"]
        {
            assert_eq!(of(uri), format!("elsewhere {uri}"));
        }
        assert_eq!(of("URN:service:SOS.police"), "urn:service:sos.police");
    }

    #[test]
    fn a_gruu_is_looked_up_as_it_is_inside_a_dialog_and_outside() {
        // tests rfc5627 §6.1, §6.1-4
        for gruu in ["sip:bob@example.org;gr=urn:uuid:1;ob", "sips:tgruu.x@192.0.2.1;gr"] {
            assert_eq!(of(gruu), format!("gruu {gruu}"));
        }
        assert_eq!(of("sip:bob@far.example;gr=1"), "elsewhere sip:bob@far.example;gr=1");
        let sought = |routes: &str| {
            let request = sample::request("BYE", "sip:bob@example.org;gr=urn:uuid:1", routes);
            match determine(&request, &sample::dialog(2), &sample::ourselves()) {
                Targets::Sought(Destination::Gruu { uri, onward }) => Some((uri.to_string(), onward)),
                _ => None,
            }
        };
        let onward = Some(sample::flow(2));
        assert_eq!(sought(""), Some(("sip:bob@example.org;gr=urn:uuid:1".into(), onward)));
        // Another router is before it, or we are again: the token says where that is.
        assert_eq!(sought("Route: <sip:edge.example;lr>\r\n"), None);
        assert_eq!(sought("Route: <sip:TWO@192.0.2.1;lr>\r\n"), None);
    }

    #[test]
    fn a_foreign_next_hop_decides_and_a_dialog_has_decided() {
        // tests rfc3261 §16.12
        let request = sample::request("BYE", "sip:bob@example.org", "Route: <sip:far.example;lr>\r\n");
        let ourselves = sample::ourselves();
        let Targets::Sought(Destination::Elsewhere(hop)) = determine(&request, &Identity::Guest, &ourselves)
        else {
            panic!("a Route that is not ours was not asked about");
        };
        assert_eq!(hop.to_string(), "sip:far.example;lr");
        let Targets::Predetermined(target) = determine(&request, &sample::dialog(2), &ourselves) else {
            panic!("a dialog was looked up");
        };
        assert_eq!((target.uri, target.flow), (None, Some(sample::flow(2))));
    }
}

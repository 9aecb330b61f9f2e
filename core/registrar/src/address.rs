//! Steps 1 to 5: whose bindings a REGISTER is about (RFC 3261 §10.3).

use ruf_admission::{AddressOfRecord, Admitted, Identity, Ourselves};
use ruf_message::{Host, Request};

use crate::reject::Reject;

/// Option tags that a registrar here understands in a Require.
// rfc3327 §5.3, rfc5626 §6, rfc5627 §5.1
const SUPPORTED: [&str; 3] = ["path", "outbound", "gruu"];

/// The address-of-record that `admitted` is about, if its sender may change it. That the To is a name
/// of the account that sent it has been seen to by the gate, with a 403 where it is not.
///
/// # Errors
/// The first step that fails, in the order of the RFC.
pub fn address_of_record(admitted: &Admitted, ourselves: &Ourselves) -> Result<AddressOfRecord, Reject> {
    steps_1_to_5(admitted.request(), admitted.identity(), ourselves)
}

fn steps_1_to_5(
    request: &Request,
    identity: &Identity,
    ourselves: &Ourselves,
) -> Result<AddressOfRecord, Reject> {
    // rfc3261 §10.3 step 1: another domain's REGISTER is not for us to process
    let target = request.uri();
    if !ourselves.is_us(target) {
        return Err(Reject::ForeignDomain);
    }
    understands(request)?;
    // rfc3261 §10.2: the address-of-record MUST be a SIP URI or SIPS URI
    let to = request.to().uri();
    let host = to.host().ok_or(Reject::NoAddress)?;
    // rfc3261 §10.3 step 5: it must be valid for the domain in the Request-URI, else 404. One of our
    // addresses there stands for all our domains.
    let domain = ourselves.domain(host).filter(|_| to.user().is_some()).ok_or(Reject::UnknownAddress)?;
    if let Some(Host::Name(name)) = target.host()
        && ourselves.named(name).is_some_and(|named| named.name != domain.name)
    {
        return Err(Reject::UnknownAddress);
    }
    match identity {
        // The canonical form: the gate has found whose name or alias the To is, parameters removed and
        // escapes undone, so that all names of an account have the same bindings.
        // rfc3261 §10.3 step 5
        Identity::Account(address) => Ok(address.clone()),
        // rfc3261 §10.3 step 4: who may not modify these bindings gets a 403
        Identity::Peer(_) | Identity::Guest | Identity::Dialog(_) => Err(Reject::Forbidden),
    }
}

// rfc3261 §10.3 step 2 and §8.2.2.3
fn understands(request: &Request) -> Result<(), Reject> {
    let unknown = |tag: &&str| !SUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(tag));
    let unknown: Vec<String> = request.require().filter(unknown).map(str::to_owned).collect();
    if unknown.is_empty() { Ok(()) } else { Err(Reject::BadExtension(unknown)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_admission::{DialogPass, Domain, Listener, Side};
    use ruf_message::{Flow, Message, Transport};

    fn ourselves() -> Ourselves {
        let mut domain = Domain::new("a.example");
        domain.aliases.push("alias.example".into());
        let listener = Listener::new(Transport::Udp, "192.0.2.1:5060".parse().unwrap());
        Ourselves { domains: vec![domain, Domain::new("b.example")], listeners: vec![listener] }
    }

    fn decide(uri: &str, to: &str, lines: &str, identity: &Identity) -> Result<String, Reject> {
        let text = format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:x@h>;tag=1\r\nTo: {to}\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n{lines}\r\n"
        );
        let Ok(Message::Request(request)) = Message::parse(text.clone().into()) else { panic!("{text}") };
        steps_1_to_5(&request, identity, &ourselves()).map(|address| address.to_string())
    }

    fn account(user: &str) -> Identity {
        Identity::Account(AddressOfRecord::new(user, "a.example"))
    }

    #[test]
    fn the_address_of_record_is_the_accounts_whatever_the_to_calls_it() {
        // tests rfc3261 §10.3 step 5
        for to in [
            "<sip:al%20ice@a.example>",
            "\"A\" <sip:%61l%20ice@A.EXAMPLE:5070;user=phone;x=y>;z=1",
            "sips:100@alias.example",
            "<sip:al%20ice:secret@192.0.2.1>",
        ] {
            let decided = decide("sip:a.example", to, "", &account("al ice"));
            assert_eq!(decided.as_deref(), Ok("al ice@a.example"), "{to}");
        }
    }

    #[test]
    fn the_request_uri_is_one_of_our_domains() {
        // tests rfc3261 §10.3 step 1
        for uri in
            ["sip:a.example", "sips:alias.example", "sip:192.0.2.1:5060;transport=udp", "sip:alice@a.example"]
        {
            assert!(decide(uri, "<sip:alice@a.example>", "", &account("alice")).is_ok(), "{uri}");
        }
        for uri in ["sip:c.example", "sip:192.0.2.9", "tel:+1", "urn:service:sos"] {
            let decided = decide(uri, "<sip:alice@a.example>", "", &account("alice"));
            assert_eq!(decided, Err(Reject::ForeignDomain), "{uri}");
        }
    }

    #[test]
    fn the_to_is_a_sip_uri_of_that_domain_with_a_user() {
        // tests rfc3261 §10.3 step 5, §10.2
        let identity = account("alice");
        for to in ["<sip:alice@b.example>", "<sip:alice@c.example>", "<sip:a.example>"] {
            assert_eq!(decide("sip:a.example", to, "", &identity), Err(Reject::UnknownAddress), "{to}");
        }
        for to in ["<tel:+4930123>", "isbn:2983792873", "<mailto:alice@a.example>"] {
            assert_eq!(decide("sip:a.example", to, "", &identity), Err(Reject::NoAddress), "{to}");
        }
        assert!(decide("sip:192.0.2.1", "<sip:alice@b.example>", "", &identity).is_ok());
    }

    #[test]
    fn nobody_but_an_account_registers() {
        // tests rfc3261 §10.3 step 4
        let to = "<sip:alice@a.example>";
        let flow = Flow {
            transport: Transport::Udp,
            listener: 0,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.7:5060".parse().unwrap(),
            connection: 0,
        };
        let dialog = Identity::Dialog(DialogPass { onward: Side::by(flow), from_caller: true });
        for other in [dialog, Identity::Guest, Identity::Peer("office".into())] {
            assert_eq!(decide("sip:a.example", to, "", &other), Err(Reject::Forbidden));
        }
    }

    #[test]
    fn what_is_required_and_not_known_is_named() {
        // tests rfc3261 §10.3 step 2, §8.2.2.3
        let lines =
            "Require: path, 100rel\r\nRequire: x, GRUU, outbound\r\nProxy-Require: y\r\nSupported: path\r\n";
        let tags = ["100rel", "x"].map(str::to_owned).to_vec();
        let decided = decide("sip:a.example", "<sip:alice@a.example>", lines, &account("alice"));
        assert_eq!(decided, Err(Reject::BadExtension(tags)));
        // The steps come in their order: first the domain, then what is required.
        let foreign = decide("sip:c.example", "<tel:+1>", lines, &account("alice"));
        assert_eq!(foreign, Err(Reject::ForeignDomain));
    }
}

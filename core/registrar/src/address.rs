//! Step 2, and whose bindings a REGISTER is about (RFC 3261 §10.3). The gate has seen to steps 1, 3, 4 and 5: that
//! Request-URI and To are of one domain of ours, and who may change the bindings of that To.

use ruf_admission::{AddressOfRecord, Admitted, Identity};
use ruf_message::Request;

use crate::reject::Reject;

/// Option tags that a registrar here understands in a Require.
// rfc3327 §5.3, rfc5626 §6, rfc5627 §5.1
const SUPPORTED: [&str; 3] = ["path", "outbound", "gruu"];

/// The address-of-record that `admitted` is about.
///
/// # Errors
/// If it requires what we do not know, or no account sent it.
pub fn address_of_record(admitted: &Admitted) -> Result<&AddressOfRecord, Reject> {
    steps_2_and_4(admitted.request(), admitted.identity())
}

fn steps_2_and_4<'a>(request: &Request, identity: &'a Identity) -> Result<&'a AddressOfRecord, Reject> {
    understands(request)?;
    match identity {
        // The canonical form: the gate has found whose name or alias the To is, parameters removed and
        // escapes undone, so that all names of an account have the same bindings.
        // rfc3261 §10.3 step 5
        Identity::Account(address) => Ok(address),
        // rfc3261 §10.3 step 4: who may not modify these bindings gets a 403
        Identity::Peer(_) | Identity::Guest | Identity::Dialog(_) => Err(Reject::Forbidden),
    }
}

// rfc3261 §10.3 step 2 and §8.2.2.3
fn understands(request: &Request) -> Result<(), Reject> {
    let unknown = |tag: &&str| !SUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(tag));
    if request.require().find(unknown).is_none() {
        return Ok(());
    }
    Err(Reject::BadExtension(request.require().filter(unknown).map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_admission::{DialogPass, Side};
    use ruf_message::{Flow, Message, Transport};

    fn decide(lines: &str, identity: &Identity) -> Result<String, Reject> {
        let text = format!(
            "REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:x@h>;tag=1\r\nTo: <sip:100@alias.example>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n{lines}\r\n"
        );
        let Ok(Message::Request(request)) = Message::parse(text.clone().into()) else { panic!("{text}") };
        steps_2_and_4(&request, identity).map(|address| address.to_string())
    }

    fn account(user: &str) -> Identity {
        Identity::Account(AddressOfRecord::new(user, "a.example"))
    }

    #[test]
    fn the_address_of_record_is_the_accounts_whatever_the_to_calls_it() {
        // tests rfc3261 §10.3 step 5
        assert_eq!(decide("", &account("al ice")).as_deref(), Ok("al ice@a.example"));
    }

    #[test]
    fn nobody_but_an_account_registers() {
        // tests rfc3261 §10.3 step 4
        let flow = Flow {
            transport: Transport::Udp,
            listener: 0,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.7:5060".parse().unwrap(),
            connection: 0,
        };
        let dialog = Identity::Dialog(DialogPass { onward: Side::by(flow), from_caller: true });
        for other in [dialog, Identity::Guest, Identity::Peer("office".into())] {
            assert_eq!(decide("", &other), Err(Reject::Forbidden));
        }
    }

    #[test]
    fn what_is_required_and_not_known_is_named() {
        // tests rfc3261 §10.3 step 2, §8.2.2.3
        let lines =
            "Require: path, 100rel\r\nRequire: x, GRUU, outbound\r\nProxy-Require: y\r\nSupported: path\r\n";
        let tags = ["100rel", "x"].map(str::to_owned).to_vec();
        assert_eq!(decide(lines, &account("alice")), Err(Reject::BadExtension(tags)));
        assert!(decide("Require: path, GRUU\r\n", &account("alice")).is_ok());
    }
}

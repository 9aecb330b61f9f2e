//! Which services of a domain count, and in which order (RFC 3263 section 4.1, RFC 7118 section 5.5).

use ruf_message::Transport;

use crate::query::{Naptr, Record, canonical};
use crate::ways::Ways;

/// One transport, and the name of its SRV records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Service {
    pub(crate) transport: Transport,
    pub(crate) name: String,
}

/// The services that we may use: those of the lowest order that has any, by preference. A record of a
/// higher order is never used, or whoever can stop one TLS port would move us to plain TCP.
// rfc3263 §4.1: order and preference as in RFC 2915 section 2
pub(crate) fn services(records: &[Record], secure: bool, ways: &Ways) -> Vec<Service> {
    let mut usable: Vec<(&Naptr, Transport)> = records
        .iter()
        .filter_map(|record| match record {
            Record::Naptr(naptr) => Some((naptr, transport(naptr, secure).filter(|t| ways.has(*t))?)),
            Record::Srv(_) | Record::Address(_) => None,
        })
        .collect();
    usable.sort_by_key(|(naptr, _)| (naptr.order, naptr.preference));
    let lowest = usable.first().map(|(naptr, _)| naptr.order);
    usable
        .into_iter()
        .take_while(|(naptr, _)| Some(naptr.order) == lowest)
        .map(|(naptr, transport)| Service { transport, name: canonical(&naptr.replacement) })
        .collect()
}

/// The transport of a record that RFC 3263 can use: it leads to SRV records without rewriting.
// rfc3263 §4.1: what is not D2X is discarded, and what is not SIPS for a SIPS URI
// rfc7118 §5.5
fn transport(naptr: &Naptr, secure: bool) -> Option<Transport> {
    let leads_to_srv = naptr.flags.eq_ignore_ascii_case("s")
        && naptr.regexp.is_empty()
        && !canonical(&naptr.replacement).is_empty();
    let transport = match naptr.service.to_ascii_uppercase().as_str() {
        "SIP+D2U" => Transport::Udp,
        "SIP+D2T" => Transport::Tcp,
        "SIPS+D2T" => Transport::Tls,
        "SIP+D2W" => Transport::Ws,
        "SIPS+D2W" => Transport::Wss,
        _ => return None,
    };
    (leads_to_srv && (transport.is_secure() || !secure)).then_some(transport)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(order: u16, preference: u16, service: &str) -> Record {
        let replacement = format!("{}.example.", service.to_ascii_lowercase().replace('+', "-"));
        let (flags, regexp, service) = ("s".into(), String::new(), service.into());
        Record::Naptr(Naptr { order, preference, flags, service, regexp, replacement })
    }

    fn all() -> Ways {
        Ways::new(Transport::ALL.map(|transport| (transport, [0, 0, 0, 0].into())))
    }

    fn chosen(records: &[Record], secure: bool, ways: &Ways) -> Vec<Transport> {
        services(records, secure, ways).into_iter().map(|service| service.transport).collect()
    }

    #[test]
    fn order_comes_before_preference_and_a_higher_order_is_never_used() {
        // tests rfc3263 §4.1
        let records = [record(50, 20, "SIP+D2U"), record(50, 10, "sip+d2t"), record(90, 1, "SIPS+D2T")];
        assert_eq!(chosen(&records, false, &all()), [Transport::Tcp, Transport::Udp]);
        assert_eq!(services(&records, false, &all())[0].name, "sip-d2t.example");
    }

    #[test]
    fn a_sips_uri_discards_all_but_sips_and_a_sip_uri_keeps_it() {
        // tests rfc3263 §4.1
        let records = [record(50, 1, "SIPS+D2T"), record(90, 1, "SIP+D2T"), record(40, 1, "SIP+D2U")];
        assert_eq!(chosen(&records, true, &all()), [Transport::Tls]);
        assert_eq!(chosen(&records, false, &all()), [Transport::Udp]);
        assert_eq!(chosen(&records[..2], false, &all()), [Transport::Tls]);
        assert_eq!(chosen(&records[1..], true, &all()), []);
    }

    #[test]
    fn a_service_that_we_do_not_have_is_passed_over() {
        // tests rfc3263 §4.1
        let ways = Ways::new([(Transport::Udp, [0, 0, 0, 0].into())]);
        let records = [record(10, 1, "SIP+D2S"), record(20, 1, "SIP+D2T"), record(30, 1, "SIP+D2U")];
        assert_eq!(chosen(&records, false, &ways), [Transport::Udp]);
    }

    #[test]
    fn websocket_has_services_of_its_own() {
        // tests rfc7118 §5.5
        let records = [record(1, 1, "SIP+D2W"), record(1, 2, "SIPS+D2W")];
        assert_eq!(chosen(&records, false, &all()), [Transport::Ws, Transport::Wss]);
        assert_eq!(chosen(&records, true, &all()), [Transport::Wss]);
    }

    #[test]
    fn a_record_that_rewrites_or_leads_elsewhere_is_none_of_ours() {
        // tests rfc3263 §4.1
        let Record::Naptr(good) = record(1, 1, "SIP+D2U") else { unreachable!("made above") };
        let bad = [
            Naptr { flags: "u".into(), ..good.clone() },
            Naptr { flags: String::new(), ..good.clone() },
            Naptr { regexp: "!^.*$!sip:x@y!".into(), ..good.clone() },
            Naptr { replacement: ".".into(), ..good.clone() },
            Naptr { service: "E2U+sip".into(), ..good },
        ];
        assert_eq!(chosen(&bad.map(Record::Naptr), false, &all()), []);
    }
}

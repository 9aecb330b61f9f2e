//! Staying reachable behind a registration: Path (RFC 3327), Service-Route (RFC 3608), the
//! parameters of outbound (RFC 5626) and of GRUU (RFC 5627) on Contacts and URIs. Flow-Timer is in
//! [`expires`](super::expires); the rules are core/registrar's.

use crate::header::address::{NameAddr, address_header};
use crate::scan::{trim, unquote};
use crate::uri::UriRef;
use std::borrow::Cow;

address_header! {
    /// A proxy between the registrar and the contact (RFC 3327 §4).
    Path = Path,
    /// A proxy that requests of the registered user go through (RFC 3608 §5).
    ServiceRoute = ServiceRoute,
}

/// Largest `reg-id`.
const REG_ID_MAX: u32 = (1 << 31) - 1;

/// What registrations say in the parameters of a Contact.
impl<'a> NameAddr<'a> {
    /// Which of the instance's flows this is: 1 to 2**31-1; `None` if not said, or not rightly.
    // rfc5626 §10
    pub fn reg_id(&self) -> Option<u32> {
        let digits = self.params.get("reg-id").flatten()?;
        let digits =
            str::from_utf8(digits).ok().filter(|text| text.bytes().all(|octet| octet.is_ascii_digit()))?;
        digits.parse().ok().filter(|id| (1..=REG_ID_MAX).contains(id))
    }

    /// The device, without its quotes and angle brackets: `urn:uuid:…`.
    // rfc5626 §4.1
    pub fn instance(&self) -> Option<Cow<'a, [u8]>> {
        let inner = |value: &[u8]| {
            let inner = trim(value).strip_prefix(b"<")?.strip_suffix(b">")?;
            (!inner.is_empty()).then(|| inner.to_vec())
        };
        match unquote(self.params.get("+sip.instance").flatten()?) {
            Cow::Borrowed(value) => trim(value).strip_prefix(b"<")?.strip_suffix(b">").map(Cow::Borrowed),
            Cow::Owned(value) => inner(&value).map(Cow::Owned),
        }
        .filter(|instance| !instance.is_empty())
    }

    /// The public GRUU that the registrar gave (RFC 5627 §4.2).
    pub fn pub_gruu(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("pub-gruu")
    }

    /// The temporary GRUU that the registrar gave (RFC 5627 §4.2).
    pub fn temp_gruu(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("temp-gruu")
    }
}

/// What outbound and GRUU say in the parameters of a URI.
impl<'a> UriRef<'a> {
    /// It belongs to an outbound flow: `ob` (RFC 5626 §4.3, §5.2).
    pub fn is_outbound(&self) -> bool {
        self.param("ob").is_some()
    }

    /// It is a GRUU: the value of `gr`, which a temporary one does not have (RFC 5627 §3.1).
    pub fn gr(&self) -> Option<Option<&'a [u8]>> {
        self.param("gr")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    const UUID: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

    fn reg_id(value: &str) -> Option<u32> {
        NameAddr::decode(format!("<sip:a@h>;reg-id{value}").as_bytes()).unwrap().reg_id()
    }

    #[test]
    fn a_path_is_a_route() {
        // tests rfc3327 §4, rfc3608 §5
        let path = Path::decode(b"<sip:VskztcQ/S8p4WPbOnHbuyh5iJvJIW3ib@ep1.example.com;lr;ob>").unwrap();
        assert!(path.uri().is_loose_router() && path.uri().is_outbound());
        assert!(!ServiceRoute::decode(b"<sip:orig@h;lr>").unwrap().uri().is_outbound());
    }

    #[test]
    fn a_reg_id_is_positive_and_below_2_to_the_31() {
        // tests rfc5626 §10
        assert_eq!([reg_id("=1"), reg_id("=2147483647")], [Some(1), Some(2_147_483_647)]);
        for bad in ["", "=0", "=2147483648", "=99999999999", "=+1", "=a"] {
            assert_eq!(reg_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_instance_stands_in_quotes_and_brackets() {
        // tests rfc5626 §4.1
        let instance = |value: &str| {
            let contact = format!("<sip:a@h>;+SIP.instance={value}");
            let instance = NameAddr::decode(contact.as_bytes()).unwrap().instance();
            instance.map(|instance| String::from_utf8(instance.into_owned()).unwrap())
        };
        assert_eq!(instance(&format!("\"<{UUID}>\"")).as_deref(), Some(UUID));
        assert_eq!(instance("\"\\<urn:a>\"").as_deref(), Some("urn:a"));
        for bad in ["\"<>\"", "\"urn:a\"", "\"<urn:a\"", "urn:a"] {
            assert_eq!(instance(bad), None, "{bad}");
        }
    }

    #[test]
    fn gruus_are_read_from_the_contact_and_known_by_gr() {
        // tests rfc5627 §3.1, §4.2
        let text = format!(
            "<sip:callee@192.0.2.2>;pub-gruu=\"sip:callee@example.com;gr={UUID}\"\r\n ;temp-gruu=\"sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr\"\r\n ;+sip.instance=\"<{UUID}>\";expires=3600"
        );
        let contact = NameAddr::decode(text.as_bytes()).unwrap();
        let public = contact.pub_gruu().unwrap();
        assert_eq!(UriRef::parse(&public).unwrap().gr(), Some(Some(UUID.as_bytes())));
        assert_eq!(UriRef::parse(&contact.temp_gruu().unwrap()).unwrap().gr(), Some(None));
        assert_eq!(contact.uri().gr(), None);
        assert_eq!(&*contact.instance().unwrap(), UUID.as_bytes());
    }
}

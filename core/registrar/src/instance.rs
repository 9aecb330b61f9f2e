//! Instance ids: the URN that names a device, and when two of them are the same (RFC 5626 §4.1).
//!
//! Reading one from a Contact is core/message's (`NameAddr::instance`).

/// The form in which equal instance ids have equal octets.
///
/// Of a URN, scheme and namespace have no case (RFC 2141 §5), nor has a UUID (RFC 4122 §3), nor have the
/// digits of an escape. What is no URN is taken as it is: it is still the same phone's each time.
// rfc5626 §4.1: by the rules of the URN's own scheme, else lexically
pub(crate) fn canonical(instance: &[u8]) -> Vec<u8> {
    let mut canonical = instance.to_vec();
    let mut colons = canonical.iter().enumerate().filter(|(_, octet)| **octet == b':').map(|(at, _)| at);
    let (Some(scheme), Some(namespace)) = (colons.next(), colons.next()) else { return canonical };
    if !instance.get(..scheme).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"urn")) {
        return canonical;
    }
    let is_uuid = instance.get(scheme + 1..namespace).is_some_and(|name| name.eq_ignore_ascii_case(b"uuid"));
    let caseless = if is_uuid { canonical.len() } else { namespace };
    let mut escape = 0;
    for (at, octet) in canonical.iter_mut().enumerate() {
        if at < caseless || escape > 0 {
            octet.make_ascii_lowercase();
        }
        escape = if *octet == b'%' { 2 } else { usize::saturating_sub(escape, 1) };
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, two: &str) -> bool {
        canonical(one.as_bytes()) == canonical(two.as_bytes())
    }

    #[test]
    fn urns_are_compared_as_urns() {
        // tests rfc5626 §4.1
        assert!(same("urn:uuid:F81D4FAE-7dec", "URN:UUID:f81d4fae-7DEC"));
        assert!(same("urn:Foo:a%2Cb", "URN:foo:a%2cb"));
        assert!(!same("urn:foo:A", "urn:foo:a"), "the name itself has case");
        assert!(!same("urn:foo:%2cA", "urn:foo:%2ca"), "what follows an escape has case");
        assert!(!same("urn:uuid:1", "urn:uuid:2"));
    }

    #[test]
    fn what_is_no_urn_is_its_own_text() {
        // tests rfc5626 §4.1
        for text in ["", "A", "urn", "urn:A", "x:UUID:A", "%4A", ":::"] {
            assert_eq!(canonical(text.as_bytes()), text.as_bytes());
        }
    }
}

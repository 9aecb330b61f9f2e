//! URIs: what is accepted prints itself; comparing is symmetric and knows equal texts.

use ruf_message::{Host, NameAddr, Scheme, Uri, UriRef, escape_user, unescape};

/// Two texts, parted by the first line feed.
pub fn uri(octets: &[u8]) {
    let mut texts = octets.splitn(2, |octet| *octet == b'\n');
    let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
    let uris = [one(first), one(second)];
    if let [Some(a), Some(b)] = uris {
        assert_eq!(a.equivalent(&b), b.equivalent(&a), "{a} and {b}");
    }
    escaped(first);
    if let Ok(address) = NameAddr::decode(octets) {
        let mut printed = Vec::new();
        address.encode(&mut printed);
        assert!(NameAddr::decode(&printed).is_ok_and(|again| again.uri().equivalent(&address.uri())));
    }
}

fn one(text: &[u8]) -> Option<UriRef<'_>> {
    let uri = UriRef::parse(text).map_err(|error| assert!(error.at() <= text.len())).ok()?;
    assert_eq!(uri.as_bytes(), text);
    assert!(uri.equivalent(&uri), "{uri} is itself");
    let owned: Uri = uri.to_owned();
    assert!(owned.to_string().parse::<Uri>().is_ok_and(|again| again == owned));
    assert_eq!(uri.is_sip(), uri.host().is_some());
    if let Some(host) = uri.host() {
        assert_eq!(Host::parse(host.to_string().as_bytes()), Some(host));
    }
    if let Some(number) = uri.tel_number() {
        assert!(uri.scheme() != Scheme::Tel || !number.is_empty());
    }
    if cfg!(feature = "planted") && uri.params().count() == 4 {
        panic!("planted in uri");
    }
    let (named, headers) = (uri.params().count(), uri.headers().count());
    assert!(named + headers <= text.len());
    for (name, value) in uri.params() {
        let name = String::from_utf8_lossy(name).into_owned();
        assert!(uri.param(&name).is_some() || name.contains('%') || value.is_none());
    }
    let _ = (uri.user_unescaped(), uri.password(), uri.port(), uri.transport(), uri.maddr(), uri.is_phone());
    Some(uri)
}

fn escaped(text: &[u8]) {
    let mut out = Vec::new();
    escape_user(text, &mut out);
    assert_eq!(&*unescape(&out), text);
    if !text.is_empty() {
        let uri = [b"sip:", &out[..], b"@h"].concat();
        assert!(UriRef::parse(&uri).is_ok_and(|uri| uri.user_unescaped().as_deref() == Some(text)));
    }
}

//! Handshakes in memory, with certificates made here: what a client of ours believes, what it does
//! not, and which certificate a server of ours shows. Nothing is verified less than in production.

#![allow(clippy::unwrap_used)]

mod scratch;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use ruf_message::HostBuf;
use ruf_net::tls::{self, Certificates, DomainNames, Fault, PemFiles, Wanted, Warning};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConnection, Error, ServerConfig, ServerConnection};
use scratch::Scratch;

fn host(text: &str) -> HostBuf {
    text.parse().unwrap()
}

fn domain(name: &str, aliases: &[&str], files: Option<PemFiles>) -> DomainNames {
    DomainNames { name: host(name), aliases: aliases.iter().map(|name| host(name)).collect(), files }
}

fn wanted(domains: Vec<DomainNames>, hosts: &[&str]) -> Wanted {
    Wanted { domains, hosts: hosts.iter().map(|name| host(name)).collect(), trust: Vec::new() }
}

fn open(directory: &Path, wanted: Wanted) -> Certificates {
    Certificates::open(directory, wanted).unwrap().0
}

/// Shakes hands in memory; gives the certificate that the server showed, or the client's reason.
fn shake(
    client: &Certificates,
    server: Arc<ServerConfig>,
    name: &str,
) -> Result<CertificateDer<'static>, Error> {
    let name = tls::server_name(&host(name)).unwrap();
    let mut client = ClientConnection::new(client.connector(), name)?;
    let mut server = ServerConnection::new(server)?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        // A client that refused has said so by an alert; its own error is what is looked at.
        let of_server = server.process_new_packets();
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
        of_server?;
    }
    Ok(client.peer_certificates().unwrap().first().unwrap().clone().into_owned())
}

/// An authority that is not ours.
struct Other {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Other {
    fn new() -> Other {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "another authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Other { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, names: &[SanType], change: impl FnOnce(&mut CertificateParams)) -> (String, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key)
    }

    /// A server that shows a certificate with these names to everybody.
    fn server(&self, names: &[SanType], change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let (pem, key) = self.issue(names, change);
        let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Arc::new(config)
    }

    fn files(&self, dir: &Path, names: &[SanType], change: impl FnOnce(&mut CertificateParams)) -> PemFiles {
        let (pem, key) = self.issue(names, change);
        let files = PemFiles { certificate: dir.join("site.pem"), key: dir.join("site.key") };
        fs::write(&files.certificate, pem).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

/// A client of ours that believes the other authority.
fn believer(dir: &Path, other: &Other) -> Certificates {
    let file = dir.join("other.pem");
    fs::write(&file, &other.pem).unwrap();
    let wanted = Wanted { trust: vec![file], ..wanted(vec![domain("a.example", &[], None)], &[]) };
    open(&dir.join("tls"), wanted)
}

const NOT_FOR_THIS_NAME: Error = Error::InvalidCertificate(CertificateError::NotValidForName);

#[test]
fn every_domain_alias_and_address_has_a_certificate_that_our_own_client_believes() {
    let dir = Scratch::new("names");
    let domains = vec![domain("a.example", &["alias.example"], None), domain("b.example", &[], None)];
    let ours = open(&dir, wanted(domains, &["192.0.2.1", "[2001:db8::1]", "localhost", "sip.example"]));
    // tests rfc5922 §7.8
    let of = |name| shake(&ours, ours.acceptor(), name).unwrap();
    let default = of("a.example");
    for name in ["alias.example", "192.0.2.1", "[2001:db8::1]", "localhost", "sip.example", "ALIAS.example"] {
        assert_eq!(of(name), default, "{name}");
    }
    assert_ne!(of("b.example"), default);
    // An unknown name gets the default certificate, and the client sees that it is not whom it wanted.
    assert_eq!(shake(&ours, ours.acceptor(), "c.example").unwrap_err(), NOT_FOR_THIS_NAME);
}

#[test]
fn a_server_of_another_authority_is_believed_only_if_that_authority_is() {
    let (dir, stranger, other) = (Scratch::new("other"), Scratch::new("stranger"), Other::new());
    let server = || other.server(&[dns("b.example")], |_| {});
    assert!(shake(&believer(&dir, &other), server(), "b.example").is_ok());
    let stranger = open(&stranger, wanted(vec![domain("a.example", &[], None)], &[]));
    let refused = shake(&stranger, server(), "b.example").unwrap_err();
    assert_eq!(refused, Error::InvalidCertificate(CertificateError::UnknownIssuer));
}

#[test]
fn the_identity_of_a_server_is_the_domain_that_was_looked_for() {
    // tests rfc5922 §7.1, §7.2, §7.3
    let (dir, other) = (Scratch::new("identity"), Other::new());
    let client = believer(&dir, &other);
    let address: std::net::IpAddr = "192.0.2.7".parse().unwrap();
    let good: [(&[SanType], &str); 7] = [
        (&[dns("b.example")], "b.example"),
        (&[dns("B.Example")], "b.example"),
        (&[uri("sip:b.example")], "b.example"),
        (&[uri("SIP:b.example;transport=tls")], "b.example"),
        // Neither a person nor another scheme is the identity of a domain, so the DNS name counts.
        (&[uri("sip:alice@c.example"), uri("sips:c.example"), dns("b.example")], "b.example"),
        (&[SanType::IpAddress(address)], "192.0.2.7"),
        (&[uri("sip:192.0.2.7")], "192.0.2.7"),
    ];
    for (names, wanted) in good {
        assert!(shake(&client, other.server(names, |_| {}), wanted).is_ok(), "{names:?} is {wanted}");
    }
    let bad: [(&[SanType], &str); 9] = [
        (&[dns("c.example")], "b.example"),
        (&[dns("sub.b.example")], "b.example"),
        (&[dns("b.example")], "sub.b.example"),
        (&[dns("*.example")], "b.example"),
        (&[uri("sip:c.example"), dns("b.example")], "b.example"),
        (&[uri("sip:alice@b.example")], "b.example"),
        (&[uri("sips:b.example")], "b.example"),
        (&[uri("https://b.example")], "b.example"),
        (&[SanType::IpAddress(address)], "192.0.2.8"),
    ];
    for (names, wanted) in bad {
        let refused = shake(&client, other.server(names, |_| {}), wanted).unwrap_err();
        assert_eq!(refused, NOT_FOR_THIS_NAME, "{names:?} is not {wanted}");
    }
}

#[test]
fn a_common_name_is_no_identity() {
    // tests rfc5922 §7.1
    let (dir, other) = (Scratch::new("cn"), Other::new());
    let server = other.server(&[], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "b.example");
    });
    assert_eq!(shake(&believer(&dir, &other), server, "b.example").unwrap_err(), NOT_FOR_THIS_NAME);
}

#[test]
fn what_has_expired_or_is_for_something_else_is_not_believed() {
    let (dir, other) = (Scratch::new("expired"), Other::new());
    let client = believer(&dir, &other);
    let expired = other.server(&[dns("b.example")], |params| params.not_after = date_time_ymd(2020, 1, 1));
    assert!(matches!(
        shake(&client, expired, "b.example"),
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { .. } | CertificateError::Expired))
    ));
    let of_mail = other.server(&[dns("b.example")], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::EmailProtection];
    });
    assert!(matches!(
        shake(&client, of_mail, "b.example"),
        Err(Error::InvalidCertificate(
            CertificateError::InvalidPurposeContext { .. } | CertificateError::InvalidPurpose
        ))
    ));
}

#[test]
fn a_file_of_the_configuration_speaks_for_its_domain_and_our_authority_for_the_rest() {
    let (dir, other) = (Scratch::new("files"), Other::new());
    let files = other.files(&dir, &[dns("a.example"), dns("*.sub.example")], |_| {});
    let domains = vec![domain("a.example", &["x.sub.example", "b.example"], Some(files.clone()))];
    let (ours, warnings) = Certificates::open(&dir.join("tls"), wanted(domains, &["localhost"])).unwrap();
    let file = files.certificate.clone();
    let expected = [
        Warning::ByWildcard(file.clone(), host("x.sub.example")),
        Warning::SilentAbout(file, host("b.example")),
    ];
    assert!(expected.iter().all(|warning| warnings.contains(warning)), "{warnings:?}");
    let other_dir = Scratch::new("files-client");
    let client = believer(&other_dir, &other);
    assert!(shake(&client, ours.acceptor(), "a.example").is_ok());
    for name in ["b.example", "localhost"] {
        assert!(shake(&ours, ours.acceptor(), name).is_ok(), "{name}");
        assert!(shake(&client, ours.acceptor(), name).is_err(), "{name} is not of the file");
    }
}

#[test]
fn a_reload_shows_new_certificates_and_what_is_wrong_leaves_the_old_ones() {
    let (dir, of_client) = (Scratch::new("reload"), Scratch::new("reload-client"));
    let (other, again) = (Other::new(), Other::new());
    let files = other.files(&dir, &[dns("a.example")], |_| {});
    let before = wanted(vec![domain("a.example", &[], None)], &[]);
    let ours = open(&dir.join("tls"), before.clone());
    let worker = ours.clone();
    let client = believer(&of_client, &other);
    let shown = |name| shake(&client, worker.acceptor(), name);
    assert!(shown("a.example").is_err());
    ours.reload(wanted(vec![domain("a.example", &[], Some(files.clone()))], &[])).unwrap();
    let first = shown("a.example").unwrap();
    // Renewed in place, as an ACME client does it: the key of another certificate first.
    let key = fs::read(&files.key).unwrap();
    fs::write(&files.key, again.issue(&[dns("a.example")], |_| {}).1.serialize_pem()).unwrap();
    let error = ours.renew().unwrap_err();
    assert!(matches!(error.fault, Fault::OtherKey(_)), "{error}");
    assert_eq!(error.file, files.key);
    assert_eq!(shown("a.example").unwrap(), first);
    fs::write(&files.key, key).unwrap();
    other.files(&dir, &[dns("a.example")], |_| {});
    ours.renew().unwrap();
    assert_ne!(shown("a.example").unwrap(), first);
}

#[test]
fn a_wrong_file_is_named_with_what_was_expected() {
    let (dir, other) = (Scratch::new("wrong"), Other::new());
    let good = other.files(&dir, &[dns("a.example")], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let with = |certificate: &PathBuf, key: &PathBuf| {
        let files = PemFiles { certificate: certificate.clone(), key: key.clone() };
        tls::check(&wanted(vec![domain("a.example", &[], Some(files))], &[]))
    };
    let warnings = with(&good.certificate, &good.key).unwrap();
    assert_eq!(warnings, [Warning::Expired(good.certificate.clone())]);
    let text = dir.join("text");
    fs::write(&text, "hello").unwrap();
    let broken = dir.join("broken.pem");
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let none = dir.join("none.pem");
    let cases = [
        with(&none, &good.key).unwrap_err(),
        with(&text, &good.key).unwrap_err(),
        with(&broken, &good.key).unwrap_err(),
        with(&good.certificate, &text).unwrap_err(),
        with(&good.key, &good.key).unwrap_err(),
    ];
    let said: Vec<String> = cases.iter().map(ToString::to_string).collect();
    let expected = [
        ("none.pem", "cannot be read"),
        ("text", "BEGIN CERTIFICATE"),
        ("broken.pem", "malformed"),
        ("text", "BEGIN PRIVATE KEY"),
        ("site.key", "holds no certificate"),
    ];
    for (said, (file, cause)) in said.iter().zip(expected) {
        assert!(said.contains(&format!("{file}: ")) && said.contains(cause), "{said}");
    }
}

#[test]
fn the_authority_is_made_once_and_only_we_may_read_its_key() {
    let dir = Scratch::new("authority");
    let place = dir.join("tls");
    let only = || wanted(vec![domain("a.example", &[], None)], &[]);
    let first = open(&place, only());
    let authority = fs::read(first.authority()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&place.join("ca.key"))), (0o700, 0o600));
    // Another start: the same authority, and the same certificate of the server.
    let second = open(&place, only());
    assert_eq!(fs::read(second.authority()).unwrap(), authority);
    assert_eq!(
        shake(&first, first.acceptor(), "a.example").unwrap(),
        shake(&first, second.acceptor(), "a.example").unwrap()
    );
    fs::remove_file(place.join("ca.key")).unwrap();
    let error = Certificates::open(&place, only()).unwrap_err();
    assert!(matches!(error.fault, Fault::KeyLost), "{error}");
}

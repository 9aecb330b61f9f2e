//! [`Account`]: who a phone is, where its server is, and what it shows of itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ruf_auth::Keyring;
use ruf_media::{Codec, IceServer, NoServer, PortRange};
use ruf_message::{Transport, Uri};
use ruf_net::tls::PemFiles;

use crate::error::Error;

/// How long a registration is asked for; the registrar may give less.
const EXPIRES_SECS: u32 = 600;

/// Whether what is said is encrypted (SRTP with keys in the descriptions, RFC 4568).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Offered where nobody reads the keys on the way, over TLS; taken wherever it is offered.
    #[default]
    WhereItHelps,
    /// Never.
    Off,
    /// Offered and taken everywhere; without it, too, if the far side has none.
    Offered,
    /// No call without it.
    Required,
}

/// Whether the two sides of a call seek the best way for sound between them (ICE, RFC 8445).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ice {
    /// Offered if a STUN or TURN server is named; taken wherever it is offered.
    #[default]
    WhereItHelps,
    /// Never.
    Off,
    /// Offered and taken everywhere; a far side that has none is called as ever.
    Offered,
}

/// Who a phone is.
///
/// ```
/// use ruf_sip::Account;
///
/// let alice = Account::new("sip:alice@example.org")?.password("secret").display("Alice");
/// # Ok::<(), ruf_sip::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) aor: Option<Uri>,
    pub(crate) name: String,
    pub(crate) display: String,
    pub(crate) keyring: Keyring,
    pub(crate) server: Option<Uri>,
    pub(crate) expires_secs: u32,
    pub(crate) listen: SocketAddr,
    pub(crate) listen_tls: Option<SocketAddr>,
    pub(crate) certificate: Option<PemFiles>,
    pub(crate) trust: Vec<PathBuf>,
    pub(crate) user_agent: String,
    pub(crate) codecs: Vec<Codec>,
    pub(crate) ports: PortRange,
    pub(crate) encryption: Encryption,
    pub(crate) ice: Ice,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) mixes: bool,
    pub(crate) asks_consent: bool,
    pub(crate) instance: Option<String>,
    is_over_tls: bool,
    user: Option<String>,
}

impl Account {
    /// An account at a server: an address-of-record as it stands on a visiting card, with or without
    /// `sip:`. Its server is found by its domain (RFC 3263), unless [`Account::server`] names another.
    ///
    /// # Errors
    /// The text is no SIP address with a user.
    pub fn new(address: &str) -> Result<Account, Error> {
        let aor = sip_uri(address)?;
        let Some(user) = aor.as_ref().user_unescaped() else {
            return Err(Error::Address(format!("`{address}` names no user: expected sip:user@domain")));
        };
        let user = String::from_utf8_lossy(&user).into_owned();
        let server = Some(domain(&aor)?);
        Ok(Account { aor: Some(aor), server, user: Some(user), ..Account::direct("") })
    }

    /// A phone without a server: it calls others where their address says, and is called at its own
    /// ([`Phone::address`](crate::Phone::address)) under any name.
    pub fn direct(name: &str) -> Account {
        Account {
            aor: None,
            name: name.to_owned(),
            display: String::new(),
            keyring: Keyring::empty(),
            server: None,
            expires_secs: EXPIRES_SECS,
            listen: (Ipv4Addr::UNSPECIFIED, 0).into(),
            listen_tls: None,
            certificate: None,
            trust: Vec::new(),
            user_agent: concat!("ruf/", env!("CARGO_PKG_VERSION")).to_owned(),
            codecs: Codec::ALL.to_vec(),
            ports: PortRange::default(),
            encryption: Encryption::default(),
            ice: Ice::default(),
            ice_servers: Vec::new(),
            mixes: false,
            asks_consent: false,
            instance: None,
            is_over_tls: false,
            user: None,
        }
    }

    /// A phone without a server that does not say who it is (RFC 3323 §4.1.1.3): nobody asks for its password.
    pub fn anonymous() -> Account {
        let aor = sip_uri("sip:anonymous@anonymous.invalid").ok();
        Account { aor, ..Account::direct("").display("Anonymous") }
    }

    /// The password; the name that goes with it is the user of the address.
    #[must_use]
    pub fn password(self, secret: &str) -> Account {
        let user = self.user.clone().unwrap_or_else(|| self.name.clone());
        self.credentials(&user, secret)
    }

    /// Whoever uses it can mix: calls that want to be mixed into another one are told as such (RFC 3911).
    #[must_use]
    pub fn mixes(self, mixes: bool) -> Account {
        Account { mixes, ..self }
    }

    /// Whoever asks to watch the phone itself waits until [`Phone::allow`](crate::Phone::allow)
    /// ([`PhoneEvent::WatcherAsks`](crate::PhoneEvent::WatcherAsks)); who names nobody (`anonymous.invalid`) is refused.
    /// Otherwise whoever asks is told, once something is published.
    #[must_use]
    pub fn asks_consent(self, asks_consent: bool) -> Account {
        Account { asks_consent, ..self }
    }

    /// A name and a password that are not those of the address.
    #[must_use]
    pub fn credentials(self, user: &str, secret: &str) -> Account {
        Account { keyring: Keyring::new(user, secret), ..self }
    }

    /// What others see beside the address.
    #[must_use]
    pub fn display(self, name: &str) -> Account {
        Account { display: name.to_owned(), ..self }
    }

    /// The server through which everything goes, as `host`, `host:port` or a SIP URI whose `transport`
    /// says how: `sip:192.0.2.1:5070;transport=tls`.
    ///
    /// # Errors
    /// The text names no host.
    pub fn server(self, server: &str) -> Result<Account, Error> {
        let uri = sip_uri(server)?;
        if matches!(uri.as_ref().transport(), Some(None)) {
            return Err(Error::Address(format!("`{server}` names a transport that we do not have")));
        }
        Ok(Account { server: Some(uri), ..self })
    }

    /// For how many seconds a registration is asked for: 600 unless said otherwise.
    #[must_use]
    pub fn expires_secs(self, secs: u32) -> Account {
        Account { expires_secs: secs.max(1), ..self }
    }

    /// The address and port to be reached at; a port of 0 is any that is free, `0.0.0.0` every IPv4 address.
    #[must_use]
    pub fn listen(self, at: SocketAddr) -> Account {
        Account { listen: at, ..self }
    }

    /// The address and port to be reached at over TLS; otherwise any port that is free.
    #[must_use]
    pub fn listen_tls(self, at: SocketAddr) -> Account {
        Account { listen_tls: Some(at), ..self }
    }

    /// The PEM files of the certificate that is shown over TLS, and of its key. Without them whoever connects to us sees
    /// one that nobody vouches for.
    #[must_use]
    pub fn certificate(self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Account {
        let files = PemFiles { certificate: certificate.into(), key: key.into() };
        Account { certificate: Some(files), ..self }
    }

    /// A PEM file with an authority to believe, beside the system's, when a server shows its certificate.
    #[must_use]
    pub fn trust(mut self, authority: impl Into<PathBuf>) -> Account {
        self.trust.push(authority.into());
        self
    }

    /// The codecs, in order of preference; none leaves all of them.
    #[must_use]
    pub fn codecs(self, codecs: &[Codec]) -> Account {
        let codecs = if codecs.is_empty() { Codec::ALL.to_vec() } else { codecs.to_vec() };
        Account { codecs, ..self }
    }

    /// Whether what is said is encrypted.
    #[must_use]
    pub fn encryption(self, encryption: Encryption) -> Account {
        Account { encryption, ..self }
    }

    /// Whether the best way for sound is sought.
    #[must_use]
    pub fn ice(self, ice: Ice) -> Account {
        Account { ice, ..self }
    }

    /// A STUN server, as `host` or `host:port`: it says what our ports look like from outside. It is asked before there
    /// is a call, and no call waits for it.
    ///
    /// # Errors
    /// The text names no host and port.
    pub fn stun(self, server: &str) -> Result<Account, Error> {
        self.with_server(IceServer::stun(server))
    }

    /// A TURN server, as `host` or `host:port`, over UDP, with a name and a password there: it lends an address for
    /// sound where no other way leads through. It is asked before there is a call, and no call waits for it.
    ///
    /// # Errors
    /// The text names no host and port.
    pub fn turn(self, server: &str, user: &str, password: &str) -> Result<Account, Error> {
        self.with_server(IceServer::turn(server, user, password))
    }

    fn with_server(mut self, server: Result<IceServer, NoServer>) -> Result<Account, Error> {
        self.ice_servers.push(server.map_err(|error| Error::Address(error.to_string()))?);
        Ok(self)
    }

    /// The ports that sound may use: 16384 to 32766 unless said otherwise.
    #[must_use]
    pub fn ports(self, ports: PortRange) -> Account {
        Account { ports, ..self }
    }

    /// Can call over TLS, whatever its own address and server are: `sips:` and `transport=tls`.
    #[must_use]
    pub fn over_tls(self) -> Account {
        Account { is_over_tls: true, ..self }
    }

    /// The device as a URN that stays the same over restarts: `urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6`.
    /// With one, the server knows the device again when it comes back by another way (RFC 5626), and gives it
    /// an address of its own, at which it is called back and transferred to (GRUU, RFC 5627).
    ///
    /// # Errors
    /// The text is no URN.
    pub fn device(self, urn: &str) -> Result<Account, Error> {
        let is_urn = urn.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:"));
        let is_plain = |octet: u8| octet.is_ascii_graphic() && !b"\"<>\\".contains(&octet);
        if !is_urn || urn.len() <= 4 || !urn.bytes().all(is_plain) {
            return Err(Error::Address(format!("`{urn}` is no URN: expected urn:uuid:...")));
        }
        Ok(Account { instance: Some(urn.to_owned()), ..self })
    }

    /// The value of User-Agent.
    #[must_use]
    pub fn user_agent(self, text: &str) -> Account {
        Account { user_agent: text.to_owned(), ..self }
    }

    /// The address-of-record of a phone that is at this address.
    pub(crate) fn aor_at(&self, at: SocketAddr) -> Result<Uri, Error> {
        if let Some(aor) = &self.aor {
            return Ok(aor.clone());
        }
        let mut text = b"sip:".to_vec();
        if !self.name.is_empty() {
            ruf_message::escape_user(self.name.as_bytes(), &mut text);
            text.push(b'@');
        }
        text.extend(at.to_string().into_bytes());
        Uri::parse(text).map_err(|error| Error::Address(error.to_string()))
    }

    /// Over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        let of = |uri: &Uri| {
            let uri = uri.as_ref();
            uri.hop().is_some_and(|hop| hop.secure || hop.transport.is_some_and(Transport::is_secure))
        };
        let is_reached = self.listen_tls.is_some() || self.certificate.is_some();
        self.is_over_tls
            || is_reached
            || !self.trust.is_empty()
            || self.server.iter().chain(&self.aor).any(of)
    }

    /// The family of the addresses that it uses.
    pub(crate) fn is_ipv4(&self) -> bool {
        matches!(self.listen.ip(), IpAddr::V4(_))
    }
}

/// A SIP URI as people write it: with or without its scheme.
///
/// # Errors
/// It is none.
pub(crate) fn sip_uri(text: &str) -> Result<Uri, Error> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let whole = if ["sip:", "sips:"].iter().any(|scheme| lower.starts_with(scheme)) {
        text.to_owned()
    } else {
        format!("sip:{text}")
    };
    whole.parse().map_err(|error| Error::Address(format!("`{text}` is no SIP address: {error}")))
}

/// The URI of the domain of an address: where RFC 3263 begins.
fn domain(aor: &Uri) -> Result<Uri, Error> {
    let uri = aor.as_ref();
    let scheme = String::from_utf8_lossy(uri.scheme_bytes()).into_owned();
    let host = uri.host().map_or_else(String::new, |host| host.to_string());
    let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
    let transport = match uri.transport() {
        Some(Some(transport)) => format!(";transport={}", transport.as_param()),
        Some(None) => return Err(Error::Address(format!("`{aor}` names a transport that we do not have"))),
        None => String::new(),
    };
    sip_uri(&format!("{scheme}:{host}{port}{transport}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_the_domain_unless_another_is_named() {
        let account = Account::new("alice@example.org").unwrap();
        assert_eq!(account.aor.as_ref().unwrap().to_string(), "sip:alice@example.org");
        assert_eq!(account.server.as_ref().unwrap().to_string(), "sip:example.org");
        let account = account.server("192.0.2.1:5070;transport=tcp").unwrap();
        assert_eq!(account.server.as_ref().unwrap().to_string(), "sip:192.0.2.1:5070;transport=tcp");
        let secure = Account::new("sips:alice@example.org:5071").unwrap();
        assert_eq!(secure.server.as_ref().unwrap().to_string(), "sips:example.org:5071");
        assert!(secure.is_secure() && !account.is_secure());
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        for (text, cause) in [
            ("", "is no SIP address"),
            ("example.org", "names no user"),
            ("alice@", "is no SIP address"),
            ("alice@h;transport=sctp", "transport that we do not have"),
        ] {
            let error = Account::new(text).unwrap_err().to_string();
            assert!(error.contains(cause), "{text}: {error}");
        }
        for urn in ["", "urn:", "uuid:1", "urn:uuid:1 2", "urn:uuid:1\">", "urn:uuid:ä"] {
            assert!(Account::direct("").device(urn).unwrap_err().to_string().contains("no URN"), "{urn}");
        }
    }

    #[test]
    fn who_is_nobody_has_no_server() {
        // tests rfc3323 §4.1.1.3
        let account = Account::anonymous();
        assert_eq!(account.aor.as_ref().unwrap().to_string(), "sip:anonymous@anonymous.invalid");
        assert!(account.server.is_none() && !account.is_secure() && account.over_tls().is_secure());
    }

    #[test]
    fn a_phone_without_a_server_is_called_by_where_it_is() {
        let at = "192.0.2.1:5062".parse().unwrap();
        assert_eq!(Account::direct("bob k").aor_at(at).unwrap().to_string(), "sip:bob%20k@192.0.2.1:5062");
        assert_eq!(Account::direct("").aor_at(at).unwrap().to_string(), "sip:192.0.2.1:5062");
    }
}

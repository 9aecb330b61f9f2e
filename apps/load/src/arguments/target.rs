//! The server as it stands on the command line, and where it is.

use ruf_message::{HostBuf, Place, Scheme, Transport, Uri};

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) host: HostBuf,
    port: u16,
    pub(crate) transport: Transport,
}

impl Target {
    /// Reads `sip:HOST:PORT`, with or without its `sip:`.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn read(text: &str, transport: Option<Transport>) -> Result<Target, String> {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("urn:") || lower.contains("service:sos") {
            return Err(format!("`{text}` may be an emergency service; a load test never calls one"));
        }
        let is_sip = ["sip:", "sips:"].iter().any(|scheme| lower.starts_with(scheme));
        let whole = if is_sip { text.to_owned() } else { format!("sip:{text}") };
        let uri: Uri = whole.parse().map_err(|error| format!("`{text}` is no SIP URI: {error}"))?;
        let uri = uri.as_ref();
        let secure = uri.scheme() == Scheme::Sips;
        let named = match uri.transport() {
            None => secure.then_some(Transport::Tls),
            Some(Some(transport)) => Some(transport),
            Some(None) => return Err(format!("`{text}` names a transport that we do not have")),
        };
        let transport = transport.or(named).unwrap_or(Transport::Udp);
        if !matches!(transport, Transport::Udp | Transport::Tcp | Transport::Tls) {
            return Err(format!("a load goes over udp, tcp or tls, not over {}", transport.as_param()));
        }
        let host = uri.host().ok_or_else(|| format!("`{text}` names no host"))?.to_owned();
        let port = uri.port().unwrap_or(transport.default_port());
        Ok(Target { host, port, transport })
    }

    /// Where it is: numbers as they are, names by the system's resolver.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) async fn resolve(&self) -> Result<Place, String> {
        let address = match &self.host {
            HostBuf::Name(name) => {
                let found = tokio::net::lookup_host((name.as_str(), self.port)).await;
                let mut found = found.map_err(|error| format!("{name} has no address: {error}"))?;
                found.next().ok_or_else(|| format!("{name} has no address"))?
            }
            HostBuf::V4(address) => (*address, self.port).into(),
            HostBuf::V6(address) => (*address, self.port).into(),
        };
        Ok(Place { transport: self.transport, address, host: self.host.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_as_people_write_it() {
        for (text, place) in [
            ("127.0.0.1", "h 127.0.0.1 5060 UDP"),
            ("sip:h.example:5070;transport=tcp", "h h.example 5070 TCP"),
            ("sips:h.example", "h h.example 5061 TLS"),
            ("[::1]:5060", "h [::1] 5060 UDP"),
        ] {
            let target = Target::read(text, None).unwrap();
            assert_eq!(format!("h {} {} {}", target.host, target.port, target.transport), place);
        }
        assert_eq!(Target::read("h", Some(Transport::Tls)).unwrap().port, 5061);
    }

    #[test]
    fn what_no_load_may_go_to_is_refused() {
        for (text, cause) in [
            ("", "is no SIP URI"),
            ("urn:service:sos", "emergency"),
            ("sip:urn:service:sos@h", "emergency"),
            ("sip:h;transport=ws", "not over ws"),
            ("sip:h;transport=sctp", "that we do not have"),
        ] {
            assert!(Target::read(text, None).is_err_and(|error| error.contains(cause)), "{text}");
        }
    }

    #[tokio::test]
    async fn names_and_numbers_lead_somewhere() {
        let place = Target::read("localhost:5070", None).unwrap().resolve().await.unwrap();
        assert!(place.address.ip().is_loopback() && place.address.port() == 5070);
    }
}

//! [`IceServer`]: a STUN or TURN server as people name it, and how it is found (RFC 7064, RFC 7065): by the address of
//! its name. SRV records are not asked for, TCP and TLS are not spoken.

use std::net::IpAddr;
use std::time::Duration;

use ruf_ice::{Login, Server};

/// Where STUN and TURN are served.
// rfc8489 §18.6
const PORT: u16 = 3_478;
/// Until a name is asked for again that was not found.
const AGAIN: Duration = Duration::from_secs(30);

/// A STUN or TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    host: String,
    port: u16,
    login: Option<Login>,
}

impl IceServer {
    /// One of STUN: `stun.example.org`, `192.0.2.1:3479`, `[2001:db8::1]`, `stun:stun.example.org`.
    ///
    /// # Errors
    /// The text names no host and port.
    pub fn stun(at: &str) -> Result<IceServer, NoServer> {
        let (host, port) = host_and_port(at, "stun:").ok_or_else(|| NoServer(at.to_owned()))?;
        Ok(IceServer { host, port, login: None })
    }

    /// One of TURN, and who we are there: `turn.example.org`, `turn:192.0.2.1:3479?transport=udp`.
    ///
    /// # Errors
    /// The text names no host and port, or another transport than UDP.
    pub fn turn(at: &str, user: &str, password: &str) -> Result<IceServer, NoServer> {
        let plain = at.strip_suffix("?transport=udp").unwrap_or(at);
        let (host, port) = host_and_port(plain, "turn:").ok_or_else(|| NoServer(at.to_owned()))?;
        let login = Login { user: user.to_owned(), password: password.to_owned() };
        Ok(IceServer { host, port, login: Some(login) })
    }

    /// Its addresses, the first of each family; asked for until there is one or nobody wants it any more.
    pub(crate) async fn find(&self, is_wanted: impl Fn() -> bool) -> Vec<Server> {
        let mut servers: Vec<Server> = Vec::new();
        while is_wanted() {
            for address in
                tokio::net::lookup_host((self.host.as_str(), self.port)).await.into_iter().flatten()
            {
                if servers.iter().all(|server| server.address.is_ipv4() != address.is_ipv4()) {
                    servers.push(Server { address, login: self.login.clone() });
                }
            }
            if !servers.is_empty() {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
        servers
    }
}

/// A text that names no server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoServer(String);

impl std::fmt::Display for NoServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is no STUN or TURN server: expected HOST or HOST:PORT, over UDP", self.0)
    }
}

impl std::error::Error for NoServer {}

fn host_and_port(text: &str, scheme: &str) -> Option<(String, u16)> {
    let text = text.trim();
    let text = text.strip_prefix(scheme).unwrap_or(text);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None if text.parse::<IpAddr>().is_ok() => (text, None),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(PORT), |port| port.parse().ok())?;
    let is_of_host = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_' | b':');
    (!host.is_empty() && port != 0 && host.bytes().all(is_of_host)).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_as_people_write_it() {
        for (text, host, port) in [
            ("stun.example.org", "stun.example.org", 3_478),
            ("stun:stun.example.org:19302", "stun.example.org", 19_302),
            ("192.0.2.1:80", "192.0.2.1", 80),
            ("[2001:db8::1]", "2001:db8::1", 3_478),
            ("[2001:db8::1]:5000", "2001:db8::1", 5_000),
            ("2001:db8::1", "2001:db8::1", 3_478),
        ] {
            let server = IceServer::stun(text).unwrap();
            assert_eq!((server.host.as_str(), server.port), (host, port), "{text}");
        }
        assert!(IceServer::turn("turn:h?transport=udp", "u", "p").unwrap().login.is_some());
        for wrong in ["", ":1", "h:0", "h:x", "h:70000", "a b", "[::1", "turns:h", "turn:h?transport=tcp"] {
            assert!(IceServer::turn(wrong, "u", "p").is_err(), "{wrong}");
        }
        let shown = format!("{:?}", IceServer::turn("h", "u", "secret").unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}

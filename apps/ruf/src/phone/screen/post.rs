//! [`Post`]: a hook that is an address of the web: the facts of a moment go there as a JSON object, by POST over HTTP/1.1,
//! and what comes back is its status alone. Nothing is asked twice, and no redirection is followed.
//!
//! An address may hold what nobody else is to know (in its path): it is shown nowhere, but for its host.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long all of it may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Where facts go.
#[derive(Clone)]
pub(crate) struct Post {
    address: Uri,
    host: String,
    /// `None`: it is no `https`.
    tls: Option<Arc<ClientConfig>>,
}

/// Whom a hook believes that is reached over TLS: the authorities of the system, and these.
#[derive(Clone)]
pub(super) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// # Errors
    /// A file is no PEM file of certificates, or the system has none: in words, and which file it is.
    pub(super) fn new<'a>(files: impl Iterator<Item = &'a Path>) -> Result<Trust, (usize, String)> {
        let mut roots = RootCertStore::empty();
        // A system that has none is told of by each handshake.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for (number, file) in files.enumerate() {
            let wrong = |why: String| (number, format!("{}: {why}", file.display()));
            let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
            let found = found.map_err(|error| wrong(error.to_string()))?;
            if found.is_empty() {
                return Err(wrong("there is no certificate in it".to_owned()));
            }
            for certificate in found {
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| (0, error.to_string()))?;
        Ok(Trust(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
    }
}

/// The text is an address of the web, and no command.
pub(super) fn is_address(text: &str) -> bool {
    let lower = text.trim_start().to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://")
}

impl Post {
    /// # Errors
    /// What is wrong with the address.
    pub(super) fn new(text: &str, trust: &Trust) -> Result<Post, String> {
        let address: Uri = text.trim().parse().map_err(|error| format!("that is no address: {error}"))?;
        let authority = address.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err("a name and a password in an address are not sent".to_owned());
        }
        let host = address.host().unwrap_or_default().to_owned();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("that names no host".to_owned());
        }
        let is_secure = address.scheme_str() == Some("https");
        Ok(Post { tls: is_secure.then(|| Arc::clone(&trust.0)), address, host })
    }

    /// Sends facts, and waits so long for the answer.
    ///
    /// # Errors
    /// They did not arrive, or were refused: in words that name the host.
    pub(super) async fn send(self, facts: Vec<u8>, patience: Duration) -> Result<(), String> {
        let to = format!("{}://{}", self.address.scheme_str().unwrap_or_default(), self.host);
        let sent = tokio::time::timeout(patience, self.converse(facts)).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {} s", patience.as_secs())));
        sent.map_err(|why| format!("{to}: {why}"))
    }

    async fn converse(self, facts: Vec<u8>) -> Result<(), String> {
        let target = self.address.path_and_query().map_or("/", |target| target.as_str());
        let request = Request::post(target)
            .header(HOST, self.address.authority().map_or("", |authority| authority.as_str()))
            .header(USER_AGENT, concat!("ruf/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "close")
            .body(Full::new(Bytes::from(facts)))
            .map_err(|error| error.to_string())?;
        let port = self.address.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let words = |error: std::io::Error| error.to_string();
        let stream = TcpStream::connect((self.host.as_str(), port)).await.map_err(words)?;
        let Some(tls) = self.tls else { return post(TokioIo::new(stream), request).await };
        let name = ServerName::try_from(self.host).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(tls).connect(name, stream).await.map_err(words)?;
        post(TokioIo::new(stream), request).await
    }
}

async fn post<S: Read + Write + Unpin>(stream: S, request: Request<Full<Bytes>>) -> Result<(), String> {
    let words = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(words)?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(error),
        },
    };
    let status = answer.map_err(words)?.status();
    if status.is_success() { Ok(()) } else { Err(status.to_string()) }
}

impl PartialEq for Post {
    fn eq(&self, other: &Post) -> bool {
        self.address == other.address
    }
}

impl Eq for Post {}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::mpsc;

    /// Answers one request after the other with these; what was asked comes back.
    fn server(answers: &'static [&'static str]) -> (SocketAddr, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (asked, told) = mpsc::channel();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for answer in answers {
                let mut stream = BufReader::new(listener.accept().unwrap().0);
                let (mut head, mut len) = (String::new(), 0);
                while !head.ends_with("\r\n\r\n") {
                    let from = head.len();
                    stream.read_line(&mut head).unwrap();
                    let line = head[from..].to_ascii_lowercase();
                    if let Some(value) = line.strip_prefix("content-length:") {
                        len = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; len];
                stream.read_exact(&mut body).unwrap();
                asked.send(head + &String::from_utf8(body).unwrap()).unwrap();
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
                if answer.is_empty() {
                    held.push(stream);
                }
            }
            drop(asked);
            // Whoever waits for an answer waits.
            std::thread::park();
        });
        (address, told)
    }

    fn trust() -> Trust {
        Trust::new(std::iter::empty()).unwrap()
    }

    #[tokio::test]
    async fn facts_are_posted_and_the_status_is_all_that_is_heard() {
        let (at, asked) = server(&[
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\nsecret",
            "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\n\r\n",
            "nonsense\r\n\r\n",
        ]);
        let post = Post::new(&format!("http://{at}/hook/token-1?x=2"), &trust()).unwrap();
        let send = || post.clone().send(b"{\"event\":\"ring\"}".to_vec(), PATIENCE);
        assert_eq!(send().await, Ok(()));
        let request = asked.recv().unwrap();
        assert!(request.starts_with("POST /hook/token-1?x=2 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains(&format!("host: {at}\r\n")), "{request}");
        assert!(request.contains("content-type: application/json\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"event\":\"ring\"}"), "{request}");
        assert_eq!(send().await, Err("http://127.0.0.1: 403 Forbidden".to_owned()));
        assert_eq!(send().await, Err("http://127.0.0.1: 302 Found".to_owned()));
        let error = send().await.unwrap_err();
        assert!(error.starts_with("http://127.0.0.1: ") && !error.contains("token"), "{error}");
        assert!(!format!("{post:?}").contains("token"));
    }

    #[tokio::test]
    async fn who_does_not_answer_or_is_not_there_is_not_waited_for() {
        let (at, _asked) = server(&[""]);
        let post = Post::new(&format!("http://{at}/"), &trust()).unwrap();
        let error = post.send(Vec::new(), Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(error, "http://127.0.0.1: no answer within 0 s");
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = Post::new(&format!("http://{free}"), &trust()).unwrap().send(Vec::new(), PATIENCE).await;
        assert!(error.unwrap_err().contains("refused"));
    }

    #[tokio::test]
    async fn over_tls_the_certificate_must_be_one_that_is_believed() {
        let folder = std::env::temp_dir().join(format!("ruf-post-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let file = folder.join("ca.pem");
        std::fs::write(&file, made.cert.pem()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            loop {
                let Ok(mut stream) = acceptor.accept(listener.accept().await.unwrap().0).await else {
                    continue;
                };
                let mut octets = [0; 4_000];
                let _ = stream.read(&mut octets).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        let address = format!("https://localhost:{port}/");
        let believed = Trust::new([file.as_path()].into_iter()).unwrap();
        assert_eq!(Post::new(&address, &believed).unwrap().send(Vec::new(), PATIENCE).await, Ok(()));
        let error = Post::new(&address, &trust()).unwrap().send(Vec::new(), PATIENCE).await.unwrap_err();
        assert!(error.contains("certificate"), "{error}");
        let (number, error) = Trust::new([file.as_path(), &folder].into_iter()).map(drop).unwrap_err();
        assert_eq!(number, 1);
        assert!(error.contains("ruf-post"), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_an_address_and_what_is_none() {
        assert!(is_address("https://h/x") && is_address(" HTTP://h") && !is_address("curl http://h"));
        for (text, cause) in [
            ("http://", "no address"),
            ("https://alice:secret@h/", "are not sent"),
            ("http://h h/", "no address"),
        ] {
            let error = Post::new(text, &trust()).unwrap_err();
            assert!(error.contains(cause) && !error.contains("secret"), "{text}: {error}");
        }
    }
}

//! Clients of TLS that shake hands and then say nothing, as many as there is time for. They trust the
//! server's own authority by its file, and nobody else.

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::failure::{Failure, Outcome};
use crate::server::DOMAIN;

/// Threads that make handshakes: half of the work is theirs.
const THREADS: usize = 4;

/// How to shake hands with one server.
pub(super) struct Handshakes(Arc<ClientConfig>);

/// A connection that is open, with the state of TLS at its end.
pub(super) struct Shaken {
    _connection: ClientConnection,
    _stream: TcpStream,
}

impl Handshakes {
    /// With servers that show a certificate of this authority.
    pub(super) fn trusting(authority: &Path) -> Outcome<Handshakes> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).map_err(Failure::new)?).map_err(Failure::new)?;
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Failure::new)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Handshakes(Arc::new(config)))
    }

    /// Makes so many over connections by number, or as many as there is time for.
    pub(super) fn made(
        &self,
        wanted: usize,
        time: Duration,
        connect: impl Fn(usize) -> Outcome<TcpStream> + Sync,
    ) -> Outcome<Vec<Shaken>> {
        let (next, over) = (AtomicUsize::new(0), Instant::now() + time);
        let make = || {
            let mut made = Vec::new();
            while Instant::now() < over {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= wanted {
                    break;
                }
                let failed = |error| Failure::new(format!("handshake {number}: {error}"));
                made.push(self.shake(connect(number)?).map_err(failed)?);
            }
            Ok(made)
        };
        std::thread::scope(|scope| {
            let makers: Vec<_> = (0..THREADS).map(|_| scope.spawn(make)).collect();
            let mut all = Vec::new();
            for maker in makers {
                let made: Outcome<Vec<Shaken>> =
                    maker.join().unwrap_or_else(|_| Err(Failure::new("a thread of handshakes fell")));
                all.extend(made?);
            }
            Ok(all)
        })
    }

    fn shake(&self, mut stream: TcpStream) -> Outcome<Shaken> {
        let name = ServerName::try_from(DOMAIN).map_err(Failure::new)?;
        let mut connection = ClientConnection::new(self.0.clone(), name).map_err(Failure::new)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Shaken { _connection: connection, _stream: stream })
    }
}

//! Questions to the DNS: each a task of the worker's runtime, with a deadline of its own, so that a
//! slow answer delays nobody. Aliases (CNAME) and truncated answers are followed here.
//!
//! Not here: what is asked and why, and the memory of answers (RFC 3263: core/locate; the resolver's
//! own memory is off, or a TTL would be counted twice).

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use ruf_locate::{Answer, Kind, Naptr, Query, Record, Srv};
use tokio::sync::{Semaphore, mpsc};

/// Questions that are being asked at a time. One more fails at once.
const QUESTIONS_MAX: usize = 2_048;
/// How long a question may take, whatever the servers do. The locator gives up earlier; this one
/// bounds the task.
const QUESTION: Duration = Duration::from_millis(2_500);
/// How long one server may take before it is asked again.
const ATTEMPT: Duration = Duration::from_millis(900);
/// How often it is asked again.
const ATTEMPTS_AGAIN: usize = 1;

/// The DNS as a worker asks it.
pub struct Dns {
    /// `None`: there is no server to ask, and every question fails.
    resolver: Option<TokioResolver>,
    room: Arc<Semaphore>,
    answer: mpsc::Sender<(u64, Answer)>,
    answers: mpsc::Receiver<(u64, Answer)>,
}

impl Dns {
    /// Asks the servers of `/etc/resolv.conf`, and reads the hosts file first.
    pub fn system() -> Result<Dns, NetError> {
        let mut builder = TokioResolver::builder_tokio()?;
        let hosts = builder.options_mut().use_hosts_file;
        tune(builder.options_mut(), hosts);
        Ok(Dns::with(Some(builder.build()?)))
    }

    /// Asks this server alone.
    pub fn server(address: SocketAddr) -> Result<Dns, NetError> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        let server = NameServerConfig::new(address.ip(), true, connections.into());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        tune(builder.options_mut(), ResolveHosts::Never);
        Ok(Dns::with(Some(builder.build()?)))
    }

    /// Asks nobody: every question fails at once.
    pub fn none() -> Dns {
        Dns::with(None)
    }

    fn with(resolver: Option<TokioResolver>) -> Dns {
        let (answer, answers) = mpsc::channel(QUESTIONS_MAX);
        Dns { resolver, room: Arc::new(Semaphore::new(QUESTIONS_MAX)), answer, answers }
    }

    /// Asks; [`Dns::answered`] gives the answer. Must be called inside a tokio runtime.
    pub fn ask(&self, number: u64, query: Query) {
        let (resolver, answer) = (self.resolver.clone(), self.answer.clone());
        let room = Arc::clone(&self.room).try_acquire_owned();
        tokio::spawn(async move {
            let said = match (resolver, room) {
                (Some(resolver), Ok(_room)) => look_up(&resolver, &query).await,
                (None, _) | (_, Err(_)) => Answer::Failed,
            };
            tracing::debug!(%query, answer = ?said, "DNS");
            // A worker that is gone misses nothing.
            let _ = answer.send((number, said)).await;
        });
    }

    /// The next answer.
    pub async fn answered(&mut self) -> (u64, Answer) {
        poll_fn(|cx| self.poll_answered(cx)).await
    }

    pub(crate) fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<(u64, Answer)> {
        match self.answers.poll_recv(cx) {
            Poll::Ready(Some(answer)) => Poll::Ready(answer),
            // `None` cannot be: we hold a sender ourselves.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

fn tune(options: &mut ResolverOpts, hosts: ResolveHosts) {
    options.cache_size = 0;
    options.timeout = ATTEMPT;
    options.attempts = ATTEMPTS_AGAIN;
    options.use_hosts_file = hosts;
    // One zone whose server is silent must not use up what the others are asked by.
    options.max_active_requests = QUESTIONS_MAX;
}

async fn look_up(resolver: &TokioResolver, query: &Query) -> Answer {
    // With the dot at its end nothing of the search list is tried.
    let Ok(name) = Name::from_ascii(format!("{}.", query.name)) else {
        return Answer::Nothing { ttl_secs: 0 };
    };
    let kind = match query.kind {
        Kind::Naptr => RecordType::NAPTR,
        Kind::Srv => RecordType::SRV,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    };
    match tokio::time::timeout(QUESTION, resolver.lookup(name, kind)).await {
        Ok(Ok(lookup)) => {
            let ttl_secs = lookup.answers().iter().map(|record| record.ttl).min().unwrap_or(0);
            let wanted = lookup.answers().iter().filter(|record| record.record_type() == kind);
            let records: Vec<Record> = wanted.filter_map(|found| record(&found.data)).collect();
            match records.is_empty() {
                true => Answer::Nothing { ttl_secs },
                false => Answer::Records { ttl_secs, records },
            }
        }
        Ok(Err(NetError::Dns(DnsError::NoRecordsFound(nothing)))) => {
            Answer::Nothing { ttl_secs: nothing.negative_ttl.unwrap_or(0) }
        }
        Ok(Err(error)) => {
            tracing::debug!(%query, %error, "DNS");
            Answer::Failed
        }
        Err(_elapsed) => Answer::Failed,
    }
}

fn record(found: &RData) -> Option<Record> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    match found {
        RData::A(address) => Some(Record::Address(address.0.into())),
        RData::AAAA(address) => Some(Record::Address(address.0.into())),
        RData::SRV(srv) => Some(Record::Srv(Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii(),
        })),
        RData::NAPTR(naptr) => Some(Record::Naptr(Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            regexp: text(&naptr.regexp),
            replacement: naptr.replacement.to_ascii(),
        })),
        _ => None,
    }
}

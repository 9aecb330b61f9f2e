//! `ruf ping URI`: asks a SIP server or phone whether it is there, by OPTIONS (RFC 3261 section 11).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ruf_agent::{AgentEvent, Answer, Failure, Settings};
use ruf_message::{Entropy, Host, Scheme, Transport, Uri};

use crate::endpoint::Endpoint;
use crate::{EXIT_CONFIG, EXIT_FAILED, EXIT_OK, keys};

/// Flags of `ruf ping`.
#[derive(clap::Args)]
#[command(
    after_help = "Ends with 0 after a 2xx, 1 after any other answer or none, 2 if the URI is no SIP URI."
)]
pub(crate) struct PingArgs {
    /// Whom to ask: sip:host, sip:user@host:port, or either without `sip:`.
    uri: String,
    /// How long to wait for the answer, in seconds.
    #[arg(long, value_name = "SECS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=32))]
    timeout: u64,
}

/// What a ping found out.
struct Found {
    at: SocketAddr,
    /// `None`: we did not wait any longer.
    answer: Option<Answer>,
    after: Duration,
}

/// `ruf ping`; returns the exit status.
pub(crate) fn run(args: &PingArgs) -> u8 {
    let target = match target(&args.uri) {
        Ok(target) => target,
        Err(cause) => {
            eprintln!("ruf: {cause}");
            return EXIT_CONFIG;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let found = runtime
        .map_err(|error| format!("the system gives no event loop: {error}"))
        .and_then(|runtime| runtime.block_on(ping(&target, Duration::from_secs(args.timeout))));
    match found {
        Ok(Found { at, answer: Some(Answer::Final { status, reason }), after }) => {
            println!("{status} {reason} from udp:{at} in {:.2} ms", after.as_secs_f64() * 1_000.0);
            if status.is_success() { EXIT_OK } else { EXIT_FAILED }
        }
        Ok(Found { at, answer: Some(Answer::None(Failure::Unreachable)), .. }) => {
            println!("nobody listens at udp:{at}");
            EXIT_FAILED
        }
        Ok(Found { at, answer: Some(Answer::None(_)) | None, .. }) => {
            println!("no answer from udp:{at} within {} s", args.timeout);
            EXIT_FAILED
        }
        Err(cause) => {
            eprintln!("ruf: {cause}");
            EXIT_FAILED
        }
    }
}

/// The URI that was meant.
fn target(text: &str) -> Result<Uri, String> {
    let whole = if text.contains(':') && text.parse::<Uri>().is_ok_and(|uri| uri.as_ref().is_sip()) {
        text.to_owned()
    } else {
        format!("sip:{text}")
    };
    let uri: Uri = whole.parse().map_err(|error| format!("`{text}` is no SIP URI: {error}"))?;
    let udp = matches!(uri.as_ref().transport(), None | Some(Some(Transport::Udp)));
    let secure = uri.as_ref().scheme() == Scheme::Sips;
    if udp && !secure { Ok(uri) } else { Err(format!("`{text}`: only UDP can be asked as yet")) }
}

/// Where it leads: numbers as they are, names by the system's resolver.
async fn resolve(uri: &Uri) -> Result<SocketAddr, String> {
    let uri = uri.as_ref();
    let port = uri.port().unwrap_or(Transport::Udp.default_port());
    match uri.maddr().or_else(|| uri.host()) {
        Some(Host::V4(ip)) => Ok((ip, port).into()),
        Some(Host::V6(ip)) => Ok((ip, port).into()),
        Some(Host::Name(name)) => {
            let found = tokio::net::lookup_host((name, port)).await;
            let mut found = found.map_err(|error| format!("{name} has no address: {error}"))?;
            found.next().ok_or_else(|| format!("{name} has no address"))
        }
        None => Err(format!("{uri} names no host")),
    }
}

async fn ping(to: &Uri, patience: Duration) -> Result<Found, String> {
    let at = resolve(to).await?;
    // rfc3323 §4.1.1.3: a From that is nobody's, so nobody asks for its password
    let nobody: Uri = "sip:anonymous@anonymous.invalid".parse().map_err(|error| format!("{error}"))?;
    let settings = |flow| Settings {
        display: "Anonymous".to_owned(),
        contact_user: "ping".to_owned(),
        user_agent: concat!("ruf/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..Settings::new(nobody, flow)
    };
    let entropy = Entropy::from_seed(keys::fresh());
    let opened = Endpoint::open(at, settings, entropy).await;
    let mut endpoint = opened.map_err(|error| format!("no UDP socket towards {at}: {error}"))?;
    let asked = Instant::now();
    endpoint.with(|agent, now| agent.options(now, to)).map_err(|full| full.to_string())?;
    let answered = async {
        loop {
            if let AgentEvent::OptionsAnswered { answer, .. } = endpoint.next().await {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(patience, answered).await.ok();
    Ok(Found { at, answer, after: asked.elapsed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_may_leave_out_the_scheme() {
        for (text, meant) in [
            ("example.org", "sip:example.org"),
            ("bob@example.org:5070", "sip:bob@example.org:5070"),
            ("127.0.0.1:5060", "sip:127.0.0.1:5060"),
            ("[::1]:5060", "sip:[::1]:5060"),
            ("sip:bob@example.org;transport=udp", "sip:bob@example.org;transport=udp"),
        ] {
            assert_eq!(target(text).map(|uri| uri.to_string()), Ok(meant.to_owned()));
        }
    }

    #[test]
    fn what_is_no_sip_uri_or_needs_another_transport_is_refused() {
        for (text, cause) in [
            ("bob@", "is no SIP URI"),
            ("", "is no SIP URI"),
            ("sip:example.org;transport=tcp", "only UDP"),
            ("sips:example.org", "only UDP"),
        ] {
            assert!(target(text).is_err_and(|error| error.contains(cause)), "{text}");
        }
    }

    #[tokio::test]
    async fn numbers_and_names_lead_somewhere() {
        let at = async |text: &str| resolve(&target(text).unwrap()).await;
        assert_eq!(at("192.0.2.1").await, Ok("192.0.2.1:5060".parse().unwrap()));
        assert_eq!(at("[2001:db8::1]:5070").await, Ok("[2001:db8::1]:5070".parse().unwrap()));
        assert!(
            at("localhost:5070").await.is_ok_and(|found| found.ip().is_loopback() && found.port() == 5070)
        );
    }
}

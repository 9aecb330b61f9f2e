//! `ruf ping URI`: asks a SIP server or phone whether it is there, by OPTIONS (RFC 3261 section 11).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ruf_sip::{Account, Answered, Error, Phone};

use crate::plain::plain_line;
use crate::{EXIT_CONFIG, EXIT_FAILED, EXIT_OK};

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
    /// A PEM file with the authority of the server's certificate, over TLS (repeatable).
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
}

/// `ruf ping`; returns the exit status.
pub(crate) fn run(args: &PingArgs) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let asked = match runtime {
        Ok(runtime) => runtime.block_on(ping(args)),
        Err(error) => Err(Error::System(format!("the system gives no event loop: {error}"))),
    };
    match asked {
        Ok((Answered { status, reason, from }, after)) => {
            let reason = plain_line(reason);
            println!("{status} {reason} from {from} in {:.2} ms", after.as_secs_f64() * 1_000.0);
            if status.is_success() { EXIT_OK } else { EXIT_FAILED }
        }
        Err(Error::Silence) => {
            println!("no answer from {} within {} s", args.uri, args.timeout);
            EXIT_FAILED
        }
        Err(Error::Address(cause)) => {
            eprintln!("ruf: {cause}");
            EXIT_CONFIG
        }
        Err(error) => {
            println!("{}: {error}", args.uri);
            EXIT_FAILED
        }
    }
}

async fn ping(args: &PingArgs) -> Result<(Answered, Duration), Error> {
    let account = args.ca.iter().fold(Account::anonymous(), Account::trust).over_tls();
    let phone = Phone::open(account).await?;
    let asked = Instant::now();
    let patience = Duration::from_secs(args.timeout);
    let answer = tokio::time::timeout(patience, phone.options(&args.uri)).await;
    let after = asked.elapsed();
    phone.close().await;
    Ok((answer.unwrap_or(Err(Error::Silence))?, after))
}

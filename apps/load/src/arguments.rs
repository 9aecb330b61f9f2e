//! The command line of `ruf load`, and what is refused of it.
//!
//! A load generator does harm by a slip of the hand, so a server elsewhere gets a trickle unless the
//! operator says that it may be loaded, and numbers of emergency services are never called.

mod span;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ruf_message::{Entropy, Transport};
use ruf_net::Certificates;

use crate::limits::Limits;
use crate::mix::Mix;
use crate::plan::{Pattern, Plan, Users};
use crate::schedule::{Pace, Spacing};
use crate::shell::{self, Towards};
use span::read_span;
use target::Target;

/// All units ended well.
const EXIT_GOOD: u8 = 0;
/// Some did not.
const EXIT_FAILED: u8 = 1;
/// It could not be run.
const EXIT_NOT_RUN: u8 = 2;

/// What a server elsewhere gets without `--i-may-load-this-server`.
const TRICKLE_RATE: f64 = 10.0;
const TRICKLE_IN_FLIGHT: u32 = 2;
const TRICKLE_USERS: u32 = 100;

/// The grain of an open loop over UDP, unless it is said: to be woken for each datagram is most of what a generator costs.
const GRAIN: Duration = Duration::from_millis(5);

/// With a coarser grain a rate would be none.
const GRAIN_MAX: Duration = Duration::from_millis(20);

/// Numbers of emergency services; no user may be called so.
const EMERGENCY: [&str; 14] =
    ["000", "100", "101", "102", "103", "108", "110", "111", "112", "113", "118", "119", "911", "999"];

/// Flags of `ruf load`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Ends with 0 if all went well, 1 if some units failed, 2 if it could not be run.\n\
    Times count from the moment at which a unit was to start. Ctrl-C ends the calls that are going on.")]
pub struct LoadArgs {
    /// The server: sip:HOST:PORT, or HOST:PORT.
    target: String,
    /// The domain of all addresses [default: the host of the target].
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Units a second, whatever the answers do.
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    rate: f64,
    /// Keep so many units under way instead: one starts when another has ended.
    #[arg(long, value_name = "N", conflicts_with = "rate", value_parser = clap::value_parser!(u32).range(1..))]
    closed: Option<u32>,
    /// Spread the starts as independent callers would.
    #[arg(long, conflicts_with = "closed")]
    poisson: bool,
    /// For how long units start: 30s, 500ms, 5m, 1h [default: 10s, or as --calls says].
    #[arg(long, value_name = "TIME", value_parser = read_span)]
    duration: Option<Duration>,
    /// So many units, of whatever kind.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
    /// What the units are: call, register, message, subscribe, options, with their weights.
    #[arg(long, value_name = "KIND=N,...", default_value = "call=1")]
    mix: Mix,
    /// How many users there are to call each other; they are registered first.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// What they are called.
    #[arg(long, value_name = "TEXT", default_value = "u{n}")]
    user_pattern: Pattern,
    /// The number of the first.
    #[arg(long, value_name = "N", default_value_t = 0)]
    first_user: u32,
    /// The password of each; @FILE keeps it out of `ps`.
    #[arg(long, value_name = "SECRET")]
    password: Option<String>,
    /// How long a call, or a subscription, lasts.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = read_span)]
    hold: Duration,
    /// How long a callee rings.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = read_span)]
    ring: Duration,
    /// The event package of `subscribe`.
    #[arg(long, value_name = "NAME", default_value = "presence")]
    event: String,
    /// udp, tcp or tls [default: that of the target, else udp].
    #[arg(long, value_name = "NAME")]
    transport: Option<Transport>,
    /// A PEM file with the authority of the server's certificate.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Look at sockets and schedule so often at most, which is cheaper; over UDP times are exact all the same, over
    /// a connection coarser by that [default: 5ms for an open loop over UDP, else 0s].
    #[arg(long, value_name = "TIME", value_parser = read_span)]
    grain: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Once all is prepared, say `ready` and wait for a line on standard input.
    #[arg(long)]
    wait: bool,
    /// The server is not this machine, and those whose server it is know of this.
    #[arg(long)]
    i_may_load_this_server: bool,
}

/// `ruf load`; returns the exit status. `entropy` is seeded by the system.
pub fn run(args: &LoadArgs, entropy: Entropy) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(|error| format!("the system gives no event loop: {error}"))
        .and_then(|runtime| runtime.block_on(load(args, entropy)));
    match done {
        Ok(report) => {
            if args.json {
                println!("{}", report.json());
            } else {
                print!("{}", report.text());
            }
            if report.is_good() { EXIT_GOOD } else { EXIT_FAILED }
        }
        Err(cause) => {
            eprintln!("ruf: {cause}");
            EXIT_NOT_RUN
        }
    }
}

async fn load(args: &LoadArgs, mut entropy: Entropy) -> Result<crate::report::Report, String> {
    let target = Target::read(&args.target, args.transport)?;
    let plan = args.plan(&target)?;
    let place = target.resolve().await?;
    if !place.address.ip().is_loopback() && !args.i_may_load_this_server {
        refuse_a_flood(&plan)?;
    }
    let certificates = if place.transport.is_secure() {
        let opened = Certificates::of_a_client(args.ca.iter().cloned().collect(), None, &entropy.token(16));
        Some(opened.map_err(|error| error.to_string())?)
    } else {
        None
    };
    let towards = Towards { place, certificates, waits: args.wait };
    shell::go(plan, Limits::default(), towards, entropy).await
}

impl LoadArgs {
    /// What is to be done.
    fn plan(&self, target: &Target) -> Result<Plan, String> {
        if !self.rate.is_finite() || self.rate <= 0.0 || self.rate > 1e6 {
            return Err(format!("--rate {} is no rate; give a number above 0 and up to 1000000", self.rate));
        }
        let spacing = if self.poisson { Spacing::Poisson } else { Spacing::Even };
        let pace = match self.closed {
            Some(in_flight) => Pace::Closed { in_flight },
            None => Pace::Open { rate: self.rate, spacing },
        };
        let duration = match (self.duration, self.calls) {
            (None, None) => Some(Duration::from_secs(10)),
            (duration, _) => duration,
        };
        let domain = self.domain.clone().unwrap_or_else(|| target.host.to_string());
        if format!("sip:u@{domain}").parse::<ruf_message::Uri>().is_err() {
            return Err(format!("--domain `{domain}` cannot stand in a SIP address; give a host name"));
        }
        let pattern = self.user_pattern.clone().from(self.first_user);
        if let Some(number) = EMERGENCY.into_iter().find(|number| pattern.names(number, self.users)) {
            return Err(format!(
                "a user would be called {number}, which is an emergency service in some places; choose another --user-pattern"
            ));
        }
        if !self.event.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-.".contains(&octet)) {
            return Err(format!("--event `{}` is no event package; give for example presence", self.event));
        }
        let users = Users { pattern, count: self.users, password: self.password()? };
        let (mix, event) = (self.mix.clone(), self.event.clone());
        let (hold, ring) = (self.hold, self.ring);
        let is_exact_all_the_same = target.transport == Transport::Udp && self.closed.is_none();
        let grain = self.grain.unwrap_or(if is_exact_all_the_same { GRAIN } else { Duration::ZERO });
        if grain > GRAIN_MAX {
            return Err(format!("--grain may be at most {} ms", GRAIN_MAX.as_millis()));
        }
        Ok(Plan { domain, users, mix, pace, duration, units_max: self.calls, hold, ring, event, grain })
    }

    fn password(&self) -> Result<Option<String>, String> {
        let Some(password) = &self.password else { return Ok(None) };
        let Some(file) = password.strip_prefix('@') else { return Ok(Some(password.clone())) };
        let read = std::fs::read_to_string(file);
        let text = read.map_err(|error| format!("the password cannot be read from {file}: {error}"))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// Without leave, a server elsewhere gets a trickle.
fn refuse_a_flood(plan: &Plan) -> Result<(), String> {
    let is_small = match plan.pace {
        Pace::Open { rate, .. } => rate <= TRICKLE_RATE,
        Pace::Closed { in_flight } => in_flight <= TRICKLE_IN_FLIGHT,
    };
    if is_small && plan.users.count <= TRICKLE_USERS {
        return Ok(());
    }
    Err(format!(
        "this server is not on this machine: without leave it gets at most {TRICKLE_RATE} units a second, \
         {TRICKLE_IN_FLIGHT} under way and {TRICKLE_USERS} users; if you may load it, say --i-may-load-this-server"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        load: LoadArgs,
    }

    fn plan(line: &str) -> Result<Plan, String> {
        let words = std::iter::once("load").chain(line.split_whitespace());
        let args = Cli::try_parse_from(words).map_err(|error| error.to_string())?.load;
        args.plan(&Target::read(&args.target, args.transport)?)
    }

    #[test]
    fn a_target_is_enough() {
        let plan = plan("127.0.0.1:5060").unwrap();
        assert_eq!(plan.domain, "127.0.0.1");
        assert_eq!(plan.pace, Pace::Open { rate: 10.0, spacing: Spacing::Even });
        assert_eq!((plan.duration, plan.units_max), (Some(Duration::from_secs(10)), None));
    }

    #[test]
    fn it_rests_where_times_are_exact_all_the_same() {
        let grain = |line| plan(line).map(|plan| plan.grain.as_millis());
        let rests = [
            "h",
            "h --rate 3000",
            "h --closed 5",
            "h --transport tcp",
            "h --closed 5 --grain 2ms",
            "h --grain 0s",
        ];
        assert_eq!(rests.map(|line| grain(line).unwrap()), [5, 5, 0, 0, 2, 0]);
        assert_eq!(grain("h --grain 21ms").unwrap_err(), "--grain may be at most 20 ms");
    }

    #[test]
    fn a_whole_line_is_read() {
        let line = "sip:h.example:5070 --domain d.example --rate 500 --poisson --calls 7 --mix call=2,message=1 --users 1000 \
                    --user-pattern a{n} --first-user 5 --password secret --hold 10s --ring 250ms --transport tcp";
        let plan = plan(line).unwrap();
        assert_eq!(plan.pace, Pace::Open { rate: 500.0, spacing: Spacing::Poisson });
        assert_eq!((plan.duration, plan.units_max), (None, Some(7)));
        assert_eq!((plan.hold, plan.ring), (Duration::from_secs(10), Duration::from_millis(250)));
        assert_eq!((plan.users.name(0), plan.users.password.as_deref()), ("a5".to_owned(), Some("secret")));
    }

    #[test]
    fn what_cannot_be_run_is_one_sentence() {
        for (line, cause) in [
            ("h --rate 0", "--rate 0 is no rate"),
            ("h --rate nan", "is no rate"),
            ("h --domain ü", "cannot stand in a SIP address"),
            ("h --event a\"b", "is no event package"),
            ("h --password @/nowhere/at/all", "cannot be read from /nowhere/at/all"),
            ("urn:service:sos", "emergency"),
            ("h --user-pattern {n} --first-user 900 --users 50", "called 911"),
            ("h --user-pattern 11{n}", "called 110"),
            ("h --closed 5 --rate 5", "cannot be used with"),
        ] {
            let error = plan(line).unwrap_err();
            assert!(error.contains(cause), "{line}: {error}");
        }
        assert!(plan("h --user-pattern 9{n} --first-user 100 --users 11").is_ok());
    }

    #[test]
    fn a_server_elsewhere_gets_a_trickle_unless_there_is_leave() {
        for good in ["h", "h --rate 10 --users 100", "h --closed 2"] {
            assert_eq!(refuse_a_flood(&plan(good).unwrap()), Ok(()), "{good}");
        }
        for bad in ["h --rate 11", "h --users 101", "h --closed 3"] {
            let error = refuse_a_flood(&plan(bad).unwrap()).unwrap_err();
            assert!(error.contains("--i-may-load-this-server"), "{bad}");
        }
    }
}

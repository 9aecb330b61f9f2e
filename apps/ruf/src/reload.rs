//! Reading the configuration again while the server runs: SIGHUP, and `ruf reload` over the control
//! socket. One task does it, so that two never cross.
//!
//! Everything is read and checked before anything is changed; what is wrong leaves the old
//! configuration whole. No socket is closed and no call is touched: transactions, tokens, nonces and
//! connections do not know that anything happened. What cannot change while the server runs keeps its
//! old value and is named.

use std::time::Duration;

use ruf_admission::{AddressOfRecord, Cidr, Domain, Ourselves, Policy};
use ruf_message::Tick;
use ruf_net::tls::Certificates;
use ruf_routing::DialPlan;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::control::{Answer, Question};
use crate::crew::Lines;
use crate::log::LogLevel;
use crate::notify::Notify;
use crate::serve::Served;
use crate::{
    EXIT_CONFIG, EXIT_FAILED, EXIT_OK, Place, ServeArgs, certificates, control, first_run, settings,
};

/// Reloads that may be asked for at once.
const REQUESTS_MAX: usize = 8;
/// How often the certificates are looked at: renewed, or read again after somebody else renewed them.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(3_600);

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// What is different from now on.
    pub(crate) changed: Vec<String>,
    /// What the file says differently and a start must bring about.
    pub(crate) at_restart: Vec<String>,
    /// What should be mended.
    pub(crate) warnings: Vec<String>,
}

/// What became of a reload: its report, or why the old configuration stays.
pub(crate) type Outcome = Result<Report, String>;

/// The way to ask for one.
#[derive(Clone)]
pub(crate) struct Reloads(mpsc::Sender<oneshot::Sender<Outcome>>);

impl Reloads {
    /// Reads the configuration again. The error also comes when the server is stopping.
    pub(crate) async fn ask(&self) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let stopping = || "the server is stopping".to_owned();
        self.0.send(answer).await.map_err(|_| stopping())?;
        outcome.await.unwrap_or_else(|_| Err(stopping()))
    }
}

/// What is in force, and what it takes to change it.
pub(crate) struct Running {
    /// The command line, whose flags win again.
    pub(crate) args: ServeArgs,
    pub(crate) config: Config,
    pub(crate) ourselves: Ourselves,
    pub(crate) certificates: Certificates,
    pub(crate) lines: Lines,
    pub(crate) log: LogLevel,
    pub(crate) notify: Notify,
}

impl Running {
    /// Reloads whenever it is told to, in a task of its own.
    pub(crate) fn attend(self, hangups: Signal) -> Reloads {
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        tokio::task::spawn_local(self.run(hangups, requests));
        Reloads(sender)
    }

    async fn run(mut self, mut hangups: Signal, mut requests: mpsc::Receiver<oneshot::Sender<Outcome>>) {
        let mut look = tokio::time::interval(CERTIFICATES_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first tick is at once, and they have just been read.
        look.tick().await;
        loop {
            tokio::select! {
                Some(()) = hangups.recv() => {
                    // Nobody waits for it; the log has it.
                    let _ = self.reload_and_say().await;
                }
                Some(answer) = requests.recv() => {
                    // Whoever asked may be gone.
                    let _ = answer.send(self.reload_and_say().await);
                }
                _ = look.tick() => match self.certificates.renew() {
                    Ok(warnings) => certificates::warn(&warnings),
                    Err(error) => tracing::error!("the old certificates stay in use: {error}"),
                },
                else => return,
            }
        }
    }

    async fn reload_and_say(&mut self) -> Outcome {
        self.notify.reloading();
        let outcome = self.reload().await;
        self.notify.ready();
        match &outcome {
            Ok(report) => {
                tracing::info!("{}", report.changes());
                if let Some(line) = report.restart() {
                    tracing::warn!("{line}");
                }
                for warning in &report.warnings {
                    tracing::warn!("{warning}");
                }
            }
            Err(cause) => tracing::error!("the old configuration stays: {cause}"),
        }
        outcome
    }

    async fn reload(&mut self) -> Outcome {
        let mut config = settings::of_serve(&self.args).map_err(|error| error.to_string())?;
        let at_restart = keep_what_cannot_change(&self.config, &mut config);
        let domains = match config.domains.is_empty() {
            true => {
                self.ourselves.domains.iter().map(|one| first_run::domain_of(&config, &one.name)).collect()
            }
            false => first_run::domains_of(&config),
        };
        let ourselves = Ourselves { domains, listeners: self.ourselves.listeners.clone() };
        let prepared = self.certificates.prepare(certificates::wanted(&config, &ourselves));
        let prepared = prepared.map_err(|error| error.to_string())?;
        let warnings = prepared.warnings().iter().map(ToString::to_string).collect();
        let change = Change::of(&config, &self.ourselves.domains, &ourselves.domains);
        let stopping = || "the server is stopping".to_owned();
        let first = change.clone();
        let done = self.lines.ask(move |served, now| served.reconfigure(now, &first)).await;
        // Accounts of this run are the last that can be refused.
        done.ok_or_else(stopping)??;
        // What one worker took over, all do.
        let each = self.lines.ask_each(move |served, now| served.reconfigure(now, &change)).await;
        each.ok_or_else(stopping)?.into_iter().collect::<Result<(), String>>()?;
        self.certificates.install(prepared);
        self.log.set(&config.log);
        let changed = changes(&self.config, &config);
        (self.config, self.ourselves) = (config, ourselves);
        Ok(Report { changed, at_restart, warnings })
    }
}

/// What a worker takes over.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) domains: Vec<Domain>,
    pub(crate) policy: Policy,
    /// The accounts of this run, of the default domain.
    pub(crate) users: Vec<(String, String)>,
    /// Domains whose bindings were made by whoever came, and where that is over.
    pub(crate) closed: Vec<String>,
    pub(crate) transactions: ruf_transaction::Limits,
    pub(crate) plan: DialPlan,
    pub(crate) neighbours: Vec<Cidr>,
}

impl Change {
    fn of(config: &Config, before: &[Domain], domains: &[Domain]) -> Change {
        let is_open = |name: &str| domains.iter().any(|domain| domain.name == name && domain.open);
        let closed = before.iter().filter(|domain| domain.open && !is_open(&domain.name));
        Change {
            domains: domains.to_vec(),
            policy: settings::policy(config),
            users: config.users.clone(),
            closed: closed.map(|domain| domain.name.clone()).collect(),
            transactions: config.limits.transactions(),
            plan: settings::plan(config),
            neighbours: config.neighbours.clone(),
        }
    }
}

impl Served {
    /// Takes over another configuration: all of it, or nothing and why not.
    pub(crate) fn reconfigure(&mut self, now: Tick, change: &Change) -> Result<(), String> {
        let default_domain = change.domains.first().map(|domain| domain.name.clone()).unwrap_or_default();
        let gone = self.node.accounts().set_of_this_run(&default_domain, &change.users);
        let gone = gone.map_err(|error| error.to_string())?;
        let registrar = self.node.registrar();
        // There may be a million bindings: they are looked through only where a domain was closed.
        let all = match change.closed.is_empty() {
            true => Vec::new(),
            false => registrar.list(now, usize::MAX, |address, _| address.clone()),
        };
        let is_closed =
            |address: &AddressOfRecord| change.closed.iter().any(|name| *name == address.domain());
        for address in gone.into_iter().chain(all.into_iter().filter(is_closed)) {
            registrar.remove_all(&address);
        }
        self.node.reconfigure(change.domains.clone(), &change.policy);
        self.node.set_transaction_limits(change.transactions);
        self.node.set_plan(change.plan.clone());
        self.node.set_neighbours(change.neighbours.clone());
        self.domains.clone_from(&change.domains);
        Ok(())
    }
}

/// Puts back what only a start can change, and names it.
fn keep_what_cannot_change(old: &Config, new: &mut Config) -> Vec<String> {
    let mut names = Vec::new();
    macro_rules! keep {
        ($($field:ident $(. $part:ident)* => $name:literal),* $(,)?) => {$(
            if new.$field$(.$part)* != old.$field$(.$part)* {
                new.$field$(.$part)*.clone_from(&old.$field$(.$part)*);
                names.push($name.to_owned());
            }
        )*};
    }
    keep! {
        data => "the data directory",
        listen => "listeners",
        advertise => "advertised addresses",
        http => "the HTTP port",
        workers => "the number of workers",
        rest => "how long a busy worker rests",
        udp_trains => "whether datagrams leave as trains",
        dns => "the name server",
        refuse_early => "whether requests are refused early",
        limits.requests => "the limit of requests",
        limits.bindings => "the limit of bindings",
        limits.bindings_per_account => "the limit of bindings of an account",
        limits.connections => "the limit of connections",
        limits.connections_per_source => "the limit of connections of a source",
        limits.silent_connections => "the limit of silent connections",
        limits.connecting => "the limit of connections that are being opened",
        limits.unread_bytes_per_connection => "the limit of what waits for a peer",
        limits.nonces => "the limit of nonces",
        limits.sources => "the limit of sources",
    }
    if new.domains.is_empty() != old.domains.is_empty() {
        // Which domain a first start makes is decided by a start.
        new.domains.clone_from(&old.domains);
        names.push("that domains are named, or none".to_owned());
    }
    names
}

/// What is different from now on, in words.
fn changes(old: &Config, new: &Config) -> Vec<String> {
    let differ = [
        (old.domains != new.domains, "domains"),
        (old.users != new.users, "accounts of the command line"),
        (old.trust != new.trust, "trusted networks"),
        (old.digest != new.digest, "digest algorithms"),
        (old.authorities != new.authorities, "trusted authorities"),
        (old.elsewhere != new.elsewhere, "hosts of others that may be called"),
        (old.neighbours != new.neighbours, "neighbours"),
        (old.limits != new.limits, "limits"),
        (old.log != new.log, "the log level"),
    ];
    differ.into_iter().filter(|(differs, _)| *differs).map(|(_, name)| name.to_owned()).collect()
}

impl Report {
    fn changes(&self) -> String {
        match self.changed.as_slice() {
            [] => "the configuration was read again; nothing in it has changed".to_owned(),
            changed => format!("the configuration was read again; changed: {}", changed.join(", ")),
        }
    }

    fn restart(&self) -> Option<String> {
        (!self.at_restart.is_empty())
            .then(|| format!("takes effect at restart: {}", self.at_restart.join(", ")))
    }
}

/// `ruf reload`; returns the exit status.
pub(crate) fn run(place: &Place) -> u8 {
    match control::ask_or_say(place, &Question::Reload) {
        Ok(Answer::Reloaded { outcome: Ok(report) }) => {
            println!("{}", report.changes());
            if let Some(line) = report.restart() {
                println!("{line}");
            }
            for warning in &report.warnings {
                eprintln!("warning: {warning}");
            }
            EXIT_OK
        }
        Ok(Answer::Reloaded { outcome: Err(cause) }) => {
            eprintln!("ruf: the old configuration stays: {cause}");
            EXIT_CONFIG
        }
        Ok(_) => EXIT_FAILED,
        Err(status) => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn what_only_a_start_can_change_stays_and_is_named() {
        let old = config::parse("f", "[server]\nlisten = [\"udp:127.0.0.1:5060\"]\n").expect("fine");
        let text = "[server]\nlisten = [\"udp:127.0.0.1:5070\"]\nlog = \"debug\"\n[limits]\nnonces = 5\ntransactions = 6\n[[domain]]\nname = \"a.example\"\n";
        let mut new = config::parse("f", text).expect("fine");
        let named = keep_what_cannot_change(&old, &mut new);
        assert_eq!(named, ["listeners", "the limit of nonces", "that domains are named, or none"]);
        assert_eq!((&new.listen, new.limits.nonces, new.domains.len()), (&old.listen, None, 0));
        assert_eq!(changes(&old, &new), ["limits", "the log level"]);
        assert_eq!(changes(&old, &old), [""; 0]);
    }

    #[test]
    fn a_domain_that_was_open_and_is_not_is_closed_for_whoever_came() {
        let open = [Domain::open("a.example"), Domain::open("b.example"), Domain::new("c.example")];
        let now = [Domain::new("a.example"), Domain::open("b.example")];
        assert_eq!(Change::of(&Config::default(), &open, &now).closed, ["a.example"]);
    }
}

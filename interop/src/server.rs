//! The server under test: the real `ruf` binary, started as a user starts it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, Outcome, ensure, fail};
use crate::program::{LineMark, Program};
use crate::transport::Transport;

/// How long a server may take until it says `ready`.
const READY: Duration = Duration::from_secs(20);
/// How long it may take to end after SIGTERM.
const END: Duration = Duration::from_secs(15);

/// How to start a server. The defaults serve the domain [`DOMAIN`] without a self-test.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Its data directory.
    pub(crate) data: PathBuf,
    /// `--listen` of UDP.
    pub(crate) listen: SocketAddr,
    /// On what else to listen, on the same IP address.
    pub(crate) streams: Vec<Transport>,
    /// `--domain`, the default first.
    pub(crate) domains: Vec<String>,
    /// `--user`, each NAME:SECRET.
    pub(crate) users: Vec<String>,
    /// Whatever else, as written on a command line.
    pub(crate) more: Vec<String>,
    /// What starts the programs where they see the data, such as `nsenter`; mostly nothing.
    pub(crate) within: Vec<String>,
}

/// The domain that the servers of the harness serve.
pub(crate) const DOMAIN: &str = "ruf.test";

/// A running server.
pub(crate) struct Server {
    program: Program,
    settings: Settings,
    /// Where it listens for UDP.
    pub(crate) address: SocketAddr,
    /// All places of its line `ready`.
    places: Vec<(String, SocketAddr)>,
}

/// A line of `ruf bindings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    /// The address-of-record, `user@domain`.
    pub(crate) aor: String,
    /// The contact URI.
    pub(crate) contact: String,
    /// Seconds until it ends.
    pub(crate) expires_secs: u64,
    /// The values of its Path.
    pub(crate) path: Option<String>,
    /// The device.
    pub(crate) instance: Option<String>,
}

impl Settings {
    /// Settings of a server whose domain is open, by a configuration in `folder`.
    pub(crate) fn open_domain(folder: &Path, data: &Path, ip: Ipv4Addr) -> Outcome<Settings> {
        let file = folder.join("ruf.toml");
        std::fs::write(&file, format!("[[domain]]\nname = \"{DOMAIN}\"\nopen = true\n"))?;
        Ok(Settings::new(data, ip).arguments(&format!("--config {}", file.display())))
    }

    /// Settings of a server on a port of the kernel's choice.
    pub(crate) fn new(data: &Path, ip: Ipv4Addr) -> Settings {
        Settings {
            data: data.to_owned(),
            listen: SocketAddr::new(ip.into(), 0),
            streams: Vec::new(),
            domains: vec![DOMAIN.to_owned()],
            users: Vec::new(),
            more: vec!["--no-self-test".to_owned()],
            within: Vec::new(),
        }
    }

    /// Adds an account.
    pub(crate) fn user(mut self, name: &str, secret: &str) -> Settings {
        self.users.push(format!("{name}:{secret}"));
        self
    }

    /// Adds arguments, written as on a command line.
    pub(crate) fn arguments(mut self, line: &str) -> Settings {
        self.more.extend(line.split_whitespace().map(str::to_owned));
        self
    }

    /// Has this program start the server, and those that ask it.
    pub(crate) fn within(mut self, entry: Vec<String>) -> Settings {
        self.within = entry;
        self
    }

    /// A command of the binary about the data of this server.
    fn command(&self, arguments: &[&str]) -> Outcome<Command> {
        let mut line = self.within.iter().map(PathBuf::from).chain([binary()?]);
        let mut command = Command::new(line.next().unwrap_or_default());
        command.args(line).args(arguments).arg("--data").arg(&self.data);
        Ok(command)
    }

    /// The arguments of the program.
    pub(crate) fn command_line(&self) -> Vec<String> {
        let mut line = vec![
            "serve".to_owned(),
            "--data".to_owned(),
            self.data.display().to_string(),
            "--listen".to_owned(),
            format!("udp:{}", self.listen),
        ];
        for transport in &self.streams {
            line.extend(["--listen".to_owned(), format!("{}:{}:0", transport.name(), self.listen.ip())]);
        }
        for domain in &self.domains {
            line.extend(["--domain".to_owned(), domain.clone()]);
        }
        for user in &self.users {
            line.extend(["--user".to_owned(), user.clone()]);
        }
        line.extend(self.more.iter().cloned());
        // What the whole run is to be played with, such as `--workers 4`.
        let everywhere = std::env::var("RUF_ARGS").unwrap_or_default();
        line.extend(everywhere.split_whitespace().map(str::to_owned));
        line
    }

    /// Starts the program without waiting for `ready`.
    pub(crate) fn launch(&self) -> Outcome<Program> {
        let binary = binary()?.display().to_string();
        let mut line = self.within.iter().cloned().chain([binary]).chain(self.command_line());
        Program::start("ruf", line.next().unwrap_or_default(), line, |_| {})
    }
}

impl Server {
    /// Starts a server and waits for its `ready`.
    pub(crate) fn start(settings: &Settings) -> Outcome<Server> {
        let program = settings.launch()?;
        let places = program.wait_line(LineMark::START, READY, "the line `ready`", |line| {
            let places = line.strip_prefix("ready")?.split_whitespace();
            Some(places.filter_map(place).collect::<Vec<_>>())
        })?;
        let address = listed(&places, Transport::Udp)?;
        Ok(Server { program, settings: settings.clone(), address, places })
    }

    /// Where it listens on a transport.
    pub(crate) fn at(&self, transport: Transport) -> Outcome<SocketAddr> {
        listed(&self.places, transport)
    }

    /// The certificate of its own authority, which phones are told to trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.settings.data.join("tls/ca.pem")
    }

    /// What `ruf bindings` prints.
    pub(crate) fn bindings(&self) -> Outcome<Vec<Bound>> {
        let output = self.settings.command(&["bindings", "--json"])?.output()?;
        ensure!(
            output.status.success(),
            "`ruf bindings` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter(|line| !line.trim().is_empty()).map(bound).collect()
    }

    /// What the server wrote to standard error.
    pub(crate) fn log(&self) -> Vec<String> {
        self.program.errors()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.program.id()
    }

    /// Ends it by SIGKILL and starts it again on the same address and data.
    pub(crate) fn crash_and_restart(&mut self) -> Outcome<()> {
        self.kill();
        self.restart()
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }

    /// Starts it again on the same address and data.
    pub(crate) fn restart(&mut self) -> Outcome<()> {
        self.settings.listen = self.address;
        *self = Server::start(&self.settings)?;
        Ok(())
    }

    /// What `ruf status` says, in JSON.
    pub(crate) fn status(&self) -> Outcome<Value> {
        let output = self.settings.command(&["status", "--json"])?.output()?;
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "`ruf status` failed: {complaint}");
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(format!("`ruf status --json` printed no JSON: {error}")))
    }

    /// Has it read its configuration again, by `ruf reload`.
    pub(crate) fn reload(&self) -> Outcome<()> {
        let output = self.settings.command(&["reload"])?.output()?;
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "`ruf reload` failed: {complaint}");
        Ok(())
    }

    /// Has it read its configuration again, by SIGHUP, and does not wait.
    pub(crate) fn hang_up(&self) -> Outcome<()> {
        self.program.signal("HUP")
    }

    /// The memory it has in use, in kB.
    pub(crate) fn resident_kb(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse().ok())
            .ok_or_else(|| Failure::new("the kernel does not say how much memory the server has"))
    }

    /// How many workers it has: each is a thread with a name.
    pub(crate) fn workers(&self) -> Outcome<usize> {
        let mut workers = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.program.id()))? {
            // One that has ended meanwhile has no name.
            let name = std::fs::read_to_string(thread?.path().join("comm")).unwrap_or_default();
            workers += usize::from(name.starts_with("worker-"));
        }
        Ok(workers)
    }

    /// How many files it has open, sockets among them.
    pub(crate) fn open_files(&self) -> Outcome<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.program.id()))?.count())
    }

    /// Waits until it has written a line with these words.
    pub(crate) fn says(&self, words: &str) -> Outcome<()> {
        let what = format!("the words {words:?}");
        self.program.wait_line(LineMark::START, READY, &what, |line| line.contains(words).then_some(()))
    }

    /// Asks it to end, by SIGTERM, and does not wait.
    pub(crate) fn ask_to_end(&self) -> Outcome<()> {
        self.program.terminate()
    }

    /// Waits for the end that it was asked for.
    pub(crate) fn wait_end(mut self) -> Outcome<ExitStatus> {
        self.program.wait_end(END)
    }

    /// Waits for the end that it was asked for, and starts it again on the same address and data.
    pub(crate) fn restarted(self) -> Outcome<Server> {
        let settings = Settings { listen: self.address, ..self.settings.clone() };
        let status = self.wait_end()?;
        ensure!(status.success(), "the server ended with {status}");
        Server::start(&settings)
    }

    /// Ends it by SIGTERM.
    pub(crate) fn stop(self) -> Outcome<ExitStatus> {
        self.ask_to_end()?;
        self.wait_end()
    }
}

/// A place of the line `ready`: `transport:ip:port`.
fn place(text: &str) -> Option<(String, SocketAddr)> {
    let (transport, address) = text.split_once(':')?;
    Some((transport.to_owned(), address.parse().ok()?))
}

fn listed(places: &[(String, SocketAddr)], transport: Transport) -> Outcome<SocketAddr> {
    match places.iter().find(|(name, _)| name == transport.name()) {
        Some((_, address)) => Ok(*address),
        None => fail!("the line `ready` has no {}: {places:?}", transport.name()),
    }
}

fn bound(line: &str) -> Outcome<Bound> {
    let value: Value = serde_json::from_str(line)
        .map_err(|error| Failure::new(format!("`ruf bindings --json` printed {line:?}: {error}")))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let (path, instance) = (text("path"), text("instance"));
    let expires_secs = value.get("expires_secs").and_then(Value::as_u64).unwrap_or_default();
    match (text("aor"), text("contact")) {
        (Some(aor), Some(contact)) => Ok(Bound { aor, contact, expires_secs, path, instance }),
        _ => fail!("`ruf bindings --json` printed a line without aor and contact: {line}"),
    }
}

/// The server binary: `$RUF`, or `ruf` beside this program.
pub(crate) fn binary() -> Outcome<PathBuf> {
    if let Some(path) = std::env::var_os("RUF") {
        return Ok(path.into());
    }
    let beside = std::env::current_exe()?.with_file_name("ruf");
    ensure!(
        beside.exists(),
        "the server is not built: {} is missing; run `make interop`, or name it in RUF",
        beside.display()
    );
    Ok(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_bindings_is_read() {
        let line = r#"{"aor":"100@x","contact":"sip:100@127.0.0.2:5070","flow":"udp","expires_secs":60}"#;
        let read = bound(line).expect("read");
        let expected = Bound {
            aor: "100@x".into(),
            contact: "sip:100@127.0.0.2:5070".into(),
            expires_secs: 60,
            path: None,
            instance: None,
        };
        assert_eq!(read, expected);
        assert!(bound("{}").is_err());
    }
}

//! The real binary in a directory of its own, ended with the test.
#![allow(dead_code)] // not every file of tests needs every verb

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// How long anything may be waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    /// The line that begins with `ready`.
    pub(crate) ready: String,
    pub(crate) place: Place,
}

/// A directory that is gone with the test.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("ruf-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes `ruf.toml`: this, and the data directory and a listener.
    pub(crate) fn configure(&self, text: &str) -> PathBuf {
        let file = self.path("ruf.toml");
        let data = self.path("data").display().to_string();
        let server =
            format!("[server]\ndata = \"{data}\"\nlisten = [\"udp:127.0.0.1:0\"]\nself_test = false\n");
        fs::write(&file, server + text).unwrap();
        file
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn ruf() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ruf"))
}

/// Runs a command of the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    ruf().args(arguments).stdin(Stdio::null()).output().unwrap()
}

impl Server {
    /// Starts it by the `ruf.toml` of the place, and waits for `ready`.
    pub(crate) fn start(place: Place, change: impl FnOnce(&mut Command)) -> Server {
        let mut command = ruf();
        command.arg("serve").arg("--config").arg(place.path("ruf.toml"));
        let log = fs::File::create(place.path("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("ready") {
            line.clear();
            let read = output.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended: {}", fs::read_to_string(place.path("log")).unwrap());
        }
        Server { child, output, ready: line, place }
    }

    /// The address of a place of the `ready` line: `http`, `udp`.
    pub(crate) fn address(&self, transport: &str) -> SocketAddr {
        let places = self.ready.split_whitespace();
        places
            .filter_map(|place| place.strip_prefix(transport)?.strip_prefix(':')?.parse().ok())
            .next()
            .unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.child.id())).status();
        assert!(kill.unwrap().success());
    }

    /// The status and the text of a page.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address("http")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// What it said on standard error up to now.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.place.path("log")).unwrap()
    }

    /// Waits until it has ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        until("the server has ended", || self.child.try_wait().unwrap())
    }

    /// What it printed after `ready`.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a state, with a deadline.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

//! Chromium, driven by `browser/drive.mjs`: an order a line in, what came of it and every frame of the
//! pages' WebSockets a line out.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failure::{Outcome, ensure, fail};
use crate::program::{LineMark, Program};
use crate::sip::Sip;

/// How long the browser may take to obey; the first order waits until it has started.
const OBEY: Duration = Duration::from_secs(60);
/// How long anything that was asked for may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Packets of RTP from which a page counts as hearing the other: half a second of 20 ms each.
const LISTEN_PACKETS: u64 = 25;
/// Between two looks at what a page hears.
const LOOK: Duration = Duration::from_millis(50);

/// The way of a frame, as its page sees it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Sent,
    Received,
}

pub(super) struct Chromium {
    driver: Program,
    orders: u64,
}

impl Chromium {
    /// Starts the browser in a home of its own, in which `authority` is trusted and a host has an address.
    pub(super) fn start(
        folder: &Path,
        authority: &Path,
        (host, address): (&str, IpAddr),
    ) -> Outcome<Chromium> {
        let home = folder.join("home");
        trust(&home, authority)?;
        let scripts = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/browser"));
        ensure!(
            scripts.join("node_modules").is_dir(),
            "JsSIP is missing: run `npm ci` in {}",
            scripts.display()
        );
        let script = scripts.join("drive.mjs");
        let (profile, address) = (folder.join("profile"), address.to_string());
        let arguments = [script.as_os_str(), "/usr/bin/chromium".as_ref(), profile.as_os_str()];
        let found = [host.as_ref(), address.as_ref()];
        let log = std::fs::File::create(folder.join("chromium.log"))?;
        let driver = Program::start("chromium", "node", arguments.into_iter().chain(found), |command| {
            command.env("HOME", &home).stderr(log);
        })?;
        Ok(Chromium { driver, orders: 0 })
    }

    /// The place after what was said so far.
    pub(super) fn mark(&self) -> LineMark {
        self.driver.mark()
    }

    /// Gives an order to a page, and waits for what comes of it.
    pub(super) fn order(&mut self, page: &str, verb: &str, with: Value) -> Outcome<Value> {
        self.orders += 1;
        let (id, from) = (self.orders, self.mark());
        self.driver.tell(&json!({ "id": id, "page": page, "verb": verb, "with": with }).to_string())?;
        let what = format!("{verb} of {page}");
        let line = self.driver.wait_line(from, OBEY, &what, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line.get("id").and_then(Value::as_u64) == Some(id)).then_some(line)
        })?;
        match line.get("gave") {
            Some(gave) => Ok(gave.clone()),
            None => fail!("{what}: {line}"),
        }
    }

    /// Waits for a frame of a page after `from` that is a SIP message and pleases `wanted`.
    pub(super) fn frame(
        &self,
        from: LineMark,
        page: &str,
        way: Way,
        what: &str,
        wanted: impl Fn(&Sip) -> bool,
    ) -> Outcome<Sip> {
        let way = match way {
            Way::Sent => "sent",
            Way::Received => "received",
        };
        self.driver.wait_line(from, PATIENCE, &format!("{what}, {way} by {page}"), |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let hers = line.get("page").and_then(Value::as_str) == Some(page);
            let frame = line.get(way).and_then(Value::as_str).filter(|_| hers)?;
            Sip::read(frame.as_bytes()).filter(&wanted)
        })
    }

    /// Waits until a page hears the other: RTP comes, and there is sound in it.
    pub(super) fn hears(&mut self, page: &str) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.order(page, "heard", Value::Null)?;
            let packets = heard.get("packets").and_then(Value::as_u64).unwrap_or_default();
            let energy = heard.get("energy").and_then(Value::as_f64).unwrap_or_default();
            if packets >= LISTEN_PACKETS && energy > 0.0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{page} hears nothing: {packets} packets, energy {energy}");
            std::thread::sleep(LOOK);
        }
    }
}

/// Makes a home whose NSS database, which Chromium reads, trusts one more authority.
fn trust(home: &Path, authority: &Path) -> Outcome<()> {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database)?;
    let database = format!("sql:{}", database.display());
    let authority = authority.display().to_string();
    let make = ["-N", "--empty-password"].map(str::to_owned).to_vec();
    let mut import = ["-A", "-n", "ruf", "-t", "C,,", "-i"].map(str::to_owned).to_vec();
    import.push(authority);
    for arguments in [make, import] {
        let output = Command::new("certutil").args(["-d", &database]).args(&arguments).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "certutil {}: {complaint}", arguments.join(" "));
    }
    Ok(())
}

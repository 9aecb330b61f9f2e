//! A disk that is full, and one whose database is taken away: phones are told 500, what was answered stays
//! answered, and the server serves on when it can.
//!
//! The full disk is a small file system of our own, in a mount namespace that goes with its holder.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use crate::failure::{Outcome, ensure, fail};
use crate::place;
use crate::program::{LineMark, Program};
use crate::raw::Request;
use crate::server::{DOMAIN, Server, Settings};
use crate::sip::Sip;
use crate::verdict;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// REGISTERs after which a full disk must have been noticed: each is a page of the log or more.
const NOTICED: u32 = 2_000;

/// A title, and what is done in a folder and on an address of its own.
type Check = (&'static str, fn(&Path, Ipv4Addr) -> Outcome<()>);

/// Runs all checks; true if each went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let [a, b, c, _] = place::net(122).octets();
    let mut fine = true;
    let checks: [Check; 2] =
        [("a disk that is full", full), ("a database that is removed under the server", removed)];
    for (number, (title, check)) in (1..).zip(checks) {
        let folder = folder.join(number.to_string());
        std::fs::create_dir_all(folder.join("disk"))?;
        fine &= verdict::say(title, check(&folder, Ipv4Addr::new(a, b, c, number)).map(|()| String::new()));
    }
    Ok(fine)
}

fn settings(folder: &Path, ip: Ipv4Addr) -> Outcome<Settings> {
    Settings::open_domain(folder, &folder.join("disk/data"), ip)
}

/// A file system of 3 MiB on `folder`, in a mount namespace of its own.
struct SmallDisk(Program);

impl SmallDisk {
    fn new(folder: &Path) -> Outcome<SmallDisk> {
        let script = format!(
            "mount -t tmpfs -o size=3m,mode=700 small {} && echo there && exec sleep infinity",
            folder.display()
        );
        let holder = Program::start("mount", "unshare", ["--mount", "sh", "-c", &script], |_| {})?;
        holder
            .wait_line(LineMark::START, ANSWER, "its file system", |line| (line == "there").then_some(()))?;
        Ok(SmallDisk(holder))
    }

    /// What starts a program that sees it.
    fn entry(&self) -> Vec<String> {
        ["nsenter".to_owned(), format!("--mount=/proc/{}/ns/mnt", self.0.id()), "--".to_owned()].into()
    }

    fn script(&self, script: &str) -> Outcome<bool> {
        let mut entry = self.entry();
        entry.extend(["sh".to_owned(), "-c".to_owned(), script.to_owned()]);
        let (program, arguments) = (entry.remove(0), entry);
        let output = std::process::Command::new(program).args(arguments).output()?;
        Ok(output.status.success())
    }
}

/// A phone that registers one user after the other.
struct Phone {
    socket: UdpSocket,
    /// Those that were told 200.
    answered: Vec<String>,
    sent: u32,
}

impl Phone {
    fn new(ip: Ipv4Addr) -> Outcome<Phone> {
        let socket = UdpSocket::bind((ip, 0))?;
        socket.set_read_timeout(Some(ANSWER))?;
        Ok(Phone { socket, answered: Vec::new(), sent: 0 })
    }

    /// Registers another user; what it was told.
    fn register(&mut self, server: &Server) -> Outcome<Sip> {
        self.sent += 1;
        let (aor, here) = (format!("u{}@{DOMAIN}", self.sent), self.socket.local_addr()?);
        let uri = format!("sip:{aor}");
        let request = Request::new("REGISTER", &format!("sip:{DOMAIN}"), here)
            .between(&uri, &uri)
            .line("Contact", &format!("<sip:u{}@{here}>;expires=600", self.sent));
        self.socket.send_to(request.text().as_bytes(), server.address)?;
        let mut buffer = [0; 4_096];
        let length = self.socket.recv(&mut buffer)?;
        let Some(answer) = Sip::read(buffer.get(..length).unwrap_or_default()) else {
            fail!("the server sent what is no message")
        };
        if answer.status() == Some(200) {
            self.answered.push(aor);
        }
        Ok(answer)
    }

    fn is_taken(&mut self, server: &Server) -> Outcome<()> {
        let status = self.register(server)?.status();
        ensure!(status == Some(200), "a REGISTER was answered {status:?}");
        Ok(())
    }

    fn is_refused(answer: &Sip) -> Outcome<()> {
        let status = answer.status();
        ensure!(status == Some(500), "a REGISTER was answered {status:?}, not 500");
        ensure!(!answer.headers("retry-after").is_empty(), "the 500 has no Retry-After");
        Ok(())
    }

    /// Exactly those that were told so are bound.
    fn compare(&self, server: &Server) -> Outcome<()> {
        let mut bound: Vec<String> = server.bindings()?.into_iter().map(|line| line.aor).collect();
        let mut told = self.answered.clone();
        bound.sort();
        told.sort();
        ensure!(bound == told, "{} were told that they are bound, and {} are", told.len(), bound.len());
        Ok(())
    }
}

fn full(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let disk = SmallDisk::new(&folder.join("disk"))?;
    let mut server = Server::start(&settings(folder, ip)?.within(disk.entry()))?;
    let mut phone = Phone::new(ip)?;
    for _ in 0..5 {
        phone.is_taken(&server)?;
    }
    let filler = folder.join("disk/filler");
    let filled = disk.script(&format!("cat /dev/zero > {}", filler.display()))?;
    ensure!(!filled, "the small disk never was full");
    let refused = (0..NOTICED).find_map(|_| match phone.register(&server) {
        Ok(answer) => (answer.status() != Some(200)).then_some(Ok(answer)),
        Err(failure) => Some(Err(failure)),
    });
    let Some(refused) = refused.transpose()? else { fail!("{NOTICED} REGISTERs found room on a full disk") };
    Phone::is_refused(&refused)?;
    let trouble = server.status()?.get("trouble").map(ToString::to_string).unwrap_or_default();
    ensure!(trouble.contains("no room left"), "`ruf status` says of a full disk: {trouble}");
    phone.compare(&server)?;
    server.says("bindings cannot be stored")?;
    let emptied = disk.script(&format!("rm {}", filler.display()))?;
    ensure!(emptied, "the filler cannot be removed");
    for _ in 0..5 {
        phone.is_taken(&server)?;
    }
    server.says("bindings can be stored again")?;
    let trouble = server.status()?.get("trouble").cloned().unwrap_or_default();
    ensure!(trouble.is_null(), "`ruf status` still says: {trouble}");
    server.crash_and_restart()?;
    phone.compare(&server)
}

fn removed(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let mut server = Server::start(&settings(folder, ip)?)?;
    let mut phone = Phone::new(ip)?;
    for _ in 0..5 {
        phone.is_taken(&server)?;
    }
    for name in ["ruf.db", "ruf.db-wal", "ruf.db-shm"] {
        std::fs::remove_file(folder.join("disk/data").join(name))?;
    }
    Phone::is_refused(&phone.register(&server)?)?;
    server.says("was removed while it was in use")?;
    for _ in 0..5 {
        phone.is_taken(&server)?;
    }
    phone.compare(&server)?;
    server.crash_and_restart()?;
    phone.compare(&server)
}

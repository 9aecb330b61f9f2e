//! Networks of our own: a namespace with a thread that lives in it, so that what the thread opens or
//! starts is in that network. It goes with its value, and with the harness, whichever way that ends.
//!
//! No name is left on the machine: the namespace is held by a sleeping program, not by a file of
//! `ip netns`. A thread in a namespace, not a process: sockets of the harness itself (the packet socket
//! of `wire`, a phone's control port, a phone written by hand) are opened there too.

use std::os::fd::AsFd;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::failure::{Failure, Outcome, ensure};
use crate::program::{LineMark, Program};

/// How long the kernel may take to make a network.
const MADE: Duration = Duration::from_secs(10);
/// Says that the namespace is there, and holds it.
const HOLD: &str = "ip link set lo up && echo there && exec sleep infinity";

type Job = Box<dyn FnOnce() + Send>;

/// A network with nothing but its loopback, until links are laid.
pub(crate) struct Namespace {
    name: String,
    holder: Program,
    jobs: Sender<Job>,
}

impl Namespace {
    /// Makes one; `name` is for messages.
    pub(crate) fn new(name: &str) -> Outcome<Namespace> {
        let holder = Program::start(name, "unshare", ["--net", "sh", "-c", HOLD], |_| {})?;
        holder.wait_line(LineMark::START, MADE, "its network", |line| (line == "there").then_some(()))?;
        let (jobs, work) = channel::<Job>();
        let network = std::fs::File::open(format!("/proc/{}/ns/net", holder.id()))?;
        let (moved, entered) = channel();
        std::thread::spawn(move || {
            let outcome = move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
            let inside = outcome.is_ok();
            // The other end is gone only when the harness ends.
            let _ = moved.send(outcome);
            if inside {
                work.into_iter().for_each(|job| job());
            }
        });
        let entered = entered.recv().map_err(|_| Failure::new(format!("{name}: its thread ended")))?;
        entered.map_err(|error| Failure::new(format!("{name}: its network cannot be entered: {error}")))?;
        Ok(Namespace { name: name.to_owned(), holder, jobs })
    }

    /// Does `job` in this network. Programs that it starts live as long as the network.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let ended = || Failure::new(format!("{}: its thread ended", self.name));
        let (done, outcome) = channel();
        let job = Box::new(move || {
            // Who asked waits for it, below.
            let _ = done.send(job());
        });
        self.jobs.send(job).map_err(|_| ended())?;
        outcome.recv().map_err(|_| ended())?
    }

    /// Runs a script of the shell in this network; the first command that fails ends it.
    pub(crate) fn script(&self, script: &str) -> Outcome<String> {
        let (name, script) = (self.name.clone(), format!("PATH=$PATH:/usr/sbin:/sbin; {script}"));
        self.run(move || {
            let output = Command::new("sh").args(["-ec", &script]).output()?;
            let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            ensure!(output.status.success(), "{name}: {complaint} (in: {script})");
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        })
    }

    /// Lays a cable from here to another network, an interface at each end.
    pub(crate) fn cable(&self, interface: &str, to: &Namespace, far_interface: &str) -> Outcome<()> {
        let far = to.holder.id();
        self.script(&format!(
            "ip link add {interface} type veth peer name {far_interface} netns {far}; \
             ip link set {interface} up"
        ))?;
        to.script(&format!("ip link set {far_interface} up"))?;
        Ok(())
    }
}

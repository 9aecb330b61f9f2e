//! A loopback of our own, for a user who may not watch the machine's: the harness runs itself again in
//! a new user and network namespace, where it is root of a network that has nothing but `lo`.

use std::process::{Command, ExitCode};

use crate::failure::{Outcome, fail};
use crate::wire::Wire;

/// Set for the run inside, so that it does not try again.
const INSIDE: &str = "RUF_INTEROP_INSIDE";
/// Brings up the loopback, then becomes the program.
const SCRIPT: &str = r#"ip link set lo up && exec "$@""#;

/// Runs the harness in a private network if it may not watch the wire here. `None`: it may.
pub(crate) fn run_inside() -> Outcome<Option<ExitCode>> {
    let Err(refused) = Wire::open() else { return Ok(None) };
    if std::env::var_os(INSIDE).is_some() {
        return Err(refused);
    }
    println!("not root: running in a private network");
    let status = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--", "unshare", "--user", "--map-root-user", "--net", "--"])
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "yes")
        .status()?;
    match status.code() {
        Some(0) => Ok(Some(ExitCode::SUCCESS)),
        Some(1) => Ok(Some(ExitCode::FAILURE)),
        _ => fail!("{refused}, or where user namespaces are allowed (unshare ended with {status})"),
    }
}

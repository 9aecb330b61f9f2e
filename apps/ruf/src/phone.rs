//! The phone for scripts: `ruf call`, `ruf answer`, `ruf message`, `ruf watch`; and for people: `ruf phone` (`screen`). What they are
//! made of is io/sip.

mod answer;
mod call;
mod conversation;
mod ends;
mod identity;
mod interrupt;
mod message;
mod order;
mod recording;
mod report;
mod screen;
mod talk;
mod watch;
mod way;

pub(crate) use answer::AnswerArgs;
pub(crate) use call::CallArgs;
pub(crate) use message::MessageArgs;
pub(crate) use screen::PhoneArgs;
pub(crate) use watch::WatchArgs;

use std::future::Future;

use ruf_sip::{Ended, Error, StatusCode};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::{EXIT_CONFIG, EXIT_FAILED, EXIT_OK};

/// The far side is busy, or declined.
const EXIT_BUSY: u8 = 3;
/// Nobody answered.
const EXIT_UNANSWERED: u8 = 4;
/// Both talked by signalling, and no sound came.
const EXIT_SILENT: u8 = 5;

/// What the exit statuses mean, for `--help`.
const EXITS: &str = "Ends with 0 if it was answered and both sides heard each other, 1 if it came to nothing, 2 if the \
command line is wrong, 3 if the far side is busy or declined, 4 if nobody answered, 5 if no sound came.";

/// What stands below the flags of a command that talks.
fn help() -> String {
    format!("{}\n\n{EXITS}", order::ORDERS)
}

pub(crate) fn call(args: &CallArgs) -> u8 {
    run(call::run(args))
}

pub(crate) fn answer(args: &AnswerArgs) -> u8 {
    run(answer::run(args))
}

pub(crate) fn message(args: &MessageArgs) -> u8 {
    run(message::run(args))
}

pub(crate) fn watch(args: &WatchArgs) -> u8 {
    run(watch::run(args))
}

pub(crate) fn phone(args: &PhoneArgs) -> u8 {
    run(screen::run(args))
}

/// Runs a command; what went wrong before it could do anything is one line.
fn run(command: impl Future<Output = Result<u8, Error>>) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(async {
                // A file that may grow no more is an error where it is written, and ends no call.
                let _limit = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
                command.await
            });
            // A name that is still being looked up keeps nobody waiting.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(Error::System(format!("the system gives no event loop: {error}"))),
    };
    done.unwrap_or_else(|error| {
        eprintln!("ruf: {error}");
        status(&error)
    })
}

/// The exit status of what went wrong.
fn status(error: &Error) -> u8 {
    match error {
        Error::Address(_) => EXIT_CONFIG,
        Error::Silence => EXIT_UNANSWERED,
        Error::Refused(StatusCode::BUSY_HERE | StatusCode::BUSY_EVERYWHERE | StatusCode::DECLINE) => {
            EXIT_BUSY
        }
        Error::Refused(StatusCode::TEMPORARILY_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT) => EXIT_UNANSWERED,
        _ => EXIT_FAILED,
    }
}

/// The exit status of a call that ended.
fn status_of(ended: &Ended, measured: &report::Measured) -> u8 {
    match ended {
        Ended::HungUp | Ended::RemoteHungUp if measured.was_heard() => EXIT_OK,
        Ended::HungUp | Ended::RemoteHungUp if measured.secs.is_some() => EXIT_SILENT,
        Ended::Failed(error) => status(error),
        Ended::Declined(_) => EXIT_BUSY,
        Ended::Unanswered | Ended::Cancelled | Ended::RemoteCancelled | Ended::Elsewhere => EXIT_UNANSWERED,
        _ => EXIT_FAILED,
    }
}

//! `ruf watch URI`: whether somebody can be reached, and when that changes (RFC 3856); `ruf watch --mailbox`: what
//! waits (RFC 3842).

use std::future::pending;
use std::time::Duration;

use ruf_sip::{Error, Mailbox, Phone, Presence, StatusCode, Unwatched, WatchEvent};
use serde_json::json;

use super::identity::Identity;
use super::interrupt::Interrupt;
use super::report::{Report, say};
use super::talk::seconds;
use super::{EXIT_BUSY, EXIT_UNANSWERED, status};
use crate::{EXIT_FAILED, EXIT_OK};

/// Flags of `ruf watch`.
#[derive(clap::Args)]
#[command(
    after_help = "Ends with 0 if anything was told, 1 if it came to nothing, 2 if the command line is wrong, 3 if they do not \
want to be watched, 4 if nobody told anything in time."
)]
pub(crate) struct WatchArgs {
    /// Whom: a SIP address, or a name or number of our own domain.
    #[arg(required_unless_present = "mailbox")]
    whom: Option<String>,
    /// Watch our own mailbox instead: what waits there.
    #[arg(long, conflicts_with = "whom", requires = "account")]
    mailbox: bool,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
    /// End after so many seconds [default: until Ctrl-C].
    #[arg(long = "for", value_name = "SECS", value_parser = seconds)]
    lasts: Option<Duration>,
    /// End when it was told once how they are.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    identity: Identity,
}

pub(super) async fn run(args: &WatchArgs) -> Result<u8, Error> {
    let (report, mut interrupt) = (Report::new(args.json), Interrupt::listen()?);
    let phone = Phone::open(args.identity.account("ruf")?).await?;
    let mut watch = match &args.whom {
        Some(whom) => phone.watch(whom).await?,
        None => phone.mailbox().await?,
    };
    report.say("watching", watch.whom());
    let over = async {
        match args.lasts {
            Some(lasts) => tokio::time::sleep(lasts).await,
            None => pending().await,
        }
    };
    tokio::pin!(over);
    let mut was_told = false;
    let status = loop {
        let event = tokio::select! {
            event = watch.next() => event,
            () = &mut over => break if was_told { EXIT_OK } else { EXIT_UNANSWERED },
            () = interrupt.next() => break if was_told { EXIT_OK } else { EXIT_UNANSWERED },
        };
        let Some(event) = event else { break EXIT_FAILED };
        report.watch(&event);
        match event {
            WatchEvent::Presence(_) | WatchEvent::Mailbox(_) if args.once => break EXIT_OK,
            WatchEvent::Presence(_) | WatchEvent::Mailbox(_) => was_told = true,
            WatchEvent::Ended(why) => break status_of(&why, was_told),
            _ => {}
        }
    };
    interrupt.close(phone).await;
    Ok(status)
}

fn status_of(why: &Unwatched, was_told: bool) -> u8 {
    match why {
        Unwatched::Rejected => EXIT_BUSY,
        Unwatched::Failed(Error::Refused(StatusCode::FORBIDDEN)) => EXIT_BUSY,
        Unwatched::Failed(error) => status(error),
        Unwatched::Stopped | Unwatched::Unchanging | Unwatched::Gone | Unwatched::Dropped if was_told => {
            EXIT_OK
        }
        _ => EXIT_FAILED,
    }
}

impl Report {
    /// What happens to a watch.
    fn watch(&self, event: &WatchEvent) {
        if !self.is_json() {
            return say(event);
        }
        match event {
            WatchEvent::Presence(Presence { is_there, activities, note }) => {
                self.object("presence", json!({ "there": is_there, "activities": activities, "note": note }));
            }
            WatchEvent::Mailbox(Mailbox { is_waiting, new_voice, old_voice }) => {
                let voice = json!({ "waiting": is_waiting, "new_voice": new_voice, "old_voice": old_voice });
                self.object("mailbox", voice);
            }
            WatchEvent::Pending => self.event_alone("pending"),
            WatchEvent::Unreadable(why) => self.object("unreadable", json!({ "why": why })),
            WatchEvent::Lost { why, retry_in } => {
                self.object("lost", json!({ "why": why.to_string(), "retry_in_secs": retry_in.as_secs() }));
            }
            WatchEvent::Ended(why) => self.object("end", json!({ "why": why.to_string() })),
            other => self.object("event", json!({ "text": other.to_string() })),
        }
    }
}

/// How we are, as a flag says it: `available`, `busy`, `away` or `offline`, and after a colon what we say of it.
///
/// # Errors
/// It begins with another word.
pub(super) fn presence(text: &str) -> Result<Presence, String> {
    let (word, note) = text.split_once(':').unwrap_or((text, ""));
    let presence = match word.trim() {
        "available" => Presence::available(),
        "busy" => Presence::busy(),
        "away" => Presence::away(),
        "offline" => Presence::offline(),
        other => {
            return Err(format!(
                "`{other}`: expected available, busy, away or offline, and a note after a colon"
            ));
        }
    };
    Ok(presence.saying(note.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_says_how_we_are() {
        assert_eq!(presence("away: back at 3: sharp"), Ok(Presence::away().saying("back at 3: sharp")));
        assert_eq!(presence("offline"), Ok(Presence::offline()));
        assert!(presence("sleeping").is_err_and(|error| error.starts_with("`sleeping`")));
    }

    #[test]
    fn a_status_says_how_it_ended() {
        let of = |why, was_told| status_of(&why, was_told);
        let refused = |status| Unwatched::Failed(Error::Refused(status));
        assert_eq!(of(Unwatched::Rejected, true), EXIT_BUSY);
        assert_eq!(of(refused(StatusCode::FORBIDDEN), false), EXIT_BUSY);
        assert_eq!(of(refused(StatusCode::DECLINE), false), EXIT_BUSY);
        assert_eq!(of(refused(StatusCode::BAD_EVENT), false), EXIT_FAILED);
        assert_eq!(of(refused(StatusCode::TEMPORARILY_UNAVAILABLE), false), EXIT_UNANSWERED);
        assert_eq!((of(Unwatched::Unchanging, true), of(Unwatched::Gone, false)), (EXIT_OK, EXIT_FAILED));
    }
}

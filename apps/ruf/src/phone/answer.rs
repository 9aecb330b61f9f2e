//! `ruf answer`: waits for calls, answers them, and says how they went.

use std::path::PathBuf;
use std::time::Duration;

use ruf_sip::{Error, Phone, PhoneEvent};

use super::identity::Identity;
use super::interrupt::Interrupt;
use super::report::Report;
use super::talk::{Talk, TalkArgs};
use super::{EXITS, status_of};
use crate::EXIT_OK;

/// Flags of `ruf answer`.
#[derive(clap::Args)]
#[command(after_help = EXITS)]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    talk: TalkArgs,
    /// Say this WAV file, over and over.
    #[arg(long, value_name = "FILE", conflicts_with = "echo")]
    play: Option<PathBuf>,
    /// Ring for so many seconds before answering.
    #[arg(long, value_name = "SECS", default_value_t = 0.0)]
    ring: f64,
    /// End after the first call; its outcome is the exit status.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    identity: Identity,
}

pub(super) async fn run(args: &AnswerArgs) -> Result<u8, Error> {
    let (report, mut interrupt) = (Report::new(args.talk.json), Interrupt::listen()?);
    let account = args.talk.account(&args.identity)?;
    // What cannot be played or recorded is said before anybody calls.
    prepared(args)?;
    let mut phone = match args.identity.registers() {
        true => Phone::register(account).await?,
        false => Phone::open(account).await?,
    };
    report.say(
        "listening",
        &match args.identity.registers() {
            true => phone.aor().to_string(),
            false => format!("sip:{}", phone.address()),
        },
    );
    let status = serve(args, &mut phone, &mut interrupt, &report).await;
    phone.close().await;
    status
}

/// One call after the other; who calls meanwhile waits until it rings no longer.
async fn serve(
    args: &AnswerArgs,
    phone: &mut Phone,
    interrupt: &mut Interrupt,
    report: &Report,
) -> Result<u8, Error> {
    while !interrupt.has_come() {
        let event = tokio::select! {
            event = phone.next() => event,
            () = interrupt.next() => continue,
        };
        let mut incoming = match event {
            Some(PhoneEvent::Incoming(incoming)) => incoming,
            Some(event @ (PhoneEvent::RegistrationFailed { .. } | PhoneEvent::Message(_))) => {
                report.say("note", &event.to_string());
                continue;
            }
            Some(_) => continue,
            None => return Err(Error::Closed),
        };
        report.say("called by", incoming.from());
        if args.ring > 0.0 {
            incoming.ring();
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(args.ring)) => {}
                () = interrupt.next() => continue,
                ended = incoming.ended() => {
                    report.say("missed", &ended.to_string());
                    continue;
                }
            }
        }
        let talk = prepared(args)?;
        let (ended, measured) = talk.run(incoming.answer(), interrupt, report).await?;
        report.end(&ended, &measured);
        if args.once {
            return Ok(status_of(&ended, &measured));
        }
    }
    Ok(EXIT_OK)
}

fn prepared(args: &AnswerArgs) -> Result<Talk, Error> {
    let talk = Talk::new(&args.talk)?;
    match &args.play {
        Some(file) => talk.playing(file, true),
        None => Ok(talk),
    }
}

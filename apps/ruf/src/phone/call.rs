//! `ruf call URI`: calls, talks, hangs up, and says how it went.

use std::path::PathBuf;

use ruf_sip::{Error, Phone, StatusCode};

use super::conversation::Around;
use super::identity::Identity;
use super::interrupt::Interrupt;
use super::order::Orders;
use super::recording::Finishing;
use super::report::Report;
use super::talk::{Talk, TalkArgs};
use super::{help, status_of};

/// Flags of `ruf call`.
#[derive(clap::Args)]
#[command(after_help = help())]
pub(crate) struct CallArgs {
    /// Whom: a SIP address, or a name or number of our own domain.
    to: String,
    #[command(flatten)]
    talk: TalkArgs,
    /// Say this WAV file, then hang up unless `--for` says when.
    #[arg(long, value_name = "FILE", conflicts_with = "echo")]
    play: Option<PathBuf>,
    /// Press these keys once it is answered: 0 to 9, *, #, A to D.
    #[arg(long, value_name = "KEYS")]
    dtmf: Option<String>,
    /// Do not let the far side know who calls; our server knows, and is asked not to tell.
    #[arg(long)]
    anonymous: bool,
    #[command(flatten)]
    identity: Identity,
}

pub(super) async fn run(args: &CallArgs) -> Result<u8, Error> {
    let account = args.talk.account(&args.identity)?;
    let mut talk = Talk::new(&args.talk).pressing(args.dtmf.as_deref())?;
    if let Some(file) = &args.play {
        talk = talk.playing(file, false)?;
    }
    // Last: nothing is written over for a line that is wrong.
    talk = talk.recorded(args.talk.recorder(args.play.as_deref())?);
    let (report, mut interrupt) = (Report::new(args.talk.json), Interrupt::listen()?);
    let mut orders = Orders::listen(args.talk.control);
    let mut phone = Phone::open(account).await?;
    let call = match args.anonymous {
        true => phone.call_anonymously(&args.to).await?,
        false => phone.call(&args.to).await?,
    };
    report.say("calling", call.remote());
    let around =
        Around { phone: &mut phone, orders: &mut orders, interrupt: &mut interrupt, report: &report };
    let busy = |incoming: ruf_sip::Incoming| incoming.reject(StatusCode::BUSY_HERE);
    let mut finishing = Finishing::default();
    let (ended, measured) = talk.run(call, around, &mut finishing, busy).await;
    report.end(&ended, &measured);
    interrupt.close(phone).await;
    finishing.end(&mut interrupt, &report).await;
    Ok(status_of(&ended, &measured))
}

//! What is said and heard in a call of a script: the flags that say so.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ruf_sip::device::{Card, Null, Player, Recorder, Silence};
use ruf_sip::{Account, Call, Codec, Encryption, Ended, Error, Incoming, Sink, Source, device};

use super::conversation::{Around, Conversation, Plan};
use super::ends::Ends;
use super::identity::Identity;
use super::order::no_key;
use super::recording::{Finishing, SLOW};
use super::report::{Measured, Report};
use super::way::WayArgs;

/// The device that the system takes.
const DEFAULT: &str = "default";
/// How often it is looked whether a sound card is well.
const LOOK: Duration = Duration::from_millis(250);

/// What both commands can do in a call.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TalkArgs {
    /// Say what the far side says.
    #[arg(long)]
    echo: bool,
    /// Say what this microphone hears, by its name or a part of it (`ruf phone --devices`); `default`: the one that the
    /// system takes.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["echo", "play"])]
    microphone: Option<String>,
    /// Let this speaker play what is heard, and `default` so, too.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["echo", "play"])]
    speaker: Option<String>,
    /// Record both sides into this WAV file: the far side on the left, ours on the right.
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Hang up so many seconds after the answer.
    #[arg(long = "for", value_name = "SECS", value_parser = seconds)]
    lasts: Option<Duration>,
    /// The codecs, best first: opus, G722, PCMA, PCMU [default: all of them].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    codecs: Vec<String>,
    /// SRTP: `auto` offers it over TLS and takes it wherever it is offered.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    srtp: Srtp,
    #[command(flatten)]
    way: WayArgs,
    /// Take orders from standard input, one a line; see below.
    #[arg(long)]
    pub(super) control: bool,
    /// One JSON object for each event.
    #[arg(long)]
    pub(super) json: bool,
}

/// When what is said is encrypted.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Srtp {
    Auto,
    Off,
    Offered,
    Required,
}

impl TalkArgs {
    /// The sound card, if any of its ends is wanted.
    fn card(&self) -> Option<Card> {
        let named = |name: &Option<String>| name.clone().filter(|name| name != DEFAULT);
        let is_wanted = self.speaker.is_some() || self.microphone.is_some();
        is_wanted.then(|| Card::new(named(&self.speaker), named(&self.microphone)))
    }

    /// Begins the recording, if one is wanted. What is played must not be written over.
    pub(super) fn recorder(&self, played: Option<&Path>) -> Result<Option<Recorder>, Error> {
        let Some(record) = self.record.as_deref() else { return Ok(None) };
        if played.is_some_and(|played| is_same(played, record)) {
            let why = format!("--record would write over what --play says: {}", record.display());
            return Err(Error::Address(why));
        }
        Recorder::create(record).map(Some).map_err(|error| Error::Address(error.to_string()))
    }

    /// The account that is meant, with what it says of media.
    pub(super) fn account(&self, identity: &Identity) -> Result<Account, Error> {
        let mut codecs = Vec::new();
        for name in &self.codecs {
            let codec = Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name));
            let known = Codec::ALL.map(Codec::name).join(", ");
            codecs
                .push(codec.ok_or_else(|| Error::Address(format!("`{name}` is no codec of ours: {known}")))?);
        }
        let encryption = match self.srtp {
            Srtp::Auto => Encryption::WhereItHelps,
            Srtp::Off => Encryption::Off,
            Srtp::Offered => Encryption::Offered,
            Srtp::Required => Encryption::Required,
        };
        self.way.of(identity.account("ruf")?.codecs(&codecs).encryption(encryption))
    }
}

/// A call as it is to go.
pub(super) struct Talk {
    says: Says,
    recorder: Option<Recorder>,
    keys: Option<String>,
    lasts: Option<Duration>,
    /// How long what is said lasts, if it ends.
    says_for: Option<Duration>,
}

enum Says {
    Nothing,
    Echo,
    File(Player),
    Card(Card),
}

impl Talk {
    pub(super) fn new(args: &TalkArgs) -> Talk {
        Talk {
            says: match args.card() {
                Some(card) => Says::Card(card),
                None if args.echo => Says::Echo,
                None => Says::Nothing,
            },
            recorder: None,
            keys: None,
            lasts: args.lasts,
            says_for: None,
        }
    }

    /// Says a file, once or over and over.
    pub(super) fn playing(self, file: &Path, is_looping: bool) -> Result<Talk, Error> {
        let player = Player::open(file).map_err(|error| Error::Address(error.to_string()))?;
        let says_for = (!is_looping).then(|| Duration::from_millis(player.millis()));
        let player = if is_looping { player.looping() } else { player };
        Ok(Talk { says: Says::File(player), says_for, ..self })
    }

    /// Goes into this recording.
    pub(super) fn recorded(self, recorder: Option<Recorder>) -> Talk {
        Talk { recorder, ..self }
    }

    /// Presses keys once it is answered.
    pub(super) fn pressing(self, keys: Option<&str>) -> Result<Talk, Error> {
        if let Some(key) = keys.and_then(no_key) {
            return Err(Error::Address(format!("--dtmf: `{key}` is no key")));
        }
        Ok(Talk { keys: keys.map(str::to_owned), ..self })
    }

    /// Sees a call to its end; its recording waits for the disk then. `meanwhile`: somebody else calls.
    pub(super) async fn run(
        self,
        call: Call,
        around: Around<'_>,
        finishing: &mut Finishing,
        meanwhile: impl FnMut(Incoming),
    ) -> (Ended, Measured) {
        let Talk { says, recorder, keys, lasts, says_for } = self;
        let card = if let Says::Card(card) = &says { Some(card.clone()) } else { None };
        let (report, plan) =
            (around.report, Plan { ends: says.ends(recorder.as_ref()), keys, lasts, says_for });
        let ended = tokio::select! {
            ended = Conversation::new(around, plan, call).run(meanwhile) => ended,
            never = watch(card, recorder.as_ref(), report) => match never {},
        };
        if let Some(recorder) = recorder {
            finishing.add(recorder);
        }
        ended
    }
}

/// Says what is wrong with a card or a recording, for as long as it is asked.
async fn watch(card: Option<Card>, recorder: Option<&Recorder>, report: &Report) -> Infallible {
    let (mut trouble, mut recorder, mut has_lost) = (None, recorder, false);
    loop {
        tokio::time::sleep(LOOK).await;
        if let Some(why) = recorder.and_then(Recorder::trouble) {
            report.say("recording", &why);
            recorder = None;
        }
        if !has_lost && recorder.is_some_and(|recorder| recorder.lost_millis() > 0) {
            report.say("recording", &format!("a part of it is silence, {SLOW}"));
            has_lost = true;
        }
        let now = card.as_ref().and_then(Card::trouble);
        if trouble != now {
            report.say("sound", now.as_deref().unwrap_or("is back"));
            trouble = now;
        }
    }
}

impl Says {
    /// Where sound comes from, and where it goes to.
    fn ends(self, recorder: Option<&Recorder>) -> Ends {
        let (source, sink): (Box<dyn Source>, Box<dyn Sink>) = match self {
            Says::Nothing => (Box::new(Silence), Box::new(Null)),
            Says::Echo => device::echo(),
            Says::File(player) => (Box::new(player), Box::new(Null)),
            Says::Card(card) => card.ends(),
        };
        Ends::new(source, sink, recorder)
    }
}

/// Both names are of one file, which is there.
fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// So many seconds, as a flag says it.
///
/// # Errors
/// It is no time that can be waited for.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let secs = text.parse().ok().and_then(|secs| Duration::try_from_secs_f64(secs).ok());
    secs.ok_or_else(|| "expected a number of seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_says_how_long() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1_500)));
        for text in ["", "x", "-1", "NaN", "inf", "1e300"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}

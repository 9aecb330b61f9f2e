//! What is said and heard in a call of a script, and when it is over.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ruf_sip::device::{Null, Player, Recorder, Silence};
use ruf_sip::{Account, Call, CallEvent, Codec, Encryption, Ended, Error, Sink, Source, device};

use super::identity::Identity;
use super::interrupt::Interrupt;
use super::report::{Measured, Report};

/// How often it is looked whether everything was said.
const LOOK: Duration = Duration::from_millis(50);

/// What both commands can do in a call.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TalkArgs {
    /// Say what the far side says.
    #[arg(long)]
    echo: bool,
    /// Record both sides into this WAV file: the far side on the left, ours on the right.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Hang up so many seconds after the answer.
    #[arg(long = "for", value_name = "SECS")]
    secs: Option<f64>,
    /// The codecs, best first: G722, PCMA, PCMU [default: all of them].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    codecs: Vec<String>,
    /// SRTP: `auto` offers it over TLS and takes it wherever it is offered.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    srtp: Srtp,
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
        Ok(identity.account("ruf")?.codecs(&codecs).encryption(encryption))
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
}

impl Talk {
    pub(super) fn new(args: &TalkArgs) -> Result<Talk, Error> {
        let lasts = match args.secs {
            Some(secs) => Some(
                Duration::try_from_secs_f64(secs)
                    .map_err(|_| Error::Address(format!("--for {secs}: that is no time")))?,
            ),
            None => None,
        };
        let recorder = args.record.as_deref().map(Recorder::create).transpose();
        Ok(Talk {
            says: if args.echo { Says::Echo } else { Says::Nothing },
            recorder: recorder.map_err(|error| Error::Address(error.to_string()))?,
            keys: None,
            lasts,
            says_for: None,
        })
    }

    /// Says a file, once or over and over.
    pub(super) fn playing(self, file: &Path, is_looping: bool) -> Result<Talk, Error> {
        let player = Player::open(file).map_err(|error| Error::Address(error.to_string()))?;
        let says_for = (!is_looping).then(|| Duration::from_millis(player.millis()));
        let player = if is_looping { player.looping() } else { player };
        Ok(Talk { says: Says::File(player), says_for, ..self })
    }

    /// Presses keys once it is answered.
    pub(super) fn pressing(self, keys: Option<&str>) -> Result<Talk, Error> {
        if let Some(key) =
            keys.and_then(|keys| keys.chars().find(|key| !"0123456789*#ABCDabcd".contains(*key)))
        {
            return Err(Error::Address(format!("--dtmf: `{key}` is no key")));
        }
        Ok(Talk { keys: keys.map(str::to_owned), ..self })
    }

    /// Sees a call to its end.
    pub(super) async fn run(
        self,
        mut call: Call,
        interrupt: &mut Interrupt,
        report: &Report,
    ) -> Result<(Ended, Measured), Error> {
        let Talk { says, recorder, keys, lasts, says_for } = self;
        let (mut source, sink) = says.ends(recorder);
        let is_finite = says_for.is_some() || keys.is_some();
        call.hear_with(sink);
        let (mut answered, mut codec, mut suite): (Option<Instant>, _, _) = (None, None, None);
        // What is said begins when all keys are pressed.
        let mut saying: Option<Instant> = None;
        let mut look = tokio::time::interval(LOOK);
        let mut is_over = false;
        let ended = loop {
            tokio::select! {
                event = call.next() => match event {
                    Some(CallEvent::Ended(ended)) => break ended,
                    Some(event) => {
                        report.event(&event);
                        if matches!(event, CallEvent::Referred { .. }) {
                            // Nobody is here to ask.
                            call.stay();
                        }
                        if event == CallEvent::Answered && answered.is_none() {
                            answered = Some(Instant::now());
                            (codec, suite) = (call.codec().await, call.suite().await);
                            if let Some(keys) = &keys
                                && !call.press(keys).await
                            {
                                report.say("note", "the far side takes no keys");
                            }
                        }
                    }
                    None => break Ended::HungUp,
                },
                _ = look.tick(), if !is_over => {
                    let Some(answered) = answered else { continue };
                    if saying.is_none() && call.is_done_pressing().await {
                        saying = Some(Instant::now());
                        if let Some(source) = source.take() {
                            call.say(source);
                        }
                    }
                    is_over = match lasts {
                        Some(lasts) => answered.elapsed() >= lasts,
                        None => is_finite && saying.is_some_and(|at| at.elapsed() >= says_for.unwrap_or_default()),
                    };
                    if is_over {
                        call.hang_up();
                    }
                }
                () = interrupt.next() => {
                    // Who asks twice does not wait for the far side.
                    if std::mem::replace(&mut is_over, true) {
                        break Ended::HungUp;
                    }
                    call.hang_up();
                }
            }
        };
        let secs = answered.map(|at| at.elapsed().as_secs_f64());
        Ok((ended, Measured { secs, codec, suite, figures: call.figures().await }))
    }
}

impl Says {
    /// Where sound comes from, and where it goes to.
    fn ends(self, recorder: Option<Recorder>) -> (Option<Box<dyn Source>>, Box<dyn Sink>) {
        let (source, sink): (Box<dyn Source>, Box<dyn Sink>) = match self {
            Says::Nothing => (Box::new(Silence), Box::new(Null)),
            Says::Echo => device::echo(),
            Says::File(player) => (Box::new(player), Box::new(Null)),
        };
        match recorder {
            Some(recorder) => (Some(recorder.said(source)), recorder.heard(sink)),
            None => (Some(source), sink),
        }
    }
}

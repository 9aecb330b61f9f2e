//! `ruf phone`: the phone for people, on the whole of a terminal.
//!
//! [`Model`] is all that it knows, and pure: events in, effects out. [`view`] shows it. Around it the
//! [terminal] with its keys, and the [exchange] with phones and calls (io/sip).

mod call_file;
mod call_list;
mod chat;
mod consent_file;
mod contacts;
mod device;
mod dialing;
mod event;
mod exchange;
mod field;
mod hooks;
mod json_lines;
mod kept;
mod keys;
mod line;
mod model;
mod post;
mod private;
mod settings;
mod sound;
mod sound_file;
mod standing;
mod terminal;
mod theme;
mod view;
mod voicemail;
mod words;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use ruf_sip::Error;
use ruf_sip::device::{Device, devices};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::contacts::Contact;
use self::event::{Effect, Event, Registration};
use self::exchange::{Exchange, Heard};
use self::hooks::{Hook, Moment, Run};
use self::kept::Kept;
use self::model::{Account, Model, Now, Opening};
use self::settings::{PhonePlan, Settings};
use self::sound::SoundPlan;
use self::terminal::Terminal;
use self::theme::{Theme, ThemeName};
use self::words::Language;
use super::identity::Identity;
use super::interrupt::LEAVE_MAX;
use super::way::WayArgs;
use crate::EXIT_OK;

/// How often the time is looked at.
const TICK: Duration = Duration::from_millis(500);

/// Addresses that are told of calls at a time; more are not.
const POSTS_MAX: usize = 16;
/// How long one that ends waits for those that are still being told.
const LAST_POSTS: Duration = Duration::from_secs(3);

/// Flags of `ruf phone`.
#[derive(clap::Args)]
pub(crate) struct PhoneArgs {
    /// Whom to call: a number, a name, an address, or a link (tel:, callto:, sip:). It stands in the dial field; Enter
    /// calls.
    to: Option<String>,
    /// The file of settings [default: phone.toml beside the program, or ~/.config/ruf/phone.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    way: WayArgs,
    /// Sound: card (a speaker and a microphone), none, loopback (what is heard is said again), or file:IN.wav,OUT.wav
    /// [default: card if there is one].
    #[arg(long, value_name = "WHAT")]
    sound: Option<SoundPlan>,
    /// The speaker, by its name or a part of it [default: the one that the system takes].
    #[arg(long, value_name = "NAME", conflicts_with = "sound")]
    speaker: Option<String>,
    /// The microphone.
    #[arg(long, value_name = "NAME", conflicts_with = "sound")]
    microphone: Option<String>,
    /// List the speakers and microphones that there are, and end.
    #[arg(long)]
    devices: bool,
    /// Somebody we know (repeatable).
    #[arg(long, value_name = "NAME=ADDRESS")]
    contact: Vec<Contact>,
    /// The language of the screen.
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// The colours of the screen.
    #[arg(long, value_name = "THEME")]
    theme: Option<ThemeName>,
}

impl PhoneArgs {
    /// What the file says, and the command line over it.
    fn settings(&self) -> Result<Settings, Error> {
        let settings = Settings::load(self.config.as_deref());
        let mut settings = settings.map_err(|error| Error::Address(error.to_string()))?;
        if self.identity.registers() || settings.accounts.is_empty() {
            let account = self.way.of(self.identity.account("phone")?)?;
            let registers = self.identity.registers();
            settings.accounts = vec![PhonePlan { account, registers, asks_mailbox: registers }];
        }
        settings.contacts.extend(self.contact.iter().cloned());
        settings.sound = self.sound.clone().or(settings.sound);
        let (speaker, microphone) = (self.speaker.as_deref(), self.microphone.as_deref());
        if settings.sound.is_none() || speaker.is_some() || microphone.is_some() {
            settings.sound = Some(SoundPlan::of_card(speaker, microphone));
        }
        settings.language = self.language.unwrap_or(settings.language);
        settings.theme = self.theme.unwrap_or(settings.theme);
        Ok(settings)
    }
}

pub(super) async fn run(args: &PhoneArgs) -> Result<u8, Error> {
    if args.devices {
        return list();
    }
    let mut settings = args.settings()?;
    let device = device::urn()
        .map_err(|error| Error::System(format!("the phone's own number cannot be kept: {error}")))?;
    if let Some(urn) = device {
        for plan in &mut settings.accounts {
            plan.account = plan.account.clone().device(&urn)?;
        }
    }
    let kept = Kept::usual();
    let unread = |what: &'static str| move |error| Error::System(format!("{what} cannot be read: {error}"));
    let calls = kept.calls().map_err(unread("the call list"))?;
    let registers: Vec<bool> = settings.accounts.iter().map(|plan| plan.registers).collect();
    let plan = settings.sound.unwrap_or_default();
    let sound = plan.kind();
    let (mut exchange, hears, addresses) = Exchange::open(settings.accounts, plan).await?;
    let start = Instant::now();
    let accounts = addresses.into_iter().zip(registers).map(|(address, registers)| Account {
        address,
        registration: if registers { Registration::Trying } else { Registration::Direct },
        mailbox: None,
    });
    let model = Model::new(Opening {
        accounts: accounts.collect(),
        contacts: settings.contacts,
        calls,
        words: settings.language.words(),
        theme: Theme::of(settings.theme),
        zone: TimeZone::system(),
        sound,
        is_do_not_disturb: settings.is_do_not_disturb,
        is_auto_answer: settings.is_auto_answer,
        forwarding: settings.forwarding,
        hooks: settings.hooks,
        recordings: settings.recordings,
        voicemail: settings.voicemail,
        is_shown: settings.is_shown,
        dial: dialing::linked(args.to.as_deref().unwrap_or_default()),
        now: now(start),
    });
    for consent in kept.consents().map_err(unread("who may watch"))? {
        exchange.consent(&consent);
    }
    for (contact, address) in model.watched() {
        exchange.watch(contact, address.to_owned());
    }
    let stops = Stops::open().map_err(|error| Error::System(format!("signals cannot be heard: {error}")))?;
    let (terminal, keys) = Terminal::open()?;
    Shell {
        start,
        model,
        exchange,
        hears,
        terminal,
        keys,
        stops,
        kept,
        posts: JoinSet::new(),
        untold: BTreeSet::new(),
    }
    .run()
    .await;
    Ok(EXIT_OK)
}

/// Says which devices there are.
fn list() -> Result<u8, Error> {
    for Device { name, about, speaks, hears } in devices().map_err(Error::System)? {
        let kind = match (speaks, hears) {
            (true, true) => "speaker, microphone",
            (true, false) => "speaker",
            (false, _) => "microphone",
        };
        println!("{name}\t{kind}\t{about}");
    }
    Ok(EXIT_OK)
}

fn now(start: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        millis: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        unix_secs: i64::try_from(wall.as_secs()).unwrap_or(i64::MAX),
    }
}

/// The loop: one event after the other, then the screen.
struct Shell {
    start: Instant,
    model: Model,
    exchange: Exchange,
    hears: mpsc::Receiver<Heard>,
    terminal: Terminal,
    keys: mpsc::Receiver<Event>,
    stops: Stops,
    kept: Kept,
    /// Addresses that are being told of a call.
    posts: JoinSet<(Moment, Result<(), String>)>,
    /// At which moments that fails, which was said.
    untold: BTreeSet<Moment>,
}

impl Shell {
    async fn run(mut self) {
        let (columns, rows) = self.terminal.size();
        let mut is_over = self.happened(Event::Size(columns, rows));
        let mut tick = tokio::time::interval(TICK);
        while !is_over {
            let event = tokio::select! {
                key = self.keys.recv() => Some(key.unwrap_or(Event::Stop)),
                heard = self.hears.recv() => heard.and_then(|heard| self.exchange.hear(heard)),
                Some(Ok((moment, told))) = self.posts.join_next(), if !self.posts.is_empty() => {
                    self.posted(moment, told)
                }
                _ = tick.tick() => Some(Event::Tick),
                () = self.stops.any() => Some(Event::Stop),
            };
            is_over = event.is_some_and(|event| self.happened(event)) || self.take_waiting();
            // A terminal that is gone ends the phone in good order.
            is_over |= self.terminal.show(&self.model).is_err();
        }
        self.end().await;
    }

    /// What waits already, before the screen is drawn.
    fn take_waiting(&mut self) -> bool {
        for _ in 0..self.hears.len() {
            let event = self.hears.try_recv().ok().and_then(|heard| self.exchange.hear(heard));
            if event.is_some_and(|event| self.happened(event)) {
                return true;
            }
        }
        false
    }

    /// Hangs up and unregisters; what the calls tell last is heard.
    async fn end(mut self) {
        let _ = self.model.update(now(self.start), Event::Stop);
        let _ = self.terminal.show(&self.model);
        let mut last = Vec::new();
        let is_urgent = {
            let mut closing = std::pin::pin!(self.exchange.close());
            loop {
                tokio::select! {
                    biased;
                    Some(heard) = self.hears.recv() => last.push(heard),
                    () = &mut closing => break false,
                    // Who asks twice waits for nobody.
                    () = self.stops.any() => break true,
                }
            }
        };
        while let Ok(heard) = self.hears.try_recv() {
            last.push(heard);
        }
        for heard in last {
            if let Some(event) = self.exchange.hear(heard) {
                self.happened(event);
            }
        }
        if is_urgent {
            // But what is owed to others is sent.
            let _ = timeout(LEAVE_MAX, self.exchange.leave()).await;
            return;
        }
        // Nobody is left to be told of those that fail.
        let all = async { while self.posts.join_next().await.is_some() {} };
        let _ = timeout(LAST_POSTS, all).await;
    }

    /// Tells the model, and does what it wants; `true`: it wants to end.
    fn happened(&mut self, event: Event) -> bool {
        let mut is_over = false;
        for effect in self.model.update(now(self.start), event) {
            if let Err(why) = self.kept.perform(&effect, self.model.words) {
                self.failed(why);
            }
            match effect {
                Effect::Bell => self.terminal.bell(),
                Effect::Quit => is_over = true,
                Effect::Run(run) => self.run_hook(run),
                effect => self.exchange.perform(effect),
            }
        }
        is_over
    }
}

impl Shell {
    /// Does what the user wants done, and waits for nothing.
    fn run_hook(&mut self, run: Run) {
        let begun = match &run.hook {
            Hook::Command(command) => run.start(command).map_err(|error| error.to_string()),
            Hook::Post(_) if self.posts.len() >= POSTS_MAX => {
                Err(format!("{POSTS_MAX} addresses are being told already"))
            }
            Hook::Post(post) => {
                let (moment, told) = (run.moment, post.clone().send(run.json(), post::PATIENCE));
                self.posts.spawn(async move { (moment, told.await) });
                Ok(())
            }
        };
        if let Err(why) = begun {
            self.failed(why);
        }
    }

    /// What came of telling an address: what fails is said once, until it went well again.
    fn posted(&mut self, moment: Moment, told: Result<(), String>) -> Option<Event> {
        match told {
            Ok(()) => {
                self.untold.remove(&moment);
                None
            }
            Err(why) => self.untold.insert(moment).then_some(Event::Failed(why)),
        }
    }

    /// Says what failed.
    fn failed(&mut self, why: String) {
        // It wants nothing done.
        let _ = self.model.update(now(self.start), Event::Failed(why));
    }
}

/// The signals that end a program.
struct Stops([Signal; 3]);

impl Stops {
    fn open() -> io::Result<Stops> {
        let open = |kind: SignalKind| signal(kind);
        Ok(Stops([
            open(SignalKind::terminate())?,
            open(SignalKind::hangup())?,
            open(SignalKind::interrupt())?,
        ]))
    }

    async fn any(&mut self) {
        let [terminate, hangup, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

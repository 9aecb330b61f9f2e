//! [`Settings`]: what a phone is told by its file (`phone.toml`) and on the command line. What is wrong is pointed at; the
//! file is only ever read.

use std::path::{Path, PathBuf};

use ruf_sip::Account;
use serde::Deserialize;
use toml::Spanned;

use super::contacts::Contact;
use super::hooks::{Hooks, HooksTable};
use super::sound::SoundPlan;
use super::sound_file::{SoundFiles, SoundFormat};
use super::theme::ThemeName;
use super::voicemail::{Voicemail, VoicemailTable};
use super::words::Language;
use crate::config::{ConfigError, Source};
use crate::phone::identity::Identity;
use crate::phone::way::{WayArgs, When};

/// The name of the file, beside the program or in the usual place.
const FILE: &str = "phone.toml";
/// How long it rings before a call is forwarded, unless the file says otherwise.
const NO_ANSWER_SECS: u64 = 20;

/// What a phone is told.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) accounts: Vec<PhonePlan>,
    pub(super) contacts: Vec<Contact>,
    /// `None`: not a word of it.
    pub(super) sound: Option<SoundPlan>,
    pub(super) theme: ThemeName,
    pub(super) language: Language,
    pub(super) is_do_not_disturb: bool,
    pub(super) is_auto_answer: bool,
    pub(super) forwarding: Forwarding,
    pub(super) hooks: Hooks,
    /// Where recordings are put; `None`: nobody says where.
    pub(super) recordings: Option<SoundFiles>,
    pub(super) voicemail: Voicemail,
    pub(super) is_shown: bool,
}

/// A phone that is to be opened.
#[derive(Clone, Debug)]
pub(super) struct PhonePlan {
    pub(super) account: Account,
    /// It has a server to register with.
    pub(super) registers: bool,
    /// It asks there what waits in its mailbox.
    pub(super) asks_mailbox: bool,
}

/// Who is sent on, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarding {
    /// Everybody.
    pub(crate) always: Option<String>,
    /// Who calls while we talk, or do not want to be disturbed.
    pub(crate) busy: Option<String>,
    /// Who is not answered.
    pub(crate) no_answer: Option<String>,
    /// After so long.
    pub(crate) no_answer_secs: u64,
}

/// The file as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    language: Language,
    theme: ThemeName,
    sound: Option<Spanned<String>>,
    do_not_disturb: bool,
    auto_answer: bool,
    presence: bool,
    forward: ForwardTable,
    hooks: HooksTable,
    recording: RecordingTable,
    voicemail: VoicemailTable,
    account: Vec<Spanned<AccountTable>>,
    contact: Vec<Contact>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ForwardTable {
    always: Option<Spanned<String>>,
    busy: Option<Spanned<String>>,
    no_answer: Option<Spanned<String>>,
    no_answer_secs: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RecordingTable {
    folder: Option<PathBuf>,
    format: SoundFormat,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountTable {
    address: Spanned<String>,
    password: Option<Spanned<String>>,
    auth_user: Option<String>,
    server: Option<Spanned<String>>,
    #[serde(default)]
    display: String,
    listen: Option<Spanned<String>>,
    #[serde(default = "usually")]
    mailbox: bool,
    #[serde(default)]
    ca: Vec<PathBuf>,
    #[serde(default)]
    ice: When,
    #[serde(default)]
    stun: Vec<Spanned<String>>,
    turn: Option<Spanned<String>>,
    turn_password: Option<String>,
}

impl Settings {
    /// Reads a file, or the one that is found; without any, everything is as usual.
    ///
    /// # Errors
    /// What is wrong in the file, and where.
    pub(super) fn load(named: Option<&Path>) -> Result<Settings, ConfigError> {
        let Some(path) = named.map(Path::to_owned).or_else(found) else {
            return Settings::read(&Source { name: FILE, text: "" }, Path::new(""));
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigError::flag(&name, format!("the file cannot be read: {error}")))?;
        let source = Source { name: &name, text: &text };
        Settings::read(&source, path.parent().unwrap_or(Path::new("")))
    }

    /// What a text says; files that it names are beside it, unless they say more.
    fn read(source: &Source<'_>, folder: &Path) -> Result<Settings, ConfigError> {
        let file: File = toml::from_str(source.text).map_err(|error| source.syntax(&error))?;
        let forwarding = file.forward.read(source)?;
        let mut settings = Settings {
            voicemail: file.voicemail.read(source, folder, &forwarding)?,
            language: file.language,
            theme: file.theme,
            is_do_not_disturb: file.do_not_disturb,
            is_auto_answer: file.auto_answer,
            is_shown: file.presence,
            contacts: file.contact,
            forwarding,
            hooks: file.hooks.read(source, folder)?,
            recordings: file.recording.files(folder),
            ..Settings::default()
        };
        if let Some(text) = file.sound {
            let plan: SoundPlan = text.get_ref().parse().map_err(|error| source.at(text.span(), error))?;
            settings.sound = Some(plan.beside(folder));
        }
        for table in file.account {
            let table = table.get_ref();
            let account = table.account(source, folder)?;
            settings.accounts.push(PhonePlan { account, registers: true, asks_mailbox: table.mailbox });
        }
        Ok(settings)
    }
}

fn usually() -> bool {
    true
}

impl AccountTable {
    fn account(&self, source: &Source<'_>, folder: &Path) -> Result<Account, ConfigError> {
        let wrong = |at: &Spanned<String>, error: &dyn std::fmt::Display| source.at(at.span(), error);
        let listen = self
            .listen
            .as_ref()
            .map(|at| at.get_ref().parse().map_err(|_| wrong(at, &"expected IP:PORT, as in 0.0.0.0:5062")));
        let secret = |secret: &String| match secret.strip_prefix('@') {
            Some(file) => format!("@{}", folder.join(file).display()),
            None => secret.clone(),
        };
        let password = self.password.as_ref().map(|password| secret(password.get_ref()));
        let identity = Identity {
            account: Some(self.address.get_ref().clone()),
            password,
            auth_user: self.auth_user.clone(),
            server: self.server.as_ref().map(|server| server.get_ref().clone()),
            display: self.display.clone(),
            listen: listen.transpose()?,
            listen_tls: None,
            certificate: None,
            key: None,
            ca: self.ca.iter().map(|file| folder.join(file)).collect(),
        };
        // Whose fault it is: the first that cannot stand alone.
        Account::new(self.address.get_ref()).map_err(|error| wrong(&self.address, &error))?;
        if let Some(server) = &self.server {
            Account::direct("").server(server.get_ref()).map_err(|error| wrong(server, &error))?;
        }
        let at = self.password.as_ref().unwrap_or(&self.address);
        let account = identity.account("").map_err(|error| wrong(at, &error))?;
        for server in &self.stun {
            Account::direct("").stun(server.get_ref()).map_err(|error| wrong(server, &error))?;
        }
        let way = WayArgs {
            ice: self.ice,
            stun: self.stun.iter().map(|server| server.get_ref().clone()).collect(),
            turn: self.turn.as_ref().map(|server| server.get_ref().clone()),
            turn_password: self.turn_password.as_ref().map(secret),
        };
        way.of(account).map_err(|error| wrong(self.turn.as_ref().unwrap_or(&self.address), &error))
    }
}

impl RecordingTable {
    fn files(self, beside: &Path) -> Option<SoundFiles> {
        let folder =
            self.folder.map_or_else(|| kept("recordings"), |folder| Some(placed(beside, &folder)))?;
        Some(SoundFiles { folder, format: self.format })
    }
}

impl ForwardTable {
    fn read(self, source: &Source<'_>) -> Result<Forwarding, ConfigError> {
        let target = |to: Option<Spanned<String>>| match to {
            Some(to) if to.get_ref().trim().is_empty() => {
                Err(source.at(to.span(), "expected a number, a name or an address"))
            }
            to => Ok(to.map(Spanned::into_inner)),
        };
        Ok(Forwarding {
            always: target(self.always)?,
            busy: target(self.busy)?,
            no_answer: target(self.no_answer)?,
            no_answer_secs: self.no_answer_secs.unwrap_or(NO_ANSWER_SECS),
        })
    }
}

/// The place for files of a kind that the user wants to keep, if nothing else is said.
pub(super) fn kept(kind: &str) -> Option<PathBuf> {
    folder("XDG_DATA_HOME", ".local/share").map(|folder| folder.join(kind))
}

/// What the file names: in the home of the user, or beside the file unless it says more.
pub(super) fn placed(beside: &Path, named: &Path) -> PathBuf {
    match (named.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => beside.join(named),
    }
}

/// The file beside the program, or the one in the usual place.
fn found() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join(FILE)));
    let usual = folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join(FILE));
    beside.into_iter().chain(usual).find(|file| file.exists())
}

/// The folder of this program in one of the usual places of a user.
pub(super) fn folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    let said = std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = said.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(in_home)))?;
    Some(folder.join("ruf"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let source = Source { name: "phone.toml", text };
        Settings::read(&source, Path::new("/etc/ruf")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_of_the_readme_is_understood() {
        let readme = include_str!("../../../../../README.md");
        let example = readme.split("```toml\n# phone.toml\n").nth(1).unwrap().split("```").next().unwrap();
        let settings =
            read(&example.replace("@alice.secret", "secret").replace("@turn.secret", "secret")).unwrap();
        assert_eq!((settings.accounts.len(), settings.contacts.len()), (2, 2));
        assert_eq!(settings.accounts.iter().map(|plan| plan.asks_mailbox).collect::<Vec<_>>(), [true, false]);
        assert_eq!(
            (settings.is_shown, settings.contacts[0].watch, settings.contacts[1].watch),
            (true, true, false)
        );
        assert_eq!(settings.language, Language::De);
        assert_eq!(settings.forwarding.no_answer.as_deref(), Some("+4930123456"));
        let recordings = SoundFiles { folder: "/etc/ruf/calls".into(), format: SoundFormat::Opus };
        assert_eq!(settings.recordings, Some(recordings));
        let files =
            SoundPlan::Files { say: "/etc/ruf/hello.wav".into(), record: "/etc/ruf/calls.wav".into() };
        assert_eq!(settings.sound, Some(files));
    }

    #[test]
    fn what_is_wrong_is_pointed_at_with_what_was_expected() {
        for (text, place, cause) in [
            ("language = \"fr\"", "phone.toml:1:12", "expected `en` or `de`"),
            ("theme = 3", "phone.toml:1:9", "wanted string"),
            ("\nsounds = \"none\"", "phone.toml:2:1", "did you mean `sound`?"),
            ("sound = \"alsa\"", "phone.toml:1:9", "expected card, none, loopback or file:"),
            ("[[account]]\naddress = \"nobody\"", "phone.toml:2:11", "names no user"),
            ("[[account]]\naddress = \"a@h\"\nserver = \"::\"", "phone.toml:3:10", "is no SIP address"),
            ("[[account]]\naddress = \"a@h\"\nlisten = \"5060\"", "phone.toml:3:10", "expected IP:PORT"),
            ("[[account]]\naddress = \"a@h\"\npassword = \"@none\"", "phone.toml:3:12", "/etc/ruf/none"),
            ("[[account]]\naddress = \"a@h\"\nice = \"on\"", "phone.toml:3:7", "expected one of `auto`"),
            (
                "[[account]]\naddress = \"a@h\"\nstun = [\"a b\"]",
                "phone.toml:3:9",
                "is no STUN or TURN server",
            ),
            ("[[account]]\naddress = \"a@h\"\nturn = \"a@h\"", "phone.toml:3:8", "needs a password"),
            ("[[account]]\npassword = \"x\"", "phone.toml:1:1", "missing field `address`"),
            ("[[contact]]\nname = \"x\"", "phone.toml:1:1", "missing field `address`"),
            ("[recording]\nformat = \"mp3\"", "phone.toml:2:10", "expected `wav` or `opus`"),
            ("[voicemail]\nmessages = 0", "phone.toml:2:12", "expected 1 to 200"),
            ("[voicemail]\ngreeting = \"no.wav\"", "phone.toml:2:12", "/etc/ruf/no.wav cannot be played"),
            (
                "[voicemail]\non = true\n[forward]\nalways = \"bob\"",
                "phone.toml:2:6",
                "would never answer: [forward] always",
            ),
            (
                "[voicemail]\non = true\n[forward]\nno_answer = \"bob\"",
                "phone.toml:2:6",
                "cannot both take whom nobody answers",
            ),
            (
                "[voicemail]\non = true\nbusy = true\n[forward]\nbusy = \"bob\"",
                "phone.toml:3:8",
                "[forward] busy sends those on",
            ),
            ("[hooks]\nend = \"https://a:b@h/\"", "phone.toml:2:7", "are not sent"),
            ("[hooks]\nend = \"https://h/\"\nca = [\"no.pem\"]", "phone.toml:3:7", "/etc/ruf/no.pem"),
            ("[forward]\nbusy = \" \"", "phone.toml:2:8", "expected a number"),
            ("language = ", "phone.toml:1:", ""),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(place) && error.contains(cause), "{text}: {error}");
        }
    }
}

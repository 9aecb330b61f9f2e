//! `ruf phone` as a person uses it, in a terminal, with phones that nobody here wrote: keys go in, the screen is read, and
//! what is said is listened to on the wire.
//!
//! Screens are kept in `docs/phone`; with `RUF_WRITE_SCREENS=1` they are written anew.

mod kept;
mod terminal;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome, ensure, fail};
use crate::phone::{Codec, Make, Phone, Settings};
use crate::place;
use crate::program;
use crate::server::{self, DOMAIN, Server};
use crate::talk::Side;
use crate::talk::hearing::{heard, inaudible, mixed};
use crate::talk::ours::Ours;
use crate::tone;
use crate::transport::Transport;
use crate::verdict;
use crate::wire::{Tap, Wire};
use terminal::Terminal;

/// Its loopback network; other parts that run beside it have processes of their own.
const NET: u8 = 1;
/// How long a phone may take to be registered.
const REGISTERED: Duration = Duration::from_secs(15);
const REST: Duration = Duration::from_millis(50);
const RTP_PORTS: u16 = 20;
const TONE_SECS: u32 = 120;
/// What each says, in hertz.
const OUR_HERTZ: u32 = 440;
const BERT_HERTZ: u32 = 620;
const CARA_HERTZ: u32 = 840;
const DORA_HERTZ: u32 = 1_060;
/// And what voicemail says before its beep; that it goes on for a while lets it be heard on the wire.
const GREETING_HERTZ: u32 = 540;
const GREETING_SECS: u32 = 6;

/// What phones are set to: so their calls can be heard on the wire.
const CODECS: &[Codec] = &[Codec::Pcmu];

/// A part of a day: what is done in it, and how.
type Part = (&'static str, fn(&mut Day) -> Outcome<()>);

/// Plays a day of a phone; true if all went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    program::present("tmux", "tmux")?;
    for make in [Make::Baresip, Make::Pjsip] {
        make.present()?;
    }
    let wire = Wire::open()?;
    let outcome = Day::begin(&wire, folder).and_then(Day::play);
    Ok(verdict::say("ruf phone with baresip and PJSIP", outcome))
}

/// A server, anna's `ruf phone`, bert's baresip, dora's PJSIP; cara has a `ruf answer` for each call.
struct Day {
    folder: PathBuf,
    tap: Tap,
    ip: IpAddr,
    cara_ip: IpAddr,
    server: Server,
    at: SocketAddr,
    screen: Terminal,
    bert: Phone,
    dora: Phone,
}

impl Day {
    fn begin(wire: &Wire, folder: &Path) -> Outcome<Day> {
        let [a, b, c, _] = place::net(NET).octets();
        let host = |last| Ipv4Addr::new(a, b, c, last);
        let names = ["anna", "bert", "cara", "dora"];
        let settings = server::Settings::new(&folder.join("data"), host(1));
        let server = Server::start(&names.iter().fold(settings, |all, name| all.user(name, &secret(name))))?;
        let at = server.at(Transport::Udp)?;
        for (name, hertz) in [("anna", OUR_HERTZ), ("cara", CARA_HERTZ)] {
            tone::write_wav(&folder.join(format!("{name}.wav")), hertz, TONE_SECS)?;
        }
        tone::write_wav(&folder.join("greeting.wav"), GREETING_HERTZ, GREETING_SECS)?;
        let phone = |make, user: &str, last, slot, hertz| {
            let home = folder.join(user);
            let settings = Settings {
                home,
                ip: host(last),
                rtp_ports: place::rtp_ports(slot, RTP_PORTS),
                hertz,
                user: user.to_owned(),
                secret: secret(user),
                transport: Transport::Udp,
                server: at,
                registers: true,
                codecs: CODECS,
                encrypts: false,
                ice: false,
                turn: None,
                records: true,
                authority: None,
                papers: None,
            };
            Phone::start(make, settings)
        };
        let bert = phone(Make::Baresip, "bert", 12, 0, BERT_HERTZ)?;
        let dora = phone(Make::Pjsip, "dora", 14, 1, DORA_HERTZ)?;
        let config = folder.join("phone.toml");
        std::fs::write(&config, phone_toml(at, host(20)))?;
        let screen = Terminal::open(folder, &config)?;
        let day = Day {
            folder: folder.to_owned(),
            tap: wire.tap(host(0)),
            ip: host(20).into(),
            cara_ip: host(21).into(),
            server,
            at,
            screen,
            bert,
            dora,
        };
        day.registered(&["anna", "bert", "dora"])?;
        Ok(day)
    }

    fn play(mut self) -> Outcome<String> {
        let began = Instant::now();
        self.screen.shows(&["* sip:anna@ruf.test  registered"])?;
        let parts: [Part; 7] = [
            ("calls, mutes, holds, presses keys, transfers", Day::calls_and_sends_on),
            ("asks first, and puts two together", Day::puts_two_together),
            ("confers with two", Day::confers),
            ("is called, answers, and hangs up", Day::is_called),
            ("records at a key", Day::records),
            ("takes a message, plays it, and deletes it", Day::takes_a_message),
            ("writes, and is written to", Day::writes),
        ];
        for (title, part) in parts {
            part(&mut self).map_err(|failure| Failure::new(format!("{title}: {failure}")))?;
        }
        self.screen.press(&["C-q"])?;
        self.screen.shows(&["it ended with 0"])?;
        ensure!(self.server.stop()?.success(), "the server did not end well");
        let titles = parts.map(|(title, _)| title).join("; ");
        Ok(format!("{titles}; {} s", began.elapsed().as_secs()))
    }

    fn calls_and_sends_on(&mut self) -> Outcome<()> {
        let mut cara = self.cara("blind")?;
        self.dials("bert")?;
        self.screen.shows(&["Bert", "it rings there", "F8 Hang up"])?;
        self.bert.keys().answer()?;
        self.screen.shows(&["Bert", "talking", "PCMU", "They [####"])?;
        self.talks(BERT_HERTZ)?;
        self.screen.press(&["F9"])?;
        documented("muted.txt", &self.screen.shows(&["MUTED", "MOS "])?)?;
        inaudible(&self.tap, self.ip, &[Side::Ruf], self.tap.mark())?;
        self.screen.press(&["F9"])?;
        self.talks(BERT_HERTZ)?;
        self.screen.press(&["F7"])?;
        documented("held.txt", &self.screen.shows(&["ON HOLD", "They [          ]", "MOS "])?)?;
        inaudible(&self.tap, self.ip, &[Side::Ruf, Side::Peer], self.tap.mark())?;
        self.screen.press(&["F7"])?;
        self.screen.shows(&["talking"])?;
        self.talks(BERT_HERTZ)?;
        self.screen.press(&["F4", "4", "2", "#"])?;
        documented("keypad.txt", &self.screen.shows(&["KEYPAD", "42#", "MOS "])?)?;
        self.bert.keys().hears_keys("42#")?;
        self.screen.press(&["Escape"])?;
        self.bert.keys().press('8')?;
        self.screen.shows(&["their keys  8"])?;
        self.screen.press(&["C-b"])?;
        self.screen.type_text("cara")?;
        documented("transfer.txt", &self.screen.shows(&["Transfer to: cara"])?)?;
        self.screen.press(&["Enter"])?;
        cara.tells("answered")?;
        self.screen.shows(&["No call."])?;
        self.cara_talks(BERT_HERTZ)?;
        cara.order("hang up")?;
        cara.ends_because("hung up")
    }

    fn puts_two_together(&mut self) -> Outcome<()> {
        let mut cara = self.cara("attended")?;
        self.dials("dora")?;
        self.screen.shows(&["Dora", "it rings there"])?;
        self.dora.keys().answer()?;
        self.talks(DORA_HERTZ)?;
        self.dials("cara")?;
        cara.tells("answered")?;
        self.screen.shows(&["Cara", "talking", "Other calls: Dora ON HOLD"])?;
        self.cara_talks(OUR_HERTZ)?;
        self.screen.press(&["C-b"])?;
        documented("connect.txt", &self.screen.shows(&["Transfer to:", "Enter alone: with Dora", "MOS "])?)?;
        self.screen.press(&["Enter"])?;
        cara.tells("replaced by")?;
        self.screen.shows(&["No call."])?;
        self.cara_talks(DORA_HERTZ)?;
        cara.order("hang up")?;
        cara.ends_because("hung up")
    }

    fn confers(&mut self) -> Outcome<()> {
        self.dials("bert")?;
        self.screen.shows(&["Bert", "it rings there"])?;
        self.bert.keys().answer()?;
        self.talks(BERT_HERTZ)?;
        self.dials("dora")?;
        self.screen.shows(&["Dora", "it rings there", "Other calls: Bert ON HOLD"])?;
        self.dora.keys().answer()?;
        self.screen.shows(&["Dora", "talking"])?;
        self.screen.press(&["C-k"])?;
        documented("conference.txt", &self.screen.shows(&["CONFERENCE", "Bert CONFERENCE", "MOS "])?)?;
        let (tap, bert, dora) = (&self.tap, &self.bert.settings, &self.dora.settings);
        mixed(tap, &bert.rtp_ports, &[OUR_HERTZ, DORA_HERTZ], BERT_HERTZ, tap.mark())?;
        mixed(tap, &dora.rtp_ports, &[OUR_HERTZ, BERT_HERTZ], DORA_HERTZ, tap.mark())?;
        self.records_all()?;
        self.dora.keys().hang_up()?;
        self.screen.shows(&["Bert", "talking"])?;
        self.talks(BERT_HERTZ)?;
        self.screen.press(&["F8"])?;
        self.screen.shows(&["No call."]).map(drop)
    }

    fn is_called(&mut self) -> Outcome<()> {
        self.bert.keys().dial(&format!("sip:anna@{DOMAIN}"))?;
        self.screen.shows(&["Bert", "CALLS YOU", "F5 Answer"])?;
        self.screen.press(&["F5"])?;
        self.screen.shows(&["talking"])?;
        self.talks(BERT_HERTZ)?;
        self.screen.press(&["F8"])?;
        self.screen.shows(&["No call.", "Bert: you hung up"]).map(drop)
    }

    fn writes(&mut self) -> Outcome<()> {
        self.bert.keys().write(&format!("sip:anna@{DOMAIN}"), "are you there?")?;
        self.screen.shows(&["Messages (1)"])?;
        self.screen.press(&["BTab"])?;
        self.screen.shows(&["[Messages]", "<   are you there?"])?;
        self.screen.type_text("yes, I am")?;
        self.screen.press(&["Enter"])?;
        self.bert.keys().reads("yes, I am")?;
        let shown = self.screen.shows(&[">   yes, I am"])?;
        ensure!(!shown.contains("NOT SENT"), "not sent:\n{shown}");
        documented("chat.txt", &shown)
    }

    /// Types a name into the dial field, which is where one is after a start.
    fn dials(&self, name: &str) -> Outcome<()> {
        self.screen.type_text(name)?;
        self.screen.shows(&[&format!("Call: {name}")])?;
        self.screen.press(&["Enter"])
    }

    /// We and the other hear each other.
    fn talks(&self, hertz: u32) -> Outcome<()> {
        let from = self.tap.mark();
        heard(&self.tap, true, self.ip, Side::Peer, hertz, from)?;
        heard(&self.tap, true, self.ip, Side::Ruf, OUR_HERTZ, from)
    }

    /// Cara and the other hear each other.
    fn cara_talks(&self, hertz: u32) -> Outcome<()> {
        let from = self.tap.mark();
        heard(&self.tap, true, self.cara_ip, Side::Peer, hertz, from)?;
        heard(&self.tap, true, self.cara_ip, Side::Ruf, CARA_HERTZ, from)
    }

    /// Cara's phone for one call.
    fn cara(&self, name: &str) -> Outcome<Ours> {
        let (at, ip) = (self.at, self.cara_ip);
        let line = format!(
            "answer --once --control --codecs PCMU --srtp off --listen {ip}:0 --server {at} --account cara@{DOMAIN} \
             --password {} --play {}",
            secret("cara"),
            self.folder.join("cara.wav").display()
        );
        let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let cara = Ours::start(&line, self.folder.join(format!("cara-{name}.wav")))?;
        cara.tells("listening")?;
        Ok(cara)
    }

    fn registered(&self, names: &[&str]) -> Outcome<()> {
        let deadline = Instant::now() + REGISTERED;
        loop {
            let bound = self.server.bindings()?;
            let is_bound = |name: &&str| bound.iter().any(|bound| bound.aor == format!("{name}@{DOMAIN}"));
            if names.iter().all(is_bound) {
                return Ok(());
            }
            if Instant::now() > deadline {
                fail!("not all of {names:?} are registered within {} s", REGISTERED.as_secs());
            }
            std::thread::sleep(REST);
        }
    }
}

fn phone_toml(server: SocketAddr, ip: Ipv4Addr) -> String {
    let contact = |name: &str, user: &str| {
        format!("[[contact]]\nname = \"{name}\"\naddress = \"sip:{user}@{DOMAIN}\"\n")
    };
    format!(
        "sound = \"file:anna.wav,heard.wav\"\n\
         [recording]\nfolder = \"calls\"\n\
         [voicemail]\nno_answer_secs = 2\ngreeting = \"greeting.wav\"\nfolder = \"messages\"\n\
         [[account]]\naddress = \"sip:anna@{DOMAIN}\"\npassword = \"{}\"\nserver = \"{server}\"\nlisten = \"{ip}:0\"\n\
         {}{}{}",
        secret("anna"),
        contact("Bert", "bert"),
        contact("Cara", "cara"),
        contact("Dora", "dora"),
    )
}

fn secret(user: &str) -> String {
    format!("secret-of-{user}")
}

/// The screen is the one in `docs/phone`, but for figures.
fn documented(name: &str, screen: &str) -> Outcome<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/phone").join(name);
    let screen: String = screen.lines().map(|row| row.trim_end().to_owned() + "\n").collect();
    if std::env::var_os("RUF_WRITE_SCREENS").is_some() {
        std::fs::write(&file, &screen)?;
    }
    let kept = std::fs::read_to_string(&file)?;
    ensure!(lasting(&screen) == lasting(&kept), "the screen is not that of docs/phone/{name}:\n{screen}");
    Ok(())
}

/// What does not change from one run to the next: no figures, no levels, no distances.
fn lasting(screen: &str) -> Vec<String> {
    let row = |row: &str| {
        let row: String = row.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let mut words = row.replace('#', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        while words.contains("00") {
            words = words.replace("00", "0");
        }
        // It is known when the far side's first report has come.
        // And a machine that is busy makes a bad line.
        words.replace(" round trip 0 ms", "").replace("BAD LINE ", "")
    };
    screen.lines().map(row).collect()
}

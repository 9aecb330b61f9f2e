//! linphonec 5.1, driven by its prompt on standard input.
//!
//! Its quirks, as far as they shape this file: without the directory of its database it silently
//! opens no SIP port; it watches the network by itself and calls a machine without a default route
//! offline, so both watching and its conclusion are switched off; unlisted codecs come back enabled,
//! so all of them are listed; what it plays to somebody on hold is the file that is its microphone,
//! so that file is exchanged for one of silence while it holds.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Controls, OBEY, REGISTER_SECS, SIP_PORT, Settings};
use crate::failure::{Outcome, fail};
use crate::program::{LineMark, Program};
use crate::server::DOMAIN;
use crate::tone;
use crate::trace::{Passage, Way, behind_its_length, number_between};
use crate::transport::Transport;

/// Starting takes it longer than any order.
const START: Duration = Duration::from_secs(20);
/// It plays files over and over.
const SILENCE_SECS: u32 = 1;

/// Its log, in its home.
pub(super) const LOG: &str = "linphone.log";

/// Puts its own file in the place of `/etc/hosts`, then becomes the phone.
const WITH_HOSTS: &str = r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#;

pub(super) struct Linphone {
    program: Program,
    microphone: PathBuf,
    silence: PathBuf,
    home: PathBuf,
    /// The next call keeps what it hears in a file of this number. (Told that while it rings, it crashes.)
    file: u32,
    /// Where the last call begins in what it says.
    call: LineMark,
}

impl Linphone {
    pub(super) fn start(settings: &Settings) -> Outcome<Linphone> {
        let microphone = settings.make_home()?;
        std::fs::create_dir_all(settings.home.join(".local/share/linphone"))?;
        let config = settings.home.join("linphonerc");
        std::fs::write(&config, configuration(settings))?;
        let hosts = settings.home.join("hosts");
        std::fs::write(&hosts, format!("{} {DOMAIN}\n", settings.server.ip()))?;
        let log = settings.home.join(LOG);
        let mut arguments = ["--mount", "--", "sh", "-c", WITH_HOSTS, "sh"].map(OsStr::new).to_vec();
        arguments.extend([hosts.as_os_str(), "linphonec".as_ref(), "-c".as_ref(), config.as_os_str()]);
        arguments.extend(["-d".as_ref(), "6".as_ref(), "-l".as_ref(), log.as_os_str()]);
        let program = Program::start("linphonec", "unshare", arguments, |command| {
            command.env("HOME", &settings.home);
        })?;
        let silence = settings.home.join("silence.wav");
        tone::write_wav(&silence, 0, SILENCE_SECS)?;
        let mut phone = Linphone {
            program,
            microphone: microphone.clone(),
            silence,
            home: settings.home.clone(),
            file: 0,
            call: LineMark::START,
        };
        phone.order("soundcard use files", START, "Using wav files")?;
        phone.speak(&microphone)?;
        if settings.records {
            phone.keep()?;
        }
        Ok(phone)
    }

    /// Puts another file in the place of the loudspeaker.
    fn keep(&mut self) -> Outcome<()> {
        self.file += 1;
        let file = self.kept();
        self.program.tell(&format!("record {}", file.display()))
    }

    fn kept(&self) -> PathBuf {
        self.home.join(format!("heard-{}.wav", self.file))
    }

    /// Puts a file in the place of the microphone.
    fn speak(&mut self, file: &Path) -> Outcome<()> {
        self.program.tell(&format!("play {}", file.display()))
    }

    /// Gives an order and waits for the words that show it was carried out.
    fn order(&mut self, order: &str, patience: Duration, shown_by: &str) -> Outcome<()> {
        let before = self.program.mark();
        self.program.tell(order)?;
        self.shown(before, patience, shown_by)
    }

    fn shown(&self, from: LineMark, patience: Duration, words: &str) -> Outcome<()> {
        let what = format!("the words {words:?}");
        self.program.wait_line(from, patience, &what, |line| line.contains(words).then_some(()))
    }
}

impl Controls for Linphone {
    fn dial(&mut self, uri: &str) -> Outcome<()> {
        self.call = self.program.mark();
        self.order(&format!("call {uri}"), OBEY, "in progress")
    }

    fn answer(&mut self) -> Outcome<()> {
        self.call = self.program.mark();
        self.order("answer", OBEY, "connected")
    }

    fn hold(&mut self) -> Outcome<()> {
        let silence = self.silence.clone();
        self.speak(&silence)?;
        self.order("pause", OBEY, "is now paused")
    }

    fn resume(&mut self) -> Outcome<()> {
        self.order("resume", OBEY, "Media streams established")?;
        let microphone = self.microphone.clone();
        self.speak(&microphone)
    }

    fn transfer(&mut self, uri: &str) -> Outcome<()> {
        self.program.tell(&format!("transfer {uri}"))
    }

    fn connect(&mut self) -> Outcome<()> {
        let before = self.program.mark();
        self.program.tell("calls")?;
        // "1  | sip:anna@ruf.test ..." for each call
        let ids = RefCell::new(Vec::new());
        self.program.wait_lines(before, OBEY, "two calls", |lines| {
            let id = |line: &&str| line.split_whitespace().next()?.parse::<u32>().ok();
            *ids.borrow_mut() = lines.iter().filter_map(id).collect::<Vec<u32>>();
            ids.borrow().len() == 2
        })?;
        let mut ids = ids.into_inner();
        ids.sort_unstable();
        let [first, second] = ids.as_slice() else { fail!("linphone has {} calls", ids.len()) };
        self.program.tell(&format!("transfer {first} --to-call {second}"))
    }

    fn hang_up(&mut self) -> Outcome<()> {
        self.order("terminate", OBEY, "ended")
    }

    fn press(&mut self, key: char) -> Outcome<()> {
        self.program.tell(&key.to_string())
    }

    fn hears_keys(&mut self, keys: &str) -> Outcome<()> {
        let told = |lines: &[&str]| lines.iter().filter_map(|line| key_told(line)).collect::<String>();
        self.program.wait_lines(self.call, OBEY, &format!("the keys {keys:?}"), |lines| told(lines) == keys)
    }

    fn write(&mut self, uri: &str, text: &str) -> Outcome<()> {
        self.program.tell(&format!("chat {uri} {text:?}"))
    }

    fn reads(&mut self, text: &str) -> Outcome<()> {
        self.shown(LineMark::START, OBEY, text)
    }

    fn recording(&mut self) -> Outcome<PathBuf> {
        let file = self.kept();
        self.keep()?;
        Ok(file)
    }
}

/// The key that a line tells: `Receiving tone 1 from sip:anna@ruf.test`.
fn key_told(line: &str) -> Option<&str> {
    line.split_once("Receiving tone ")?.1.split(' ').next()
}

/// The next octets over TLS in its log.
pub(super) fn passage(trace: &[u8], _server: SocketAddr) -> Passage {
    behind_its_length(trace, |line| {
        if line.contains("]: message sent to [TLS:") {
            Some((Way::Out, number_between(line, "size: [", "]")?))
        } else if line.contains("new bytes from [TLS:") {
            Some((Way::In, number_between(line, "received [", "]")?))
        } else {
            None
        }
    })
}

/// All codecs it knows.
const CODECS: [(&str, u32, u32); 9] = [
    ("PCMU", 8_000, 1),
    ("PCMA", 8_000, 1),
    ("opus", 48_000, 2),
    ("speex", 8_000, 1),
    ("speex", 16_000, 1),
    ("speex", 32_000, 1),
    ("GSM", 8_000, 1),
    ("G722", 8_000, 1),
    ("G729", 8_000, 1),
];

fn configuration(settings: &Settings) -> String {
    let Settings { ip, user, secret, server, rtp_ports, transport, .. } = settings;
    // Its library of TLS reads no address in a certificate: it asks for the server by name.
    let host = if *transport == Transport::Tls { DOMAIN.to_owned() } else { server.ip().to_string() };
    let server = format!("{host}:{}", server.port());
    let port = |of| if settings.transport == of { SIP_PORT } else { 0 };
    let transport = transport.name();
    let home = if settings.registers {
        format!(
            "[auth_info_0]\nusername={user}\npasswd={secret}\nrealm={DOMAIN}\ndomain={DOMAIN}\n\
             [proxy_0]\n\
             reg_proxy=<sip:{server};transport={transport}>\nreg_route=<sip:{server};transport={transport};lr>\n\
             reg_identity={uri}\nreg_expires={REGISTER_SECS}\nreg_sendregister=1\npublish=0\n",
            uri = settings.uri(),
        )
    } else {
        String::new()
    };
    let mut text = format!(
        "[sip]\n\
         sip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port={tls}\nbind_address={ip}\n\
         contact=sip:{user}@{ip}\nguess_hostname=0\nuse_ipv6=0\nmedia_encryption={encryption}\nmedia_encryption_mandatory={mandatory}\n\
         root_ca={authority}\nverify_server_certs=1\nverify_server_cn=1\n\
         auto_net_state_mon=0\nregister_only_when_network_is_up=0\ndefault_proxy={default}\n\
         {home}\
         [rtp]\naudio_rtp_port={rtp_port}\nbind_address={ip}\n\
         [sound]\nechocancellation=0\n\
         [video]\nenabled=0\ncapture=0\ndisplay=0\n\
         [net]\nmtu=1300\n\
         [misc]\nhistory_max_size=0\n",
        udp = port(Transport::Udp),
        tcp = port(Transport::Tcp),
        tls = port(Transport::Tls),
        authority = settings.authority.as_deref().unwrap_or(Path::new("/nowhere")).display(),
        encryption = if settings.encrypts { "srtp" } else { "none" },
        mandatory = u8::from(settings.encrypts),
        default = if settings.registers { 0 } else { -1 },
        rtp_port = rtp_ports.start(),
    );
    // Those wanted first, in their order.
    let rank = |mime: &str| settings.codecs.iter().position(|codec| codec.name() == mime);
    let mut codecs = CODECS;
    codecs.sort_by_key(|(mime, ..)| rank(mime).unwrap_or(usize::MAX));
    for (number, (mime, rate, channels)) in codecs.iter().enumerate() {
        let enabled = u8::from(rank(mime).is_some());
        text.push_str(&format!(
            "[audio_codec_{number}]\nmime={mime}\nrate={rate}\nchannels={channels}\nenabled={enabled}\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_over_tls_are_found_in_the_log() {
        let log =
            b"belle-sip-message-channel [0x5]: message sent to [TLS://127.0.0.1:1], size: [3] bytes\nabc\n\
            belle-sip-message-channel [0x5]: received [4] new bytes from [TLS://127.0.0.1:1]:\nd\r\ne\n";
        let server = "127.0.0.1:1".parse().expect("an address");
        let (way, octets, told) = passage(log, server).expect("octets");
        assert_eq!((way, octets.as_slice()), (Way::Out, &b"abc"[..]));
        let (way, octets, _) = passage(&log[told..], server).expect("octets");
        assert_eq!((way, octets.as_slice()), (Way::In, &b"d\r\ne"[..]));
    }
}

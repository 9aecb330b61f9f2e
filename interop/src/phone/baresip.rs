//! baresip 1.0, driven over its `ctrl_tcp` module: netstrings of JSON.
//!
//! Its quirks, as far as they shape this file: `ausine` refuses every rate but 48 kHz, so a WAV file
//! is the microphone; an audio player must exist or no call starts, so half of an `aubridge` is the
//! loudspeaker; `net_interface` takes an address, and `lo` is not accepted by name.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Codec, Controls, OBEY, REGISTER_SECS, Settings};
use crate::failure::{Failure, Outcome, ensure, fail};
use crate::program::Program;
use crate::sip::find;
use crate::trace::{Passage, Way};

const CONTROL_PORT: u16 = 4444;
/// Between two attempts to reach the control port.
const RETRY: Duration = Duration::from_millis(20);

/// Its certificate and the key of that, in its home.
const PAPERS: &str = "papers.pem";
/// Its trace, in its home.
pub(super) const LOG: &str = "baresip.log";

pub(super) struct Baresip {
    // Held, so that it ends with this value.
    _program: Program,
    control: TcpStream,
    unread: Vec<u8>,
    orders: u32,
    /// What it keeps is here.
    home: PathBuf,
    /// The transport that it adds to whatever it dials.
    transport: String,
    /// The keys of the other side in this call.
    keys: String,
    /// It tells of itself.
    is_present: bool,
    /// Calls that it told of and did not answer. With ICE it rings first, and an answer before it has its
    /// addresses gets lost in it.
    rings: usize,
    waits_for_ring: bool,
}

impl Baresip {
    pub(super) fn start(settings: &Settings) -> Outcome<Baresip> {
        let microphone = settings.make_home()?;
        std::fs::write(settings.home.join("config"), config(settings, &microphone))?;
        std::fs::write(settings.home.join("accounts"), account(settings))?;
        std::fs::write(settings.home.join("contacts"), "")?;
        if let Some(papers) = &settings.papers {
            let both = [std::fs::read(&papers.certificate)?, std::fs::read(&papers.key)?].concat();
            std::fs::write(settings.home.join(PAPERS), both)?;
        }
        let log = std::fs::File::create(settings.home.join(LOG))?;
        let home = settings.home.as_os_str();
        let program =
            Program::start("baresip", "baresip", ["-f".as_ref(), home, "-s".as_ref()], |command| {
                command.env("HOME", home).stdout(log);
            })?;
        let control = connect(SocketAddr::new(settings.ip.into(), CONTROL_PORT))?;
        Ok(Baresip {
            _program: program,
            control,
            unread: Vec::new(),
            orders: 0,
            home: settings.home.clone(),
            transport: format!(";transport={}", settings.transport.name()),
            keys: String::new(),
            is_present: false,
            rings: 0,
            waits_for_ring: settings.ice,
        })
    }

    /// Gives an order and waits until it is taken.
    fn order(&mut self, command: &str, params: &str) -> Outcome<()> {
        self.ask(command, params).map(|_| ())
    }

    /// The same, and what it says to it.
    fn ask(&mut self, command: &str, params: &str) -> Outcome<String> {
        self.orders += 1;
        let token = self.orders.to_string();
        let order = json!({ "command": command, "params": params, "token": token }).to_string();
        self.control.write_all(format!("{}:{order},", order.len()).as_bytes())?;
        let deadline = Instant::now() + OBEY;
        loop {
            let message = self.next_message(deadline)?;
            self.note(&message);
            if message.get("token").and_then(Value::as_str) == Some(&token) {
                let taken = message.get("ok").and_then(Value::as_bool) == Some(true);
                ensure!(taken, "baresip does not take /{command} {params}: {message}");
                return Ok(message.get("data").and_then(Value::as_str).unwrap_or_default().to_owned());
            }
        }
    }

    /// Keeps what it tells of keys, and that it is called.
    fn note(&mut self, event: &Value) {
        match event.get("type").and_then(Value::as_str) {
            Some("CALL_DTMF_START") => {
                self.keys.push_str(event.get("param").and_then(Value::as_str).unwrap_or_default());
            }
            Some("CALL_INCOMING") => self.rings += 1,
            Some(_) | None => {}
        }
    }

    fn next_message(&mut self, deadline: Instant) -> Outcome<Value> {
        loop {
            if let Some((message, rest)) = netstring(&self.unread) {
                let message = serde_json::from_slice(message)
                    .map_err(|error| Failure::new(format!("baresip's control speaks no JSON: {error}")))?;
                self.unread = rest.to_vec();
                return Ok(message);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "baresip does not answer on its control port");
            self.control.set_read_timeout(Some(left))?;
            let mut chunk = [0; 4096];
            match self.control.read(&mut chunk) {
                Ok(0) => fail!("baresip closed its control port"),
                Ok(length) => self.unread.extend(chunk.get(..length).unwrap_or_default()),
                Err(error) => fail!("baresip does not answer on its control port: {error}"),
            }
        }
    }
}

impl Controls for Baresip {
    fn dial(&mut self, uri: &str) -> Outcome<()> {
        self.keys.clear();
        self.order("dial", uri.strip_suffix(&self.transport.clone()).unwrap_or(uri))
    }

    fn answer(&mut self) -> Outcome<()> {
        self.keys.clear();
        let deadline = Instant::now() + OBEY;
        while self.waits_for_ring && self.rings == 0 {
            let message = self.next_message(deadline)?;
            self.note(&message);
        }
        self.rings = 0;
        self.order("accept", "")
    }

    fn hold(&mut self) -> Outcome<()> {
        self.order("hold", "")
    }

    fn resume(&mut self) -> Outcome<()> {
        self.order("resume", "")
    }

    fn transfer(&mut self, uri: &str) -> Outcome<()> {
        // In brackets: what stands behind a bare URI is no part of it (RFC 3261 section 20).
        self.order("transfer", &format!("<{uri}>"))
    }

    fn connect(&mut self) -> Outcome<()> {
        fail!("baresip 1.0 puts no two calls together")
    }

    fn hang_up(&mut self) -> Outcome<()> {
        self.order("hangup", "")
    }

    fn press(&mut self, key: char) -> Outcome<()> {
        self.order("sndcode", &key.to_string())
    }

    fn hears_keys(&mut self, keys: &str) -> Outcome<()> {
        let deadline = Instant::now() + OBEY;
        while self.keys != keys {
            let told = self.keys.clone();
            let message = self.next_message(deadline).map_err(|failure| {
                Failure::new(format!("baresip told the keys {told:?}, not {keys:?}: {failure}"))
            })?;
            self.note(&message);
        }
        Ok(())
    }

    fn write(&mut self, uri: &str, text: &str) -> Outcome<()> {
        // It writes to its first contact, which it knows from the start of a module.
        std::fs::write(self.home.join("contacts"), format!("\"somebody\" <{uri}>\n"))?;
        self.order("insmod", "contact.so")?;
        self.order("message", text)
    }

    fn reads(&mut self, text: &str) -> Outcome<()> {
        // It shows a text to a person at its terminal alone; the sound for one that it took is in its log.
        let deadline = Instant::now() + OBEY;
        loop {
            let log = std::fs::read(self.home.join(LOG))?;
            let from = find(&log, format!("\r\n\r\n{text}").as_bytes()).unwrap_or(log.len());
            if find(log.get(from..).unwrap_or_default(), b"message.wav").is_some() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "baresip does not tell the text {text:?}");
            std::thread::sleep(RETRY);
        }
    }

    fn shows(&mut self, is_there: bool) -> Outcome<()> {
        if !std::mem::replace(&mut self.is_present, true) {
            self.order("insmod", "presence.so")?;
        }
        self.order(if is_there { "presence_online" } else { "presence_offline" }, "")
    }

    fn sees_busy(&mut self, uri: &str) -> Outcome<()> {
        std::fs::write(self.home.join("contacts"), format!("\"somebody\" <{uri}>;presence=p2p\n"))?;
        self.order("insmod", "contact.so")?;
        let deadline = Instant::now() + OBEY;
        loop {
            let told = self.ask("contacts", "")?;
            if told.contains("Busy") {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "baresip does not see that anybody is busy: {told:?}");
            std::thread::sleep(RETRY);
        }
    }

    fn recording(&mut self) -> Outcome<PathBuf> {
        // dump-TIME-dec.wav, one for each call.
        let mut kept = Vec::new();
        for file in std::fs::read_dir(&self.home)? {
            kept.push(file?.path());
        }
        kept.retain(|file| file.to_string_lossy().ends_with("-dec.wav"));
        kept.into_iter().max().ok_or_else(|| Failure::new("baresip keeps nothing of what it hears"))
    }
}

/// The next message over TLS in its trace: two addresses, the message, and the end of the color it is
/// printed in.
pub(super) fn passage(trace: &[u8], server: SocketAddr) -> Passage {
    let mark = b"#\nTLS ";
    let ends = find(trace, mark)? + mark.len();
    let start = ends + find(trace.get(ends..)?, b"\n")? + 1;
    let length = find(trace.get(start..)?, b"\x1b[;m")?;
    let line = String::from_utf8_lossy(trace.get(ends..start)?);
    let way = if line.trim().ends_with(&format!("-> {server}")) { Way::Out } else { Way::In };
    Some((way, trace.get(start..start + length)?.to_vec(), start + length))
}

fn connect(address: SocketAddr) -> Outcome<TcpStream> {
    let deadline = Instant::now() + OBEY;
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() > deadline => fail!("baresip's control port is closed: {error}"),
            Err(_) => std::thread::sleep(RETRY),
        }
    }
}

/// The first netstring in `octets`, if it is whole, and what follows it.
fn netstring(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = octets.iter().position(|&octet| octet == b':')?;
    let length: usize = std::str::from_utf8(octets.get(..colon)?).ok()?.parse().ok()?;
    let content = octets.get(colon + 1..colon + 1 + length)?;
    let rest = octets.get(colon + 1 + length..)?.strip_prefix(b",")?;
    Some((content, rest))
}

fn config(settings: &Settings, microphone: &Path) -> String {
    let Settings { ip, home, rtp_ports, codecs, records, .. } = settings;
    let mut modules: Vec<&str> = codecs.iter().map(|codec| module(*codec)).collect();
    modules.dedup();
    let codecs: String = modules.iter().map(|module| format!("module {module}\n")).collect();
    let encrypting = if settings.encrypts { "module srtp.so\n" } else { "" };
    let seeking = if settings.ice { "module ice.so\n" } else { "" };
    let keeping =
        if *records { format!("module sndfile.so\nsnd_path {}\n", home.display()) } else { String::new() };
    // It reads the file of authorities; 1.0 refuses no server by it.
    let authority = settings.authority.as_ref().map(|path| format!("sip_cafile {}\n", path.display()));
    let shown =
        settings.papers.as_ref().map(|_| format!("sip_certificate {}\n", home.join(PAPERS).display()));
    let trust = authority.unwrap_or_default() + &shown.unwrap_or_default();
    format!(
        "sip_listen {sip}\n\
         {trust}\
         net_interface {ip}\n\
         ctrl_tcp_listen {ip}:{CONTROL_PORT}\n\
         rtp_ports {first}-{last}\n\
         rtcp_mux no\n\
         jitter_buffer_delay 5-10\n\
         call_local_timeout 120\n\
         call_max_calls 4\n\
         audio_path {home}\n\
         audio_source aufile,{microphone}\n\
         audio_player aubridge,ear\n\
         audio_alert aubridge,bell\n\
         ausrc_srate 8000\n\
         auplay_srate 8000\n\
         ausrc_channels 1\n\
         auplay_channels 1\n\
         audio_buffer 20-160\n\
         module_path /usr/lib/baresip/modules\n\
         {codecs}\
         {encrypting}\
         {seeking}\
         {keeping}\
         module aufile.so\n\
         module aubridge.so\n\
         module_tmp account.so\n\
         module_app menu.so\n\
         module_app ctrl_tcp.so\n",
        sip = settings.sip(),
        first = rtp_ports.start(),
        last = rtp_ports.end(),
        home = home.display(),
        microphone = microphone.display(),
    )
}

/// What it loads for a codec.
fn module(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu | Codec::Pcma => "g711.so",
        Codec::G722 => "g722.so",
        Codec::Opus => "opus.so",
    }
}

/// A codec in its words: by the rate of its samples.
fn format(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu => "PCMU/8000/1",
        Codec::Pcma => "PCMA/8000/1",
        Codec::G722 => "G722/16000/1",
        Codec::Opus => "opus/48000/2",
    }
}

fn account(settings: &Settings) -> String {
    let Settings { server, secret, codecs, .. } = settings;
    let (uri, transport) = (settings.uri(), settings.transport.name());
    let codecs: Vec<&str> = codecs.iter().map(|codec| format(*codec)).collect();
    let registration = if settings.registers {
        format!("auth_pass={secret};outbound=\"sip:{server};transport={transport}\";regint={REGISTER_SECS}")
    } else {
        "regint=0".to_owned()
    };
    let encryption = if settings.encrypts { "mediaenc=srtp-mand;" } else { "" };
    let nat = if settings.ice { "medianat=ice;" } else { "" };
    format!(
        "<{uri};transport={transport}>;{registration};audio_codecs={};{encryption}{nat}answermode=manual\n",
        codecs.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_over_tls_are_found_in_the_trace() {
        let trace = b"ready\n\x1b[36;1m#\nTLS 127.0.0.1:9 -> 127.0.0.2:5061\nab\r\ncd\x1b[;m\n\
            \x1b[36;1m#\nTLS 127.0.0.2:5061 -> 127.0.0.1:9\nef\x1b[;m\n";
        let server = "127.0.0.2:5061".parse().expect("an address");
        let (way, octets, told) = passage(trace, server).expect("a message");
        assert_eq!((way, octets.as_slice()), (Way::Out, &b"ab\r\ncd"[..]));
        let (way, octets, _) = passage(&trace[told..], server).expect("a message");
        assert_eq!((way, octets.as_slice()), (Way::In, &b"ef"[..]));
    }

    #[test]
    fn netstrings_are_cut_from_a_stream() {
        assert_eq!(netstring(b"2:{},3:abc,"), Some((&b"{}"[..], &b"3:abc,"[..])));
        assert_eq!(netstring(b"5:ab"), None);
        assert_eq!(netstring(b""), None);
    }
}

//! Phones that nobody in this project wrote, driven the way their users drive them.
//!
//! Each runs in a home of its own, on a loopback address and RTP ports of its own, without a sound
//! card: a file with a tone is its microphone. What it does is asserted on the wire, not here.

mod baresip;
mod linphone;
mod pjsip;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::{Outcome, ensure, fail};
use crate::program;
use crate::server::DOMAIN;
use crate::tone;
use crate::trace::{Reading, Trace};
use crate::transport::Transport;
use crate::wire::Tap;

/// The port of SIP of every phone; their addresses differ.
const SIP_PORT: u16 = 5070;
/// Length of a phone's tone: longer than any call here.
const TONE_SECS: u32 = 90;
/// How often a phone registers anew.
const REGISTER_SECS: u32 = 300;
/// How long a phone may take to do as it was told.
const OBEY: Duration = Duration::from_secs(10);

/// The makes of phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// baresip 1.0
    Baresip,
    /// linphonec 5.1
    Linphone,
    /// PJSIP 2.15
    Pjsip,
}

impl Make {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Make::Baresip => "baresip",
            Make::Linphone => "linphone",
            Make::Pjsip => "PJSIP",
        }
    }

    /// Does it speak this codec? `pjsua2-python` is built without Opus.
    pub(crate) fn speaks(self, codec: Codec) -> bool {
        !matches!((self, codec), (Make::Pjsip, Codec::Opus))
    }

    /// Fails with one line if it is not installed.
    pub(crate) fn present(self) -> Outcome<()> {
        match self {
            Make::Baresip => program::present("baresip", "baresip-core"),
            Make::Linphone => program::present("linphonec", "linphone-cli"),
            Make::Pjsip => {
                let python = pjsip::python();
                ensure!(python.exists(), "{} is missing: run dev/setup test", python.display());
                Ok(())
            }
        }
    }
}

/// A codec that phones are set to; each names it in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// G.711 mu-law
    Pcmu,
    /// G.711 A-law
    Pcma,
    /// G.722
    G722,
    /// Opus
    Opus,
}

impl Codec {
    /// Its name in SDP, and on ruf's command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
        }
    }

    /// Can it be listened to on the wire? (`rtp` decodes G.711.)
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Codec::Pcmu | Codec::Pcma)
    }
}

/// Where a phone lives and who it is.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Its home directory.
    pub(crate) home: PathBuf,
    /// Its address.
    pub(crate) ip: Ipv4Addr,
    /// Its ports of RTP.
    pub(crate) rtp_ports: RangeInclusive<u16>,
    /// The tone it says, in hertz.
    pub(crate) hertz: u32,
    /// Its account.
    pub(crate) user: String,
    /// What it believes the account's secret to be.
    pub(crate) secret: String,
    /// How it talks to the server, or to everybody.
    pub(crate) transport: Transport,
    /// Where the server listens on that transport.
    pub(crate) server: SocketAddr,
    /// It registers there. One that does not is called where it is, and calls others where they are.
    pub(crate) registers: bool,
    /// What it offers, the best first.
    pub(crate) codecs: &'static [Codec],
    /// It speaks SRTP with keys in SDP (RFC 4568), and nothing else.
    pub(crate) encrypts: bool,
    /// It offers ICE, and takes it.
    pub(crate) ice: bool,
    /// The TURN server that it asks, as whoever it is at the server of SIP; PJSIP alone does.
    pub(crate) turn: Option<SocketAddr>,
    /// It keeps what it hears.
    pub(crate) records: bool,
    /// The certificate of the authority that it trusts, over TLS.
    pub(crate) authority: Option<PathBuf>,
    /// What it shows over TLS to whoever connects to it.
    pub(crate) papers: Option<Papers>,
}

/// The PEM files of a certificate and of its key.
#[derive(Debug, Clone)]
pub(crate) struct Papers {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Settings {
    /// Where it listens for SIP.
    pub(crate) fn sip(&self) -> SocketAddr {
        SocketAddr::new(self.ip.into(), SIP_PORT)
    }

    /// Its address as a URI: of record, or where it is.
    pub(crate) fn uri(&self) -> String {
        if self.registers {
            format!("sip:{}@{DOMAIN}", self.user)
        } else {
            format!("sip:{}@{}", self.user, self.sip())
        }
    }

    fn make_home(&self) -> Outcome<PathBuf> {
        std::fs::create_dir_all(&self.home)?;
        let microphone = self.home.join("tone.wav");
        tone::write_wav(&microphone, self.hertz, TONE_SECS)?;
        Ok(microphone)
    }
}

/// A running phone.
pub(crate) struct Phone {
    /// Where it lives and who it is.
    pub(crate) settings: Settings,
    /// From where it talks SIP: a phone connects from a port of the kernel's choice.
    pub(crate) address: SocketAddr,
    make: Make,
    controls: Box<dyn Controls>,
    trace: Option<Trace>,
}

impl Phone {
    /// Starts a phone; it registers by itself.
    pub(crate) fn start(make: Make, settings: Settings) -> Outcome<Phone> {
        let controls: Box<dyn Controls> = match make {
            Make::Baresip => Box::new(baresip::Baresip::start(&settings)?),
            Make::Linphone => Box::new(linphone::Linphone::start(&settings)?),
            Make::Pjsip => Box::new(pjsip::Pjsip::start(&settings)?),
        };
        Ok(Phone { address: settings.sip(), settings, make, controls, trace: None })
    }

    /// Puts the SIP that it writes down on a tap.
    pub(crate) fn follow(&mut self, tap: &Tap) -> Outcome<()> {
        let (file, reading): (&str, Reading) = match self.make {
            Make::Baresip => (baresip::LOG, baresip::passage),
            Make::Linphone => (linphone::LOG, linphone::passage),
            Make::Pjsip => (pjsip::LOG, pjsip::passage),
        };
        let ends = (self.settings.sip(), self.settings.server);
        self.trace = Some(Trace::follow(&self.settings.home.join(file), reading, ends, tap)?);
        Ok(())
    }

    /// Its keys.
    pub(crate) fn keys(&mut self) -> &mut dyn Controls {
        self.controls.as_mut()
    }
}

/// The keys of a phone. Each comes back when the phone has taken the order; what comes of it is seen
/// on the wire.
pub(crate) trait Controls: Send {
    /// Calls a URI.
    fn dial(&mut self, uri: &str) -> Outcome<()>;
    /// Answers the call that rings.
    fn answer(&mut self) -> Outcome<()>;
    /// Puts the call on hold.
    fn hold(&mut self) -> Outcome<()>;
    /// Takes the call back from hold.
    fn resume(&mut self) -> Outcome<()>;
    /// Hands the other side to a URI and is done with the call (RFC 5589 section 6).
    fn transfer(&mut self, uri: &str) -> Outcome<()>;
    /// Hands the other side of the first of two calls to that of the second (RFC 5589 section 7).
    fn connect(&mut self) -> Outcome<()>;
    /// Ends the call, or gives up calling.
    fn hang_up(&mut self) -> Outcome<()>;
    /// Presses a key in the call.
    fn press(&mut self, key: char) -> Outcome<()>;
    /// Waits until it has told these keys of the other side, in the last call that was dialled or answered.
    fn hears_keys(&mut self, keys: &str) -> Outcome<()>;
    /// Writes a text to a URI (RFC 3428).
    fn write(&mut self, uri: &str, text: &str) -> Outcome<()>;
    /// Waits until it has told this text of somebody else.
    fn reads(&mut self, text: &str) -> Outcome<()>;
    /// Tells whoever watches it that it is there, or not (RFC 3856).
    fn shows(&mut self, _is_there: bool) -> Outcome<()> {
        fail!("it tells nobody of itself")
    }
    /// Watches a URI, until it sees that somebody is busy there.
    fn sees_busy(&mut self, _uri: &str) -> Outcome<()> {
        fail!("it watches nobody")
    }
    /// Where it keeps what it heard in the call that ended; some time after that the file is whole. The next call
    /// goes elsewhere.
    fn recording(&mut self) -> Outcome<PathBuf>;
}

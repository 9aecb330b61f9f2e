//! [`Reports`]: the RTCP of one stream: when a report is due, where it goes, what the far side's says.

use std::net::SocketAddr;
use std::time::Duration;

use ruf_rtp::rtcp::{Compound, ReportBlock, RtcpPacket};
use ruf_rtp::{Control, ControlSettings, Receiver, Sender};

use crate::agreed::Agreed;
use crate::shield::Shield;

/// What audio of a call takes, in bits a second, with its headers: of this RTCP gets five percent.
const BANDWIDTH_BITS: u32 = 80_000;
/// Longer than any report of ours.
const REPORT_BYTES_MAX: usize = 512;
/// Octets of a random name: 96 bits.
// RFC 7022, section 4.2
const CNAME_BYTES: usize = 16;

/// The RTCP of one stream.
#[derive(Debug)]
pub(crate) struct Reports {
    control: Control,
}

/// What a report said that concerns others.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// These sources have ended.
    pub(crate) ended: Vec<u32>,
    /// So much was lost of what we sent, in percent.
    pub(crate) lost_percent: Option<u8>,
}

impl Reports {
    /// Joins at `now`. `seed`: 64 random bits; `ntp_at_start`: the wall clock at the start of `now`'s clock.
    pub(crate) fn new(now: Duration, seed: u64, ntp_at_start: u64, clock_rate_hz: u32) -> Reports {
        let mut random = ruf_rtp::Random::from_seed(seed);
        // RFC 7022, section 4.2: random, and of no meaning
        let name = |_| {
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            letters.get(usize::from(random.u16() % 64)).copied().unwrap_or(b'A')
        };
        let cname = (0..CNAME_BYTES).map(name).collect();
        let settings = ControlSettings {
            cname,
            ntp_at_start,
            clock_rate: clock_rate_hz,
            bandwidth_bits: BANDWIDTH_BITS,
            is_extended: false,
        };
        Reports { control: Control::new(now, seed, settings) }
    }

    /// A report came, opened and from whom we believe; `None`: it is none.
    pub(crate) fn receive(&mut self, now: Duration, own_ssrc: u32, datagram: &[u8]) -> Option<Said> {
        let compound = Compound::parse(datagram).ok()?;
        self.control.receive(now, own_ssrc, &compound);
        let mut said = Said::default();
        for packet in compound.packets() {
            let mut hear = |block: ReportBlock| {
                if block.ssrc == own_ssrc {
                    said.lost_percent = Some(percent(block.fraction_lost));
                }
            };
            match packet {
                RtcpPacket::Sender(report) => report.blocks().for_each(&mut hear),
                RtcpPacket::Receiver(report) => report.blocks().for_each(&mut hear),
                RtcpPacket::Bye(bye) => said.ended.extend(bye.ssrcs()),
                _ => {}
            }
        }
        Some(said)
    }

    /// The report that is due, if one is.
    pub(crate) fn due(
        &mut self,
        now: Duration,
        (sender, receiver): (&Sender, &Receiver),
        shield: Option<&mut Shield>,
    ) -> Option<Vec<u8>> {
        if now < self.control.deadline() {
            return None;
        }
        let mut report = vec![0; REPORT_BYTES_MAX];
        let len = self.control.report(now, sender, receiver, None, &mut report).ok()??;
        finished(report, len, shield)
    }

    /// We leave: the BYE, if one is needed.
    // rfc3550 §6.3.7
    pub(crate) fn bye(
        &mut self,
        now: Duration,
        (sender, receiver): (&Sender, &Receiver),
        shield: Option<&mut Shield>,
    ) -> Option<Vec<u8>> {
        let mut report = vec![0; REPORT_BYTES_MAX];
        let len = self.control.bye(now, sender, receiver, b"", &mut report).ok()??;
        finished(report, len, shield)
    }

    /// The round trip of the network, as of the last report that came.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.control.round_trip()
    }
}

/// Of 256ths.
fn percent(fraction: u8) -> u8 {
    // At most 99.
    (u32::from(fraction) * 100).div_ceil(256) as u8
}

fn finished(mut report: Vec<u8>, len: usize, shield: Option<&mut Shield>) -> Option<Vec<u8>> {
    report.truncate(len);
    let goes = shield.is_none_or(|shield| shield.protect_rtcp(&mut report));
    goes.then_some(report)
}

/// Where RTCP goes: with RTP if both share a port, where the far side says, or, if its RTP comes from elsewhere than it
/// says, to the port behind that.
// rfc5761 §5.1.1, rfc3550 §11
pub(crate) fn destination(agreed: &Agreed, remote: SocketAddr) -> SocketAddr {
    let next = SocketAddr::new(remote.ip(), remote.port().wrapping_add(1));
    match agreed.remote_rtcp {
        _ if agreed.rtcp_mux => remote,
        Some(rtcp) if agreed.remote == Some(remote) => rtcp,
        Some(_) | None => next,
    }
}

//! RTCP of one stream of a call: what is told of it and when, and what the other end tells (RFC 3550 §6.4, RFC 3611).
//!
//! The caller parses what came ([`Compound::parse`]), gives it to [`Control::receive`], and looks itself for what
//! concerns others: BYE for [`Receiver::bye`], feedback for its codec. At [`Control::deadline`] it calls
//! [`Control::report`] and sends what is written.
//!
//! Not here: sockets, SRTCP (io/media), when it is due ([`Schedule`]).

use crate::members::Members;
use crate::ntp;
use crate::packet::NoRoom;
use crate::receiver::Receiver;
use crate::rtcp::{
    Compound, Dlrr, ExtendedBlock, ReportBlock, RtcpPacket, RtcpWriter, SenderFigures, VoipMetrics,
};
use crate::schedule::{Group, Schedule};
use crate::sender::Sender;
use std::time::Duration;

/// UDP and IPv4 around each packet.
// rfc3550 §6.2
const BELOW_BYTES: usize = 28;
/// A report with one block, a CNAME and UDP and IP, about.
const FIRST_BYTES: usize = 120;
/// Of the session's bandwidth.
const SHARE: f64 = 0.05;

/// What a stream's RTCP is told once.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlSettings {
    /// Names this end for the whole call: random, and the same for all of its streams.
    pub cname: Box<[u8]>,
    /// The wall clock at the start, as NTP's 64 bits.
    pub ntp_at_start: u64,
    /// Of the RTP clock, in Hz.
    pub clock_rate: u32,
    /// Of the whole session, in bits a second.
    pub bandwidth_bits: u32,
    /// XR was agreed on.
    pub is_extended: bool,
}

/// What the other end says of what it receives of us.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Remote {
    /// Of the packets of the last interval, so many in 256 were lost.
    pub fraction_lost: u8,
    /// Lost since the beginning.
    pub cumulative_lost: i32,
    /// Interarrival jitter there.
    pub jitter: Duration,
    /// What it sounds like there, if it says so.
    pub metrics: Option<VoipMetrics>,
}

/// RTCP of one stream.
#[derive(Clone, Debug)]
pub struct Control {
    settings: ControlSettings,
    schedule: Schedule,
    members: Members,
    /// The last sender report: of whom, the middle of its time, when it came.
    last_sr: Option<(u32, u32, Duration)>,
    /// The same of the last reference time.
    last_rr: Option<(u32, u32, Duration)>,
    round_trip: Option<Duration>,
    remote: Option<Remote>,
    /// Packets that we had sent at the last report, and at the one before.
    sent: [u32; 2],
    /// What was received at the last report.
    reported: Reported,
    has_sent: bool,
    /// Why we leave, while the BYE waits for its turn.
    leaving: Option<Box<[u8]>>,
}

/// Expected and received packets of a source at the last report.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    ssrc: u32,
    expected: u64,
    received: u64,
}

impl Control {
    /// Joins at `now`. `seed`: 64 random bits.
    pub fn new(now: Duration, seed: u64, settings: ControlSettings) -> Control {
        let bandwidth = f64::from(settings.bandwidth_bits) / 8.0 * SHARE;
        Control {
            schedule: Schedule::new(now, seed, bandwidth, FIRST_BYTES),
            settings,
            members: Members::default(),
            last_sr: None,
            last_rr: None,
            round_trip: None,
            remote: None,
            sent: [0; 2],
            reported: Reported::default(),
            has_sent: false,
            leaving: None,
        }
    }

    /// RTCP came, from the address that is believed. `own_ssrc` is [`Sender::ssrc`].
    pub fn receive(&mut self, now: Duration, own_ssrc: u32, compound: &Compound) {
        let mut is_bye = false;
        for packet in compound.packets() {
            match packet {
                RtcpPacket::Sender(report) => {
                    self.members.hear(now, report.ssrc, false);
                    self.last_sr = Some((report.ssrc, ntp::middle(report.ntp), now));
                    report.blocks().for_each(|block| self.hear_block(now, own_ssrc, block));
                }
                RtcpPacket::Receiver(report) => {
                    self.members.hear(now, report.ssrc, false);
                    report.blocks().for_each(|block| self.hear_block(now, own_ssrc, block));
                }
                RtcpPacket::Extended(report) => {
                    for block in report.blocks() {
                        self.hear_extended(now, own_ssrc, report.ssrc, block);
                    }
                }
                RtcpPacket::Bye(bye) => {
                    is_bye = true;
                    bye.ssrcs().for_each(|ssrc| self.members.leave(ssrc));
                }
                RtcpPacket::Description(_)
                | RtcpPacket::Application(_)
                | RtcpPacket::Feedback(_)
                | RtcpPacket::Unknown { .. } => {}
            }
        }
        self.schedule.heard(compound.bytes() + BELOW_BYTES, is_bye);
        if is_bye {
            self.schedule.reconsider(now, self.members.count() + 1);
        }
    }

    // rfc3550 §6.4.1
    fn hear_block(&mut self, now: Duration, own_ssrc: u32, block: ReportBlock) {
        if block.ssrc != own_ssrc {
            return;
        }
        let now = ntp::ntp(self.settings.ntp_at_start, now);
        self.round_trip = ntp::round_trip(now, block.last_sr, block.delay_since_last_sr).or(self.round_trip);
        let jitter = f64::from(block.jitter) / f64::from(self.settings.clock_rate.max(1));
        self.remote = Some(Remote {
            fraction_lost: block.fraction_lost,
            cumulative_lost: block.cumulative_lost,
            jitter: Duration::from_secs_f64(jitter),
            metrics: self.remote.and_then(|remote| remote.metrics),
        });
    }

    // rfc3611 §4.4, §4.5
    fn hear_extended(&mut self, now: Duration, own_ssrc: u32, ssrc: u32, block: ExtendedBlock) {
        match block {
            ExtendedBlock::ReferenceTime(time) => self.last_rr = Some((ssrc, ntp::middle(time), now)),
            ExtendedBlock::Delays(_) => {
                let now = ntp::ntp(self.settings.ntp_at_start, now);
                for answer in block.delays().filter(|answer| answer.ssrc == own_ssrc) {
                    let trip = ntp::round_trip(now, answer.last_rr, answer.delay_since_last_rr);
                    self.round_trip = trip.or(self.round_trip);
                }
            }
            ExtendedBlock::VoipMetrics(metrics) if metrics.ssrc == own_ssrc => {
                self.remote.get_or_insert_default().metrics = Some(metrics);
            }
            ExtendedBlock::VoipMetrics(_) | ExtendedBlock::Other { .. } => {}
        }
    }

    /// When [`Control::report`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.schedule.next()
    }

    /// Writes what is due now and returns its length; `None` if nothing is. `metrics` are told if XR was agreed on.
    pub fn report(
        &mut self,
        now: Duration,
        sender: &Sender,
        receiver: &Receiver,
        metrics: Option<&VoipMetrics>,
        out: &mut [u8],
    ) -> Result<Option<usize>, NoRoom> {
        if now < self.schedule.next() {
            return Ok(None);
        }
        if let (Some(ssrc), Some(heard)) = (receiver.ssrc(), receiver.last_heard()) {
            self.members.hear(heard, ssrc, true);
        }
        let group = self.group(sender);
        let (silence, no_rtp) = (self.schedule.member_timeout(group), self.schedule.sender_timeout(group));
        self.members.time_out(now, silence, no_rtp);
        let group = self.group(sender);
        self.schedule.reconsider(now, group.members);
        if !self.schedule.expire(now, group) {
            return Ok(None);
        }
        let reason = self.leaving.clone();
        let length = self.write(now, sender, receiver, metrics, reason.as_deref(), out)?;
        self.leaving = None;
        self.schedule.sent(now, length + BELOW_BYTES, group);
        self.sent = [sender.packets(), self.sent[0]];
        Ok(Some(length))
    }

    /// We leave: writes a BYE and returns its length, or `None` if none is needed, or if so many take part that it
    /// waits for its turn, which [`Control::report`] tells.
    // rfc3550 §6.3.7: who never sent anything says no BYE
    pub fn bye(
        &mut self,
        now: Duration,
        sender: &Sender,
        receiver: &Receiver,
        reason: &[u8],
        out: &mut [u8],
    ) -> Result<Option<usize>, NoRoom> {
        if !self.has_sent && sender.packets() == 0 {
            return Ok(None);
        }
        if !self.schedule.leave(now, FIRST_BYTES, self.members.count() + 1) {
            self.leaving = Some(reason.into());
            return Ok(None);
        }
        self.write(now, sender, receiver, None, Some(reason), out).map(Some)
    }

    fn group(&self, sender: &Sender) -> Group {
        // rfc3550 §6.3.8: RTP since the second report before this one
        let we_sent = sender.packets() != self.sent[1];
        Group {
            members: self.members.count() + 1,
            senders: self.members.senders() + usize::from(we_sent),
            we_sent,
        }
    }

    /// A report, a CNAME, and what else there is.
    // rfc3550 §6.1
    fn write(
        &mut self,
        now: Duration,
        sender: &Sender,
        receiver: &Receiver,
        metrics: Option<&VoipMetrics>,
        reason: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<usize, NoRoom> {
        let (ssrc, ntp) = (sender.ssrc(), ntp::ntp(self.settings.ntp_at_start, now));
        let (block, reported) = self.block(now, receiver).unzip();
        let blocks = block.as_slice();
        let mut writer = RtcpWriter::new(out);
        let we_sent = sender.packets() != self.sent[1];
        match we_sent {
            true => {
                let (packets, octets) = (sender.packets(), sender.octets());
                let figures = SenderFigures { ntp, timestamp: sender.timestamp(), packets, octets };
                writer.sender_report(ssrc, &figures, blocks)?;
            }
            false => writer.receiver_report(ssrc, blocks)?,
        }
        writer.cname(ssrc, &self.settings.cname)?;
        if self.settings.is_extended {
            // rfc3611 §4.4: senders have their SR for that
            let reference = (!we_sent).then_some(ntp);
            let answer = self.last_rr.map(|(ssrc, last_rr, came)| Dlrr {
                ssrc,
                last_rr,
                delay_since_last_rr: ntp::short(now.saturating_sub(came)),
            });
            writer.extended(ssrc, reference, answer, metrics)?;
        }
        if let Some(reason) = reason {
            writer.bye(&[ssrc], reason)?;
        }
        self.has_sent = true;
        self.reported = reported.unwrap_or(self.reported);
        Ok(writer.bytes())
    }

    /// How the source is received that was heard since the last report.
    // rfc3550 §6.4, §6.4.1, §A.3
    fn block(&self, now: Duration, receiver: &Receiver) -> Option<(ReportBlock, Reported)> {
        let (ssrc, reception) = (receiver.ssrc()?, receiver.reception()?);
        let before = Some(self.reported).filter(|reported| reported.ssrc == ssrc).unwrap_or_default();
        // rfc3550 §6.4.1: of what came, late and double packets are no loss
        let received = reception.received() + reception.duplicates();
        let reported = Reported { ssrc, expected: reception.expected(), received };
        if reported.received == before.received {
            return None;
        }
        let expected = reported.expected.saturating_sub(before.expected);
        let lost = expected.saturating_sub(reported.received.saturating_sub(before.received));
        let last_sr = self.last_sr.filter(|(of, ..)| *of == ssrc);
        let total = i64::try_from(reported.expected).unwrap_or(i64::MAX)
            - i64::try_from(reported.received).unwrap_or(i64::MAX);
        let block = ReportBlock {
            ssrc,
            fraction_lost: u8::try_from((lost << 8).checked_div(expected).unwrap_or_default())
                .unwrap_or(u8::MAX),
            cumulative_lost: i32::try_from(total).unwrap_or(i32::MAX),
            highest_sequence: reception.highest_sequence(),
            jitter: reception.jitter_ticks(),
            last_sr: last_sr.map_or(0, |(_, middle, _)| middle),
            delay_since_last_sr: last_sr.map_or(0, |(.., came)| ntp::short(now.saturating_sub(came))),
        };
        Some((block, reported))
    }

    /// The round trip of the network, as of the last report that came.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What the other end says of what it receives of us.
    pub fn remote(&self) -> Option<Remote> {
        self.remote
    }
}

//! Writing a media section of ours, in an offer or an answer (RFC 3264 §5.1, §6.1).

use std::net::IpAddr;

use crate::ice;
use crate::{
    Capabilities, Connection, Crypto, Description, Direction, Feedback, Fmtp, Format, Line, MaxPtime,
    MediaLine, Protocol, Ptime, Rtcp, Rtpmap, Section, Security, Setup,
};

/// What an offer and an answer say differently of the same capabilities.
pub(crate) struct Wording<'a> {
    pub(crate) ours: &'a Capabilities,
    pub(crate) protocol: Protocol,
    pub(crate) formats: &'a [Format],
    pub(crate) direction: Direction,
    pub(crate) crypto: Vec<Crypto>,
    pub(crate) setup: Setup,
    pub(crate) rtcp_mux: bool,
    pub(crate) ice: ice::Wording,
    pub(crate) mid: Option<&'a str>,
}

impl Wording<'_> {
    /// The section, without a connection.
    pub(crate) fn section(self) -> Section {
        let Wording { ours, protocol, formats, direction, crypto, setup, rtcp_mux, ice, mid } = self;
        let has_feedback = protocol.has_feedback();
        let numbers = formats.iter().map(|format| format.payload_type.to_string()).collect();
        let mut section = Section::media(&MediaLine {
            kind: ours.kind.clone(),
            port: ours.address.port(),
            count: 1,
            protocol,
            formats: numbers,
        });
        for Format { payload_type, encoding, fmtp } in formats {
            section.put(&Rtpmap { payload_type: *payload_type, encoding: encoding.clone() });
            if !fmtp.is_empty() {
                section.put(&Fmtp { format: payload_type.to_string(), parameters: fmtp.clone() });
            }
        }
        if let Some(time) = ours.ptime {
            section.put(&Ptime(time));
        }
        if let Some(time) = ours.maxptime {
            section.put(&MaxPtime(time));
        }
        section.put_flag(direction.name()); // rfc3264 §5.1, §6.1
        if let Some(port) = ours.rtcp_port {
            section.put(&Rtcp { port, host: None }); // rfc8866 §5.14
        }
        if rtcp_mux {
            section.put_flag("rtcp-mux");
        }
        crypto.iter().for_each(|line| section.put(line));
        if let Security::Dtls(fingerprint) = &ours.security {
            section.put(fingerprint);
            section.put(&setup);
        }
        if has_feedback {
            ours.feedback.iter().for_each(|feedback: &Feedback| section.put(feedback));
        }
        if let Some(own) = &ours.ice {
            own.write(ice, &mut section);
        }
        let has_own_mid = ours.lines.iter().filter_map(Line::as_attribute).any(|(name, _)| name == "mid");
        if let Some(mid) = mid.filter(|_| !has_own_mid) {
            section.push(Line::attribute("mid", mid));
        }
        ours.lines.iter().for_each(|line| section.push(line.clone()));
        section
    }
}

/// The section of a stream that is not had: its kind and transport, port 0, its formats, and its name if it
/// has one.
pub(crate) fn refused(line: &MediaLine, mid: Option<&str>) -> Section {
    // rfc3264 §6, §8.2
    let mut section = Section::media(&MediaLine { port: 0, count: 1, ..line.clone() });
    if let Some(mid) = mid {
        section.push(Line::attribute("mid", mid));
    }
    section
}

/// A description of ours but for its `o=`, which comes when it is known whether it is a new version. Each
/// section comes with its address; one without has none.
pub(crate) fn description(own: IpAddr, time: &str, sections: Vec<(Section, Option<IpAddr>)>) -> Description {
    let address = sections.iter().find_map(|(_, address)| *address).unwrap_or(own);
    let mut session = Section::default();
    session.push(Line::new('v', "0"));
    session.push(Line::new('s', "-")); // rfc3264 §5, rfc8866 §5.3
    session.push(Line::new('c', Connection::new(address).to_string()));
    session.push(Line::new('t', time));
    let with_address = |(mut section, its): (Section, Option<IpAddr>)| {
        if let Some(its) = its.filter(|its| *its != address) {
            section.put_second(Line::new('c', Connection::new(its).to_string()));
        }
        section
    };
    Description::new(session, sections.into_iter().map(with_address).collect())
}

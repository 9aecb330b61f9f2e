//! Names of header fields: canonical text, compact form, and how often one may appear
//! (RFC 3261 §7.3, §20; the IANA registry of SIP header fields). What a value means lives in
//! [`header`](crate::header).

use std::fmt;

/// How often a header field may appear, and whether commas part its values (RFC 3261 §7.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once, one value.
    Once,
    /// Any number of lines, each a comma-separated list.
    List,
    /// Any number of lines, each one value: commas mean something else in it.
    Lines,
}

macro_rules! names {
    ($($variant:ident $text:literal $repeat:ident $($compact:literal)?),* $(,)?) => {
        /// The name of a header field. Names not listed here are [`HeaderName::Other`]; their text
        /// stays in the message.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            /// A name not known here.
            #[default]
            Other,
        }

        impl HeaderName {
            /// Every known name.
            pub const KNOWN: &[HeaderName] = &[$(HeaderName::$variant),*];

            /// The canonical text; empty for [`HeaderName::Other`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(HeaderName::$variant => $text,)*
                    HeaderName::Other => "",
                }
            }

            /// The compact form (RFC 3261 §7.3.3).
            pub const fn compact(self) -> Option<u8> {
                match self {
                    $($(HeaderName::$variant => Some($compact),)?)*
                    _ => None,
                }
            }

            /// How often it may appear; unknown ones any number of times.
            pub const fn repeat(self) -> Repeat {
                match self {
                    $(HeaderName::$variant => Repeat::$repeat,)*
                    HeaderName::Other => Repeat::Lines,
                }
            }
        }
    };
}

names! {
    Accept "Accept" List,
    AcceptContact "Accept-Contact" List b'a',
    AcceptEncoding "Accept-Encoding" List,
    AcceptLanguage "Accept-Language" List,
    AcceptResourcePriority "Accept-Resource-Priority" List,
    AdditionalIdentity "Additional-Identity" List,
    AlertInfo "Alert-Info" List,
    Allow "Allow" List,
    AllowEvents "Allow-Events" List b'u',
    AnswerMode "Answer-Mode" Once,
    AuthenticationInfo "Authentication-Info" Lines,
    Authorization "Authorization" Lines,
    CallId "Call-ID" Once b'i',
    CallInfo "Call-Info" List,
    Contact "Contact" List b'm',
    ContentDisposition "Content-Disposition" Once,
    ContentEncoding "Content-Encoding" List b'e',
    ContentId "Content-ID" Once,
    ContentLanguage "Content-Language" List,
    ContentLength "Content-Length" Once b'l',
    ContentType "Content-Type" Once b'c',
    CSeq "CSeq" Once,
    Date "Date" Once,
    Diversion "Diversion" List,
    ErrorInfo "Error-Info" List,
    Event "Event" Once b'o',
    Expires "Expires" Once,
    FeatureCaps "Feature-Caps" List,
    FlowTimer "Flow-Timer" Once,
    From "From" Once b'f',
    Geolocation "Geolocation" List,
    GeolocationError "Geolocation-Error" Once,
    GeolocationRouting "Geolocation-Routing" Once,
    HistoryInfo "History-Info" List,
    Identity "Identity" Lines b'y',
    IdentityInfo "Identity-Info" Once b'n',
    InReplyTo "In-Reply-To" List,
    InfoPackage "Info-Package" Once,
    Join "Join" Once,
    MaxBreadth "Max-Breadth" Once,
    MaxForwards "Max-Forwards" Once,
    MimeVersion "MIME-Version" Once,
    MinExpires "Min-Expires" Once,
    MinSe "Min-SE" Once,
    Organization "Organization" Once,
    PAccessNetworkInfo "P-Access-Network-Info" List,
    PAnswerState "P-Answer-State" Once,
    PAssertedIdentity "P-Asserted-Identity" List,
    PAssertedService "P-Asserted-Service" List,
    PAssociatedUri "P-Associated-URI" List,
    PCalledPartyId "P-Called-Party-ID" Once,
    PChargingFunctionAddresses "P-Charging-Function-Addresses" List,
    PChargingVector "P-Charging-Vector" Once,
    PEarlyMedia "P-Early-Media" List,
    PMediaAuthorization "P-Media-Authorization" List,
    PPreferredIdentity "P-Preferred-Identity" List,
    PPreferredService "P-Preferred-Service" List,
    PServedUser "P-Served-User" Once,
    PUserDatabase "P-User-Database" Once,
    PVisitedNetworkId "P-Visited-Network-ID" List,
    Path "Path" List,
    PermissionMissing "Permission-Missing" List,
    PolicyContact "Policy-Contact" List,
    Priority "Priority" Once,
    PrivAnswerMode "Priv-Answer-Mode" Once,
    Privacy "Privacy" Once,
    ProxyAuthenticate "Proxy-Authenticate" Lines,
    ProxyAuthenticationInfo "Proxy-Authentication-Info" Lines,
    ProxyAuthorization "Proxy-Authorization" Lines,
    ProxyRequire "Proxy-Require" List,
    RAck "RAck" Once,
    RSeq "RSeq" Once,
    Reason "Reason" List,
    RecordRoute "Record-Route" List,
    RecvInfo "Recv-Info" List,
    ReferSub "Refer-Sub" Once,
    ReferTo "Refer-To" Once b'r',
    ReferredBy "Referred-By" Once b'b',
    RejectContact "Reject-Contact" List b'j',
    RemotePartyId "Remote-Party-ID" List,
    Replaces "Replaces" Once,
    ReplyTo "Reply-To" Once,
    RequestDisposition "Request-Disposition" List b'd',
    Require "Require" List,
    ResourcePriority "Resource-Priority" List,
    RetryAfter "Retry-After" Once,
    Route "Route" List,
    SecurityClient "Security-Client" List,
    SecurityServer "Security-Server" List,
    SecurityVerify "Security-Verify" List,
    Server "Server" Once,
    ServiceRoute "Service-Route" List,
    SessionExpires "Session-Expires" Once b'x',
    SessionId "Session-ID" Once,
    SipETag "SIP-ETag" Once,
    SipIfMatch "SIP-If-Match" Once,
    Subject "Subject" Once b's',
    SubscriptionState "Subscription-State" Once,
    Supported "Supported" List b'k',
    SuppressIfMatch "Suppress-If-Match" Once,
    TargetDialog "Target-Dialog" Once,
    Timestamp "Timestamp" Once,
    To "To" Once b't',
    TriggerConsent "Trigger-Consent" List,
    Unsupported "Unsupported" List,
    UserAgent "User-Agent" Once,
    UserToUser "User-to-User" List,
    Via "Via" List b'v',
    WwwAuthenticate "WWW-Authenticate" Lines,
    Warning "Warning" List,
}

impl HeaderName {
    /// The name of this text: any case, full or compact.
    // rfc3261 §7.3.1, §7.3.3
    #[inline]
    pub fn from_text(text: &[u8]) -> Self {
        let (&first, &last) = match (text.first(), text.last()) {
            (Some(first), Some(last)) => (first, last),
            _ => return HeaderName::Other,
        };
        let mut slot = hash(text.len(), first, last);
        loop {
            match SLOTS.get(slot) {
                Some(Some((name, known))) if *known == text || known.eq_ignore_ascii_case(text) => {
                    return *name;
                }
                Some(Some(_)) => slot = (slot + 1) % SLOTS_LEN,
                Some(None) | None => return HeaderName::Other,
            }
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const SLOTS_LEN: usize = 1024;

/// Open addressing, filled at compile time: full and compact names by length and outer letters.
static SLOTS: [Option<(HeaderName, &[u8])>; SLOTS_LEN] = slots();

const fn hash(len: usize, first: u8, last: u8) -> usize {
    (len * 37 + ((first | 0x20) as usize) * 11 + ((last | 0x20) as usize) * 173) % SLOTS_LEN
}

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn slots() -> [Option<(HeaderName, &'static [u8])>; SLOTS_LEN] {
    let mut slots: [Option<(HeaderName, &[u8])>; SLOTS_LEN] = [None; SLOTS_LEN];
    let mut at = 0;
    while at < HeaderName::KNOWN.len() {
        let name = HeaderName::KNOWN[at];
        insert(&mut slots, name, name.as_str().as_bytes());
        if let Some(compact) = name.compact() {
            insert(&mut slots, name, compact_text(compact));
        }
        at += 1;
    }
    slots
}

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn insert(
    slots: &mut [Option<(HeaderName, &'static [u8])>; SLOTS_LEN],
    name: HeaderName,
    text: &'static [u8],
) {
    let mut slot = hash(text.len(), text[0], text[text.len() - 1]);
    while slots[slot].is_some() {
        slot = (slot + 1) % SLOTS_LEN;
    }
    slots[slot] = Some((name, text));
}

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn compact_text(compact: u8) -> &'static [u8] {
    const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
    LETTERS.split_at((compact - b'a') as usize).1.split_at(1).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_by_its_text_in_any_case_and_by_its_compact_form() {
        // tests rfc3261 §7.3.1, §7.3.3
        for &name in HeaderName::KNOWN {
            assert_eq!(HeaderName::from_text(name.as_str().as_bytes()), name);
            assert_eq!(HeaderName::from_text(name.as_str().to_ascii_uppercase().as_bytes()), name);
            if let Some(compact) = name.compact() {
                assert_eq!(HeaderName::from_text(&[compact]), name);
                assert_eq!(HeaderName::from_text(&[compact.to_ascii_uppercase()]), name);
            }
        }
        for unknown in [&b""[..], b"z", b"X-Unknown", b"Vi", b"Viaa", b"C%6Fntact"] {
            assert_eq!(HeaderName::from_text(unknown), HeaderName::Other);
        }
    }

    #[test]
    fn compact_forms_are_those_of_the_rfcs() {
        let compact: Vec<_> =
            HeaderName::KNOWN.iter().filter_map(|name| Some((name.compact()?, name.as_str()))).collect();
        assert_eq!(compact.len(), 20);
        assert!(compact.contains(&(b'i', "Call-ID")) && compact.contains(&(b'x', "Session-Expires")));
    }
}

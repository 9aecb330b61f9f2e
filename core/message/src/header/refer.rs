//! Sending somebody elsewhere: Refer-To (RFC 3515), Referred-By (RFC 3892), Refer-Sub (RFC 4488);
//! and where an answer belongs: Reply-To (RFC 3261 §20.31). What a REFER leads to is core/session's.

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::address::{NameAddr, address_header};
use crate::name::HeaderName;
use crate::params::Params;
use crate::scan::Scanner;
use std::borrow::Cow;

address_header! {
    /// Whom to contact (RFC 3515 §2.1). Headers for that request are in the URI.
    ReferTo = ReferTo,
    /// Who asks for it (RFC 3892 §3).
    ReferredBy = ReferredBy,
    /// Where an answer belongs, if not to From (RFC 3261 §20.31).
    ReplyTo = ReplyTo,
}

impl<'a> ReferredBy<'a> {
    /// The Content-ID of the part that proves it, without angle brackets.
    // rfc3892 §3
    pub fn cid(&self) -> Option<Cow<'a, [u8]>> {
        let address: &NameAddr<'a> = &self.0;
        address.params.unquoted("cid")
    }
}

/// Whether a REFER makes a subscription (RFC 4488 §4).
#[derive(Clone, Copy, Debug)]
pub struct ReferSub<'a> {
    /// It does.
    pub subscribes: bool,
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> Header<'a> for ReferSub<'a> {
    const NAME: HeaderName = HeaderName::ReferSub;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let start = scanner.at();
        let word = scanner.token()?;
        let subscribes = word.eq_ignore_ascii_case(b"true");
        if !subscribes && !word.eq_ignore_ascii_case(b"false") {
            return Err(HeaderError::new(start, "true or false"));
        }
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(ReferSub { subscribes, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(if self.subscribes { &b"true"[..] } else { b"false" });
        out.extend(self.params.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_keeps_the_headers_of_its_uri() {
        // tests rfc3515 §2.1
        let refer = ReferTo::decode(b"<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>").unwrap();
        let headers: Vec<_> = refer.uri().headers().collect();
        assert_eq!(
            headers,
            [(&b"Replaces"[..], &b"12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994"[..])]
        );
        assert!(ReferTo::decode(b"sip:dave@h?Accept-Contact=x").is_err());
        assert_eq!(
            ReplyTo::decode(b"Bob <sip:bob@biloxi.com>").unwrap().to_value(),
            b"Bob <sip:bob@biloxi.com>"
        );
    }

    #[test]
    fn a_referrer_may_name_its_proof() {
        // tests rfc3892 §3
        let by = ReferredBy::decode(b"sip:r@ref.example;cid=\"2UWQFN309shb3@ref.example\"").unwrap();
        assert_eq!(&*by.cid().unwrap(), b"2UWQFN309shb3@ref.example");
        assert_eq!(by.to_value(), b"<sip:r@ref.example>;cid=\"2UWQFN309shb3@ref.example\"");
    }

    #[test]
    fn a_reference_subscribes_or_not() {
        // tests rfc4488 §4
        assert!(!ReferSub::decode(b" False ").unwrap().subscribes);
        assert_eq!(ReferSub::decode(b"true;x=1").unwrap().to_value(), b"true;x=1");
        assert!(ReferSub::decode(b"no").is_err());
    }
}

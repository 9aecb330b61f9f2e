//! Bodies: an opaque one with its type ([`Body`]), and those of several parts (RFC 2046 §5.1, RFC 5621). What
//! one means is for who knows its type.

pub mod multipart;

use crate::fields::Fields;
use crate::name::HeaderName;
use bytes::Bytes;

/// An opaque body and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The value of Content-Type.
    pub content_type: String,
    /// The octets.
    pub content: Bytes,
}

impl Body {
    /// A session description.
    pub fn sdp(content: impl Into<Bytes>) -> Self {
        Body { content_type: "application/sdp".to_owned(), content: content.into() }
    }

    /// That of a message, if it has one. Without a type it is of none that is known.
    // rfc3261 §7.4.1
    pub fn of(message: &Fields) -> Option<Self> {
        let content = message.body_bytes();
        if content.is_empty() {
            return None;
        }
        let content_type = message.raw(HeaderName::ContentType).next().unwrap_or(b"application/octet-stream");
        Some(Body { content_type: String::from_utf8_lossy(content_type).into_owned(), content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    #[test]
    fn a_message_has_a_body_or_none() {
        // tests rfc3261 §7.4.1
        let uri = "sip:a@h".parse().unwrap();
        let bare = || {
            let builder = crate::RequestBuilder::new("INVITE", &uri).from("<sip:b@h>").to("<sip:a@h>");
            builder.call_id("1").cseq(1).finish().unwrap()
        };
        assert_eq!(Body::of(&bare()), None);
        let mut with: Request = bare();
        with.set_body("application/sdp", "v=0");
        assert_eq!(Body::of(&with), Some(Body::sdp("v=0")));
        with.remove(HeaderName::ContentType);
        assert_eq!(Body::of(&with).unwrap().content_type, "application/octet-stream");
    }
}

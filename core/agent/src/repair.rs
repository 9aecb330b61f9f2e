//! Requests of ours that are refused for what they say, and that may be said otherwise (RFC 3261 §8.1.3.5,
//! RFC 4028 §7.3). Challenges are in [`client`](crate::client). Not here: another body, which is the user's; only the
//! offer of an INVITE that opens a call is left out, so that the far side makes one that it takes.

use ruf_message::header::expires::{MinSe, SessionExpires};
use ruf_message::{HeaderName, Method, Request, Response, Scheme, StatusCode, Uri};

/// There is a way to say it otherwise, perhaps.
pub(crate) fn is_repairable(refusal: &Response) -> bool {
    matches!(
        refusal.status(),
        StatusCode::UNSUPPORTED_URI_SCHEME
            | StatusCode::BAD_EXTENSION
            | StatusCode::SESSION_INTERVAL_TOO_SMALL
            | StatusCode::REQUEST_ENTITY_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
    )
}

/// Changes the request as its refusal asks. False: it cannot be done.
// rfc3261 §8.1.3.5
pub(crate) fn repair(request: &mut Request, refusal: &Response, domain: &str) -> bool {
    match refusal.status() {
        StatusCode::UNSUPPORTED_URI_SCHEME => without_tel(request, domain),
        StatusCode::BAD_EXTENSION => without_extensions(request, refusal),
        StatusCode::SESSION_INTERVAL_TOO_SMALL => with_longer_interval(request, refusal),
        StatusCode::REQUEST_ENTITY_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => without_offer(request),
        _ => false,
    }
}

/// The far side is to make the offer: of a length and a type that it takes.
// rfc3261 §8.1.3.5: 413, omitting the body; 415, only types that it takes
fn without_offer(request: &mut Request) -> bool {
    let opens = request.method() == Method::Invite && request.to_tag().is_none();
    let may_be = opens && !request.body().is_empty();
    if may_be {
        request.remove_body();
    }
    may_be
}

/// A number is dialled as one of our own domain.
// rfc3261 §8.1.3.5: 416, with a SIP URI; rfc3261 §19.1.6
fn without_tel(request: &mut Request, domain: &str) -> bool {
    if request.uri().scheme() != Scheme::Tel {
        return false;
    }
    // The number with its parameters is the user part.
    let number = request.uri().as_bytes().get(b"tel:".len()..).unwrap_or_default().to_vec();
    let mut text = b"sip:".to_vec();
    ruf_message::escape_user(&number, &mut text);
    text.extend(format!("@{domain};user=phone").into_bytes());
    match Uri::parse(text) {
        Ok(uri) => {
            request.set_uri(&uri);
            true
        }
        Err(_) => false,
    }
}

/// Without the extensions that it insisted on. One that says which call this is about is not given up.
// rfc3261 §8.1.3.5: 420
fn without_extensions(request: &mut Request, refusal: &Response) -> bool {
    let unsupported: Vec<Vec<u8>> =
        refusal.values(HeaderName::Unsupported).map(<[u8]>::to_ascii_lowercase).collect();
    let is_listed = |tag: &[u8]| unsupported.contains(&tag.to_ascii_lowercase());
    let tags = |name| request.values(name).filter(|tag| is_listed(tag)).collect::<Vec<_>>();
    let listed = [tags(HeaderName::Require), tags(HeaderName::ProxyRequire)].concat();
    let is_essential =
        |tag: &&[u8]| tag.eq_ignore_ascii_case(b"replaces") || tag.eq_ignore_ascii_case(b"join");
    if listed.is_empty() || listed.iter().any(is_essential) {
        return false;
    }
    for name in [HeaderName::Require, HeaderName::ProxyRequire] {
        request.remove_if(name, is_listed);
    }
    true
}

/// With the interval that somebody on the way wants, if it wants more than it was told.
// rfc4028 §7.3, §7.4
fn with_longer_interval(request: &mut Request, refusal: &Response) -> bool {
    let Ok(Some(MinSe { secs: min_secs, .. })) = refusal.header() else { return false };
    let told = request.header::<MinSe<'_>>().ok().flatten().map_or(0, |min| min.secs);
    let Ok(Some(asked)) = request.header::<SessionExpires<'_>>() else { return false };
    if min_secs <= told {
        return false;
    }
    let mut interval = asked.secs.max(min_secs).to_string().into_bytes();
    interval.extend(asked.params.as_bytes());
    request.set(HeaderName::SessionExpires, interval);
    request.set(HeaderName::MinSe, min_secs.to_string());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(uri: &str, require: &str) -> Request {
        let mut builder = Request::build(Method::Invite, &uri.parse().unwrap());
        if !require.is_empty() {
            builder = builder.header(HeaderName::Require, require);
        }
        builder.from("<sip:a@h>;tag=a").to("<sip:b@h>").call_id("1").cseq(1).finish().unwrap()
    }

    fn repaired(mut request: Request, status: StatusCode, unsupported: &str) -> Option<Request> {
        let mut refusal = request.reply(status);
        refusal.add(HeaderName::Unsupported, unsupported);
        repair(&mut request, &refusal, "example.org").then_some(request)
    }

    #[test]
    fn a_number_becomes_a_user_of_our_domain() {
        // tests rfc3261 §8.1.3.5, §19.1.6
        let status = StatusCode::UNSUPPORTED_URI_SCHEME;
        let again = repaired(invite("tel:+1-201-555-0123;isub=1", ""), status, "").unwrap();
        assert_eq!(again.uri().to_string(), "sip:+1-201-555-0123;isub=1@example.org;user=phone");
        assert_eq!(again.uri().tel_number().as_deref(), Some("+12015550123"));
        assert!(repaired(again, status, "").is_none(), "once");
    }

    #[test]
    fn what_was_only_wished_for_is_given_up() {
        // tests rfc3261 §8.1.3.5
        let again = repaired(invite("sip:b@h", "100rel, timer"), StatusCode::BAD_EXTENSION, "x, 100REL");
        assert!(again.unwrap().require().eq(["timer"]));
        for (require, unsupported) in
            [("", "100rel"), ("timer", "100rel"), ("replaces, timer", "replaces, timer")]
        {
            let refused = repaired(invite("sip:b@h", require), StatusCode::BAD_EXTENSION, unsupported);
            assert!(refused.is_none(), "{require}");
        }
        assert!(repaired(invite("sip:b@h", "timer"), StatusCode::BUSY_HERE, "timer").is_none());
    }
}

//! The typed views of header values.

use ruf_message::header::accept::{Accept, AcceptEncoding, AcceptLanguage};
use ruf_message::header::address::{From, RecordRoute, Route, To};
use ruf_message::header::auth::{
    AuthenticationInfo, Authorization, ProxyAuthenticate, ProxyAuthenticationInfo, ProxyAuthorization,
    WwwAuthenticate,
};
use ruf_message::header::call_id::{CallId, InReplyTo, Join, Replaces, TargetDialog};
use ruf_message::header::content::{
    ContentDisposition, ContentEncoding, ContentId, ContentLanguage, ContentLength, ContentType, MimeVersion,
};
use ruf_message::header::date::{Date, Timestamp};
use ruf_message::header::diversion::Diversion;
use ruf_message::header::event::{AllowEvents, Event, SubscriptionState};
use ruf_message::header::expires::{Expires, FlowTimer, MinExpires, MinSe, RetryAfter, SessionExpires};
use ruf_message::header::history::HistoryInfo;
use ruf_message::header::hops::{MaxBreadth, MaxForwards};
use ruf_message::header::options::{
    Allow, ProxyRequire, Require, SipETag, SipIfMatch, Supported, Unsupported,
};
use ruf_message::header::outbound::{Path, ServiceRoute};
use ruf_message::header::pointers::{AlertInfo, CallInfo, ErrorInfo};
use ruf_message::header::preferences::{AcceptContact, RejectContact, RequestDisposition};
use ruf_message::header::privacy::{Identity, PAssertedIdentity, PPreferredIdentity, Privacy};
use ruf_message::header::reason::{Reason, Warning};
use ruf_message::header::refer::{ReferSub, ReferTo, ReferredBy, ReplyTo};
use ruf_message::header::reliable::{RAck, RSeq};
use ruf_message::header::text::{Organization, Priority, Server, Subject, UserAgent};
use ruf_message::{CSeq, Contact, Header, HeaderError, HeaderName, Via};

macro_rules! views {
    ($($type:ident),* $(,)?) => {
        /// Decodes and encodes again; `None` for a header without a type.
        fn printed(name: HeaderName, value: &[u8]) -> Option<Result<Vec<u8>, HeaderError>> {
            match name {
                $(HeaderName::$type => Some($type::decode(value).map(|read| read.to_value())),)*
                _ => None,
            }
        }
    };
}

views! {
    Accept, AcceptContact, AcceptEncoding, AcceptLanguage, AlertInfo, Allow, AllowEvents, AuthenticationInfo,
    Authorization, CSeq, CallId, CallInfo, Contact, ContentDisposition, ContentEncoding, ContentId,
    ContentLanguage, ContentLength, ContentType, Date, Diversion, ErrorInfo, Event, Expires, FlowTimer, From,
    HistoryInfo, Identity, InReplyTo, Join, MaxBreadth, MaxForwards, MimeVersion, MinExpires, MinSe,
    Organization, PAssertedIdentity, PPreferredIdentity, Path, Priority, Privacy, ProxyAuthenticate,
    ProxyAuthenticationInfo, ProxyAuthorization, ProxyRequire, RAck, RSeq, Reason, RecordRoute, ReferSub,
    ReferTo, ReferredBy, RejectContact, Replaces, ReplyTo, RequestDisposition, Require, RetryAfter, Route,
    Server, ServiceRoute, SessionExpires, SipETag, SipIfMatch, Subject, SubscriptionState, Supported,
    TargetDialog, Timestamp, To, Unsupported, UserAgent, Via, Warning, WwwAuthenticate,
}

/// What a view decoded and printed, it decodes again, and prints as the same.
pub(crate) fn reads_what_it_prints(name: HeaderName, value: &[u8]) {
    let Some(Ok(once)) = printed(name, value) else {
        return;
    };
    match printed(name, &once) {
        Some(Ok(twice)) => {
            assert_eq!(twice.escape_ascii().to_string(), once.escape_ascii().to_string(), "{name} is stable");
        }
        Some(Err(error)) => {
            panic!("{error}: read from {}, printed as {}", value.escape_ascii(), once.escape_ascii())
        }
        None => unreachable!("it was decoded once"),
    }
}

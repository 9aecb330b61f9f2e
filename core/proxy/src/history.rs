//! Where a request has been (RFC 7044 section 7): a request that says so goes on with where it goes next. One that
//! says nothing stays silent: only phones that want to know write of it.
//!
//! Not here: what became of other branches, which a response tells its sender.

use ruf_message::header::history::History;
use ruf_message::header::privacy::Privacy;
use ruf_message::{HeaderName, Request};

use crate::question::Target;

/// Adds where this branch goes to a request that is still as it was received.
// rfc7044 §9.1, §9.2
pub(crate) fn go_on(request: &mut Request, target: &Target, number: usize) {
    // rfc7044 §5: in what begins a dialog, or stands alone
    if !request.contains(HeaderName::HistoryInfo) || request.to_tag().is_some() {
        return;
    }
    let mut history = History::received(request);
    history.forward(number, target.uri.as_ref().map_or(request.uri(), |uri| uri.as_ref()));
    // rfc7044 §10.1.2
    let is_private = request
        .header::<Privacy<'_>>()
        .is_ok_and(|privacy| privacy.is_some_and(|privacy| privacy.hides_history()));
    if is_private {
        history.hide_added();
    }
    history.write(request);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn sent(headers: &str, number: usize, contact: Option<&str>) -> Vec<String> {
        let mut request = sample::request("INVITE", "sip:bob@example.org", headers);
        let target = match contact {
            Some(contact) => Target::by_flow(contact.parse().unwrap(), sample::flow(1)),
            None => Target::unchanged(),
        };
        go_on(&mut request, &target, number);
        request
            .raw(HeaderName::HistoryInfo)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    #[test]
    fn what_says_where_it_has_been_says_where_it_goes() {
        // tests rfc7044 §9.1, §9.2, §10.3
        let begun = "History-Info: <sip:bob@example.org>;index=1\r\n";
        assert_eq!(sent(begun, 2, Some("sip:bob@192.0.2.7"))[1], "<sip:bob@192.0.2.7>;index=1.2;rc=1");
        assert_eq!(sent(begun, 1, None)[1], "<sip:bob@example.org>;index=1.1;np=1");
        assert_eq!(sent("Supported: histinfo\r\n", 1, Some("sip:bob@192.0.2.7")), [""; 0]);
    }

    #[test]
    fn what_is_to_be_hidden_is() {
        // tests rfc7044 §10.1.2
        for privacy in ["id;history", "header"] {
            let headers = format!("Privacy: {privacy}\r\nHistory-Info: <sip:bob@example.org>;index=1\r\n");
            let hidden = "<sip:anonymous@anonymous.invalid>;index=1.1;rc=1";
            assert_eq!(sent(&headers, 1, Some("sip:bob@192.0.2.7"))[1], hidden);
        }
        // This gap was ours to tell, and is ours to hide.
        let gap = "Privacy: history\r\nHistory-Info: <sip:bob@example.com>;index=1\r\n";
        let hidden = [
            "<sip:bob@example.com>;index=1",
            "<sip:anonymous@anonymous.invalid>;index=1.0",
            "<sip:anonymous@anonymous.invalid>;index=1.0.1;rc=1.0",
        ];
        assert_eq!(sent(gap, 1, Some("sip:bob@192.0.2.7")), hidden);
        let open = "Privacy: id\r\nHistory-Info: <sip:bob@example.org>;index=1\r\n";
        assert_eq!(sent(open, 1, Some("sip:bob@192.0.2.7"))[1], "<sip:bob@192.0.2.7>;index=1.1;rc=1");
    }
}

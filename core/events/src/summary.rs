//! The package `message-summary`: what waits in a mailbox (RFC 3842).
//!
//! [`MessageSummary`] reads `application/simple-message-summary`. The headers of single messages, which some
//! mailboxes append, are read over.

use crate::package::EventPackage;

/// The package.
// rfc3842 §3.1, §3.4, §3.5, §3.10
pub const MESSAGE_SUMMARY: EventPackage = EventPackage {
    name: "message-summary",
    content_type: "application/simple-message-summary",
    expires_secs: 3_600,
    is_forked: true,
};

/// Most classes of messages that are kept.
const CLASSES_MAX: usize = 16;

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageSummary {
    /// Anything new does.
    pub is_waiting: bool,
    /// In whose mailbox, if it says so.
    pub account: Option<String>,
    /// How many of each class: `voice-message`, `fax-message`; classes are in small letters.
    pub classes: Vec<(String, MessageCount)>,
}

/// How many messages of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCount {
    /// Not heard yet.
    pub new: u32,
    /// Heard, and kept.
    pub old: u32,
    /// Of those that are new.
    pub new_urgent: u32,
    /// Of those that are old.
    pub old_urgent: u32,
}

impl MessageSummary {
    /// Reads a body; `None` if it does not say whether anything waits.
    // rfc3842 §5.2
    pub fn read(body: &[u8]) -> Option<Self> {
        let text = str::from_utf8(body).ok()?;
        let mut summary = MessageSummary::default();
        let mut says = false;
        // The summary ends with an empty line.
        for line in
            text.lines().map(str::trim).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty())
        {
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "messages-waiting" => {
                    says = true;
                    summary.is_waiting = value.eq_ignore_ascii_case("yes");
                }
                "message-account" => summary.account = Some(value.to_owned()),
                _ => {
                    let known = summary.classes.iter().any(|(class, _)| *class == name);
                    if let Some(count) =
                        count(value).filter(|_| !known && summary.classes.len() < CLASSES_MAX)
                    {
                        summary.classes.push((name, count));
                    }
                }
            }
        }
        says.then_some(summary)
    }

    /// How many voice messages wait; `None` if it does not say.
    pub fn voice(&self) -> Option<MessageCount> {
        self.classes.iter().find(|(class, _)| class == "voice-message").map(|(_, count)| *count)
    }
}

/// `2/8 (0/2)`.
fn count(value: &str) -> Option<MessageCount> {
    let (all, urgent) = match value.split_once('(') {
        Some((all, urgent)) => (all, urgent.trim().strip_suffix(')')?),
        None => (value, "0/0"),
    };
    let pair = |text: &str| {
        let (new, old) = text.split_once('/')?;
        Some((number(new)?, number(old)?))
    };
    let ((new, old), (new_urgent, old_urgent)) = (pair(all)?, pair(urgent)?);
    Some(MessageCount { new, old, new_urgent, old_urgent })
}

// rfc3842 §3.5: what is larger counts as the largest
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted_by_class() {
        // tests rfc3842 §3.5, §5.2
        let body = "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\n\
                    Voice-Message: 2/8 (0/2)\r\nFax-message:4/0\r\n\r\nTo: <alice@atlanta.example.com>\r\nText-Message: 1/1\r\n";
        let summary = MessageSummary::read(body.as_bytes()).unwrap();
        assert!(summary.is_waiting);
        assert_eq!(summary.account.as_deref(), Some("sip:alice@vmail.example.com"));
        assert_eq!(summary.voice(), Some(MessageCount { new: 2, old: 8, new_urgent: 0, old_urgent: 2 }));
        assert_eq!(
            summary.classes[1..],
            [("fax-message".to_owned(), MessageCount { new: 4, ..MessageCount::default() })]
        );
    }

    #[test]
    fn a_count_beyond_the_largest_is_the_largest_and_one_that_is_none_is_left_out() {
        // tests rfc3842 §3.5
        let summary = MessageSummary::read(
            b"Messages-Waiting: NO\nVoice-Message: 99999999999/0\nFax-Message: -1/x\nx\n",
        );
        let summary = summary.unwrap();
        assert_eq!(
            (summary.is_waiting, summary.voice().unwrap().new, summary.classes.len()),
            (false, u32::MAX, 1)
        );
        for bad in ["1", "1/", "/1", "1/1 (1)", "1/1 (1/1", "a/b"] {
            assert_eq!(count(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_says_nothing_of_it_is_no_summary() {
        for bad in [&b""[..], b"Voice-Message: 1/1\r\n", b"\xff", b"\r\n\r\n"] {
            assert_eq!(MessageSummary::read(bad), None);
        }
    }
}

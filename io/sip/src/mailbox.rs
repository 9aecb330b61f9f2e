//! [`Mailbox`]: what waits for us there (RFC 3842).

use std::collections::BTreeMap;
use std::fmt;

use ruf_events::MessageSummary;

/// What waits in a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// Anything new does.
    pub is_waiting: bool,
    /// How many voice messages were not heard yet, if it says so.
    pub new_voice: Option<u32>,
    /// How many were heard, and are kept.
    pub old_voice: Option<u32>,
}

impl Mailbox {
    /// What several notifiers say together.
    // rfc3842 §3.10: any "yes" is yes
    pub(crate) fn of(summaries: &BTreeMap<u32, MessageSummary>) -> Mailbox {
        let voices = || summaries.values().filter_map(MessageSummary::voice);
        let sum = |counts: &mut dyn Iterator<Item = u32>| counts.reduce(u32::saturating_add);
        Mailbox {
            is_waiting: summaries.values().any(|summary| summary.is_waiting),
            new_voice: sum(&mut voices().map(|count| count.new)),
            old_voice: sum(&mut voices().map(|count| count.old)),
        }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_waiting, self.new_voice, self.old_voice) {
            (_, Some(new), Some(old)) if new > 0 || old > 0 => {
                write!(f, "{new} new voice messages, {old} old")
            }
            (true, _, _) => f.write_str("something waits"),
            (false, _, _) => f.write_str("nothing waits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_mailboxes_count_as_one() {
        // tests rfc3842 §3.10
        let summary = |body: &str| MessageSummary::read(body.as_bytes()).unwrap();
        let mut all = BTreeMap::new();
        assert_eq!(Mailbox::of(&all).to_string(), "nothing waits");
        all.insert(1, summary("Messages-Waiting: no"));
        assert_eq!(Mailbox::of(&all), Mailbox::default());
        all.insert(2, summary("Messages-Waiting: yes\nVoice-Message: 2/8"));
        all.insert(3, summary("Messages-Waiting: yes\nVoice-Message: 1/0"));
        let mailbox = Mailbox::of(&all);
        assert_eq!(mailbox, Mailbox { is_waiting: true, new_voice: Some(3), old_voice: Some(8) });
        assert_eq!(mailbox.to_string(), "3 new voice messages, 8 old");
        let fax = summary("Messages-Waiting: yes\nFax-Message: 1/0");
        assert_eq!(Mailbox::of(&BTreeMap::from([(1, fax)])).to_string(), "something waits");
    }
}

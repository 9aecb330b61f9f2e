//! Keys that come by INFO, as old phones send them: `application/dtmf-relay` and `application/dtmf`. No RFC defines
//! either; what is read here is what phones send.
//!
//! Not here: INFO itself (core/session), telephone events (core/rtp), which are what we send.

use ruf_agent::Body;
use ruf_media::Event;

/// The key that an INFO says was pressed; `None` if it says no such thing.
pub(crate) fn key(body: &Body) -> Option<char> {
    let text = std::str::from_utf8(&body.content).ok()?;
    let kind = body.content_type.split(';').next().unwrap_or_default().trim();
    let signal = if kind.eq_ignore_ascii_case("application/dtmf-relay") {
        let of = |line: &str| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim().to_owned())
        };
        text.lines().find_map(of)?
    } else if kind.eq_ignore_ascii_case("application/dtmf") {
        text.trim().to_owned()
    } else {
        return None;
    };
    // The numbers of telephone events stand for keys, too.
    let event = match signal.parse::<u8>() {
        Ok(number) => Event(number),
        Err(_) => Event::of_dtmf(signal.parse::<char>().ok()?)?,
    };
    event.key().filter(|_| event.is_dtmf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &str, content: &'static str) -> Option<char> {
        key(&Body { content_type: content_type.to_owned(), content: content.into() })
    }

    #[test]
    fn keys_are_read_as_phones_write_them() {
        let relay = "application/dtmf-relay";
        assert_eq!(of(relay, "Signal=5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(of(relay, "Signal= #\r\nDuration= 100"), Some('#'));
        assert_eq!(of("Application/DTMF-Relay; x=y", "duration=1\nsignal=d"), Some('D'));
        assert_eq!(of(relay, "Signal=10"), Some('*'));
        assert_eq!(of("application/dtmf", "7\r\n"), Some('7'));
        assert_eq!(of("application/dtmf", "11"), Some('#'));
    }

    #[test]
    fn what_is_no_key_is_none() {
        let relay = "application/dtmf-relay";
        for (kind, content) in [
            (relay, ""),
            (relay, "Signal="),
            (relay, "Signal=x"),
            (relay, "Signal=16"),
            (relay, "5"),
            ("text/plain", "5"),
        ] {
            assert_eq!(of(kind, content), None, "{kind} {content}");
        }
    }
}

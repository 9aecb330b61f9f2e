//! As much of WebSocket (RFC 6455) as a message of SIP needs (RFC 7118): the handshake of a client, and
//! one message in one frame.

/// The handshake of a client that speaks SIP (RFC 7118 section 4.1).
pub(crate) const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: ruf.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n";

const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// The only fragment of its message.
const WHOLE: u8 = 0x80;
const MASKED: u8 = 0x80;
/// Any key masks.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Is WebSocket spoken behind this head of HTTP?
pub(super) fn begins_behind(head: &[u8]) -> bool {
    head.starts_with(b"GET ") || head.starts_with(b"HTTP/1.1 101 ")
}

/// A message as a client sends it (section 5.3: masked).
pub(crate) fn wrap(message: &[u8]) -> Vec<u8> {
    let kind = if std::str::from_utf8(message).is_ok() { TEXT } else { BINARY };
    let mut frame = vec![WHOLE | kind];
    match (u8::try_from(message.len()), u16::try_from(message.len())) {
        (Ok(length @ ..126), _) => frame.push(MASKED | length),
        (_, Ok(length)) => {
            frame.push(MASKED | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(MASKED | 127);
            frame.extend((message.len() as u64).to_be_bytes());
        }
    }
    frame.extend(KEY);
    frame.extend(message.iter().zip(KEY.iter().cycle()).map(|(octet, key)| octet ^ key));
    frame
}

/// Cuts the first message off, if it is whole. Frames that carry none (pings, the end) are passed over.
pub(super) fn unwrap(unread: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        let [first, second] = *unread.first_chunk()?;
        let (mut at, length) = match second & !MASKED {
            126 => (4, usize::from(u16::from_be_bytes(unread.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(unread.get(2..10)?.try_into().ok()?)).ok()?),
            length => (2, usize::from(length)),
        };
        let mut key = [0; 4];
        if second & MASKED != 0 {
            key.copy_from_slice(unread.get(at..at + 4)?);
            at += 4;
        }
        let payload = unread.get(at..at.checked_add(length)?)?;
        let message: Vec<u8> =
            payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key).collect();
        unread.drain(..at + length);
        if matches!(first & 0x0f, TEXT | BINARY) {
            return Some(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_is_unwrapped() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let message = vec![0xfe; length];
            let mut unread = wrap(&message);
            let last = unread.pop().expect("an octet");
            assert_eq!(unwrap(&mut unread), None, "{length}");
            unread.push(last);
            assert_eq!(unwrap(&mut unread), Some(message), "{length}");
            assert!(unread.is_empty());
        }
    }

    #[test]
    fn a_ping_is_passed_over() {
        let mut unread = vec![0x89, 1, b'x', 0x81, 2, b'h', b'i'];
        assert_eq!(unwrap(&mut unread), Some(b"hi".to_vec()));
    }
}

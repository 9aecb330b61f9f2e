//! Streams: the same pieces come out however the octets are torn.

use ruf_message::limits::MESSAGE_BYTES_MAX;
use ruf_message::{Frame, FrameError, Framer, Message};

/// The first octet says where the stream is torn, the rest is the stream.
pub fn framing(octets: &[u8]) {
    let Some((&step, stream)) = octets.split_first() else {
        return;
    };
    // One more octet: a line end and half of another may yet become a ping.
    let stream = [stream, b"x"].concat();
    let whole = frames(stream.chunks(stream.len()));
    let torn = frames(stream.chunks(usize::from(step) + 1));
    assert_eq!(pieces(&whole), pieces(&torn));
    planted(&whole);
    let mut length = 0;
    for frame in whole.iter().flatten() {
        length += match frame {
            Frame::Message(bytes) => {
                assert!(!bytes.is_empty() && bytes.len() <= MESSAGE_BYTES_MAX);
                let _ = Message::parse(bytes.clone());
                bytes.len()
            }
            Frame::Ping => 4,
            Frame::Pong => 2,
        };
    }
    assert!(length <= stream.len());
}

/// A fault for `dev/fuzz plant`: in what follows a whole message.
fn planted(frames: &[Result<Frame, FrameError>]) {
    let after_message = |pair: &[Result<Frame, FrameError>]| matches!(pair, [Ok(Frame::Message(_)), Err(_)]);
    if cfg!(feature = "planted") && frames.windows(2).any(after_message) {
        panic!("planted in framing");
    }
}

/// All frames, to the first error.
fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Frame, FrameError>> {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        while let Some(frame) = framer.next_frame() {
            let failed = frame.is_err();
            frames.push(frame);
            if failed {
                assert!(framer.next_frame().is_some_and(|again| again.is_err()), "an error is for ever");
                return frames;
            }
        }
    }
    frames
}

/// What does not depend on when octets came: line ends that came one after the other are two pongs or
/// one ping.
fn pieces(frames: &[Result<Frame, FrameError>]) -> Vec<(usize, Option<&Result<Frame, FrameError>>)> {
    let mut line_ends = 0;
    let mut pieces = Vec::new();
    for frame in frames {
        match frame {
            Ok(Frame::Pong) => line_ends += 1,
            Ok(Frame::Ping) => line_ends += 2,
            Ok(Frame::Message(_)) | Err(_) => pieces.push((std::mem::take(&mut line_ends), Some(frame))),
        }
    }
    pieces.push((line_ends, None));
    pieces
}

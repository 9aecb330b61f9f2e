//! [`Order`]: a line on standard input that says what is to be done in a call (`--control`).

use std::fmt;
use std::io::BufRead;

use ruf_sip::Call;
use tokio::sync::mpsc;

/// Orders that may wait to be carried out; then whoever writes them waits.
const WAITING_MAX: usize = 64;

/// What the orders are, for `--help`.
pub(super) const ORDERS: &str = "\
Orders, one a line on standard input, with --control:
  hold                 put the far side on hold; nothing is said meanwhile
  resume               take it back
  mute, unmute         say silence, or what there is to say
  keys KEYS            press keys: 0 to 9, *, #, A to D
  message TEXT         send a text to the far side
  transfer ADDRESS     have the far side call somebody else (blind transfer)
  consult ADDRESS      hold, and call somebody else to ask first
  connect              have the far side take our place in that call (attended transfer)
  back                 end that call, and take the far side back
  follow, stay         call whom the far side asks us to call, or do not
  hang up              end the call
What comes of an order is a line as any event is; `failed` says why one could not be carried out.";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Hold,
    Resume,
    Mute,
    Unmute,
    Keys(String),
    Message(String),
    Transfer(String),
    Consult(String),
    Connect,
    Back,
    Follow,
    Stay,
    HangUp,
}

/// A line that is no order: what it was, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoOrder {
    pub(super) line: String,
    pub(super) why: String,
}

impl Order {
    /// Reads a line.
    ///
    /// # Errors
    /// It is no order.
    pub(super) fn parse(line: &str) -> Result<Order, NoOrder> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (word, rest) = (word.to_ascii_lowercase(), rest.trim());
        let no_order = |why: String| Err(NoOrder { line: line.to_owned(), why });
        let alone = |order: Order| match rest {
            "" => Ok(order),
            _ => no_order(format!("`{word}` takes nothing behind it")),
        };
        let with = |order: fn(String) -> Order, what: &str| match rest {
            "" => no_order(format!("`{word}` needs {what}")),
            rest => Ok(order(rest.to_owned())),
        };
        match word.as_str() {
            "hold" => alone(Order::Hold),
            "resume" => alone(Order::Resume),
            "mute" => alone(Order::Mute),
            "unmute" => alone(Order::Unmute),
            "keys" => match no_key(rest) {
                Some(key) => no_order(format!("`{key}` is no key")),
                None => with(Order::Keys, "keys"),
            },
            "message" => with(Order::Message, "a text"),
            "transfer" => with(Order::Transfer, "an address"),
            "consult" => with(Order::Consult, "an address"),
            "connect" => alone(Order::Connect),
            "back" => alone(Order::Back),
            "follow" => alone(Order::Follow),
            "stay" => alone(Order::Stay),
            "hang" if rest.eq_ignore_ascii_case("up") => Ok(Order::HangUp),
            _ => no_order(
                "expected hold, resume, mute, unmute, keys, message, transfer, consult, connect, back, follow, \
                 stay or hang up"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Hold => f.write_str("hold"),
            Order::Resume => f.write_str("resume"),
            Order::Mute => f.write_str("mute"),
            Order::Unmute => f.write_str("unmute"),
            Order::Keys(keys) => write!(f, "keys {keys}"),
            Order::Message(text) => write!(f, "message {text}"),
            Order::Transfer(to) => write!(f, "transfer {to}"),
            Order::Consult(to) => write!(f, "consult {to}"),
            Order::Connect => f.write_str("connect"),
            Order::Back => f.write_str("back"),
            Order::Follow => f.write_str("follow"),
            Order::Stay => f.write_str("stay"),
            Order::HangUp => f.write_str("hang up"),
        }
    }
}

/// The first of these that is no key of a telephone.
pub(super) fn no_key(keys: &str) -> Option<char> {
    keys.chars().find(|key| !Call::is_key(*key))
}

/// The orders that come, one after the other.
pub(super) struct Orders {
    lines: Option<mpsc::Receiver<String>>,
}

impl Orders {
    /// Those on standard input, if they are wanted.
    pub(super) fn listen(wanted: bool) -> Orders {
        if !wanted {
            return Orders { lines: None };
        }
        let (to, lines) = mpsc::channel(WAITING_MAX);
        // Not the event loop's: that would wait for one more line before it ends.
        std::thread::spawn(move || {
            let read = std::io::stdin().lock().lines().map_while(Result::ok);
            for line in read.filter(|line| !line.trim().is_empty()) {
                if to.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Orders { lines: Some(lines) }
    }

    /// They are wanted: somebody is there to ask.
    pub(super) fn are_wanted(&self) -> bool {
        self.lines.is_some()
    }

    /// The next one; waits for ever when there are no more. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Order, NoOrder> {
        if let Some(lines) = &mut self.lines
            && let Some(line) = lines.recv().await
        {
            return Order::parse(&line);
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_is_read_as_it_stands_in_the_help() {
        let some = |text: &str| text.to_owned();
        for (line, order) in [
            ("hold", Order::Hold),
            (" RESUME ", Order::Resume),
            ("mute", Order::Mute),
            ("unmute", Order::Unmute),
            ("keys 12#a", Order::Keys(some("12#a"))),
            ("message  two words ", Order::Message(some("two words"))),
            ("transfer sip:carol@example.org", Order::Transfer(some("sip:carol@example.org"))),
            ("consult carol", Order::Consult(some("carol"))),
            ("connect", Order::Connect),
            ("back", Order::Back),
            ("follow", Order::Follow),
            ("stay", Order::Stay),
            ("hang up", Order::HangUp),
        ] {
            assert_eq!(Order::parse(line), Ok(order.clone()), "{line}");
            assert_eq!(Order::parse(&order.to_string()), Ok(order), "{line}");
            let word = line.trim().to_ascii_lowercase();
            assert!(ORDERS.contains(word.split(' ').next().unwrap()), "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_order_says_what_was_expected() {
        for (line, why) in [
            ("hodl", "expected hold, resume, "),
            ("hang", "expected hold"),
            ("hold on", "`hold` takes nothing behind it"),
            ("transfer", "`transfer` needs an address"),
            ("message ", "`message` needs a text"),
            ("keys", "`keys` needs keys"),
            ("keys 12x", "`x` is no key"),
        ] {
            let error = Order::parse(line).unwrap_err();
            assert_eq!(error.line, line.trim());
            assert!(error.why.starts_with(why), "{line}: {error:?}");
        }
    }
}

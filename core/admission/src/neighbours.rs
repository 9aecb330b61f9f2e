//! Overload control between neighbours (RFC 7339, with its algorithm `loss`): what a configured neighbour is
//! told by the Via of our responses, and what it tells us by the Via of its own.
//!
//! Who is no configured neighbour is told nothing and not listened to. Lots are drawn among requests that
//! begin something; what goes on with a call is sent even to a neighbour that asks for less.
//!
//! Not here: how much there is to do and what is refused to others ([`Overload`](crate::Overload)), other
//! places for what is not sent (core/locate, core/proxy).

use crate::bounded::Bounded;
use crate::cidr::Cidr;
use ruf_message::{Entropy, Fields, Header, Method, Request, Response, Tick};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long what we say holds, and what is said without a time.
// rfc7339 §4.3
const VALIDITY: Duration = Duration::from_millis(500);
/// Nobody binds us for longer than that.
const VALIDITY_MAX: Duration = Duration::from_secs(60);
/// Addresses of neighbours that are remembered, each way.
const ADDRESSES_MAX: usize = 1_024;
/// For how long, after the last that was heard of them.
const ADDRESSES_LIFETIME: Duration = Duration::from_secs(600);
/// What part of the requests begins something, before any were counted.
// rfc7339 §7.2: a reasonable default
const BEGINNING_SHARE: f64 = 0.8;
/// Requests of which that is counted; then older ones count half.
const COUNTED_MAX: u32 = 1_000;

/// What we ask of neighbours just now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// By how many percent of its requests each should send less.
    pub percent: u8,
    /// Grows whenever it is made anew: a time.
    pub sequence_millis: u64,
}

/// What a neighbour asked of us.
#[derive(Clone, Copy, Debug)]
struct Asked {
    percent: u8,
    sequence: (u64, u32),
    until: Tick,
}

/// All configured neighbours.
#[derive(Debug)]
pub struct Neighbours {
    configured: Vec<Cidr>,
    /// Those that take wishes, by where our responses go.
    listening: Bounded<SocketAddr, ()>,
    /// Those that have some.
    asking: Bounded<SocketAddr, Asked>,
    sent: Mix,
    entropy: Entropy,
}

/// Requests that begin something, and all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    beginning: u32,
    all: u32,
}

impl Mix {
    pub(crate) const fn new() -> Self {
        Mix { beginning: 0, all: 0 }
    }

    pub(crate) fn count(&mut self, begins: bool) {
        if self.all >= COUNTED_MAX {
            self.all /= 2;
            self.beginning /= 2;
        }
        self.all += 1;
        self.beginning += u32::from(begins);
    }

    /// What part begins something.
    pub(crate) fn beginning(self) -> f64 {
        if self.all == 0 { BEGINNING_SHARE } else { f64::from(self.beginning) / f64::from(self.all) }
    }
}

impl Neighbours {
    /// These and no others. `entropy` draws the lots.
    pub fn new(configured: Vec<Cidr>, entropy: Entropy) -> Self {
        let (listening, asking) = (table(), table());
        Neighbours { configured, listening, asking, sent: Mix::new(), entropy }
    }

    /// Serves these from now on.
    pub fn reconfigure(&mut self, configured: Vec<Cidr>) {
        self.configured = configured;
    }

    /// Whether a configured neighbour is there.
    pub fn is_one(&self, address: IpAddr) -> bool {
        self.configured.iter().any(|range| range.contains(address))
    }

    /// A request came whose responses go to `back`. Whether its sender is a neighbour that sends less when it
    /// is asked to. What it says of overload goes no further.
    // rfc7339 §5.1, §5.6
    pub fn hear_request(&mut self, now: Tick, back: SocketAddr, request: &mut Request) -> bool {
        if !request.via().has_oc() {
            return false;
        }
        let params = request.via().params();
        let has_loss = params.unquoted("oc-algo").is_some_and(|list| {
            list.split(|octet| *octet == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(b"loss"))
        });
        strip(request);
        let takes_part = has_loss && self.is_one(back.ip());
        if takes_part {
            self.listening.put(now, back, ());
        }
        takes_part
    }

    /// A response to one of our requests came from here.
    // rfc7339 §5.4
    pub fn hear_response(&mut self, now: Tick, from: SocketAddr, response: &Response) {
        if !self.is_one(from.ip()) {
            return;
        }
        let params = response.via().params();
        let number = |name: &str| read(params.get(name).flatten()?);
        let Some(percent) = number("oc") else { return };
        if params.unquoted("oc-algo").is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case(b"loss")) {
            return;
        }
        // rfc7339 §4.4: it tells which of two is the newer one
        let sequence = params.get("oc-seq").flatten().and_then(sequence).unwrap_or_default();
        let before = self.asking.get(now, &from).filter(|asked| now < asked.until);
        if before.is_some_and(|before| sequence <= before.sequence) {
            return;
        }
        let validity = number("oc-validity").map_or(VALIDITY, Duration::from_millis).min(VALIDITY_MAX);
        let percent = u8::try_from(percent).unwrap_or(100).min(100);
        // rfc7339 §5.7: a validity of 0 ends it
        self.asking.put(now, from, Asked { percent, sequence, until: now + validity });
    }

    /// Whether a request that begins something may be sent there. Draws a lot where the neighbour wants less.
    // rfc7339 §5.5, §7.2
    pub fn may_send(&mut self, now: Tick, to: SocketAddr) -> bool {
        if !self.is_one(to.ip()) {
            return true;
        }
        self.sent.count(true);
        let asked = self.asking.get(now, &to).filter(|asked| now < asked.until);
        let Some(Asked { percent, .. }) = asked else { return true };
        let reduced = f64::from(*percent) / 100.0 / self.sent.beginning();
        f64::from(self.entropy.u32()) >= reduced * f64::from(u32::MAX)
    }

    /// Writes into the Via of a request to a neighbour that we do as we are asked.
    // rfc7339 §4.1, §4.2
    pub fn sign_request(&mut self, to: SocketAddr, request: &mut Request) -> bool {
        if !self.is_one(to.ip()) || request.via().has_oc() {
            return false;
        }
        if request.to_tag().is_some() && !matches!(request.method(), Method::Ack | Method::Cancel) {
            self.sent.count(false);
        }
        add(request, "oc;oc-algo=\"loss\"");
        true
    }

    /// Writes a wish into the Via of a response to a neighbour that takes some.
    // rfc7339 §5.2, also when the response is sent again; rfc7339 §5.1 and §5.7 without a wish
    pub fn sign_response(&self, now: Tick, to: SocketAddr, wish: Wish, response: &mut Response) -> bool {
        if self.listening.get(now, &to).is_none() {
            return false;
        }
        // rfc7339 §5.4: whoever wrote something there on the way was not asked
        if response.via().has_oc() {
            strip(response);
        }
        let Wish { percent, sequence_millis } = wish;
        let (secs, millis) = (sequence_millis / 1_000, sequence_millis % 1_000);
        let validity = if percent == 0 { 0 } else { VALIDITY.as_millis() };
        add(
            response,
            &format!("oc={percent};oc-algo=\"loss\";oc-validity={validity};oc-seq={secs}.{millis:03}"),
        );
        true
    }

    /// Forgets who was not heard for long.
    pub fn tick(&mut self, now: Tick) {
        self.listening.expire(now);
        self.asking.expire(now);
    }

    /// When [`Neighbours::tick`] next has something to forget.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        [self.listening.deadline(), self.asking.deadline()].into_iter().flatten().min()
    }

    /// Neighbours that want less, and have not been heard since to want more again.
    pub fn asking(&self) -> usize {
        self.asking.len()
    }
}

fn table<V>() -> Bounded<SocketAddr, V> {
    Bounded::new(ADDRESSES_MAX, ADDRESSES_LIFETIME)
}

/// Takes all of RFC 7339 out of the top Via.
fn strip(fields: &mut Fields) {
    let via = fields.via();
    let mut value = via.without_params().to_value();
    for param in via.params().iter() {
        if [&b"oc"[..], b"oc-algo", b"oc-validity", b"oc-seq"]
            .iter()
            .any(|oc| param.name.eq_ignore_ascii_case(oc))
        {
            continue;
        }
        value.push(b';');
        value.extend_from_slice(param.name);
        if let Some(text) = param.value {
            value.push(b'=');
            value.extend_from_slice(text);
        }
    }
    fields.pop_via();
    fields.push_via(value);
}

/// Adds parameters to the top Via.
fn add(fields: &mut Fields, params: &str) {
    let mut value = fields.via().to_value();
    value.push(b';');
    value.extend_from_slice(params.as_bytes());
    fields.pop_via();
    fields.push_via(value);
}

fn read(digits: &[u8]) -> Option<u64> {
    str::from_utf8(digits).ok()?.parse().ok()
}

/// `1282321615.782`.
// rfc7339 §9
fn sequence(value: &[u8]) -> Option<(u64, u32)> {
    let text = str::from_utf8(value).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    // Five digits behind the point at most: as a number of hundred-thousandths, .5 is after .05.
    let part = part.get(..part.len().min(5))?;
    Some((whole.parse().ok()?, format!("{part:0<5}").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::{Message, StatusCode, Uri};

    const NEIGHBOUR: &str = "192.0.2.7:5060";

    fn at(millis: u64) -> Tick {
        Tick::from_micros(millis * 1_000)
    }

    fn there() -> SocketAddr {
        NEIGHBOUR.parse().unwrap()
    }

    fn neighbours() -> Neighbours {
        Neighbours::new(vec!["192.0.2.0/29".parse().unwrap()], Entropy::from_seed([3; 32]))
    }

    fn request(method: Method, via_params: &str, to_params: &str) -> Request {
        let bob: Uri = "sip:bob@example.org".parse().unwrap();
        let via = format!("SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1{via_params}");
        let built = Request::build(method, &bob).via(via).from("<sip:alice@example.org>;tag=1");
        built.to(format!("<sip:bob@example.org>{to_params}")).call_id("1").cseq(1).finish().unwrap()
    }

    fn via(fields: &Fields) -> String {
        String::from_utf8(fields.via().to_value()).unwrap()
    }

    /// The response of a neighbour with these parameters in our Via.
    fn told(neighbours: &mut Neighbours, millis: u64, params: &str) {
        let response = request(Method::Invite, params, "").reply(StatusCode::OK);
        neighbours.hear_response(at(millis), there(), &response);
    }

    /// How many of a thousand requests may be sent.
    fn sent(neighbours: &mut Neighbours, millis: u64) -> usize {
        (0..1_000).filter(|_| neighbours.may_send(at(millis), there())).count()
    }

    #[test]
    fn a_neighbour_that_says_oc_is_told_in_every_response() {
        // tests rfc7339 §4.1, §5.1, §5.2, §5.6, §9
        let mut neighbours = neighbours();
        let mut invite = request(Method::Invite, ";oc;oc-algo=\"rate,loss\";x=1", "");
        assert!(neighbours.hear_request(at(0), there(), &mut invite));
        assert_eq!(via(&invite), "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1;x=1", "it goes no further");
        for (wish, expected) in [
            (
                Wish { percent: 20, sequence_millis: 61_005 },
                ";oc=20;oc-algo=\"loss\";oc-validity=500;oc-seq=61.005",
            ),
            (
                Wish { percent: 0, sequence_millis: 61_055 },
                ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=61.055",
            ),
        ] {
            let mut ringing = invite.reply(StatusCode::RINGING);
            assert!(neighbours.sign_response(at(1), there(), wish, &mut ringing));
            assert!(via(&ringing).ends_with(expected), "{}", via(&ringing));
            // What was written can be read.
            assert!(matches!(Message::parse(ringing.to_bytes()), Ok(Message::Response(_))));
            let before = via(&ringing);
            neighbours.sign_response(at(1), there(), wish, &mut ringing);
            assert_eq!(via(&ringing), before, "what stood there is replaced");
        }
    }

    #[test]
    fn who_is_no_neighbour_or_speaks_no_loss_is_told_nothing() {
        // tests rfc7339 §5.1, §5.6
        let mut neighbours = neighbours();
        let stranger: SocketAddr = "203.0.113.1:5060".parse().unwrap();
        for (from, params) in
            [(stranger, ";oc;oc-algo=\"loss\""), (there(), ";oc;oc-algo=\"rate\""), (there(), "")]
        {
            let mut invite = request(Method::Invite, params, "");
            assert!(!neighbours.hear_request(at(0), from, &mut invite), "{params}");
            assert_eq!(via(&invite), "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1");
            let mut ok = invite.reply(StatusCode::OK);
            assert!(!neighbours.sign_response(at(0), from, Wish::default(), &mut ok));
        }
    }

    #[test]
    fn we_say_oc_to_neighbours_and_to_nobody_else() {
        // tests rfc7339 §4.1, §4.2
        let mut neighbours = neighbours();
        let mut invite = request(Method::Invite, "", "");
        assert!(!neighbours.sign_request("203.0.113.1:5060".parse().unwrap(), &mut invite));
        assert!(neighbours.sign_request(there(), &mut invite));
        assert!(via(&invite).ends_with(";branch=z9hG4bK1;oc;oc-algo=\"loss\""));
        assert!(!neighbours.sign_request(there(), &mut invite), "once");
    }

    #[test]
    fn a_neighbour_that_asks_gets_less_until_its_time_is_over() {
        // tests rfc7339 §4.3, §5.4, §5.5, §5.7, §7.2
        let mut neighbours = neighbours();
        assert_eq!(sent(&mut neighbours, 0), 1_000);
        told(&mut neighbours, 0, ";oc=30;oc-algo=\"loss\";oc-validity=2000;oc-seq=10.5");
        assert!((650..750).contains(&sent(&mut neighbours, 0)));
        told(&mut neighbours, 10, ";oc=90;oc-algo=\"loss\";oc-seq=10.05");
        assert!((650..750).contains(&sent(&mut neighbours, 10)), "that was said before");
        told(&mut neighbours, 20, ";oc=60;oc-algo=\"loss\";oc-seq=10.51");
        assert!((350..450).contains(&sent(&mut neighbours, 519)));
        assert_eq!(sent(&mut neighbours, 520), 1_000, "half a second, where none is said");
        told(&mut neighbours, 600, ";oc=60;oc-algo=\"loss\";oc-seq=1.0");
        assert!((350..450).contains(&sent(&mut neighbours, 600)), "it counts from the start again");
        told(&mut neighbours, 610, ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=1.1");
        assert_eq!(sent(&mut neighbours, 610), 1_000);
    }

    #[test]
    fn what_goes_on_with_a_call_is_spared_and_what_begins_one_pays_for_it() {
        // tests rfc7339 §7.2
        let mut neighbours = neighbours();
        for _ in 0..500 {
            neighbours.may_send(at(0), there());
            neighbours.sign_request(there(), &mut request(Method::Bye, "", ";tag=2"));
            neighbours.sign_request(there(), &mut request(Method::Ack, "", ";tag=2"));
        }
        told(&mut neighbours, 0, ";oc=25;oc-algo=\"loss\";oc-seq=1.0");
        let half = (0..200).filter(|_| neighbours.may_send(at(0), there())).count();
        assert!((70..130).contains(&half), "a quarter of all is half of what begins: {half} of 200");
    }

    #[test]
    fn nobody_else_and_nothing_odd_makes_us_send_less() {
        // tests rfc7339 §4.3, §5.4
        let mut neighbours = neighbours();
        for params in ["", ";oc", ";oc=x;oc-algo=\"loss\"", ";oc=50;oc-algo=\"rate\"", ";oc-validity=5000"] {
            told(&mut neighbours, 0, params);
            assert_eq!(sent(&mut neighbours, 0), 1_000, "{params}");
        }
        let response =
            request(Method::Invite, ";oc=100;oc-algo=\"loss\";oc-seq=1.0", "").reply(StatusCode::OK);
        let stranger = "203.0.113.1:5060".parse().unwrap();
        neighbours.hear_response(at(0), stranger, &response);
        assert!(neighbours.may_send(at(0), stranger));
        assert_eq!((neighbours.asking(), neighbours.deadline()), (0, None));
        told(&mut neighbours, 0, ";oc=900;oc-algo=\"loss\";oc-validity=99999999999;oc-seq=1.0");
        assert_eq!(sent(&mut neighbours, 59_999), 0, "at most all");
        assert_eq!(sent(&mut neighbours, 60_000), 1_000, "and for a minute at most");
        neighbours.tick(neighbours.deadline().unwrap());
        assert_eq!((neighbours.asking(), neighbours.deadline()), (0, None));
    }
}

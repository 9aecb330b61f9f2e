//! Which of the datagrams that wait can leave as one: a *train* is several of one length to one place, handed to the
//! kernel in one piece, which it cuts again (`UDP_SEGMENT`). On the wire they are what they were; the way through the
//! kernel, which is most of what a datagram costs, is gone once for all of them.
//!
//! A datagram may overtake others to the same place only where they belong to other calls: what one call sends to a
//! place arrives in its order, as far as it would have. The system calls are in `batch`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};

use ruf_message::Transmit;

/// Datagrams of a train, at most: of what can be gained, a sixteenth is left.
pub(crate) const CARS_MAX: usize = 16;
/// The longest datagram in a train. A longer one may have to be cut into fragments on its way, which the kernel does
/// not do for trains; requests that are longer do not go over UDP.
// rfc3261 §18.1.1
const CAR_BYTES_MAX: usize = 1_300;
/// A datagram looks for its train among so many, the latest first.
const LOOK_BACK_MAX: usize = 32;

/// Datagrams that leave as one; a single one may be as long as it likes.
struct Train {
    remote: SocketAddr,
    local: Option<IpAddr>,
    /// What each of them is long; the last may be shorter.
    car_bytes: usize,
    is_closed: bool,
    /// Whose they are, a bit for some of all calls.
    calls: u128,
    cars: Vec<u16>,
}

/// The trains of one turn, in the order in which they leave.
#[derive(Default)]
pub(crate) struct Trains {
    trains: Vec<Train>,
    /// Room of trains that have left.
    rooms: Vec<Vec<u16>>,
}

impl Trains {
    /// Couples what waits. Where `may_couple` is false, each datagram is a train by itself. `local` says from which
    /// of our addresses one is to leave, where that is not the socket's only one.
    pub(crate) fn couple(
        &mut self,
        waiting: &[Transmit],
        may_couple: bool,
        local: impl Fn(&Transmit) -> Option<IpAddr>,
    ) {
        self.clear();
        let may_couple = may_couple && waiting.len() > 1;
        for (number, transmit) in (0..=u16::MAX).zip(waiting) {
            let (remote, local) = (transmit.flow.remote, local(transmit));
            let car_bytes = transmit.bytes.len();
            let calls = if may_couple { bit_of_call(transmit) } else { u128::MAX };
            let is_fit = may_couple && (1..=CAR_BYTES_MAX).contains(&car_bytes);
            let found = if is_fit { self.find(remote, local, car_bytes, calls) } else { None };
            match found.and_then(|place| self.trains.get_mut(place)) {
                Some(train) => {
                    train.cars.push(number);
                    train.calls |= calls;
                }
                None => {
                    let mut cars = self.rooms.pop().unwrap_or_default();
                    cars.push(number);
                    let is_closed = !is_fit;
                    self.trains.push(Train { remote, local, car_bytes, is_closed, calls, cars });
                }
            }
        }
        if may_couple {
            self.append_tails();
        }
    }

    /// The latest train of its kind that it can join without overtaking its own call.
    fn find(
        &self,
        remote: SocketAddr,
        local: Option<IpAddr>,
        car_bytes: usize,
        calls: u128,
    ) -> Option<usize> {
        for (place, train) in self.trains.iter().enumerate().rev().take(LOOK_BACK_MAX) {
            if train.remote != remote || train.local != local {
                continue;
            }
            if !train.is_closed && train.car_bytes == car_bytes && train.cars.len() < CARS_MAX {
                return Some(place);
            }
            if train.calls & calls != 0 {
                return None;
            }
        }
        None
    }

    /// A train's last datagram may be shorter: one that is alone goes with the train before it to the same place.
    fn append_tails(&mut self) {
        for place in 1..self.trains.len() {
            let (before, from_here) = self.trains.split_at_mut(place);
            let Some(alone) = from_here.first_mut() else { continue };
            let ([number], false) = (alone.cars.as_slice(), alone.is_closed) else { continue };
            let is_its_place = |train: &&mut Train| {
                !train.cars.is_empty() && train.remote == alone.remote && train.local == alone.local
            };
            let Some(train) = before.iter_mut().rev().take(LOOK_BACK_MAX).find(is_its_place) else {
                continue;
            };
            if !train.is_closed && train.car_bytes > alone.car_bytes && train.cars.len() < CARS_MAX {
                train.cars.push(*number);
                train.is_closed = true;
                alone.cars.clear();
            }
        }
        let Trains { trains, rooms } = self;
        rooms.extend(trains.extract_if(.., |train| train.cars.is_empty()).map(|train| train.cars));
    }

    /// From this one on: where each goes, from where, and the numbers of its datagrams.
    pub(crate) fn from(
        &self,
        place: usize,
    ) -> impl ExactSizeIterator<Item = (SocketAddr, Option<IpAddr>, &[u16])> {
        let rest = self.trains.get(place..).unwrap_or_default();
        rest.iter().map(|train| (train.remote, train.local, train.cars.as_slice()))
    }

    /// Takes a train apart that the kernel would not take: whether it was one.
    pub(crate) fn uncouple(&mut self, place: usize) -> bool {
        let Some(train) = self.trains.get_mut(place).filter(|train| train.cars.len() > 1) else {
            return false;
        };
        let (remote, local, car_bytes, calls) = (train.remote, train.local, train.car_bytes, train.calls);
        let others = train.cars.split_off(1).into_iter();
        let alone = |number| Train { remote, local, car_bytes, is_closed: true, calls, cars: vec![number] };
        self.trains.splice(place + 1..place + 1, others.map(alone));
        true
    }

    fn clear(&mut self) {
        self.rooms.extend(self.trains.drain(..).map(|mut train| {
            train.cars.clear();
            train.cars
        }));
    }
}

/// One bit for the call that it belongs to; every bit for what may overtake nothing.
fn bit_of_call(transmit: &Transmit) -> u128 {
    transmit.call_id().map_or(u128::MAX, |id| {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        1 << (hasher.finish() % u64::from(u128::BITS))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ruf_message::{Flow, Transport};

    /// A message of this call to this port, of this length.
    fn message(call: &str, port: u16, length: usize) -> Transmit {
        let flow = Flow {
            transport: Transport::Udp,
            listener: 0,
            local: SocketAddr::from(([127, 0, 0, 1], 5060)),
            remote: SocketAddr::from(([127, 0, 0, 1], port)),
            connection: 0,
        };
        let mut text = format!("SIP/2.0 200 OK\r\nCall-ID: {call}\r\n\r\n").into_bytes();
        text.resize(length, b'.');
        Transmit { flow, bytes: text.into() }
    }

    fn coupled(waiting: &[Transmit], may_couple: bool) -> Trains {
        let mut trains = Trains::default();
        trains.couple(waiting, may_couple, |_| None);
        trains
    }

    fn cars(trains: &Trains) -> Vec<Vec<u16>> {
        trains.from(0).map(|(_, _, cars)| cars.to_vec()).collect()
    }

    fn couple(waiting: &[Transmit]) -> Vec<Vec<u16>> {
        cars(&coupled(waiting, true))
    }

    #[test]
    fn what_is_of_one_length_to_one_place_leaves_together() {
        let waiting = [
            message("a", 1, 100),
            message("a", 2, 100),
            message("b", 1, 100),
            message("b", 2, 120),
            message("c", 1, 100),
        ];
        assert_eq!(couple(&waiting), [vec![0, 2, 4], vec![1], vec![3]]);
        assert_eq!(cars(&coupled(&waiting, false)).len(), waiting.len());
        let other = |transmit: &Transmit| (transmit.call_id() == Some(b"b")).then(|| [127, 0, 0, 2].into());
        let mut trains = Trains::default();
        trains.couple(&waiting, true, other);
        assert_eq!(cars(&trains), [vec![0, 4], vec![1], vec![2], vec![3]], "each from its address");
    }

    #[test]
    fn none_overtakes_another_of_its_call() {
        // Were 2 to leave with 0, it would come before 1.
        assert_eq!(
            couple(&[message("a", 1, 100), message("a", 1, 150), message("a", 1, 100)]),
            [vec![0], vec![1, 2]]
        );
        // Another call's may: only what is before a train of its own length stands in the way.
        assert_eq!(
            couple(&[message("a", 1, 100), message("a", 1, 150), message("b", 1, 100)]),
            [vec![0, 2], vec![1]]
        );
        // Nor does what belongs to nobody overtake, or is overtaken.
        let mut line = message("a", 1, 150);
        line.bytes = Bytes::from_static(&[b'.'; 150]);
        assert_eq!(couple(&[message("a", 1, 100), line, message("b", 1, 100)]), [vec![0], vec![1, 2]]);
    }

    #[test]
    fn the_last_may_be_shorter_and_nothing_comes_behind_it() {
        let lengths = [150, 150, 100, 150].map(|length| message(&length.to_string(), 1, length));
        assert_eq!(couple(&lengths), [vec![0, 1, 3, 2]]);
        let falling = [150, 140, 130].map(|length| message(&length.to_string(), 1, length));
        assert_eq!(couple(&falling), [vec![0, 1], vec![2]]);
        let rising = [130, 140, 150].map(|length| message(&length.to_string(), 1, length));
        assert_eq!(couple(&rising).len(), 3);
    }

    #[test]
    fn a_train_has_its_bounds() {
        let many: Vec<_> = (0..40).map(|n| message(&n.to_string(), 1, 100)).collect();
        assert_eq!(couple(&many).iter().map(Vec::len).collect::<Vec<_>>(), [CARS_MAX, CARS_MAX, 8]);
        let long = [1, 2].map(|n| message(&n.to_string(), 1, CAR_BYTES_MAX + 1));
        assert_eq!(couple(&long).len(), 2);
        let mut empty = [1, 2].map(|n| message(&n.to_string(), 1, 100));
        empty.iter_mut().for_each(|transmit| transmit.bytes = Bytes::new());
        assert_eq!(couple(&empty).len(), 2, "nothing cannot be cut");
    }

    #[test]
    fn a_train_that_is_refused_leaves_one_by_one_in_its_place() {
        let mut waiting: Vec<_> = (0..3).map(|n| message(&n.to_string(), 1, 100)).collect();
        waiting.push(message("x", 2, 100));
        let mut trains = coupled(&waiting, true);
        assert!(trains.uncouple(0));
        assert_eq!(cars(&trains), [vec![0], vec![1], vec![2], vec![3]]);
        assert!(!trains.uncouple(0) && !trains.uncouple(9));
    }

    #[test]
    fn whatever_waits_leaves_once_and_each_call_in_its_order() {
        let mut entropy = ruf_message::Entropy::from_seed([7; 32]);
        let mut pick = |below: u64| entropy.u64() % below;
        for _ in 0..300 {
            let waiting: Vec<_> = (0..pick(150))
                .map(|_| {
                    let length = [90, 100, 120, 1_500][usize::try_from(pick(4)).expect("small")];
                    message(&pick(40).to_string(), 1 + u16::try_from(pick(3)).expect("small"), length)
                })
                .collect();
            let order = couple(&waiting).concat();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert!(sorted.iter().copied().eq(0..u16::try_from(waiting.len()).expect("small")));
            let of = |number: &u16| &waiting[usize::from(*number)];
            for (at, later) in order.iter().enumerate() {
                for earlier in &order[..at] {
                    let is_same =
                        of(earlier).flow == of(later).flow && of(earlier).call_id() == of(later).call_id();
                    assert!(!is_same || earlier < later, "{later} was overtaken by {earlier}");
                }
            }
        }
    }
}

//! The order of SRV records: by priority, and by lot among those of one priority (RFC 2782, "Usage
//! rules"). It is drawn anew for every request.

use ruf_message::Entropy;

use crate::query::{Record, Srv};

/// How finely the lot is drawn. RFC 2782 wants a number between 0 and the sum of the weights, both
/// inclusive; drawn as a whole number it would favour the first record by one whole weight, so that
/// of 1 and 2 each got a half.
const FINENESS: u64 = 1 << 16;

/// The SRV records of an answer, lowest priority first, as they came where it is equal.
pub(crate) fn by_priority(records: &[Record]) -> Vec<Srv> {
    let mut found: Vec<Srv> = records
        .iter()
        .filter_map(|record| match record {
            Record::Srv(srv) => Some(srv.clone()),
            Record::Naptr(_) | Record::Address(_) => None,
        })
        .collect();
    found.sort_by_key(|srv| srv.priority);
    found
}

/// The order in which the servers are tried.
// rfc3263 §4.2: the procedures of RFC 2782, "Usage rules"
pub(crate) fn draw(by_priority: &[Srv], entropy: &mut Entropy) -> Vec<Srv> {
    let mut order = Vec::with_capacity(by_priority.len());
    for equal in by_priority.chunk_by(|a, b| a.priority == b.priority) {
        let mut left = equal.to_vec();
        // "In any order": by lot too, or equal records of weight 0 would always come in the same.
        shuffle(&mut left, entropy);
        // "Except that those with weight 0 are placed at the beginning of the list."
        left.sort_by_key(|srv| srv.weight != 0);
        while !left.is_empty() {
            let chosen = choose(&left, entropy);
            order.push(left.remove(chosen));
        }
    }
    order
}

/// The first record whose running sum of weights reaches the lot.
fn choose(left: &[Srv], entropy: &mut Entropy) -> usize {
    let sum: u64 = left.iter().map(|srv| u64::from(srv.weight)).sum();
    let lot = entropy.u64() % (sum * FINENESS + 1);
    let mut running = 0;
    let reaches = |srv: &Srv| {
        running += u64::from(srv.weight) * FINENESS;
        running >= lot
    };
    // The last running sum is the sum, which no lot exceeds.
    left.iter().position(reaches).unwrap_or(0)
}

fn shuffle(records: &mut [Srv], entropy: &mut Entropy) {
    for end in (1..records.len()).rev() {
        let other = usize::try_from(entropy.u64() % (end as u64 + 1)).unwrap_or(0);
        records.swap(end, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 10_000;

    fn srv(priority: u16, weight: u16) -> Srv {
        Srv { priority, weight, port: 5060, target: format!("{priority}-{weight}.example") }
    }

    /// How often each record comes first, and second.
    fn draws(records: &[Srv]) -> [Vec<usize>; 2] {
        let mut entropy = Entropy::from_seed([3; 32]);
        let mut counts = [vec![0; records.len()], vec![0; records.len()]];
        for _ in 0..DRAWS {
            let order = draw(records, &mut entropy);
            assert_eq!(order.len(), records.len());
            for (count, srv) in counts.iter_mut().zip(&order) {
                count[records.iter().position(|one| one == srv).unwrap()] += 1;
            }
        }
        counts
    }

    #[test]
    fn ten_thousand_draws_are_within_two_percent_of_the_weights() {
        // tests rfc3263 §4.2
        for weights in [vec![1, 2], vec![10, 60, 30], vec![1, 1, 1, 1], vec![65535, 65535, 1]] {
            let records: Vec<Srv> = weights.iter().map(|weight| srv(1, *weight)).collect();
            // Records with one target would be one record here.
            let records: Vec<Srv> =
                records.into_iter().enumerate().map(|(n, s)| Srv { port: n as u16, ..s }).collect();
            let sum: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
            for (count, weight) in draws(&records)[0].iter().zip(&weights) {
                let expected = usize::from(*weight) * DRAWS / sum;
                assert!(count.abs_diff(expected) <= DRAWS / 50, "{weights:?}: {count} for {expected}");
            }
        }
    }

    #[test]
    fn the_second_is_drawn_among_those_that_are_left() {
        // tests rfc3263 §4.2
        let [_, second] = draws(&[srv(1, 10), srv(1, 60), srv(1, 30)]);
        // 60 first, then 10 of 40; 30 first, then 10 of 70: 0.15 + 0.043.
        assert!(second[0].abs_diff(1_929) <= DRAWS / 50, "{second:?}");
    }

    #[test]
    fn a_higher_priority_comes_after_all_of_a_lower_whatever_its_weight() {
        // tests rfc3263 §4.2
        let unsorted = [srv(20, 65535), srv(10, 0), srv(10, 1)].map(Record::Srv);
        let records = by_priority(&unsorted);
        let mut entropy = Entropy::from_seed([4; 32]);
        for _ in 0..100 {
            let order = draw(&records, &mut entropy);
            assert_eq!(order.last(), Some(&srv(20, 65535)));
        }
    }

    #[test]
    fn weight_zero_has_a_very_small_chance_and_zeros_alone_an_equal_one() {
        let [first, _] = draws(&[srv(1, 0), srv(1, 5)]);
        assert!(first[0] <= 5, "{first:?}");
        let zeros = [0, 1].map(|port| Srv { port, ..srv(1, 0) });
        let [first, _] = draws(&zeros);
        assert!(first[0].abs_diff(DRAWS / 2) <= DRAWS / 50, "{first:?}");
    }
}

//! The inner product that filters, predictors and likenesses are made of.

/// Sums run in so many lanes, which the compiler turns into vectors.
pub(crate) const LANES: usize = 8;

/// The sum of the products of two lists, as far as the shorter one goes.
pub(crate) fn product(a: &[f32], b: &[f32]) -> f32 {
    let len = a.len().min(b.len());
    let (a, b) = (a.split_at(len).0.as_chunks::<LANES>(), b.split_at(len).0.as_chunks::<LANES>());
    let mut lanes = [0.0_f32; LANES];
    for (a, b) in a.0.iter().zip(b.0) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + a.1.iter().zip(b.1).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_summed_to_its_end() {
        let values: Vec<f32> = (1_u8..=40).map(f32::from).collect();
        for len in 0..=40 {
            let expected: f32 = values.iter().take(len).map(|value| value * value).sum();
            assert_eq!(product(&values, &values[..len]), expected);
        }
    }
}

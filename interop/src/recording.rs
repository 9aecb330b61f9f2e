//! What a phone kept of a call, as a WAV file: the tone that it ends with.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome, fail};
use crate::tone;

/// Between two looks at a file that is not whole yet.
const REST: Duration = Duration::from_millis(50);
/// What is listened to at once: half a second.
const LISTEN: usize = tone::RATE as usize / 2;
/// Pieces that are looked at for silence, and steps back from the end: a tenth of a second.
const STEP: usize = tone::RATE as usize / 10;
/// How far from its end a recording may end with a tone: a second. The last of it may be cut or patched.
const STEPS_BACK: usize = 10;

/// Waits until one side of a recording is there and ends with a tone of `hertz`.
pub(crate) fn ends_with(file: &Path, side: usize, hertz: u32, patience: Duration) -> Outcome<()> {
    let deadline = Instant::now() + patience;
    loop {
        let samples = read(file, side);
        let heard =
            samples.as_ref().is_ok_and(|samples| last_tones(samples).any(|heard| tone::is(heard, hertz)));
        if heard {
            return Ok(());
        }
        if Instant::now() > deadline {
            let tones: Vec<u32> = last_tones(&samples?).collect();
            fail!("{} ends with tones of {tones:?} Hz, not of {hertz}", file.display());
        }
        std::thread::sleep(REST);
    }
}

/// Waits until one side of a recording has all of these tones at its end, and not that one.
pub(crate) fn ends_mixed(
    file: &Path,
    side: usize,
    tones: &[u32],
    without: u32,
    patience: Duration,
) -> Outcome<()> {
    let deadline = Instant::now() + patience;
    loop {
        let samples = read(file, side)?;
        let last = samples.get(samples.len().saturating_sub(LISTEN)..).unwrap_or_default();
        let all = tones.iter().all(|hertz| tone::has(last, *hertz));
        if last.len() == LISTEN && all && !tone::has(last, without) {
            return Ok(());
        }
        if Instant::now() > deadline {
            fail!("{} does not end with {tones:?} Hz alone, or {without} Hz is there", file.display());
        }
        std::thread::sleep(REST);
    }
}

/// One side of a recording, at the rate of `tone`.
fn read(file: &Path, side: usize) -> Outcome<Vec<i16>> {
    let mut reader = hound::WavReader::open(file).map_err(Failure::new)?;
    let spec = reader.spec();
    let (sides, divided) = (usize::from(spec.channels), (spec.sample_rate / tone::RATE).max(1) as usize);
    // What is missing at the end of a file that is being written is no fault.
    let samples: Vec<i16> = reader.samples().map_while(Result::ok).collect();
    let samples: Vec<i16> = samples.into_iter().skip(side).step_by(sides).collect();
    let mean =
        |group: &[i16]| group.iter().map(|&sample| i32::from(sample)).sum::<i32>() / group.len() as i32;
    Ok(samples.chunks(divided).map(|group| mean(group) as i16).collect())
}

/// The tones of half a second each, from the last that can be heard towards the beginning.
fn last_tones(samples: &[i16]) -> impl Iterator<Item = u32> {
    let silent: usize =
        samples.rchunks(STEP).take_while(|piece| tone::is_silent(piece)).map(<[i16]>::len).sum();
    let audible = samples.get(..samples.len() - silent).unwrap_or_default();
    let ends = (0..STEPS_BACK).filter_map(|step| audible.len().checked_sub(step * STEP));
    let halves = ends.filter_map(|end| audible.get(end.checked_sub(LISTEN)?..end));
    halves.filter_map(tone::heard)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recording of 16,000 Hz with these tones on two sides, two seconds each.
    fn recorded(name: &str, tones: &[(u32, u32)]) -> std::path::PathBuf {
        let file = std::env::temp_dir().join(format!("ruf-interop-{}-{name}.wav", std::process::id()));
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&file, spec).expect("created");
        for (left, right) in tones {
            for at in 0..32_000 {
                for hertz in [left, right] {
                    let turns = f64::from(*hertz) * f64::from(at) / 16_000.0;
                    let sample = 9_000.0 * (turns * std::f64::consts::TAU).sin();
                    writer.write_sample(sample as i16).expect("written");
                }
            }
        }
        writer.finalize().expect("whole");
        file
    }

    #[test]
    fn each_side_ends_with_its_tone() {
        let file = recorded("sides", &[(440, 620), (620, 440), (0, 0)]);
        let ends = |side, hertz| ends_with(&file, side, hertz, Duration::ZERO);
        assert_eq!((ends(0, 620), ends(1, 440)), (Ok(()), Ok(())));
        let other = ends(0, 440).expect_err("another tone");
        assert!(other.to_string().contains("620] Hz, not of 440"), "{other}");
        std::fs::remove_file(file).expect("removed");
    }

    #[test]
    fn silence_and_no_file_are_no_tone() {
        let file = recorded("silent", &[(0, 0)]);
        let failure = ends_with(&file, 0, 440, Duration::ZERO).expect_err("silence");
        assert!(failure.to_string().contains("tones of [] Hz"), "{failure}");
        std::fs::remove_file(&file).expect("removed");
        assert!(ends_with(&file, 0, 440, Duration::ZERO).is_err());
    }
}

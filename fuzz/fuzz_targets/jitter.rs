//! See `dev/fuzz-replay/src/jitter.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| ruf_fuzz_replay::jitter(octets));

//! See `dev/fuzz-replay/src/pidf.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| ruf_fuzz_replay::pidf(octets));

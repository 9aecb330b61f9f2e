//! See `dev/fuzz-replay/src/sdp.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| ruf_fuzz_replay::sdp(octets));

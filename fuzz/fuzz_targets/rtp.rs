//! See `dev/fuzz-replay/src/rtp.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| ruf_fuzz_replay::rtp(octets));

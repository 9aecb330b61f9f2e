//! See `dev/fuzz-replay/src/ice.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| ruf_fuzz_replay::ice(octets));

//! `tests/data/srtp`, for the tests.

use serde_json::Value;

pub(crate) const RFC_3711: &str = include_str!("../../../tests/data/srtp/rfc3711.json");
pub(crate) const RFC_6188: &str = include_str!("../../../tests/data/srtp/rfc6188.json");
pub(crate) const RFC_7714: &str = include_str!("../../../tests/data/srtp/rfc7714.json");
pub(crate) const PEER: &str = include_str!("../../../tests/data/srtp/peer.json");

pub(crate) fn read(vectors: &str) -> Value {
    serde_json::from_str(vectors).unwrap()
}

pub(crate) fn hex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().unwrap().as_bytes().chunks_exact(2);
    assert!(digits.remainder().is_empty());
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

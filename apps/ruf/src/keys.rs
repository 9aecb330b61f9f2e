//! Keys that must outlive a restart: made once, kept in the store.
//!
//! The key of the flow tokens is one: a dialog whose Record-Route carries a token of ours goes on
//! after `kill -9`. That of the temporary GRUUs is another: a phone has given them to others. The nonce key
//! is not: it is new at each start.

use ruf_store::{Error, Space, Store};

const KEYS: Space = Space::new("keys");

/// The keys that are kept, made at first use.
#[derive(Clone)]
pub(crate) struct Kept {
    /// Of the flow tokens.
    pub(crate) flow_token: [u8; 32],
    /// Of the temporary GRUUs.
    pub(crate) gruu: [u8; 32],
}

impl Kept {
    /// Those of this store.
    pub(crate) fn of(store: &mut Store) -> Result<Kept, Error> {
        Ok(Kept { flow_token: stored_or_new(store, b"flow-token")?, gruu: stored_or_new(store, b"gruu")? })
    }
}

fn stored_or_new(store: &mut Store, name: &[u8]) -> Result<[u8; 32], Error> {
    if let Some(key) = store.get(KEYS, name)?.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        return Ok(key);
    }
    let key = fresh();
    store.put(KEYS, name, &key)?;
    Ok(key)
}

/// 32 octets from the system.
///
/// # Panics
/// When the system has no randomness to give: nothing secret can be made then, and nothing is served.
pub(crate) fn fresh() -> [u8; 32] {
    let mut key = [0; 32];
    #[expect(clippy::expect_used, reason = "a system without entropy cannot serve")]
    getrandom::fill(&mut key).expect("the system's source of randomness");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept() {
        let mut store = Store::memory();
        let keys = |store: &mut Store| Kept::of(store).map(|kept| [kept.flow_token, kept.gruu]);
        let first = keys(&mut store).expect("stored");
        assert_eq!(keys(&mut store).expect("read"), first);
        assert!(!first.contains(&[0; 32]) && first[0] != first[1]);
        assert_ne!(keys(&mut Store::memory()).expect("stored"), first);
    }
}

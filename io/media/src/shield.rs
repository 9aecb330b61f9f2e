//! [`Keys`]: what both sides agreed to encrypt with, and [`Shield`], which does it (core/srtp).

use std::fmt;

use ruf_srtp::{Protect, Suite, Unprotect};

/// The suite of a stream and the key of each direction.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Both ways.
    pub suite: Suite,
    /// Of what we send.
    pub send: MasterKey,
    /// Of what we receive.
    pub receive: MasterKey,
}

/// A master key.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    /// Key and salt, as long as the suite says.
    pub key_salt: Vec<u8>,
    /// The identifier that each packet carries; empty for none.
    pub mki: Vec<u8>,
}

/// Without the keys.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// Protects what goes, opens what comes.
pub(crate) struct Shield {
    keys: Keys,
    protect: Protect,
    unprotect: Unprotect,
}

impl Shield {
    /// `None`: a key is not as long as its suite wants it.
    pub(crate) fn new(keys: Keys) -> Option<Shield> {
        let protect = Protect::new(keys.suite, &keys.send.key_salt).ok()?.with_mki(&keys.send.mki);
        let unprotect = Unprotect::new(keys.suite, &keys.receive.key_salt).ok()?.with_mki(&keys.receive.mki);
        Some(Shield { keys, protect, unprotect })
    }

    /// The keys from now on. A direction whose key stays goes on with its indices: none is used twice.
    // rfc3711 §9.1
    pub(crate) fn agree(&mut self, keys: Keys) -> bool {
        let Some(new) = Shield::new(keys) else { return false };
        if (self.keys.suite, &self.keys.send) != (new.keys.suite, &new.keys.send) {
            self.protect = new.protect;
        }
        if (self.keys.suite, &self.keys.receive) != (new.keys.suite, &new.keys.receive) {
            self.unprotect = new.unprotect;
        }
        self.keys = new.keys;
        true
    }

    /// Encrypts and signs RTP; `false`: it must not go out.
    pub(crate) fn protect(&mut self, datagram: &mut Vec<u8>) -> bool {
        self.protect.rtp(datagram).is_ok()
    }

    /// Encrypts and signs RTCP; `false`: it must not go out.
    pub(crate) fn protect_rtcp(&mut self, datagram: &mut Vec<u8>) -> bool {
        self.protect.rtcp(datagram).is_ok()
    }

    /// Opens RTCP; `false`: it is forged, or came before.
    pub(crate) fn open_rtcp(&mut self, datagram: &mut Vec<u8>) -> bool {
        self.unprotect.rtcp(datagram).is_ok()
    }

    /// Opens RTP; `false`: it is forged, or came before.
    pub(crate) fn open(&mut self, datagram: &mut Vec<u8>) -> bool {
        self.unprotect.rtp(datagram).is_ok()
    }
}

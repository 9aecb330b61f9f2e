//! Where the harness puts things, so that two of them can run on one machine: loopback networks and
//! ports by process id, and a folder that goes when all went well.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::failure::Outcome;

/// Second octets of the loopback networks that the harness takes: 127.64.0.0 and up.
const FIRST_NET: u32 = 64;
const NETS: u32 = 128;
/// The first port that phones may use for RTP, and how many each harness takes.
const RTP_FIRST: u32 = 16_384;
const RTP_PORTS: u32 = 2_048;

/// A loopback `/24` of this process: 127.x.`number`.0.
pub(crate) fn net(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, second_octet(), number, 0)
}

/// The second octet of every loopback address of this process.
pub(crate) fn second_octet() -> u8 {
    (FIRST_NET + std::process::id() % NETS) as u8
}

/// Ports of RTP for a phone of this process: `count` from its `number`th on.
pub(crate) fn rtp_ports(number: u16, count: u16) -> std::ops::RangeInclusive<u16> {
    let blocks = (32_768 - RTP_FIRST) / RTP_PORTS;
    let base = RTP_FIRST + std::process::id() % blocks * RTP_PORTS;
    let first = base as u16 + number * count;
    first..=first + count - 1
}

/// A folder for homes, data and logs. It is removed unless told to stay.
pub(crate) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// A new, empty folder.
    pub(crate) fn new(name: &str) -> Outcome<Folder> {
        let path = std::env::temp_dir().join(format!("ruf-interop-{}-{name}", std::process::id()));
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(Folder { path, keep: false })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it for a person to look at.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep || std::thread::panicking() {
            println!("what the programs wrote is in {}", self.path.display());
        } else {
            // A folder that stays behind is no reason to fail.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

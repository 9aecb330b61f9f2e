//! The laws as tables. A change to one of them is an ADR in `docs/adr`.
//!
//! How they are checked is in `tidy`; what they are for is in ARCHITECTURE.md.

/// A floor of the house. Imports go down only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Floor {
    /// Pure: no socket, clock, randomness, thread, lock or async runtime.
    Core,
    /// The shells: sockets, clocks, disks, devices, entropy.
    Io,
    /// What a phone system offers; no service imports another.
    Services,
    /// What a person starts.
    Apps,
    /// Simulation, benches, interop, this tool: may import everything.
    Dev,
}

impl Floor {
    /// The floor a path of the workspace stands on.
    pub(crate) fn of(path: &str) -> Option<Floor> {
        match path.split('/').next()? {
            "core" => Some(Floor::Core),
            "io" => Some(Floor::Io),
            "services" => Some(Floor::Services),
            "apps" => Some(Floor::Apps),
            "dev" | "interop" => Some(Floor::Dev),
            _ => None,
        }
    }
}

/// The imports between crates of the same floor, by package name. All others are forbidden.
pub(crate) const SAME_FLOOR: &[(&str, &[&str])] = &[
    ("ruf-auth", &["ruf-message"]),
    ("ruf-transaction", &["ruf-message"]),
    ("ruf-locate", &["ruf-message", "ruf-transaction"]),
    ("ruf-admission", &["ruf-message", "ruf-auth"]),
    ("ruf-proxy", &["ruf-message", "ruf-admission", "ruf-transaction", "ruf-locate"]),
    ("ruf-registrar-core", &["ruf-message", "ruf-admission"]),
    ("ruf-dialog", &["ruf-message"]),
    ("ruf-session", &["ruf-message", "ruf-dialog", "ruf-sdp"]),
    ("ruf-events", &["ruf-message", "ruf-dialog"]),
    (
        "ruf-agent",
        &[
            "ruf-message",
            "ruf-auth",
            "ruf-dialog",
            "ruf-session",
            "ruf-events",
            "ruf-transaction",
            "ruf-locate",
        ],
    ),
    ("ruf-sip", &["ruf-net", "ruf-media", "ruf-webrtc"]),
    ("ruf", &["ruf-node", "ruf-load"]),
];

/// What a service may import from the io floor: the verbs of the store, nothing that blocks or waits.
pub(crate) const IO_FOR_SERVICES: &[&str] = &["ruf-store"];

/// Packages that no crate of the core may depend on.
pub(crate) const NOT_IN_CORE: &[&str] = &[
    "async-std",
    "futures",
    "getrandom",
    "hickory-resolver",
    "libc",
    "mio",
    "parking_lot",
    "rand",
    "redis",
    "rusqlite",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-postgres",
    "tokio-rustls",
    "tokio-tungstenite",
    "tracing",
];

/// Words that the code of the core may not contain, outside its tests.
pub(crate) const IMPURE: &[&str] = &[
    "std::time::Instant",
    "Instant::now",
    "SystemTime",
    "std::net::UdpSocket",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "std::thread",
    "Mutex",
    "RwLock",
    "Condvar",
    "std::fs",
    "std::env",
    "std::process",
    "async fn",
];

/// Names that no crate and no module bears.
pub(crate) const NAMELESS: &[&str] =
    &["common", "helper", "helpers", "misc", "shared", "types", "util", "utils"];

/// Endings that our own types do not bear.
pub(crate) const HOLLOW_ENDINGS: &[&str] =
    &["Context", "Data", "Handler", "Helper", "Info", "Manager", "Processor", "Util", "Utils"];

/// Names that end so because an RFC says so.
pub(crate) const RFC_NAMES: &[&str] = &[
    "AlertInfo",
    "AuthenticationInfo",
    "CallInfo",
    "ErrorInfo",
    "HistoryInfo",
    "ProxyAuthenticationInfo",
    "ResponseContext",
    "UserToUserData",
];

/// The only files that may hold `unsafe`: each is small, reviewed, and says why beside each block.
pub(crate) const UNSAFE_FILES: &[&str] = &[
    "io/net/src/batch.rs",
    // Count allocations; no part of the product.
    "dev/bench/src/allocations.rs",
    "core/message/tests/allocations.rs",
];

/// Lines from which a file is asked why, and above which it does not land.
pub(crate) const FILE_LINES_ASKED: usize = 400;
/// See [`FILE_LINES_ASKED`].
pub(crate) const FILE_LINES_MAX: usize = 1_000;
/// Lines above which a function is asked why.
pub(crate) const FUNCTION_LINES_ASKED: usize = 70;

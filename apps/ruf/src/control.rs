//! The control socket of a running server: how `ruf bindings`, `ruf status` and `ruf user` reach it.
//!
//! A Unix socket in the data directory, mode 0600: whoever may read the directory may ask. One JSON
//! object a line each way; the connection closes after the answer. Reading is bounded in size and
//! time, so that a client that says nothing costs one task.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ruf_admission::AddressOfRecord;
use ruf_message::Tick;
use ruf_registrar::Binding;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::crew::Lines;
use crate::plain::plain_line;
use crate::reload::{self, Reloads};
use crate::{EXIT_CONFIG, EXIT_FAILED, EXIT_OK, Place, settings};

/// The longest question, in octets: an import sends its accounts in chunks below this.
const QUESTION_BYTES_MAX: u64 = 1 << 20;
/// How long a client may take to ask.
const QUESTION_SECS_MAX: u64 = 10;
/// Bindings listed in one answer.
pub(crate) const BINDINGS_MAX: usize = 1_000_000;

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Question {
    /// Every binding.
    Bindings,
    /// What the server is doing.
    Status,
    /// Read the configuration again.
    Reload,
    /// A change of accounts, or their list.
    Accounts(crate::accounts::Change),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// To [`Question::Bindings`].
    Bindings {
        /// One for each contact.
        bindings: Vec<BindingLine>,
    },
    /// To [`Question::Status`].
    Status(StatusLines),
    /// To [`Question::Reload`].
    Reloaded {
        /// What it did, or why the old configuration stays.
        outcome: reload::Outcome,
    },
    /// To [`Question::Accounts`].
    Accounts(crate::accounts::Done),
    /// It could not be done, and why.
    Refused {
        /// One sentence.
        cause: String,
    },
}

/// One contact of one address-of-record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BindingLine {
    /// The address-of-record.
    pub(crate) aor: String,
    /// The contact URI.
    pub(crate) contact: String,
    /// The transport and peer address of the flow it is reached by.
    pub(crate) flow: String,
    /// Seconds until it expires.
    pub(crate) expires_secs: u64,
    /// The preference, from 0 to 1.
    pub(crate) q: String,
    /// What the phone calls itself.
    pub(crate) user_agent: Option<String>,
    /// The device, where the phone said which (RFC 5626).
    #[serde(default)]
    pub(crate) instance: Option<String>,
    /// The values of its Path (RFC 3327).
    #[serde(default)]
    pub(crate) path: Option<String>,
}

/// What the server is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusLines {
    /// The version of the server.
    pub(crate) version: String,
    /// Seconds since it started.
    pub(crate) uptime_secs: u64,
    /// Where it listens.
    pub(crate) listeners: Vec<String>,
    /// The domains served.
    pub(crate) domains: Vec<String>,
    /// What a person should see to.
    #[serde(default)]
    pub(crate) trouble: Option<String>,
    /// Named figures, in the order they are shown.
    pub(crate) figures: Vec<(String, u64)>,
}

/// Where the control socket of a data directory is.
pub(crate) fn socket_path(data: &Path) -> PathBuf {
    data.join("ruf.sock")
}

/// Opens the control socket. A stale one, left by a server that was killed, is replaced.
pub(crate) fn open(data: &Path) -> std::io::Result<UnixListener> {
    let path = socket_path(data);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers questions until the server ends. Each client has a task of its own.
pub(crate) async fn serve(listener: UnixListener, lines: Lines, reloads: Reloads) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (lines, reloads) = (lines.clone(), reloads.clone());
                tokio::task::spawn_local(async move {
                    let time = Duration::from_secs(QUESTION_SECS_MAX);
                    // A client that is slow or gone is not answered; there is nobody to tell.
                    let _ = tokio::time::timeout(time, converse(stream, lines, reloads)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: tokio::net::UnixStream, lines: Lines, reloads: Reloads) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(reading.take(QUESTION_BYTES_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Question>(&line) {
        Ok(Question::Reload) => Answer::Reloaded { outcome: reloads.ask().await },
        Ok(question) => answer(&lines, question)
            .await
            .unwrap_or_else(|| Answer::Refused { cause: "the server is stopping".to_owned() }),
        Err(error) => Answer::Refused { cause: format!("not understood: {error}") },
    };
    let mut text = serde_json::to_string(&answer).map_err(std::io::Error::other)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await
}

/// What the workers say together: of the figures the sums, all else any of them knows.
async fn answer(lines: &Lines, question: Question) -> Option<Answer> {
    let mut answer = lines.ask(move |served, now| served.answer_question(now, question)).await?;
    if let Answer::Status(status) = &mut answer {
        status.figures.clear();
        let of_nodes = lines.ask_each(|served, _| served.figures()).await?;
        let of_connections = lines
            .connections()
            .map(|connections| connections.gauges().into_iter().chain(connections.counters()).collect());
        for figures in of_nodes.into_iter().chain(of_connections) {
            for (name, value) in figures {
                match status.figures.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, sum)) => *sum = sum.saturating_add(value),
                    None => status.figures.push((name.to_owned(), value)),
                }
            }
        }
    }
    Some(answer)
}

/// Asks the server of a data directory. `Ok(None)`: none is running there.
pub(crate) fn ask(data: &Path, question: &Question) -> std::io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(socket_path(data)) {
        Ok(stream) => stream,
        Err(error) => {
            return match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(error),
            };
        }
    };
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut text = serde_json::to_string(question).map_err(std::io::Error::other)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(u64::MAX)).read_line(&mut line)?;
    serde_json::from_str(&line).map(Some).map_err(std::io::Error::other)
}

/// Whether a server runs on a data directory.
pub(crate) fn is_running(data: &Path) -> bool {
    UnixStream::connect(socket_path(data)).is_ok()
}

/// Asks, and says in one line why there is no answer.
pub(crate) fn ask_or_say(place: &Place, question: &Question) -> Result<Answer, u8> {
    let config = settings::of_place(place).map_err(|error| {
        eprintln!("{error}");
        EXIT_CONFIG
    })?;
    let data = config.data;
    match ask(&data, question) {
        Ok(Some(Answer::Refused { cause })) => {
            eprintln!("ruf: {cause}");
            Err(EXIT_FAILED)
        }
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => {
            eprintln!(
                "ruf: no server is running with its data in {}; start one with ruf serve, or name its directory with --data",
                data.display()
            );
            Err(EXIT_FAILED)
        }
        Err(error) => {
            eprintln!("ruf: the server with its data in {} cannot be asked: {error}", data.display());
            Err(EXIT_FAILED)
        }
    }
}

/// `ruf bindings`.
pub(crate) fn bindings(place: &Place, json: bool) -> u8 {
    let bindings = match ask_or_say(place, &Question::Bindings) {
        Ok(Answer::Bindings { bindings }) => bindings,
        Ok(_) => return EXIT_FAILED,
        Err(status) => return status,
    };
    if json {
        for binding in &bindings {
            if let Ok(line) = serde_json::to_string(binding) {
                println!("{line}");
            }
        }
        return EXIT_OK;
    }
    if bindings.is_empty() {
        println!("nobody is registered");
        return EXIT_OK;
    }
    let widest = |field: fn(&BindingLine) -> &str, title: &str| {
        bindings.iter().map(|line| field(line).chars().count()).chain([title.len()]).max().unwrap_or(0)
    };
    let aor = widest(|line| &line.aor, "address");
    let contact = widest(|line| &line.contact, "contact");
    let flow = widest(|line| &line.flow, "reached by");
    println!(
        "{:aor$}  {:contact$}  {:flow$}  {:>7}  {:>5}  phone",
        "address", "contact", "reached by", "expires", "q"
    );
    for line in &bindings {
        println!(
            "{:aor$}  {:contact$}  {:flow$}  {:>6}s  {:>5}  {}",
            line.aor,
            line.contact,
            line.flow,
            line.expires_secs,
            line.q,
            plain_line(line.user_agent.as_deref().unwrap_or("-"))
        );
    }
    EXIT_OK
}

/// `ruf status`.
pub(crate) fn status(place: &Place, json: bool) -> u8 {
    let status = match ask_or_say(place, &Question::Status) {
        Ok(Answer::Status(status)) => status,
        Ok(_) => return EXIT_FAILED,
        Err(status) => return status,
    };
    if json {
        if let Ok(line) = serde_json::to_string(&status) {
            println!("{line}");
        }
        return EXIT_OK;
    }
    println!("ruf {}, up {} s", status.version, status.uptime_secs);
    println!("listening on  {}", status.listeners.join(" "));
    println!("serving       {}", status.domains.join(" "));
    if let Some(trouble) = &status.trouble {
        println!("trouble       {trouble}");
    }
    for (name, value) in &status.figures {
        println!("{name:<28}{value:>12}");
    }
    EXIT_OK
}

fn text(octets: &[u8]) -> Option<String> {
    (!octets.is_empty()).then(|| String::from_utf8_lossy(octets).into_owned())
}

impl BindingLine {
    /// What is shown of a binding.
    pub(crate) fn of(now: Tick, address: &AddressOfRecord, binding: &Binding) -> BindingLine {
        BindingLine {
            aor: address.to_string(),
            contact: binding.contact().to_string(),
            flow: format!("{} {}", binding.flow().transport, binding.flow().remote),
            expires_secs: binding.remaining_secs(now),
            q: format!("{}.{:03}", binding.q() / 1000, binding.q() % 1000),
            user_agent: text(binding.user_agent()),
            instance: binding.instance().as_deref().and_then(text),
            path: text(binding.path()),
        }
    }
}

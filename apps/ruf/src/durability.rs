//! Bindings over a restart: read at the start, and written by a thread of their own while the server runs.
//!
//! What is read and written is services/registrar's, how it reaches the disk io/store's. Here are the
//! thread, and the word to the workers whose answers wait for it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ruf_message::Entropy;
use ruf_net::Clock;
use ruf_registrar::{BINDINGS, Gruus, Outcome, Registrar};
use ruf_store::{Journal, QueueLimits, Store, Writer, WriterLimits};

use crate::config::{Config, Durability};
use crate::crew::Lines;
use crate::serve::Refused;
use crate::{keys, wall};

/// The bindings at the start.
pub(crate) struct Bindings {
    pub(crate) registrar: Registrar,
    /// `None`: RAM is all there is.
    journal: Option<(Store, Journal)>,
    groups: Arc<Groups>,
    pub(crate) trouble: Trouble,
}

/// Why bindings cannot be stored, as of the last try; clones are of the same.
#[derive(Clone, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<String>>>);

/// Groups of changes of bindings, each with one sync.
#[derive(Debug, Default)]
struct Groups {
    durable: AtomicU64,
    failed: AtomicU64,
}

/// What is counted of the journal; clones are of the same.
#[derive(Clone)]
pub(crate) struct Written {
    journal: Journal,
    groups: Arc<Groups>,
}

/// The thread that writes.
pub(crate) struct Writing(Option<(Journal, JoinHandle<()>)>);

/// Reads what was bound when the server stopped; `clock` is the one that the workers will live by.
pub(crate) fn load(
    config: &Config,
    store: &mut Store,
    gruus: Gruus,
    clock: Clock,
) -> Result<Bindings, Refused> {
    let (limits, entropy) = (config.limits.registrar(), Entropy::from_seed(keys::fresh()));
    if config.durability == Durability::Memory {
        let registrar = Registrar::new(limits, gruus, entropy);
        let (groups, trouble) = (Arc::default(), Trouble::default());
        return Ok(Bindings { registrar, journal: None, groups, trouble });
    }
    let epoch = wall::epoch(store, clock).map_err(Refused::config)?;
    let journal = Journal::new(QueueLimits::default());
    let from = (&*store, journal.clone());
    let (registrar, loaded) =
        Registrar::load(limits, gruus, entropy, from, (epoch, clock.now())).map_err(Refused::config)?;
    if loaded.unreadable > 0 || loaded.damaged_bytes > 0 {
        tracing::error!(
            "{} records of bindings and {} octets between them cannot be read and were skipped; all others are there, and those phones are once they register again",
            loaded.unreadable,
            loaded.damaged_bytes
        );
    }
    if loaded.bindings > 0 {
        tracing::info!("{} bindings are as they were", loaded.bindings);
    }
    let (groups, trouble) = (Arc::default(), Trouble::default());
    Ok(Bindings { registrar, journal: Some((store.clone(), journal)), groups, trouble })
}

impl Bindings {
    /// What is counted of the journal; `None`: there is none.
    pub(crate) fn written(&self) -> Option<Written> {
        let (_, journal) = self.journal.as_ref()?;
        Some(Written { journal: journal.clone(), groups: self.groups.clone() })
    }

    /// Begins to write. The worker of each number hears what became of what it appended.
    pub(crate) fn write(self, workers: Lines) -> io::Result<Writing> {
        let Some((store, journal)) = self.journal else { return Ok(Writing(None)) };
        let (registrar, trouble, groups) = (self.registrar, self.trouble, self.groups);
        let writer = Writer::new(store, BINDINGS, journal.clone(), WriterLimits::default());
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let settle = |outcome: &Outcome| registrar.settle(outcome);
            writer.run(settle, |outcome, error| {
                let count = if outcome.is_durable { &groups.durable } else { &groups.failed };
                count.fetch_add(1, Ordering::Relaxed);
                trouble.say(error);
                workers.tell(outcome.owners, move |served, now| served.committed(now, outcome));
            });
        })?;
        Ok(Writing(Some((journal, thread))))
    }
}

impl Written {
    /// What goes up and down, each with its name.
    pub(crate) fn gauges(&self) -> [(&'static str, u64); 1] {
        [("octets that wait for the journal", self.journal.queued_bytes() as u64)]
    }

    /// What only grows, each with its name.
    pub(crate) fn counters(&self) -> [(&'static str, u64); 2] {
        let Groups { durable, failed } = &*self.groups;
        [
            ("groups in the journal", durable.load(Ordering::Relaxed)),
            ("groups that could not be written", failed.load(Ordering::Relaxed)),
        ]
    }
}

impl Trouble {
    /// The sentence, if there is any.
    pub(crate) fn told(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps it, and logs once when it begins to fail, and once when it no longer does.
    fn say(&self, error: Option<&ruf_store::Error>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => {
                let sentence = format!("bindings cannot be stored, and phones are told so: {error}");
                if told.is_none() {
                    tracing::error!("{sentence}");
                }
                *told = Some(sentence);
            }
            None if told.take().is_some() => tracing::info!("bindings can be stored again"),
            None => {}
        }
    }
}

impl Writing {
    /// Writes what is queued, and ends.
    pub(crate) fn finish(self) {
        if let Some((journal, thread)) = self.0 {
            journal.close();
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

//! `ruf backup FILE` and `ruf restore FILE`: all that a server keeps, in one file.
//!
//! Not here: how it is written and proved (io/store).

use std::path::Path;

use crate::{EXIT_CONFIG, EXIT_OK, Place, settings};

/// What the data directory has beside its database: our own authority, without which no start is made
/// after one was there (ADR 10).
const BESIDE: [&str; 1] = ["tls"];

/// `ruf backup`; returns the exit status.
pub(crate) fn back_up(place: &Place, file: &Path) -> u8 {
    said(settings::of_place(place).map_err(|error| error.to_string()).and_then(|config| {
        ruf_store::back_up(&config.data, &BESIDE, file).map_err(|error| error.to_string())?;
        Ok(format!("{} holds what {} held", file.display(), config.data.display()))
    }))
}

/// `ruf restore`; returns the exit status.
pub(crate) fn restore(place: &Place, file: &Path) -> u8 {
    said(settings::of_place(place).map_err(|error| error.to_string()).and_then(|config| {
        let aside = ruf_store::restore(file, &BESIDE, &config.data).map_err(|error| error.to_string())?;
        let restored = format!("{} is as it was when {} was written", config.data.display(), file.display());
        Ok(match aside {
            Some(aside) => format!("{restored}\nwhat it held until now is in {}", aside.display()),
            None => restored,
        })
    }))
}

fn said(outcome: Result<String, String>) -> u8 {
    match outcome {
        Ok(text) => {
            println!("{text}");
            EXIT_OK
        }
        Err(cause) => {
            eprintln!("ruf: {cause}");
            EXIT_CONFIG
        }
    }
}

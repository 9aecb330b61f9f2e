//! The tasks of the exchange beside those of calls: one for each phone, one for each contact that is watched and each
//! mailbox, one for what is played.

use std::path::PathBuf;
use std::time::Duration;

use ruf_sip::device::Player;
use ruf_sip::{Dialer, Phone, Source, WatchEvent};
use tokio::sync::{mpsc, watch};

use super::super::sound::{Ends, SoundPlan};
use super::super::standing::Standing;
use super::Heard;
use crate::phone::recording::finish;

/// How long a frame is.
const FRAME: Duration = Duration::from_millis(20);

/// Tells what comes to a phone until it is to stop, then closes it.
pub(super) async fn listen(
    number: usize,
    mut phone: Phone,
    heard: mpsc::Sender<Heard>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            event = phone.next() => match event {
                // A screen that is gone hears nothing.
                Some(event) => drop(heard.send(Heard::Phone(number, event)).await),
                None => return,
            },
            _ = stop.changed() => break,
        }
    }
    phone.close().await;
}

/// Tells how a contact is until the phone is to stop.
pub(super) async fn watch(
    contact: usize,
    dialer: Dialer,
    address: String,
    heard: mpsc::Sender<Heard>,
    mut stop: watch::Receiver<bool>,
) {
    let Ok(mut watch) = dialer.watch(&address).await else { return };
    loop {
        let event = tokio::select! {
            event = watch.next() => event,
            _ = stop.changed() => return,
        };
        let standing = match event {
            Some(WatchEvent::Presence(presence)) => Standing::of(&presence),
            // What was known may be so no longer.
            Some(WatchEvent::Lost { .. } | WatchEvent::Ended(_)) => Standing::Unknown,
            Some(_) => continue,
            None => return,
        };
        // A screen that is gone hears nothing.
        let _ = heard.send(Heard::Standing(contact, standing)).await;
    }
}

/// Tells what waits in the mailbox of a phone until the phone is to stop; a server that has none says no more.
pub(super) async fn mailbox(
    account: usize,
    dialer: Dialer,
    heard: mpsc::Sender<Heard>,
    mut stop: watch::Receiver<bool>,
) {
    let Ok(mut watch) = dialer.mailbox().await else { return };
    loop {
        let event = tokio::select! {
            event = watch.next() => event,
            _ = stop.changed() => return,
        };
        let mailbox = match event {
            Some(WatchEvent::Mailbox(mailbox)) => Some(mailbox),
            // What was known may be so no longer.
            Some(WatchEvent::Lost { .. } | WatchEvent::Ended(_)) => None,
            Some(_) => continue,
            None => return,
        };
        // A screen that is gone hears nothing.
        let _ = heard.send(Heard::Mailbox(account, mailbox)).await;
    }
}

/// Plays a file to where calls are heard.
pub(super) async fn play(number: u64, file: PathBuf, sound: SoundPlan, heard: mpsc::Sender<Heard>) {
    let begun = Player::open(&file).map_err(|error| error.to_string());
    let outcome = match begun.and_then(|player| Ok((player, sound.ends()?))) {
        Ok((mut player, Ends { mut sink, recorder, .. })) => {
            let mut tick = tokio::time::interval(FRAME);
            while let Some(frame) = player.frame() {
                // What was late is caught up with: the sink has a little waiting.
                tick.tick().await;
                sink.hear(&frame);
            }
            match recorder {
                Some(recorder) => finish(recorder).await.trouble.map_or(Ok(()), Err),
                None => Ok(()),
            }
        }
        Err(why) => Err(why),
    };
    // A screen that is gone hears nothing.
    let _ = heard.send(Heard::Played(number, outcome)).await;
}

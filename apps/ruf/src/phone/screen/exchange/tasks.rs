//! The tasks of the exchange beside those of calls: one for each phone, one for each contact that is watched.

use ruf_sip::{Dialer, Phone, WatchEvent};
use tokio::sync::{mpsc, watch};

use super::super::standing::Standing;
use super::Heard;

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

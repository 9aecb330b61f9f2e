//! Says how somebody is, whenever that changes: `presence_watcher sip:bob@192.0.2.1:5060`

use ruf_sip::{Account, Phone};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let whom = std::env::args().nth(1).ok_or("usage: presence_watcher SIP-URI")?;
    let phone = Phone::open(Account::direct("watcher")).await?;
    let mut watch = phone.watch(&whom).await?;
    while let Some(event) = watch.next().await {
        println!("{event}");
    }
    Ok(())
}

//! Calls somebody and says what happens: `call ADDRESS`

use ruf_sip::{Account, Phone};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let to = std::env::args().nth(1).ok_or("usage: call ADDRESS")?;
    let phone = Phone::open(Account::direct("caller")).await?;
    let mut call = phone.call(&to).await?;
    while let Some(event) = call.next().await {
        println!("{event}");
    }
    Ok(())
}

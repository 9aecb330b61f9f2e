//! Registers, and says how it stands until the server ends it: `register ADDRESS PASSWORD SERVER`

use ruf_sip::{Account, Phone};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: register ADDRESS PASSWORD SERVER");
    let account = Account::new(&next()?)?.password(&next()?).server(&next()?)?;
    let mut phone = Phone::register(account).await?;
    println!("registered as {}", phone.aor());
    while let Some(event) = phone.next().await {
        println!("{event}");
    }
    Ok(())
}

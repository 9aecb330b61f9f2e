//! Answers every text with the same text, turned round: `message_bot IP:PORT`

use ruf_sip::{Account, Phone};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let at = std::env::args().nth(1).ok_or("usage: message_bot IP:PORT")?;
    let mut phone = Phone::open(Account::direct("bot").listen(at.parse()?)).await?;
    println!("listening at sip:{}", phone.address());
    while let Some(message) = phone.text().await {
        println!("{}: {}", message.from, message.text);
        let answer: String = message.text.chars().rev().collect();
        phone.message(&message.from, &answer).await?;
    }
    Ok(())
}

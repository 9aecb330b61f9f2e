//! Answers every call and says what it hears: `echo IP:PORT`

use ruf_sip::{Account, Phone};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let at = std::env::args().nth(1).ok_or("usage: echo IP:PORT")?;
    let mut phone = Phone::open(Account::direct("echo").listen(at.parse()?)).await?;
    println!("listening at sip:{}", phone.address());
    while let Some(incoming) = phone.incoming().await {
        let mut call = incoming.answer();
        call.echo();
        tokio::spawn(async move { println!("{}", call.ended().await) });
    }
    Ok(())
}

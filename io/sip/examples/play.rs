//! Calls somebody, plays a file, hangs up: `play ADDRESS FILE`

use std::time::Duration;

use ruf_sip::{Account, Phone, device::Player};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(to), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: play ADDRESS FILE".into());
    };
    let player = Player::open(file.as_ref())?;
    let length = Duration::from_millis(player.millis());
    let phone = Phone::open(Account::direct("player")).await?;
    let mut call = phone.call(&to).await?;
    call.answered().await?;
    call.say(player);
    tokio::time::sleep(length).await;
    call.hang_up();
    println!("{}", call.ended().await);
    Ok(())
}

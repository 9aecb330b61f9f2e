//! What became of a check, said in one line.

use crate::failure::Outcome;

/// Prints it, with what was seen if that is anything; whether it went well.
pub(crate) fn say(title: &str, outcome: Outcome<String>) -> bool {
    match &outcome {
        Ok(seen) if seen.is_empty() => println!("ok      {title}"),
        Ok(seen) => println!("ok      {title}: {seen}"),
        Err(failure) => println!("FAILED  {title}: {failure}"),
    }
    outcome.is_ok()
}

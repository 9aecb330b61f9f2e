//! Secrets on the command line and in files: as they are, or `@FILE`, which keeps them out of `ps`.

/// The secret that is meant.
///
/// # Errors
/// The file cannot be read. The secret itself is never repeated in a message.
pub(crate) fn read(given: &str) -> Result<String, String> {
    let Some(file) = given.strip_prefix('@') else { return Ok(given.to_owned()) };
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

//! Questions, asked on standard error and answered by a person at a terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use bottle_executors::engine::SecretValue;

use crate::exit::Fault;

/// Whether a person can answer.
pub(crate) fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a yes.
pub(crate) fn confirm(question: &str) -> Result<bool, Fault> {
    if !somebody_is_there() {
        return Err(Fault::usage("nobody is there to answer".to_owned(), "say `--yes` once you have seen it"));
    }
    let _ = write!(anstream::stderr(), "\n{question} [y/N] ");
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if !answer.ends_with('\n') {
        super::note("");
    }
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a secret, which is not shown.
pub(crate) fn ask(prompt: &str) -> Result<SecretValue, String> {
    if !std::io::stdin().is_terminal() {
        return Err(
            "it has to be typed in, and there is no terminal; give it by `{ env = \"NAME\" }` instead".to_owned()
        );
    }
    let shown = bottle_planner::render::harmless(prompt);
    rpassword::prompt_password(format!("{shown}: "))
        .map(|value| SecretValue::new(value.into_bytes()))
        .map_err(|error| error.to_string())
}

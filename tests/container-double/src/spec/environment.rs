//! `--env` and `--env-file`.

use std::env;
use std::fs;

use crate::failure::Failure;

/// The variables of env files and then of options: later ones of a name replace earlier ones.
pub(crate) fn variables(files: &[String], options: &[String]) -> Result<Vec<String>, Failure> {
    let mut all = vec![];
    for path in files {
        let content = fs::read(path).map_err(|_| Failure::new(format_args!("failed to read envfile at {path}")))?;
        let text = String::from_utf8(content)
            .map_err(|_| Failure::new(format_args!("env file {path} contains invalid utf8 bytes")))?;
        for line in text.lines() {
            all.extend(file_line(line)?);
        }
    }
    for option in options {
        match option.split_once('=') {
            Some(_) => all.push(option.clone()),
            None => all.extend(inherited(option)),
        }
    }
    Ok(all)
}

/// `later` over `earlier`, one value to a name.
pub(crate) fn over(earlier: &[String], later: &[String]) -> Vec<String> {
    let name = |variable: &String| variable.split('=').next().unwrap_or_default().to_owned();
    let mut all: Vec<String> = vec![];
    for variable in earlier.iter().chain(later) {
        all.retain(|other| name(other) != name(variable));
        all.push(variable.clone());
    }
    all
}

/// Quotes are part of a value, nothing is expanded.
fn file_line(line: &str) -> Result<Option<String>, Failure> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (line, None),
    };
    if name.is_empty() {
        return Err(Failure::new(format_args!("no variable name on line '{line}'")));
    }
    if name.contains(char::is_whitespace) {
        return Err(Failure::new(format_args!("variable '{name}' contains whitespaces")));
    }
    Ok(match value {
        Some(value) => Some(format!("{name}={value}")),
        None => inherited(name),
    })
}

fn inherited(name: &str) -> Option<String> {
    Some(format!("{name}={}", env::var(name).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_files_are_taken_as_they_stand() {
        assert_eq!(file_line("  A=\"b c\" ").unwrap().as_deref(), Some("A=\"b c\" "));
        assert_eq!(file_line("# A=b").unwrap(), None);
        assert_eq!(file_line("CONTAINER_DOUBLE_UNSET").unwrap(), None);
        assert_eq!(file_line("=x").unwrap_err().text, "Error: no variable name on line '=x'");
        assert_eq!(file_line("K =x").unwrap_err().text, "Error: variable 'K ' contains whitespaces");
    }

    #[test]
    fn later_variables_replace_earlier_ones() {
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(over(&text(&["A=1", "B=2"]), &text(&["A=3"])), text(&["B=2", "A=3"]));
    }
}

//! An argv against the grammar, by the rules of swift-argument-parser 1.8: clap's are others.
//!
//! Order of complaints: what is wrong with an option's value, then arguments that are missing, then options that are unknown, then
//! arguments too many.

use std::collections::BTreeMap;

use crate::grammar::{Argument, Command, Count, Kind, Opt, ROOT, Takes};
use crate::usage::{self, Usage};
use crate::words::{Name, What, Words};

/// What a command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The command by its full names: `["network", "delete"]`. `["help"]` and `["version"]` where only text is asked for.
    pub command: Vec<&'static str>,
    /// The values of options by long name without dashes (by the short one where there is no long one); of flags an empty value.
    /// One that does not collect has its last value only.
    pub options: BTreeMap<String, Vec<String>>,
    /// The arguments that the command names, in order, such as the image of `run`.
    pub arguments: Vec<String>,
    /// What goes to the process as it stands.
    pub rest: Vec<String>,
    /// The text that is asked for by `--help`.
    pub help: Option<String>,
}

impl Parsed {
    /// The value of an option that does not collect.
    pub fn value(&self, option: &str) -> Option<&str> {
        self.options.get(option)?.last().map(String::as_str)
    }

    /// All values of an option.
    pub fn values(&self, option: &str) -> &[String] {
        self.options.get(option).map_or(&[], Vec::as_slice)
    }

    /// Whether a flag is given.
    pub fn has(&self, flag: &str) -> bool {
        self.options.contains_key(flag)
    }
}

/// What of the grammar depends on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Whether the version is at least 1.2.1; otherwise it is 1.1.
    pub since_1_2: bool,
    /// Whether there is a command `network`: on macOS 26 there is.
    pub networks: bool,
    /// Whether the service runs, which decides what is said of a command that is unknown.
    pub up: bool,
}

impl Edition {
    /// 1.2.2 on macOS 26, the service running.
    pub const PINNED: Self = Self { since_1_2: true, networks: true, up: true };
}

/// Parses the words behind `container` by the grammar of 1.2.2 on macOS 26.
///
/// # Errors
/// What `container` refuses with exit code 64, in its own words.
pub fn parse(argv: &[String]) -> Result<Parsed, Usage> {
    parse_as(argv, Edition::PINNED)
}

/// Parses as another edition would.
///
/// # Errors
/// As for [`parse`].
pub fn parse_as(argv: &[String], edition: Edition) -> Result<Parsed, Usage> {
    let mut words = Words::of(argv);
    let mut parsed = Parsed::default();
    let mut path = vec![&ROOT];
    let mut command = &ROOT;
    loop {
        level(command, &path, &mut words, edition, &mut parsed)?;
        if parsed.help.is_some() {
            return Ok(parsed);
        }
        let next = words.elements.first().filter(|element| matches!(element.what, What::Value));
        let found = next.and_then(|element| command.find(words.text(element.word)).map(|found| (element.word, found)));
        match found.filter(|(_, found)| found.name != "network" || edition.networks) {
            Some((word, found)) => {
                words.remove(word, None);
                parsed.command.push(found.name);
                path.push(found);
                command = found;
            }
            None if command.name == ROOT.name => return root(&words, edition),
            None => break,
        }
    }
    if asks_for_help(&words) {
        return Ok(help(command, &path));
    }
    left_over(&words, command, &path, edition)?;
    if command.commands.is_empty() { Ok(parsed) } else { Ok(help(command, &path)) }
}

/// The words that no command of the table begins with: `help`, `--version`, and what would be a plugin.
fn root(words: &Words<'_>, edition: Edition) -> Result<Parsed, Usage> {
    if asks_for_help(words) {
        return Ok(help(&ROOT, &[&ROOT]));
    }
    let has =
        |name: &str| words.elements.iter().any(|e| matches!(&e.what, What::Option(Name::Long(l), _) if l == name));
    if has("version") {
        return Ok(Parsed { command: vec!["version"], ..Parsed::default() });
    }
    let Some(first) = words.elements.first() else { return Ok(help(&ROOT, &[&ROOT])) };
    let text = words.text(first.word);
    if text == "help" {
        let mut path = vec![&ROOT];
        for word in &words.argv[first.word + 1..] {
            let Some(next) = path.last().and_then(|command| command.find(word)) else { break };
            path.push(next);
        }
        return Ok(help(path.last().copied().unwrap_or(&ROOT), &path));
    }
    let message = match &first.what {
        What::Option(name, _) => format!("Unknown option '{name}'"),
        _ if edition.up => format!("Plugin 'container-{text}' not found."),
        _ => "Plugins are unavailable. Start the container system services and retry:\n\n    container system start\n"
            .into(),
    };
    Err(Usage::new(message, &[&ROOT]))
}

fn help(command: &Command, path: &[&'static Command]) -> Parsed {
    Parsed { command: vec!["help"], help: Some(usage::help(command, path)), ..Parsed::default() }
}

fn asks_for_help(words: &Words<'_>) -> bool {
    words.elements.iter().any(|element| match &element.what {
        What::Option(Name::Long(name), _) => name == "help",
        What::Option(Name::Short(name), _) => *name == 'h',
        _ => false,
    })
}

fn known(option: &Opt, edition: Edition) -> bool {
    let later = ["kernel-arg", "masked-path", "read-only-path"];
    edition.since_1_2 || !option.long.iter().any(|name| later.contains(name))
}

fn matching(command: &Command, name: &Name, edition: Edition) -> Option<&'static Opt> {
    command.all_options().filter(|option| known(option, edition)).find(|option| match name {
        Name::Long(name) => option.long.contains(&name.as_str()),
        Name::Short(letter) => option.short == Some(*letter),
        Name::LongWithOneDash(_) => false,
    })
}

/// Takes out of the words what one command of the path uses.
fn level(
    command: &'static Command,
    path: &[&'static Command],
    words: &mut Words<'_>,
    edition: Edition,
    parsed: &mut Parsed,
) -> Result<(), Usage> {
    let refuse = |message| Err(Usage::new(message, path));
    let passes_on = command.arguments.iter().any(|argument| matches!(argument.takes, Count::Rest { .. }));
    let named = command.arguments.iter().filter(|argument| !matches!(argument.takes, Count::Rest { .. })).count();
    let all = words.clone();
    let mut values = 0;
    let mut at = 0;
    while let Some(element) = words.elements.get(at).cloned() {
        match element.what {
            What::Value => {
                values += 1;
                at += 1;
                // A command of a group reads the options that follow it.
                if !command.commands.is_empty() {
                    break;
                }
                // Behind the last argument with a name, nothing is ours to read.
                if passes_on && values >= named {
                    let from = element.word + named.min(1);
                    parsed.rest = words.argv.get(from..).unwrap_or_default().to_vec();
                    words.elements.retain(|element| element.word < from);
                    break;
                }
            }
            What::Terminator => at += 1,
            What::Option(name, value) => {
                let Some(option) = matching(command, &name, edition) else {
                    at += 1;
                    continue;
                };
                let value = match (option.takes, value) {
                    (Takes::Nothing, None) => String::new(),
                    (Takes::Nothing, Some(value)) => {
                        return refuse(format!(
                            "The option '{name}' does not take any value, but '{value}' was specified."
                        ));
                    }
                    (Takes::Value(..), Some(value)) => value,
                    (Takes::Value(value_name, _), None) => {
                        let Some(word) = words.value_after(element.word) else {
                            return refuse(format!("Missing value for '{name} <{value_name}>'"));
                        };
                        words.remove(word, None);
                        words.text(word).to_owned()
                    }
                };
                if let Takes::Value(value_name, kind) = option.takes {
                    check(&name, value_name, kind, &value).map_err(|message| Usage::new(message, path))?;
                }
                words.remove(element.word, element.letter);
                let before = words.elements.iter().position(|e| (e.word, e.letter) > (element.word, element.letter));
                at = before.unwrap_or(words.elements.len());
                let values = parsed.options.entry(option.key()).or_default();
                if !option.many {
                    values.clear();
                }
                values.push(value);
            }
        }
    }
    positionals(command, words, parsed).or_else(|missing| {
        if asks_for_help(&all) {
            *parsed = help(command, path);
            return Ok(());
        }
        refuse(missing)
    })
}

fn positionals(command: &Command, words: &mut Words<'_>, parsed: &mut Parsed) -> Result<(), String> {
    for argument in command.arguments {
        let missing = || Err(format!("Missing expected argument '{}'", usage::argument(argument, false)));
        let mut next = || {
            let word = words.elements.iter().find(|element| matches!(element.what, What::Value))?.word;
            words.remove(word, None);
            Some(words.text(word).to_owned())
        };
        match argument.takes {
            Count::One => match next() {
                Some(text) => parsed.arguments.push(text),
                None => return missing(),
            },
            Count::Optional => parsed.arguments.extend(next()),
            Count::Any | Count::Some => {
                let given: Vec<String> = std::iter::from_fn(next).collect();
                if given.is_empty() && argument.takes == Count::Some {
                    return missing();
                }
                parsed.arguments.extend(given);
            }
            Count::Rest { needed } => {
                if parsed.rest.is_empty() && needed {
                    return missing();
                }
            }
        }
    }
    Ok(())
}

fn check(name: &Name, value_name: &str, kind: Kind, value: &str) -> Result<(), String> {
    let invalid = format!("The value '{value}' is invalid for '{name} <{value_name}>'");
    match kind {
        Kind::Text => Ok(()),
        // Digits only: whether a sign is taken is not known.
        Kind::Number(most) => {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let fits = digits && value.parse::<u64>().is_ok_and(|number| number <= most);
            if fits { Ok(()) } else { Err(invalid) }
        }
        Kind::OneOf(values) if values.contains(&value) => Ok(()),
        Kind::OneOf(values) => {
            let quoted: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
            let list = match quoted.split_last() {
                Some((last, before)) if before.len() > 1 => format!("{} or {last}", before.join(", ")),
                _ => quoted.join(" and "),
            };
            Err(format!("{invalid}. Please provide one of {list}."))
        }
    }
}

fn left_over(words: &Words<'_>, command: &Command, path: &[&'static Command], edition: Edition) -> Result<(), Usage> {
    let name = words.elements.iter().find_map(|element| match &element.what {
        What::Option(name, _) => Some(name),
        _ => None,
    });
    if let Some(name) = name {
        return Err(Usage::new(
            usage::unknown(command.all_options().filter(|option| known(option, edition)), name),
            path,
        ));
    }
    let values = words.elements.iter().filter(|element| matches!(element.what, What::Value));
    let values: Vec<&str> = values.map(|element| words.text(element.word)).collect();
    match values.as_slice() {
        [] => Ok(()),
        [value] => Err(Usage::new(format!("Unexpected argument '{value}'"), path)),
        values => Err(Usage::new(format!("{} unexpected arguments: '{}'", values.len(), values.join("', '")), path)),
    }
}

/// For [`usage`]: whether an argument must be there.
pub(crate) fn is_needed(argument: &Argument) -> bool {
    matches!(argument.takes, Count::One | Count::Some | Count::Rest { needed: true })
}

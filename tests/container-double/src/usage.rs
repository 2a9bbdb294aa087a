//! What is said of a command line that is refused, and of how to use one.

use crate::grammar::{Argument, Command, Count, Opt, Takes};
use crate::parse::is_needed;
use crate::words::Name;

/// A command line that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    message: String,
    usage: String,
}

impl Usage {
    /// The exit code.
    pub const EXIT: u8 = 64;

    pub(crate) fn new(message: String, path: &[&'static Command]) -> Self {
        Self { message, usage: usage(path) }
    }

    /// What is wrong, without `Error: ` and the usage line.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The whole text that goes to stderr. The line `Help:` that swift-argument-parser adds for some is left out: its texts are not known.
impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Error: {}\n{}", self.message, self.usage)
    }
}

impl std::error::Error for Usage {}

fn name(path: &[&'static Command]) -> String {
    path.iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

fn usage(path: &[&'static Command]) -> String {
    let name = name(path);
    let line = path.last().map(|command| synopsis(command, &name)).unwrap_or_default();
    format!("Usage: {line}\n  See '{name} --help' for more information.")
}

fn synopsis(command: &Command, name: &str) -> String {
    if !command.commands.is_empty() {
        return format!("{name} [--debug] <subcommand>");
    }
    let options: Vec<&Opt> = command.all_options().filter(|option| !option.hidden).collect();
    let arguments = command.arguments.iter().map(|each| argument(each, true));
    // Above twelve parts, only what must be there and the arguments are shown.
    let parts: Vec<String> = if options.len() + command.arguments.len() > 12 {
        std::iter::once("[<options>]".to_owned()).chain(arguments).collect()
    } else {
        options.into_iter().map(option).chain(arguments).collect()
    };
    format!("{name} {}", parts.join(" "))
}

fn option(option: &Opt) -> String {
    let name = option.long.first().map_or_else(|| format!("-{}", option.key()), |long| format!("--{long}"));
    match option.takes {
        Takes::Nothing => format!("[{name}]"),
        Takes::Value(value, _) if option.many => format!("[{name} <{value}> ...]"),
        Takes::Value(value, _) => format!("[{name} <{value}>]"),
    }
}

pub(crate) fn argument(argument: &Argument, bracketed: bool) -> String {
    let many = matches!(argument.takes, Count::Any | Count::Some | Count::Rest { .. });
    let text = format!("<{}>{}", argument.name, if many { " ..." } else { "" });
    if bracketed && !is_needed(argument) { format!("[{text}]") } else { text }
}

/// The text of `--help`, without the descriptions.
pub(crate) fn help(command: &Command, path: &[&'static Command]) -> String {
    let mut text =
        format!("OVERVIEW: a double of Apple's `container` for tests\n\nUSAGE: {}\n", synopsis(command, &name(path)));
    if !command.arguments.is_empty() {
        text.push_str("\nARGUMENTS:\n");
        text.extend(command.arguments.iter().map(|argument| format!("  <{}>\n", argument.name)));
    }
    text.push_str("\nOPTIONS:\n");
    for option in command.all_options().filter(|option| !option.hidden) {
        let short = option.short.map(|letter| format!("-{letter}"));
        let names: Vec<String> = short.into_iter().chain(option.long.iter().map(|long| format!("--{long}"))).collect();
        let value = match option.takes {
            Takes::Nothing => String::new(),
            Takes::Value(value, _) => format!(" <{value}>"),
        };
        text.push_str(&format!("  {}{value}\n", names.join(", ")));
    }
    text.push_str("  -h, --help\n");
    if !command.commands.is_empty() {
        text.push_str("\nSUBCOMMANDS:\n");
        text.extend(
            command
                .commands
                .iter()
                .map(|command| format!("  {}\n", [&[command.name], command.aliases].concat().join(", "))),
        );
    }
    text
}

/// What is said of an option that a command does not know: with a near one where there is one.
pub(crate) fn unknown(options: impl Iterator<Item = &'static Opt>, name: &Name) -> String {
    let text = name.to_string();
    let near = options
        .flat_map(|option| option.long.iter().map(|long| format!("--{long}")))
        .map(|long| (strsim::levenshtein(&long, &text), long))
        .filter(|(distance, _)| *distance < 4 && !matches!(name, Name::Short(_)))
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((_, near)) => format!("Unknown option '{text}'. Did you mean '{near}'?"),
        None => format!("Unknown option '{text}'"),
    }
}

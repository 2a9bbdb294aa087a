//! The grammar of the command line, as data.

mod tables;

pub(crate) use tables::ROOT;

/// A command, with what stands under it.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// Groups of options, in the order of the usage line.
    pub(crate) options: &'static [&'static [Opt]],
    pub(crate) arguments: &'static [Argument],
    pub(crate) commands: &'static [Command],
}

/// An option.
#[derive(Clone, Copy)]
pub(crate) struct Opt {
    /// Long names without dashes. The first is the name in [`crate::Parsed`].
    pub(crate) long: &'static [&'static str],
    pub(crate) short: Option<char>,
    pub(crate) takes: Takes,
    /// Whether values are collected. Otherwise the last one wins.
    pub(crate) many: bool,
    pub(crate) hidden: bool,
}

/// What an option takes.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    Nothing,
    /// A value, by the name that usage lines give it.
    Value(&'static str, Kind),
}

/// What a value must be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// A whole number from 0 to this.
    Number(u64),
    OneOf(&'static [&'static str]),
}

/// A positional argument.
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) takes: Count,
}

/// How many.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    One,
    Optional,
    Any,
    Some,
    /// All the rest, as it stands. `needed`: at least one.
    Rest {
        needed: bool,
    },
}

impl Command {
    const fn new(name: &'static str) -> Self {
        Self { name, aliases: &[], options: &[], arguments: &[], commands: &[] }
    }

    const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn options(mut self, options: &'static [&'static [Opt]]) -> Self {
        self.options = options;
        self
    }

    const fn arguments(mut self, arguments: &'static [Argument]) -> Self {
        self.arguments = arguments;
        self
    }

    const fn commands(mut self, commands: &'static [Self]) -> Self {
        self.commands = commands;
        self
    }

    pub(crate) fn find(&self, name: &str) -> Option<&'static Self> {
        self.commands.iter().find(|command| command.name == name || command.aliases.contains(&name))
    }

    pub(crate) fn all_options(&self) -> impl Iterator<Item = &'static Opt> {
        self.options.iter().copied().flatten().chain(tables::LOGGING)
    }
}

impl Opt {
    const fn flag(long: &'static [&'static str]) -> Self {
        Self { long, short: None, takes: Takes::Nothing, many: false, hidden: false }
    }

    const fn text(long: &'static [&'static str], value: &'static str) -> Self {
        Self { long, short: None, takes: Takes::Value(value, Kind::Text), many: false, hidden: false }
    }

    const fn number(long: &'static [&'static str], value: &'static str, most: u64) -> Self {
        Self { long, short: None, takes: Takes::Value(value, Kind::Number(most)), many: false, hidden: false }
    }

    const fn one_of(long: &'static [&'static str], value: &'static str, values: &'static [&'static str]) -> Self {
        Self { long, short: None, takes: Takes::Value(value, Kind::OneOf(values)), many: false, hidden: false }
    }

    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    const fn many(mut self) -> Self {
        self.many = true;
        self
    }

    const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// The name in [`crate::Parsed`]: a long one, or the short one where there is no other.
    pub(crate) fn key(&self) -> String {
        self.long.first().map_or_else(|| self.short.map(String::from).unwrap_or_default(), |long| (*long).to_owned())
    }
}

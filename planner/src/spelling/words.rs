//! A command line in the making. What is said as an option is an input too, so that nothing can be part of an argv and not of its digest.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::intent::{
    ArchiveEntry, Content, CopyIn, EnvSource, Exec, ExecStdin, MountSource, ObjectName, Owner, Secret, Tracking, Word,
};
use crate::operation::{Action, Arg, Command, Input, Part, Stdin};

#[derive(Default)]
pub(super) struct Words {
    command: Command,
    inputs: Vec<Input>,
}

impl Words {
    /// Begins with words that are the same for every operation of a kind.
    pub(super) fn of(words: &[&str]) -> Self {
        let mut begun = Self::default();
        begun.command.argv.extend(words.iter().copied().map(Arg::from));
        begun
    }

    fn input(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.inputs.push(Input { name: name.into(), value: value.into() });
    }

    /// A word with the name of the object itself. It is no input: its address stands for it.
    pub(super) fn name(self, before: &str, name: &ObjectName) -> Self {
        self.word(vec![Part::Literal(format!("{before}{name}"))])
    }

    /// A word that names an object that is there, and is no input.
    pub(super) fn object(self, object: &ObjectName) -> Self {
        self.word(vec![Part::Object(object.clone())])
    }

    /// A word that is no input.
    pub(super) fn word(mut self, parts: Vec<Part>) -> Self {
        self.command.argv.push(Arg(parts));
        self
    }

    /// A flag.
    pub(super) fn flag(mut self, flag: &str) -> Self {
        self.input(flag.trim_start_matches('-'), "yes");
        self.command.argv.push(Arg::from(flag));
        self
    }

    /// A flag where a condition holds.
    pub(super) fn flag_if(self, condition: bool, flag: &str) -> Self {
        if condition { self.flag(flag) } else { self }
    }

    /// An option with a value.
    pub(super) fn option(self, option: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        let mut words = self.word(vec![Part::Literal(format!("{option}={value}"))]);
        words.input(option.trim_start_matches('-'), value);
        words
    }

    /// An option with a value, where there is one.
    pub(super) fn option_if(self, option: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.option(option, value),
            None => self,
        }
    }

    /// An option `KEY=VALUE`: each key is an input of its own.
    pub(super) fn pair(self, option: &str, key: &str, value: &str) -> Self {
        let mut words = self.word(vec![Part::Literal(format!("{option}={key}={value}"))]);
        words.input(format!("{} {key}", option.trim_start_matches('-')), value);
        words
    }

    /// An option whose value has typed parts; the input is named. Option and value are one word, so that a value which begins with a
    /// dash stays one.
    pub(super) fn typed(mut self, option: &str, input: &str, parts: Vec<Part>) -> Self {
        self.input(input, Arg(parts.clone()).to_string());
        self.word(std::iter::once(Part::Literal(format!("{option}="))).chain(parts).collect())
    }

    /// `--env=NAME`: the value reaches the command by its own environment, and nothing else.
    pub(super) fn secret(self, option: &str, variable: &str, secret: &Secret) -> Self {
        let parts = vec![Part::Literal(format!("{option}=")), Part::SecretName(variable.to_owned())];
        let mut words = self.word(parts);
        words.input(format!("{} {variable}", option.trim_start_matches('-')), secret.to_string());
        words.command.env.push((variable.to_owned(), secret.clone()));
        words
    }

    /// A word that is an input.
    pub(super) fn operand(mut self, input: &str, value: &str) -> Self {
        self.input(input, value);
        self.command.argv.push(Arg::from(value));
        self
    }

    /// Words handed to a program in a container: one input.
    pub(super) fn operands(mut self, input: &str, values: &[String]) -> Self {
        if !values.is_empty() {
            self.input(input, format!("{values:?}"));
        }
        self.command.argv.extend(values.iter().map(|value| Arg::from(value.as_str())));
        self
    }

    /// Words handed to a program in a container, some of which are known later: one input.
    pub(super) fn typed_operands(mut self, input: &str, values: &[Word]) -> Self {
        let args: Vec<Arg> = values.iter().map(Arg::from_word).collect();
        if !args.is_empty() {
            self.input(input, format!("{:?}", args.iter().map(ToString::to_string).collect::<Vec<_>>()));
        }
        self.command.argv.extend(args);
        self
    }

    /// What a program in a container reads: it is an input, and asks for `--interactive`.
    pub(super) fn reading(self, stdin: &ExecStdin) -> Self {
        match stdin {
            ExecStdin::Nothing => self,
            ExecStdin::Secret(secret) => {
                self.flag("--interactive").content("stdin", secret.to_string()).stdin(Stdin::Secret(secret.clone()))
            }
            ExecStdin::Text(text) => {
                let text: Vec<Part> = text.iter().map(Part::of_word).collect();
                let shown = Arg(text.clone()).to_string();
                self.flag("--interactive").content("stdin", shown).stdin(Stdin::Text(text))
            }
        }
    }

    /// An input that stands in no argv: content.
    pub(super) fn content(mut self, input: impl Into<String>, value: impl Into<String>) -> Self {
        self.input(input, value);
        self
    }

    /// A file that is put into a guest: content.
    pub(super) fn file(mut self, path: &str, value: String) -> Self {
        self.inputs.push(Input::of_file(path, value));
        self
    }

    /// What a copy puts into a guest: each file with where it comes from, whose it is and its mode, as a stream.
    pub(super) fn copied(mut self, copy: &CopyIn) -> Self {
        if let Tracking::Content(content) = &copy.tracked {
            self = self.content("content", content.to_string());
        }
        for entry in &copy.files.entries {
            self = self.file(&entry.path, described(entry));
        }
        self.stdin(Stdin::Archive { files: copy.files.clone(), base: copy.into.clone() })
    }

    /// The variables of a container, literals in full and secrets by name.
    pub(super) fn variables(self, env: &BTreeMap<String, EnvSource>) -> Self {
        env.iter().fold(self, |words, (name, source)| match source {
            EnvSource::Literal(value) => words.pair("--env", name, value),
            EnvSource::Secret(secret) => words.secret("--env", name, secret),
        })
    }

    /// A command in a running container; both engines spell it alike.
    pub(super) fn executed(self, exec: &Exec) -> Self {
        let words = self.option_if("--user", exec.user.as_deref());
        let words = exec.env.iter().fold(words, |words, (name, value)| words.pair("--env", name, value));
        words.reading(&exec.stdin).object(&exec.container).typed_operands("command", &exec.command)
    }

    /// What the command reads.
    pub(super) fn stdin(mut self, stdin: Stdin) -> Self {
        self.command.stdin = stdin;
        self
    }

    pub(super) fn spelled(self) -> super::Spelled {
        super::Spelled { action: Action::Command(self.command), inputs: self.inputs }
    }

    /// As a process that goes on by itself.
    pub(super) fn process(self) -> super::Spelled {
        super::Spelled { action: Action::Process(self.command), inputs: self.inputs }
    }

    pub(super) fn command(self) -> Command {
        self.command
    }
}

/// Where a mount comes from, as a part of a word.
pub(super) fn mount_source(source: &MountSource) -> Part {
    match source {
        MountSource::Host(path) => Part::HostPath(path.clone()),
        MountSource::Stage(name) => Part::Stage(name.clone()),
    }
}

/// An archive's entry in words: where it comes from, whose it is, its mode.
fn described(entry: &ArchiveEntry) -> String {
    let from = match &entry.content {
        Content::Folder => "folder".to_owned(),
        Content::Text(text) => format!("text {}", Digest::of(text.as_bytes())),
        Content::Host(path) => format!("from {path}"),
    };
    let owner = match &entry.owner {
        Owner::Id { uid, gid } => format!("{uid}:{gid}"),
        Owner::Name(name) => name.clone(),
    };
    let mode = entry.mode.map_or_else(String::new, |mode| format!(", mode {mode:04o}"));
    format!("{from}, owner {owner}{mode}")
}

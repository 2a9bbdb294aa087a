//! An argv taken apart as swift-argument-parser does it.

/// The name of an option as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// `--name`.
    Long(String),
    /// `-n`.
    Short(char),
    /// `-name`. No option here is declared so: it is either a group of short ones or unknown.
    LongWithOneDash(String),
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Long(name) => write!(f, "--{name}"),
            Self::Short(name) => write!(f, "-{name}"),
            Self::LongWithOneDash(name) => write!(f, "-{name}"),
        }
    }
}

/// One part of one word.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// Which word of the argv.
    pub(crate) word: usize,
    /// Which letter of a group; `None` for the whole word.
    pub(crate) letter: Option<usize>,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Value,
    Option(Name, Option<String>),
    Terminator,
}

/// The elements that nothing has used yet.
#[derive(Clone, Debug)]
pub(crate) struct Words<'argv> {
    pub(crate) argv: &'argv [String],
    pub(crate) elements: Vec<Element>,
}

impl<'argv> Words<'argv> {
    pub(crate) fn of(argv: &'argv [String]) -> Self {
        let mut elements = vec![];
        let mut ended = false;
        for (word, text) in argv.iter().enumerate() {
            let whole = |what| Element { word, letter: None, what };
            if ended || text == "-" || !text.starts_with('-') {
                elements.push(whole(What::Value));
            } else if text == "--" {
                ended = true;
                elements.push(whole(What::Terminator));
            } else if let Some(long) = text.strip_prefix("--") {
                let (name, value) = split_value(long);
                elements.push(whole(What::Option(Name::Long(name.to_owned()), value)));
            } else {
                let (name, value) = split_value(&text[1..]);
                let mut letters = name.chars();
                match (letters.next(), letters.next()) {
                    (Some(letter), None) => elements.push(whole(What::Option(Name::Short(letter), value))),
                    _ => {
                        let group = value.is_none();
                        elements.push(whole(What::Option(Name::LongWithOneDash(name.to_owned()), value)));
                        let letters = name.chars().enumerate().filter(|_| group);
                        elements.extend(letters.map(|(number, letter)| Element {
                            word,
                            letter: Some(number),
                            what: What::Option(Name::Short(letter), None),
                        }));
                    }
                }
            }
        }
        Self { argv, elements }
    }

    pub(crate) fn text(&self, word: usize) -> &'argv str {
        &self.argv[word]
    }

    /// Takes an element out. With one letter of a group, the group as a whole has been used too; with the whole word, its letters.
    pub(crate) fn remove(&mut self, word: usize, letter: Option<usize>) {
        self.elements.retain(|element| {
            element.word != word || (letter.is_some() && element.letter.is_some() && element.letter != letter)
        });
    }

    /// The value right behind an element, or behind the group that it is in.
    pub(crate) fn value_after(&self, word: usize) -> Option<usize> {
        let next = self.elements.iter().find(|element| element.word > word)?;
        matches!(next.what, What::Value).then_some(next.word)
    }
}

fn split_value(text: &str) -> (&str, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    }
}

//! From bytes to a manifest: the text, the top level, and every bottle.

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::DeTable;

use super::error::{Code, ManifestError, ManifestErrors};
use super::keys;
use super::layer::{Layer, NamedLayer};
use super::model::{Image, Manifest};
use super::read::Reader;
use crate::source::Files;

/// The longest manifest, in bytes: 1 MiB.
pub const LONGEST: usize = 1 << 20;

/// The least that a manifest says.
const LEAST: &str = "version = 1\nname = \"acme\"\n\n[bottle.implementer]\nimage = { build = \".\" }";

/// Reads a manifest and checks all of it, the files that it names included.
///
/// `name` is the file's name as errors show it. What stands in the files is not read, only that they are there.
///
/// # Errors
/// Everything that is wrong, each with its place. When the text is not TOML, or of a version that is not known, only that.
pub fn parse(name: &str, bytes: &[u8], files: &dyn Files) -> Result<Manifest, ManifestErrors> {
    let text = match text(bytes) {
        Ok(text) => text,
        Err(error) => {
            let shown = if bytes.len() > LONGEST { &[] } else { bytes };
            return Err(ManifestErrors::new(name, &String::from_utf8_lossy(shown), vec![*error]));
        }
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(ManifestErrors::new(name, text, syntax(text, &errors)));
    }
    let mut reader = Reader::new(files);
    let manifest = manifest(&mut reader, document.get_ref());
    match manifest {
        Some(manifest) if reader.errors.is_empty() => Ok(manifest),
        _ => Err(ManifestErrors::new(name, text, reader.errors)),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Box<ManifestError>> {
    if bytes.len() > LONGEST {
        let error = ManifestError::whole(Code::TooLarge, format!("a manifest of {} bytes is too large", bytes.len()));
        return Err(Box::new(
            error.help("at most 1 MiB is read, which is thousands of bottles; is this the right file?"),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let message = format!("the byte at offset {offset} is not UTF-8");
        ManifestError::at(Code::NotUtf8, offset..offset + 1, message)
            .label("this byte")
            .help("TOML is UTF-8; save the file in that encoding")
    })?;
    // A byte order mark is allowed and says nothing.
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        let error = ManifestError::whole(Code::Empty, "the manifest is empty");
        return Err(Box::new(error.help(format!("this is enough to begin with:\n{LEAST}"))));
    }
    Ok(text)
}

/// What the TOML parser found, one error to a line: what it says after the first is about where it took up again.
fn syntax(text: &str, errors: &[toml::de::Error]) -> Vec<ManifestError> {
    let mut found = Vec::new();
    let mut end_of_line = None;
    let mut errors: Vec<_> = errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
    errors.sort_by_key(|(span, _)| span.start);
    for (span, message) in errors {
        if end_of_line.is_some_and(|end| span.start <= end) {
            continue;
        }
        end_of_line = text.get(span.start..).map(|rest| span.start + rest.find('\n').unwrap_or(rest.len()));
        found.push(
            ManifestError::at(Code::Syntax, span, format!("this is not TOML: {message}"))
                .help("nothing else can be checked until the text can be taken apart"),
        );
    }
    found
}

fn manifest(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<Manifest> {
    if !reader.version(table) {
        return None;
    }
    let (mut name, mut pool, mut sidecar) = (None, None, (None, None));
    let mut defaults = Layer::default();
    let mut layers = IndexMap::new();
    for (key, _, value) in reader.entries(&keys::MANIFEST, table) {
        match key.name {
            "name" => name = reader.project_name(key, value),
            "network" => pool = reader.pool(value),
            "sidecar" => sidecar = reader.sidecar(value),
            "defaults" => {
                if let Some(table) = reader.table(key, value) {
                    defaults = reader.layer(table);
                    reader.no_heritage(&defaults);
                    reader.gives_nothing_up(&defaults, "`defaults`");
                }
            }
            "bottle" => {
                let Some(bottles) = reader.table(key, value) else { continue };
                for (name, value) in bottles {
                    let checked = reader.bottle_name(name.get_ref(), name.span());
                    let Some(table) = reader.table(key, value) else { continue };
                    let layer = reader.layer(table);
                    // A bottle with a bad name is still one that others may extend.
                    let name = Spanned::new(name.span(), name.get_ref().to_string());
                    layers.insert(name.get_ref().clone(), NamedLayer { name, checked, layer });
                }
            }
            _ => {}
        }
    }
    if !table.contains_key("name") {
        reader.missing_key(&keys::MANIFEST, "name", 0..0);
    }
    let bottles = reader.merge(&defaults, &layers);
    let pool = match pool {
        Some(pool) => pool,
        None => Manifest::DEFAULT_POOL.parse().ok()?,
    };
    let sidecar_image = sidecar.0.unwrap_or_else(|| Image::Ref(Manifest::DEFAULT_SIDECAR.to_owned()));
    let sidecar_resolvers = sidecar.1.unwrap_or_else(|| vec![Manifest::DEFAULT_RESOLVER]);
    Some(Manifest { name: name?, pool, sidecar_image, sidecar_resolvers, bottles })
}

//! Images: those of the engine. No registry is asked: what the engine has can be "pulled".

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::{Engine, docker};
use crate::failure::Failure;

/// An image as the engine describes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described {
    id: String,
    pub(crate) config: serde_json::Value,
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) architecture: String,
}

impl Described {
    /// 64 hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        self.id.trim_start_matches("sha256:").to_owned()
    }
}

impl Engine {
    pub(crate) fn image(&self, name: &str) -> Option<Described> {
        let output = docker(&["image", "inspect", "--format", "{{json .}}", name]).ok()?;
        serde_json::from_slice(&output.stdout).ok().filter(|_| output.status.success())
    }

    /// `docker build` with these words: its log goes to stderr.
    pub(crate) fn build(&self, words: &[String], folder: &Path) -> Result<(), Failure> {
        let output = Command::new("docker")
            .arg("build")
            .args(words)
            .arg(folder)
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit())
            .output()?;
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        if output.status.success() { Ok(()) } else { Err(Failure::new("unknown: \"build failed\"")) }
    }

    pub(crate) fn tag_image(&self, digest: &str, name: &str) -> Result<(), Failure> {
        super::must(&["tag", &format!("sha256:{digest}"), name]).map(drop)
    }

    /// Takes a name from an image, if it still is this image's name.
    pub(crate) fn forget_image(&self, name: &str, digest: &str) {
        if self.image(name).is_some_and(|image| image.digest() == digest) {
            let _ = docker(&["image", "rm", name]);
        }
    }

    pub(crate) fn save_images(&self, names: &[String], output: &Path) -> Result<(), Failure> {
        let output = output.display().to_string();
        super::must(&super::with(&["save", "--output", &output], names)).map(drop)
    }

    /// The names in an archive.
    pub(crate) fn load_images(&self, input: &Path) -> Result<Vec<String>, Failure> {
        let text = super::must(&["load", "--input", &input.display().to_string()])?;
        Ok(text.lines().filter_map(|line| line.strip_prefix("Loaded image: ")).map(str::to_owned).collect())
    }
}

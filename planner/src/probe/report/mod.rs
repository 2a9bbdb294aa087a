//! A verification as text, JSON and Markdown.

mod json;
mod markdown;
mod text;

pub use json::{VERIFICATION_FORMAT, VERIFICATION_VERSION};

use super::outcome::Verification;

impl Verification {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        text::text(self)
    }

    /// For machines: docs/verify.md.
    #[must_use]
    pub fn json(&self) -> String {
        json::json(self)
    }

    /// For a comment on a pull request.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::markdown(self)
    }

    /// What it came to, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let (proven, refuted, unknown) = self.count();
        let bottles = match self.bottles.len() {
            1 => "1 bottle".to_owned(),
            count => format!("{count} bottles"),
        };
        let quick = if self.quick { ", asked quickly" } else { "" };
        format!(
            "{} on {}: {bottles}{quick}: of what the plan claims, {proven} proven, {refuted} refuted, {unknown} unknown",
            self.project, self.profile
        )
    }
}

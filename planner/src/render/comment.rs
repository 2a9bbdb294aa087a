//! A comment on a pull request: what a reviewer must see on top, the rest folded, within what forges take, and safe against markup.
//!
//! Whatever comes from a manifest stands in a fenced block or a code span that its own text cannot end, with every deceiving character
//! written out. There, forges see no mentions, references, links or HTML.

use std::fmt::Write as _;

use super::harmless;

/// The longest comment, in bytes. GitHub takes 65,536 characters; where a forge keeps comments in a MySQL `TEXT` they end at 65,535 bytes.
/// Counting bytes keeps to both, and the rest is room for what a workflow puts around it.
pub const LONGEST_COMMENT: usize = 65_000;
/// The longest line in a comment, in bytes.
const LONGEST_LINE: usize = 2_000;
/// Backticks in a row are written out from this length on: a fence has to be longer than all of them.
const LONGEST_TICKS: usize = 16;
/// What a block takes beside its lines: fences, folding, and the line that says what is left out.
const AROUND: usize = 400;

/// A part of a block that is shown whole or not at all.
pub(crate) struct Piece {
    text: String,
    operation: bool,
}

impl Piece {
    pub(crate) fn line(line: &str) -> Self {
        Self { text: safe(line), operation: false }
    }

    /// A heading, apart from what stands before it.
    pub(crate) fn heading(title: &str) -> Self {
        Self::line(&format!("\n{title}"))
    }

    /// An operation with all its lines.
    pub(crate) fn operation(lines: &str) -> Self {
        Self { text: safe(lines), operation: true }
    }

    /// All lines of a text, each by itself.
    pub(crate) fn lines(text: &str) -> Vec<Self> {
        text.trim_matches('\n').lines().map(Self::line).collect()
    }
}

/// A fenced block.
pub(crate) struct Block {
    folded: Option<&'static str>,
    pieces: Vec<Piece>,
}

impl Block {
    pub(crate) fn open(pieces: Vec<Piece>) -> Self {
        Self { folded: None, pieces }
    }

    pub(crate) fn folded(summary: &'static str, pieces: Vec<Piece>) -> Self {
        Self { folded: Some(summary), pieces }
    }

    fn length(&self) -> usize {
        self.pieces.iter().map(|piece| piece.text.len()).sum()
    }
}

/// A comment in the making.
pub(crate) struct Comment {
    out: String,
    blocks: Vec<Block>,
    /// Where what does not fit is to be seen.
    elsewhere: &'static str,
}

impl Comment {
    /// `title` and `counts` hold nothing of a manifest but what went through [`code`].
    pub(crate) fn new(title: &str, counts: &str, elsewhere: &'static str) -> Self {
        Self { out: format!("### {title}\n\n{counts}\n\n"), blocks: Vec::new(), elsewhere }
    }

    /// What must not be overlooked, made of [`code`] and our own words.
    pub(crate) fn caution(&mut self, lines: &[String]) {
        const MOST: usize = 20;
        if lines.is_empty() {
            return;
        }
        self.out.push_str("> [!CAUTION]\n");
        for line in lines.iter().take(MOST) {
            let _ = writeln!(self.out, "> - {line}");
        }
        if lines.len() > MOST {
            let _ = writeln!(self.out, "> - and {} more, below", lines.len() - MOST);
        }
        self.out.push('\n');
    }

    pub(crate) fn add(&mut self, block: Block) {
        if !block.pieces.is_empty() {
            self.blocks.push(block);
        }
    }

    /// Whether all that was added would fit.
    pub(crate) fn fits(&self) -> bool {
        let blocks: usize = self.blocks.iter().map(|block| block.length() + AROUND).sum();
        self.out.len() + blocks <= LONGEST_COMMENT
    }

    /// Puts a block before the last one.
    pub(crate) fn add_before_last(&mut self, block: Block) {
        let last = self.blocks.len().saturating_sub(1);
        self.blocks.insert(last, block);
    }

    /// The text. Blocks have room in their order, but none takes more than half of what is left while others follow that need it.
    pub(crate) fn finish(self) -> String {
        let Self { mut out, blocks, elsewhere } = self;
        for (at, block) in blocks.iter().enumerate() {
            let left = LONGEST_COMMENT.saturating_sub(out.len() + AROUND * (blocks.len() - at));
            let later: usize = blocks[at + 1..].iter().map(Block::length).sum();
            write_block(&mut out, block, left.saturating_sub(later.min(left / 2)), elsewhere);
        }
        out
    }
}

fn write_block(out: &mut String, block: &Block, room: usize, elsewhere: &str) {
    let mut body = String::new();
    let mut shown = 0;
    for piece in &block.pieces {
        if body.len() + piece.text.len() > room {
            break;
        }
        body.push_str(&piece.text);
        shown += 1;
    }
    let body = body.trim_start_matches('\n');
    let left_out = &block.pieces[shown..];
    let fence = "`".repeat(longest_ticks(body).max(2) + 1);
    if let Some(summary) = block.folded {
        let _ = write!(out, "<details><summary>{summary}</summary>\n\n");
    }
    if !body.is_empty() {
        let _ = write!(out, "{fence}diff\n{body}{fence}\n\n");
    }
    if !left_out.is_empty() {
        let lines: usize = left_out.iter().map(|piece| piece.text.lines().count()).sum();
        let of_all: usize = block.pieces.iter().map(|piece| piece.text.lines().count()).sum();
        let operations = left_out.iter().filter(|piece| piece.operation).count();
        let of_operations = block.pieces.iter().filter(|piece| piece.operation).count();
        let mut what = format!("{lines} of {of_all} lines");
        if operations > 0 {
            let _ = write!(what, ", {operations} of {of_operations} operations,");
        }
        let _ = write!(out, "**{what} are not shown: a comment has no room for them. {elsewhere}.**\n\n");
    }
    if block.folded.is_some() {
        out.push_str("</details>\n\n");
    }
}

/// Lines that end with a newline, hold nothing that deceives, and are no longer than can be read.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    for line in text.split('\n') {
        let line = spaced_ticks(&harmless(line));
        let mut end = LONGEST_LINE.min(line.len());
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        out.push_str(&line[..end]);
        if end < line.len() {
            let _ = write!(out, " ... ({} more characters)", line[end..].chars().count());
        }
        out.push('\n');
    }
    out
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Runs of backticks that would need an absurd fence, written out.
fn spaced_ticks(line: &str) -> String {
    if longest_ticks(line) <= LONGEST_TICKS { line.to_owned() } else { line.replace('`', "\\u{60}") }
}

/// A code span that its own text cannot end.
pub(crate) fn code(text: &str) -> String {
    let text = spaced_ticks(&harmless(text));
    let ticks = "`".repeat(longest_ticks(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

#[cfg(test)]
mod tests {
    use super::{Block, Comment, LONGEST_COMMENT, Piece, code};

    #[test]
    fn no_text_ends_its_fence_or_span() {
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\u{202e}\nb"), r"`a\u{202e}\u{a}b`");
        let mut comment = Comment::new("t", "c", "elsewhere");
        comment.add(Block::open(vec![Piece::line("````` </details> @all #1 \u{200b}")]));
        let text = comment.finish();
        assert!(text.contains("``````diff\n````` </details> @all #1 \\u{200b}\n``````\n"), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        for (count, ticks) in [(10_000, 0), (3, 70_000), (400, 15)] {
            let mut comment = Comment::new("t", "c", "It is elsewhere");
            comment.add(Block::open((0..count).map(|at| Piece::line(&format!("line {at}"))).collect()));
            let operations = (0..count).map(|at| Piece::operation(&format!("+ at {at}\n    € {}", "`".repeat(ticks))));
            comment.add(Block::folded("operations", operations.collect()));
            let text = comment.finish();
            assert!(text.len() <= LONGEST_COMMENT, "{}", text.len());
            if count == 10_000 {
                let shown = text.matches("\n+ at ").count();
                let said = format!(
                    "**{} of 20000 lines, {} of 10000 operations, are not shown",
                    (10_000 - shown) * 2,
                    10_000 - shown
                );
                assert!(shown > 0 && text.contains(&said), "{shown} {}", &text[text.len() - 300..]);
            }
        }
    }
}

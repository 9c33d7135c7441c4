//! A strict reader for what `git diff` writes, over bytes.
//!
//! What a person signs must be all of what is merged, so nothing is skipped and nothing is guessed: every
//! byte of the input belongs to a header, a hunk or a binary body, the counts of each hunk must hold, line
//! numbers must follow from the hunks before, and the names must agree wherever they are repeated. Anything
//! else (cut off, combined, a mail header in front) is an error with its line; never a shorter patch.
//!
//! A cut exactly between two hunks or two files cannot be seen from the bytes alone: [`Patch::lines_added`],
//! [`Patch::lines_removed`] and the number of files are there to be compared with what the forge counts.
//!
//! Source for the format: git's `Documentation/diff-generate-patch.adoc` and `diff.c`.

mod name;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use sha2::{Digest, Sha256};

/// A whole diff. Borrows the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch<'a> {
    /// The files in the order of the diff. A change of type (file to symlink) is two entries with one path.
    pub files: Vec<FilePatch<'a>>,
}

/// What happens to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePatch<'a> {
    /// Path before, relative to the root, as bytes; `None` for a new file.
    pub old_path: Option<Cow<'a, [u8]>>,
    /// Path after; `None` for a deleted file.
    pub new_path: Option<Cow<'a, [u8]>>,
    /// What happens to the file as a whole.
    pub kind: FileKind,
    /// Mode before, e.g. `0o100644`; `None` where the file is new or the diff does not say.
    pub old_mode: Option<u32>,
    /// Mode after; `None` where the file is deleted or the diff does not say.
    pub new_mode: Option<u32>,
    /// Blob before, as abbreviated in the diff; all zeros for a new file; `None` without an `index` line.
    pub old_oid: Option<&'a str>,
    /// Blob after.
    pub new_oid: Option<&'a str>,
    /// Similarity in percent of a rename or copy.
    pub similarity: Option<u8>,
    /// The file's content is binary: git shows no lines.
    pub binary: bool,
    /// The changed places, in order; empty for binary content and where only name or mode change.
    pub hunks: Vec<Hunk<'a>>,
    /// Everything from `diff --git` to the first hunk, as received.
    header: &'a [u8],
    /// The body of a binary patch, as received.
    binary_body: &'a [u8],
}

/// What happens to a file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Did not exist before.
    Added,
    /// Does not exist after.
    Deleted,
    /// Same path, other content or mode.
    Modified,
    /// Other path, same or similar content.
    Renamed,
    /// A new path with the content of another, which stays.
    Copied,
}

/// What a mode stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A file that cannot be executed.
    Regular,
    /// A file that can be executed.
    Executable,
    /// A symbolic link; its content is the target.
    Symlink,
    /// A commit of another repository; its content is one line `Subproject commit <oid>`.
    Submodule,
}

/// One run of changed lines with their context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk<'a> {
    /// First line before (1-based; the line *before* the place where `old_count` is 0).
    pub old_start: u32,
    /// Number of lines before.
    pub old_count: u32,
    /// First line after.
    pub new_start: u32,
    /// Number of lines after.
    pub new_count: u32,
    /// What git wrote behind the second `@@`: the enclosing function or section, or empty.
    pub section: &'a [u8],
    /// The lines, whose counts are those above.
    pub lines: Vec<Line<'a>>,
    header: &'a [u8],
}

/// Whether a line stays, comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// On both sides.
    Context,
    /// Only after.
    Added,
    /// Only before.
    Removed,
}

/// One line of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Stays, comes or goes.
    pub kind: LineKind,
    /// 1-based line number before, for context and removed lines.
    pub old: Option<u32>,
    /// 1-based line number after, for context and added lines.
    pub new: Option<u32>,
    /// The text without `+`, `-` or blank in front and without `\n`; a `\r` at the end belongs to it.
    pub text: &'a [u8],
    /// The file ends here without a line end.
    pub no_newline: bool,
}

/// Why a diff was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the diff cannot be read: line {line} (byte {offset}): {fault}; nothing of it was used")]
pub struct PatchError {
    /// 1-based line of the diff.
    pub line: usize,
    /// Offset of that line in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub fault: PatchFault,
}

/// What is wrong with a diff.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchFault {
    /// Something else than `diff --git` where a file must begin.
    #[error("expected `diff --git`, which begins a file")]
    NotADiff,
    /// The diff of a merge against several parents: its lines cannot be attributed to two sides.
    #[error("combined diff of a merge (`{0}`): ask for the diff against one parent")]
    Combined(&'static str),
    /// The input ends where more must follow.
    #[error("the diff is cut off: {0}")]
    Truncated(&'static str),
    /// A line of the header that git does not write, or that stands twice or without its partner.
    #[error("bad file header: {0}")]
    Header(&'static str),
    /// Names that are repeated do not agree, or a quoted name is malformed.
    #[error("bad file name: {0}")]
    Name(&'static str),
    /// A hunk header that cannot be read or contradicts the lines before it.
    #[error("bad hunk header: {0}")]
    HunkHeader(&'static str),
    /// A hunk whose lines are not as its header says.
    #[error("bad hunk: {0}")]
    Hunk(&'static str),
    /// A binary body that is malformed.
    #[error("bad binary patch: {0}")]
    Binary(&'static str),
}

impl<'a> Patch<'a> {
    /// Reads a whole diff as `git diff` and the forges write it (prefixes `a/` and `b/`). Empty input is the
    /// empty patch: whether that is right, the caller must ask the forge's own count of files.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PatchError> {
        parse::patch(bytes)
    }

    /// The diff as text again, byte for byte what was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for file in &self.files {
            file.write(&mut out);
        }
        out
    }

    /// Number of lines that come.
    pub fn lines_added(&self) -> u64 {
        self.files.iter().map(|file| file.count(LineKind::Added)).sum()
    }

    /// Number of lines that go.
    pub fn lines_removed(&self) -> u64 {
        self.files.iter().map(|file| file.count(LineKind::Removed)).sum()
    }
}

impl<'a> FilePatch<'a> {
    /// The path people mean: after, or before for a deleted file. Bytes that are not UTF-8 become U+FFFD.
    pub fn display_path(&self) -> String {
        String::from_utf8_lossy(self.path()).into_owned()
    }

    /// As [`FilePatch::display_path`], as bytes.
    pub fn path(&self) -> &[u8] {
        self.new_path
            .as_deref()
            .or(self.old_path.as_deref())
            .unwrap_or_default()
    }

    /// The path before for people; that of a new file is empty.
    pub fn display_old_path(&self) -> String {
        String::from_utf8_lossy(self.old_path.as_deref().unwrap_or_default()).into_owned()
    }

    /// What the file is after (before, if it is deleted); `None` where the diff does not say its mode.
    pub fn file_type(&self) -> Option<FileType> {
        FileType::of(self.new_mode.or(self.old_mode)?)
    }

    /// Every line of every hunk.
    pub fn lines(&self) -> impl Iterator<Item = &Line<'a>> {
        self.hunks.iter().flat_map(|hunk| &hunk.lines)
    }

    /// Number of lines of one kind.
    pub fn count(&self, kind: LineKind) -> u64 {
        self.lines().filter(|line| line.kind == kind).count() as u64
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.header);
        out.extend_from_slice(self.binary_body);
        for hunk in &self.hunks {
            out.extend_from_slice(hunk.header);
            out.push(b'\n');
            for line in &hunk.lines {
                out.push(line.kind.sign());
                out.extend_from_slice(line.text);
                out.push(b'\n');
                if line.no_newline {
                    out.extend_from_slice(NO_NEWLINE);
                    out.push(b'\n');
                }
            }
        }
    }
}

impl FileType {
    /// The type that a git mode stands for; `None` for a mode that git does not write.
    pub fn of(mode: u32) -> Option<Self> {
        match mode {
            0o100644 | 0o100664 => Some(Self::Regular),
            0o100755 => Some(Self::Executable),
            0o120000 => Some(Self::Symlink),
            0o160000 => Some(Self::Submodule),
            _ => None,
        }
    }
}

impl LineKind {
    fn sign(self) -> u8 {
        match self {
            Self::Context => b' ',
            Self::Added => b'+',
            Self::Removed => b'-',
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Deleted => "deleted",
            Self::Modified => "modified",
            Self::Renamed => "renamed",
            Self::Copied => "copied",
        })
    }
}

const NO_NEWLINE: &[u8] = br"\ No newline at end of file";

/// SHA-256 of the diff as received, in lower-case hexadecimal: names the bytes that were shown.
pub fn digest(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

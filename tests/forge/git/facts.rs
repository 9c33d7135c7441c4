//! What git says about objects, and what it is told to write.

use jiff::Timestamp;

/// Who a commit names, and when: name, mail address, instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Display name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// When, to the second.
    pub at: Timestamp,
}

/// What a commit object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFacts {
    /// Commit id.
    pub oid: String,
    /// Tree id.
    pub tree: String,
    /// Parents, first first.
    pub parents: Vec<String>,
    /// Author.
    pub author: Signature,
    /// Committer.
    pub committer: Signature,
    /// The whole message without the line end that git adds. Bytes that are not UTF-8 are replaced.
    pub message: String,
}

impl CommitFacts {
    /// The message's first line, as GraphQL's `messageHeadline`.
    pub fn headline(&self) -> &str {
        self.message.lines().next().unwrap_or("")
    }

    /// What follows the first line, as GraphQL's `messageBody`.
    pub fn body(&self) -> &str {
        self.message
            .split_once('\n')
            .map_or("", |(_, rest)| rest.trim_start_matches('\n'))
    }
}

/// One changed file between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// `added`, `removed`, `modified`, `renamed` or `copied`: REST's words.
    pub status: &'static str,
    /// Path now (for a removed file, its path before). Bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Path before a rename or copy.
    pub previous: Option<String>,
    /// Lines added; 0 for a binary file.
    pub additions: u64,
    /// Lines deleted; 0 for a binary file.
    pub deletions: u64,
    /// Blob id after the change; for a removed file the one before.
    pub blob: String,
    /// The hunks without the file's header; `None` for a binary file or one with no line changed.
    pub patch: Option<String>,
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Six octal digits.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    pub kind: String,
    /// Object id.
    pub oid: String,
    /// Bytes, for blobs.
    pub size: Option<u64>,
    /// Path below the tree. Bytes that are not UTF-8 are replaced.
    pub path: String,
}

/// A file to write, or to delete where `bytes` is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Path from the root: bytes, of which git asks for no encoding.
    pub path: Vec<u8>,
    /// The new content, or `None` to delete.
    pub bytes: Option<Vec<u8>>,
    /// The file may be run (mode 100755).
    pub executable: bool,
}

impl Edit {
    /// Writes a text file.
    pub fn write(path: &str, text: &str) -> Self {
        Self {
            bytes: Some(text.as_bytes().to_vec()),
            ..Self::delete(path)
        }
    }

    /// Writes a file of any bytes.
    pub fn bytes(path: impl AsRef<[u8]>, bytes: &[u8]) -> Self {
        Self {
            path: path.as_ref().to_vec(),
            bytes: Some(bytes.to_vec()),
            executable: false,
        }
    }

    /// Writes a script with its executable bit.
    pub fn script(path: &str, text: &str) -> Self {
        Self {
            executable: true,
            ..Self::write(path, text)
        }
    }

    /// Deletes a file.
    pub fn delete(path: &str) -> Self {
        Self {
            path: path.as_bytes().to_vec(),
            bytes: None,
            executable: false,
        }
    }
}

//! Writing objects and refs.

use std::io::Write as _;

use anyhow::{Result, ensure};

use super::{CommitFacts, Edit, Git, Signature};

impl Git {
    fn write_object(&self, kind: &str, content: &[u8]) -> Result<String> {
        let oid = self.feed(&["hash-object", "-t", kind, "-w", "--stdin"], content)?;
        Ok(String::from_utf8(oid)?.trim().to_owned())
    }

    /// The tree without entries.
    pub(crate) fn empty_tree(&self) -> Result<String> {
        self.write_object("tree", b"")
    }

    /// A commit without parents and files.
    pub(crate) fn empty_commit(&self) -> Result<String> {
        let tree = self.empty_tree()?;
        let nobody = "Nobody <nobody@example.com> 0 +0000";
        let object = format!("tree {tree}\nauthor {nobody}\ncommitter {nobody}\n\nBefore the first commit\n");
        self.write_object("commit", object.as_bytes())
    }

    /// Copies a commit without parents onto another.
    pub(crate) fn copy_onto(&self, facts: &CommitFacts, parent: &str) -> Result<String> {
        let person = |who: &Signature| format!("{} <{}> {} +0000", who.name, who.email, who.at.as_second());
        let object = format!(
            "tree {}\nparent {parent}\nauthor {}\ncommitter {}\n\n{}\n",
            facts.tree,
            person(&facts.author),
            person(&facts.committer),
            facts.message
        );
        self.write_object("commit", object.as_bytes())
    }

    /// Writes a merge commit of two commits, on no branch. Fails where git sees a conflict.
    pub(crate) fn merged(&self, first: &str, second: &str, who: &Signature, message: &str) -> Result<String> {
        let tree = String::from_utf8(self.run(&["merge-tree", "--write-tree", first, second])?)?;
        let person = format!("{} <{}> {} +0000", who.name, who.email, who.at.as_second());
        let object = format!(
            "tree {}\nparent {first}\nparent {second}\nauthor {person}\ncommitter {person}\n\n{message}",
            tree.trim()
        );
        self.write_object("commit", object.as_bytes())
    }

    /// Points a branch at a commit, creating it where it is new.
    pub fn set_branch(&self, branch: &str, oid: &str) -> Result<()> {
        self.run(&["update-ref", &format!("refs/heads/{branch}"), oid])
            .map(drop)
    }

    /// Points any ref at an object.
    pub fn set_ref(&self, name: &str, oid: &str) -> Result<()> {
        self.run(&["update-ref", name, oid]).map(drop)
    }

    /// Writes a commit onto `branch` (created from `parent`, or without a history where that is `None`) and returns
    /// its id. The branch is moved even where that is not a fast-forward.
    pub fn write(
        &self,
        branch: &str,
        parent: Option<&str>,
        message: &str,
        author: &Signature,
        committer: &Signature,
        edits: &[Edit],
    ) -> Result<String> {
        let mut stream = Vec::new();
        writeln!(stream, "commit refs/heads/{branch}\nmark :1")?;
        for (role, who) in [("author", author), ("committer", committer)] {
            writeln!(
                stream,
                "{role} {} <{}> {} +0000",
                who.name,
                who.email,
                who.at.as_second()
            )?;
        }
        writeln!(stream, "data {}\n{message}", message.len())?;
        match parent {
            Some(parent) => writeln!(stream, "from {parent}")?,
            None => writeln!(stream, "deleteall")?,
        }
        for edit in edits {
            let path = quoted(&edit.path);
            match &edit.bytes {
                Some(bytes) => {
                    let mode = if edit.executable { "100755" } else { "100644" };
                    writeln!(stream, "M {mode} inline {path}\ndata {}", bytes.len())?;
                    stream.extend_from_slice(bytes);
                    stream.push(b'\n');
                }
                None => writeln!(stream, "D {path}")?,
            }
        }
        writeln!(stream, "\nget-mark :1\ndone")?;
        let arguments = [
            "fast-import",
            "--quiet",
            "--done",
            "--force",
            "--date-format=raw",
            "--cat-blob-fd=1",
        ];
        let oid = String::from_utf8(self.feed(&arguments, &stream)?)?
            .trim()
            .to_owned();
        ensure!(
            oid.len() >= 40,
            "git fast-import did not name the commit it wrote: {oid:?}"
        );
        Ok(oid)
    }
}

fn quoted(path: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in path {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            0x20..=0x7e => text.push(char::from(byte)),
            other => text.push_str(&format!("\\{other:03o}")),
        }
    }
    text + "\""
}

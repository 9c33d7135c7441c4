//! A diff made from the list of files, where the forge sends none because it is too large.
//!
//! The list follows the moving head, holds 3,000 files at most and leaves patches out, so it is believed only where
//! the trees agree with it. Everything else is named as missing.

use std::collections::BTreeMap;

use countersign_core::change::{ChangeId, Oid};
use countersign_core::changeset::{Blob, Changed};
use serde::Deserialize;

use super::GitHub;
use crate::ports::ForgeError;

/// Pages of 100. Source: "List pull requests files": 3,000 at most.
const PAGES: usize = 30;
/// Files that are named as left out; of the rest, how many they are.
const NAMED: usize = 200;
/// First digits of the empty blob's name, in both object formats: git writes no lines for it.
const EMPTY: [&str; 2] = [
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dc",
];

/// What could be put together: the diff, and what is missing from it.
pub(super) type Rebuilt = (Option<Vec<u8>>, Vec<(String, String)>);

impl GitHub {
    /// `changed` is what the trees say, or why they say nothing.
    pub(super) async fn rebuild(
        &self,
        id: &ChangeId,
        changed: &Result<Vec<Changed>, String>,
    ) -> Result<Rebuilt, ForgeError> {
        let changed = match changed {
            Ok(changed) => changed,
            Err(why) => {
                let reason =
                    format!("the diff is too large for the forge to send, and its trees do not help: {why}");
                return Ok((None, vec![(String::new(), reason)]));
            }
        };
        let mut files = Vec::new();
        for page in 1..=PAGES {
            let path = format!("{}/files?per_page=100&page={page}", self.pull(id)?);
            let answer = self
                .client
                .call(&self.client.get(&path, id.to_string()).slow())
                .await?;
            let listed: Vec<File> = answer.json()?;
            let full = listed.len() >= 100;
            files.extend(listed);
            if !full && !answer.has_next_page() {
                break;
            }
        }
        Ok(assemble(&files, changed))
    }
}

#[derive(Debug, Clone, Deserialize)]
struct File {
    filename: String,
    #[serde(default)]
    previous_filename: Option<String>,
    status: String,
    #[serde(default)]
    sha: Option<Oid>,
    additions: u64,
    deletions: u64,
    #[serde(default)]
    patch: Option<String>,
}

fn assemble(files: &[File], changed: &[Changed]) -> Rebuilt {
    let mut left: BTreeMap<&[u8], &Changed> = changed.iter().map(|one| (one.path.as_slice(), one)).collect();
    let mut diff = Vec::new();
    let mut missing = Vec::new();
    for file in files {
        let new = left.remove(file.filename.as_bytes());
        let source = file
            .previous_filename
            .as_deref()
            .filter(|_| file.status == "renamed");
        let old = match source {
            Some(name) => left.remove(name.as_bytes()).and_then(|one| one.old.clone()),
            None => new.and_then(|one| one.old.clone()),
        };
        let new = new.and_then(|one| one.new.clone());
        match one(file, source, old.as_ref(), new.as_ref()) {
            Ok(text) => diff.extend_from_slice(&text),
            Err(why) => missing.push((file.filename.clone(), why.to_owned())),
        }
    }
    for path in left.keys().take(NAMED) {
        let why = "the diff is too large for the forge to send, and its list of files leaves this one out";
        missing.push((String::from_utf8_lossy(path).into_owned(), why.to_owned()));
    }
    if let Some(more @ 1..) = left.len().checked_sub(NAMED) {
        let why = format!(
            "the diff is too large for the forge to send, and its list of files leaves out {more} more files"
        );
        missing.push((String::new(), why));
    }
    ((!diff.is_empty()).then_some(diff), missing)
}

/// One file as git would write it.
fn one(
    file: &File,
    source: Option<&str>,
    old: Option<&Blob>,
    new: Option<&Blob>,
) -> Result<Vec<u8>, &'static str> {
    const DISAGREE: &str = "the forge's list of files and its trees disagree about this file";
    let agree = match file.status.as_str() {
        "added" => old.is_none() && new.is_some(),
        "removed" => old.is_some() && new.is_none(),
        "modified" | "changed" => old.is_some() && new.is_some(),
        "renamed" => source.is_some() && old.is_some() && new.is_some(),
        _ => return Err("the forge lists this file in a way that is not understood"),
    };
    if !agree || new.or(old).map(|blob| &blob.oid) != file.sha.as_ref() {
        return Err(DISAGREE);
    }
    let lines = match &file.patch {
        Some(patch) if patch.contains('\u{fffd}') => {
            return Err("its lines are not UTF-8 and were lost on the way");
        }
        Some(patch) if counts(patch) != (file.additions, file.deletions) => {
            return Err("the forge sends only a part of this file's lines");
        }
        Some(patch) => Some(patch),
        None => None,
    };
    let same_content = old.map(|blob| &blob.oid) == new.map(|blob| &blob.oid);
    let empty = |blob: &Blob| EMPTY.iter().any(|name| blob.oid.as_str().starts_with(name));
    let needs_none = same_content || (old.is_none() || new.is_none()) && old.or(new).is_some_and(empty);
    if lines.is_none() && !needs_none {
        return Err("the forge sends no lines for this file: it is large or binary");
    }
    Ok(text(
        file,
        source,
        old,
        new,
        lines.filter(|_| !needs_none),
        same_content,
    ))
}

fn text(
    file: &File,
    source: Option<&str>,
    old: Option<&Blob>,
    new: Option<&Blob>,
    lines: Option<&String>,
    same_content: bool,
) -> Vec<u8> {
    let (before, after) = (source.unwrap_or(&file.filename), file.filename.as_str());
    let mut out = format!("diff --git {} {}\n", quoted("a/", before), quoted("b/", after));
    match (old, new) {
        (None, Some(new)) => out += &format!("new file mode {:06o}\n", new.mode),
        (Some(old), None) => out += &format!("deleted file mode {:06o}\n", old.mode),
        (Some(old), Some(new)) if old.mode != new.mode => {
            out += &format!("old mode {:06o}\nnew mode {:06o}\n", old.mode, new.mode);
        }
        _ => {}
    }
    if source.is_some() {
        if same_content {
            out += "similarity index 100%\n";
        }
        out += &format!(
            "rename from {}\nrename to {}\n",
            quoted("", before),
            quoted("", after)
        );
    }
    if !same_content {
        let side = |blob: Option<&Blob>| {
            let digits = old.or(new).map_or(40, |blob| blob.oid.as_str().len());
            blob.map_or("0".repeat(digits), |blob| blob.oid.to_string())
        };
        out += &format!("index {}..{}", side(old), side(new));
        if let (Some(old), Some(new)) = (old, new)
            && old.mode == new.mode
        {
            out += &format!(" {:06o}", new.mode);
        }
        out.push('\n');
    }
    if let Some(lines) = lines {
        let name = |prefix, path, blob: Option<&Blob>| match blob {
            None => "/dev/null".to_owned(),
            // git puts a tab behind a name with a blank, so that older tools know where it ends.
            Some(_) => quoted(prefix, path) + if path.contains(' ') { "\t" } else { "" },
        };
        out += &format!(
            "--- {}\n+++ {}\n{lines}",
            name("a/", before, old),
            name("b/", after, new)
        );
        if !lines.ends_with('\n') {
            out.push('\n');
        }
    }
    out.into_bytes()
}

fn counts(patch: &str) -> (u64, u64) {
    let starting = |sign| patch.split('\n').filter(|line| line.starts_with(sign)).count() as u64;
    (starting('+'), starting('-'))
}

/// A name as git writes it: in quotes, as in C, where it holds what would break the line. Source: git's `quote.c`.
fn quoted(prefix: &str, name: &str) -> String {
    let plain = |byte: u8| byte >= 0x20 && byte != 0x7f && byte != b'"' && byte != b'\\';
    if name.bytes().all(plain) {
        return format!("{prefix}{name}");
    }
    let mut out = format!("\"{prefix}");
    for c in name.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            c if c.is_ascii_control() => out += &format!("\\{:03o}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::patch::{FileKind, Patch};

    fn oid(digit: char) -> Oid {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn blob(mode: u32, digit: char) -> Option<Blob> {
        Some(Blob {
            mode,
            oid: oid(digit),
        })
    }

    fn changed(path: &str, old: Option<Blob>, new: Option<Blob>) -> Changed {
        Changed {
            path: path.as_bytes().to_vec(),
            old,
            new,
        }
    }

    fn file(name: &str, status: &str, digit: char, patch: Option<&str>) -> File {
        let (additions, deletions) = patch.map(counts).unwrap_or_default();
        File {
            filename: name.into(),
            previous_filename: None,
            status: status.into(),
            sha: Some(oid(digit)),
            additions,
            deletions,
            patch: patch.map(str::to_owned),
        }
    }

    const PLAIN: u32 = 0o100_644;

    #[test]
    fn a_hundred_thousand_files_are_said_to_be_left_out_and_not_each_named() {
        let many: Vec<Changed> = (0..100_000)
            .map(|number| changed(&format!("f{number:06}"), None, blob(PLAIN, '1')))
            .collect();
        let (diff, missing) = assemble(&[], &many);
        assert_eq!((diff, missing.len()), (None, NAMED + 1));
        let (path, why) = missing.last().unwrap();
        assert!(
            path.is_empty() && why.ends_with("leaves out 99800 more files"),
            "{why}"
        );
        let (_, missing) = assemble(&[], &many[..NAMED]);
        assert!(missing.len() == NAMED && missing.iter().all(|(path, _)| !path.is_empty()));
    }

    #[test]
    fn what_was_put_together_is_a_diff() {
        let changes = [
            changed("new \"one\"", None, blob(PLAIN, '1')),
            changed("with blank", blob(PLAIN, '2'), blob(0o100_755, '3')),
            changed("old name", blob(PLAIN, '4'), None),
            changed("new name", None, blob(PLAIN, '5')),
            changed("from", blob(PLAIN, '6'), None),
            changed("to", None, blob(PLAIN, '6')),
            changed("gone", blob(PLAIN, '7'), None),
            changed("script", blob(PLAIN, '8'), blob(0o100_755, '8')),
        ];
        let renamed = |name: &str, from: &str, digit, patch| File {
            previous_filename: Some(from.into()),
            ..file(name, "renamed", digit, patch)
        };
        let files = [
            file("new \"one\"", "added", '1', Some("@@ -0,0 +1 @@\n+a")),
            file(
                "with blank",
                "modified",
                '3',
                Some("@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file"),
            ),
            renamed("new name", "old name", '5', Some("@@ -1,2 +1,2 @@\n a\n-b\n+c")),
            renamed("to", "from", '6', None),
            file("gone", "removed", '7', Some("@@ -1 +0,0 @@\n-a")),
            file("script", "changed", '8', None),
        ];
        let (diff, missing) = assemble(&files, &changes);
        assert_eq!(missing, []);
        let diff = diff.unwrap();
        let patch =
            Patch::parse(&diff).unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&diff)));
        let kinds: Vec<FileKind> = patch.files.iter().map(|file| file.kind).collect();
        use FileKind::{Added, Deleted, Modified, Renamed};
        assert_eq!(kinds, [Added, Modified, Renamed, Renamed, Deleted, Modified]);
        assert_eq!(patch.files[0].new_path.as_deref(), Some(&b"new \"one\""[..]));
    }

    #[test]
    fn what_cannot_be_believed_is_missing() {
        let changes = [
            changed("moved", blob(PLAIN, '1'), blob(PLAIN, '2')),
            changed("large", blob(PLAIN, '1'), blob(PLAIN, '2')),
            changed("part", blob(PLAIN, '1'), blob(PLAIN, '2')),
            changed("bytes", blob(PLAIN, '1'), blob(PLAIN, '2')),
            changed("left out", None, blob(PLAIN, '2')),
        ];
        let patch = Some("@@ -1 +1 @@\n-a\n+b");
        let files = [
            file("moved", "modified", '9', patch),
            file("large", "modified", '2', None),
            File {
                additions: 7,
                ..file("part", "modified", '2', patch)
            },
            file("bytes", "modified", '2', Some("@@ -1 +1 @@\n-a\n+\u{fffd}")),
            file("not in the trees", "modified", '2', patch),
        ];
        let (diff, missing) = assemble(&files, &changes);
        assert_eq!(diff, None);
        let paths: Vec<&str> = missing.iter().map(|one| one.0.as_str()).collect();
        assert_eq!(
            paths,
            ["moved", "large", "part", "bytes", "not in the trees", "left out"]
        );
    }
}

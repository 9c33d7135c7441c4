//! What differs between two trees.

use countersign_assess::is_manifest;
use countersign_core::change::{ChangeId, Oid};
use countersign_core::changeset::{self, Blob, Changed, NoDigest, TreeEntry};
use serde::Deserialize;

use super::GitHub;
use super::answer::plain;
use crate::ports::ForgeError;

/// Listings that are read one by one where a whole tree is too large for the forge. Each is a request.
const LISTINGS: usize = 400;
const DIRECTORY: u32 = 0o40_000;

/// What a change does to the tree, and what stood there before.
pub(super) struct Differences {
    /// Every path that differs, or in words why that cannot be told.
    pub(super) changed: Result<Vec<Changed>, String>,
    /// The manifests that tell of the repository's parts, at the merge base.
    pub(super) manifests: Vec<(String, Oid)>,
}

impl GitHub {
    /// Every path that differs between two trees, and the manifests of the old one.
    pub(super) async fn differences(
        &self,
        id: &ChangeId,
        old: &Oid,
        new: &Oid,
    ) -> Result<Differences, ForgeError> {
        if old == new {
            return Ok(Differences {
                changed: Ok(Vec::new()),
                manifests: Vec::new(),
            });
        }
        let (old_whole, new_whole) = tokio::try_join!(self.tree(id, old, true), self.tree(id, new, true))?;
        // Of a tree that is cut, what is there is still there.
        let manifests = old_whole.manifests();
        let changed = if old_whole.truncated || new_whole.truncated {
            self.walk(id, old, new).await?
        } else {
            between(&old_whole, &new_whole).map_err(|error| plain(&error.to_string()))
        };
        Ok(Differences { changed, manifests })
    }

    /// One folder, or with everything below it. A commit's name stands for its tree.
    pub(super) async fn tree(&self, id: &ChangeId, oid: &Oid, whole: bool) -> Result<Tree, ForgeError> {
        let path = format!(
            "{}/git/trees/{oid}{}",
            self.repo(id)?,
            if whole { "?recursive=1" } else { "" }
        );
        let ask = self
            .client
            .get(&path, format!("tree {oid} of {}", id.repo))
            .slow();
        self.client.call(&ask).await?.json()
    }

    /// Descends only where the two differ.
    async fn walk(
        &self,
        id: &ChangeId,
        old: &Oid,
        new: &Oid,
    ) -> Result<Result<Vec<Changed>, String>, ForgeError> {
        let mut todo = vec![(Vec::new(), Some(old.clone()), Some(new.clone()))];
        let mut differ = Vec::new();
        let mut listings = 0;
        while let Some((prefix, old, new)) = todo.pop() {
            listings += usize::from(old.is_some()) + usize::from(new.is_some());
            if listings > LISTINGS {
                return Ok(Err(format!("more than {LISTINGS} directories differ")));
            }
            let list = async |oid: Option<Oid>| match oid {
                Some(oid) => self.tree(id, &oid, false).await,
                None => Ok(Tree {
                    truncated: false,
                    tree: Vec::new(),
                }),
            };
            let (old, new) = tokio::try_join!(list(old), list(new))?;
            if old.truncated || new.truncated {
                return Ok(Err("a directory is too large for the forge to list".into()));
            }
            match level(&prefix, &old, &new) {
                Ok((changed, below)) => {
                    differ.extend(changed);
                    todo.extend(below);
                }
                Err(error) => return Ok(Err(plain(&error.to_string()))),
            }
        }
        Ok(Ok(differ))
    }
}

fn between(old: &Tree, new: &Tree) -> Result<Vec<Changed>, NoDigest> {
    changeset::between(&old.entries(b"")?, &new.entries(b"")?)
}

type Below = (Vec<u8>, Option<Oid>, Option<Oid>);

/// What differs in one directory itself, and the directories below it that differ.
fn level(prefix: &[u8], old: &Tree, new: &Tree) -> Result<(Vec<Changed>, Vec<Below>), NoDigest> {
    let (old, new) = (old.entries(prefix)?, new.entries(prefix)?);
    let changed = changeset::between(&old, &new)?;
    let directory = |list: &[TreeEntry], path: &[u8]| {
        list.iter()
            .find(|entry| entry.mode == DIRECTORY && entry.path == path)
            .map(|entry| entry.oid.clone())
    };
    let mut below: Vec<Below> = Vec::new();
    for entry in old.iter().chain(&new).filter(|entry| entry.mode == DIRECTORY) {
        let (before, after) = (directory(&old, &entry.path), directory(&new, &entry.path));
        let prefix = [entry.path.as_slice(), b"/"].concat();
        if before != after && !below.iter().any(|(known, ..)| *known == prefix) {
            below.push((prefix, before, after));
        }
    }
    Ok((changed, below))
}

#[derive(Deserialize)]
pub(super) struct Tree {
    pub(super) truncated: bool,
    tree: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: Mode,
    sha: Oid,
}

/// Six octal digits in a string.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Mode(u32);

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        u32::from_str_radix(&text, 8)
            .map(Self)
            .map_err(|_| format!("{text:?} is not a mode"))
    }
}

impl Tree {
    /// What it has under that name.
    pub(super) fn child(&self, name: &str) -> Option<Blob> {
        let found = self.tree.iter().find(|entry| entry.path == name)?;
        Some(Blob {
            mode: found.mode.0,
            oid: found.sha.clone(),
        })
    }

    fn manifests(&self) -> Vec<(String, Oid)> {
        self.tree
            .iter()
            .filter(|entry| matches!(entry.mode.0, 0o100_644 | 0o100_755) && is_manifest(&entry.path))
            .map(|entry| (entry.path.clone(), entry.sha.clone()))
            .collect()
    }

    fn entries(&self, prefix: &[u8]) -> Result<Vec<TreeEntry>, NoDigest> {
        let entry = |one: &Entry| {
            let mut entry = TreeEntry::from_json(&one.path, one.mode.0, one.sha.clone())?;
            entry.path.splice(0..0, prefix.iter().copied());
            Ok(entry)
        };
        self.tree.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tree(entries: &[(&str, &str, char)]) -> Tree {
        let list: Vec<_> = entries
            .iter()
            .map(|(path, mode, digit)| json!({ "path": path, "mode": mode, "sha": digit.to_string().repeat(40) }))
            .collect();
        serde_json::from_value(json!({ "truncated": false, "tree": list })).unwrap()
    }

    #[test]
    fn only_what_differs_is_descended_into() {
        let old = tree(&[
            ("same", "040000", '1'),
            ("moved", "040000", '2'),
            ("gone", "040000", '3'),
            ("f", "100644", '4'),
        ]);
        let new = tree(&[
            ("same", "040000", '1'),
            ("moved", "040000", '5'),
            ("f", "040000", '6'),
        ]);
        let (changed, below) = level(b"top/", &old, &new).unwrap();
        assert_eq!(changed.len(), 1, "the file that became a directory");
        assert_eq!(changed[0].path, b"top/f");
        let mut paths: Vec<_> = below
            .iter()
            .map(|one| String::from_utf8_lossy(&one.0).into_owned())
            .collect();
        paths.sort();
        assert_eq!(paths, ["top/f/", "top/gone/", "top/moved/"]);
    }

    #[test]
    fn a_mode_that_is_none_is_an_error() {
        assert!(serde_json::from_value::<Mode>(json!("100644")).is_ok());
        assert!(serde_json::from_value::<Mode>(json!("9")).is_err());
    }
}

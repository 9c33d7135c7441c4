//! Where a change's author is new: context for the reader. Source: Kamei et al., TSE 2013 ("experience").

use std::collections::BTreeMap;

use countersign_core::change::{AccountKind, Change};
use countersign_core::changeset::Changed;
use serde::de::IgnoredAny;

use super::GitHub;
use super::client::segment;
use crate::ports::ForgeError;

/// Folders asked about, those with the most changed files. Each is a request.
const FOLDERS: usize = 3;

impl GitHub {
    /// The folders in which the change's author has committed nothing that the target's tip holds; the root is empty.
    /// Nothing is said of apps, and of folders that are new to everybody.
    pub(super) async fn new_to_author(
        &self,
        change: &Change,
        changed: &[Changed],
    ) -> Result<Vec<String>, ForgeError> {
        let Some(author) = &change.author else {
            return Ok(Vec::new());
        };
        if author.kind != AccountKind::User {
            return Ok(Vec::new());
        }
        let mut new = Vec::new();
        for folder in most_changed(changed) {
            if !self.has_committed(change, &author.login, &folder).await? {
                new.push(folder);
            }
        }
        Ok(new)
    }

    async fn has_committed(&self, change: &Change, login: &str, folder: &str) -> Result<bool, ForgeError> {
        let id = &change.id;
        let (repo, tip, login) = (self.repo(id)?, &change.target.oid, segment(login));
        let mut path = format!("{repo}/commits?sha={tip}&author={login}&per_page=1");
        if !folder.is_empty() {
            path.push_str(&format!("&path={}", segment(folder)));
        }
        let what = format!("the author's commits in {}", id.repo);
        let listed: Vec<IgnoredAny> = self.client.call(&self.client.get(&path, what)).await?.json()?;
        Ok(!listed.is_empty())
    }
}

/// The folders with the most files that were there before.
fn most_changed(changed: &[Changed]) -> Vec<String> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for one in changed.iter().filter(|one| one.old.is_some()) {
        let Ok(path) = std::str::from_utf8(&one.path) else {
            continue;
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        *folders.entry(folder).or_default() += 1;
    }
    let mut folders: Vec<_> = folders.into_iter().collect();
    folders.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    folders.truncate(FOLDERS);
    folders.into_iter().map(|(folder, _)| folder.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use countersign_core::changeset::Blob;

    use super::*;

    #[test]
    fn folders_with_the_most_changed_files_come_first_and_new_ones_are_left_out() {
        let file = |path: &str, was: bool| Changed {
            path: path.into(),
            old: was.then(|| Blob {
                mode: 0o100_644,
                oid: "1".repeat(40).parse().unwrap(),
            }),
            new: None,
        };
        let changed = [
            file("a", true),
            file("new/b", false),
            file("x/y/c", true),
            file("x/y/d", true),
            file("x/e", true),
            file("z/f", true),
            file("z/g", true),
        ];
        assert_eq!(most_changed(&changed), ["x/y", "z", ""]);
    }
}

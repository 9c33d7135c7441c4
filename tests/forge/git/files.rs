//! The files that differ between two trees.

use std::sync::Arc;

use anyhow::{Result, anyhow};

use super::{DIFF, FileFacts, Git};

impl Git {
    /// The files that differ between two trees, renames found.
    pub fn files(&self, from: &str, to: &str) -> Result<Arc<Vec<FileFacts>>> {
        let key = (from.to_owned(), to.to_owned());
        if let Some(known) = self.memo().files.get(&key) {
            return Ok(known.clone());
        }
        let mut arguments = DIFF.to_vec();
        arguments.extend_from_slice(&[
            "--raw",
            "--numstat",
            "--no-abbrev",
            "-z",
            "--end-of-options",
            from,
            to,
        ]);
        let text = String::from_utf8_lossy(&self.run(&arguments)?).into_owned();
        let mut fields = text.split('\0').filter(|field| !field.is_empty()).peekable();
        let mut list: Vec<FileFacts> = Vec::new();
        while let Some(record) = fields.next_if(|field| field.starts_with(':')) {
            let parts: Vec<&str> = record.trim_start_matches(':').split(' ').collect();
            let [_, _, before, after, letter] = parts.as_slice() else {
                return Err(anyhow!("git diff --raw printed {record:?}"));
            };
            let first = fields
                .next()
                .ok_or_else(|| anyhow!("git diff --raw ended early"))?
                .to_owned();
            let (path, previous) = if letter.starts_with(['R', 'C']) {
                (
                    fields
                        .next()
                        .ok_or_else(|| anyhow!("git diff --raw ended early"))?
                        .to_owned(),
                    Some(first),
                )
            } else {
                (first, None)
            };
            let status = match letter.chars().next() {
                Some('A') => "added",
                Some('D') => "removed",
                Some('R') => "renamed",
                Some('C') => "copied",
                _ => "modified",
            };
            let blob = if status == "removed" { before } else { after };
            let blob = (*blob).to_owned();
            list.push(FileFacts {
                status,
                path,
                previous,
                additions: 0,
                deletions: 0,
                blob,
                patch: None,
            });
        }
        for file in &mut list {
            let counts = fields
                .next()
                .ok_or_else(|| anyhow!("git diff --numstat ended early"))?;
            let mut columns = counts.splitn(3, '\t');
            let mut count = || columns.next().and_then(|text| text.parse().ok()).unwrap_or(0);
            file.additions = count();
            file.deletions = count();
            if file.previous.is_some() {
                // With -z a renamed file's two names follow as fields of their own.
                fields.next();
                fields.next();
            }
        }
        attach_patches(&mut list, &String::from_utf8_lossy(&self.diff(from, to)?));
        let list = Arc::new(list);
        self.memo().files.insert(key, list.clone());
        Ok(list)
    }
}

/// Cuts git's diff at its file headers, which come in the order of `--raw`, and keeps what follows from the first hunk.
fn attach_patches(files: &mut [FileFacts], diff: &str) {
    let mut starts: Vec<usize> = diff
        .match_indices("\ndiff --git ")
        .map(|(at, _)| at + 1)
        .collect();
    if diff.starts_with("diff --git ") {
        starts.insert(0, 0);
    }
    // A line of a hunk starts with one of " +-\\", so that "diff --git" at a line's start is always a header.
    for (number, file) in files.iter_mut().enumerate() {
        let Some(start) = starts.get(number) else { return };
        let end = starts.get(number + 1).copied().unwrap_or(diff.len());
        let part = &diff[*start..end];
        file.patch = part
            .find("\n@@ ")
            .map(|at| part[at + 1..].trim_end_matches('\n').to_owned());
    }
}

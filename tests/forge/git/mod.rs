//! Git as a subprocess over one bare repository, with every answer remembered: objects never change.

mod facts;
mod files;
mod write;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::Timestamp;

pub use facts::{CommitFacts, Edit, FileFacts, Signature, TreeEntry};

#[derive(Default)]
struct Memo {
    commits: HashMap<String, Arc<CommitFacts>>,
    ranges: HashMap<(String, String), Arc<Vec<Arc<CommitFacts>>>>,
    files: HashMap<(String, String), Arc<Vec<FileFacts>>>,
    bases: HashMap<(String, String), Option<String>>,
    merges: HashMap<(String, String), bool>,
}

/// A bare repository.
pub struct Git {
    dir: PathBuf,
    memo: Mutex<Memo>,
}

/// Git with nothing of the machine's or the user's configuration, and no prompts.
pub(crate) fn isolated() -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        // `git diff` and friends may otherwise rewrite an index or fetch missing objects.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("LC_ALL", "C");
    command
}

/// Runs git with nothing of the machine's configuration and returns what it prints.
pub(crate) fn run(dir: &Path, arguments: &[&str], input: Option<&[u8]>) -> Result<Vec<u8>> {
    let mut command = isolated();
    command.arg("-C").arg(dir).args(arguments);
    fed(command, input)
}

/// Runs a command of git's with bytes on its standard input and returns what it prints.
pub(crate) fn fed(mut command: Command, input: Option<&[u8]>) -> Result<Vec<u8>> {
    command.stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .context("git cannot be started; is it installed?")?;
    let writer = match (child.stdin.take(), input) {
        (Some(mut pipe), Some(bytes)) => {
            let bytes = bytes.to_vec();
            // A thread, because git may fill its output pipe before it has read all of its input.
            Some(std::thread::spawn(move || pipe.write_all(&bytes)))
        }
        _ => None,
    };
    let output = child.wait_with_output()?;
    if let Some(writer) = writer {
        writer
            .join()
            .map_err(|_| anyhow!("the thread that feeds git panicked"))??;
    }
    let words = || {
        let words = command.get_args().map(|word| word.to_string_lossy());
        words.collect::<Vec<_>>().join(" ")
    };
    ensure!(
        output.status.success(),
        "git {} failed ({}): {}",
        words(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

const FORMAT: &str = "%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B%x00";
const DIFF: [&str; 8] = [
    "diff",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--find-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--diff-algorithm=myers",
];

impl Git {
    /// Makes an empty bare repository at `dir`, whose branch `main` does not exist yet.
    pub fn init(dir: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&dir)?;
        run(
            &dir,
            &[
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                "--template=",
                ".",
            ],
            None,
        )?;
        Ok(Self {
            dir,
            memo: Mutex::default(),
        })
    }

    /// Makes a bare repository at `dir` that reads another's objects where they are and never writes there.
    pub(crate) fn borrowing(dir: PathBuf, objects: &Path, shallow: &Path, format: &str) -> Result<Self> {
        std::fs::create_dir_all(&dir)?;
        let object_format = format!("--object-format={format}");
        let arguments = [
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            "--template=",
            &object_format,
            ".",
        ];
        run(&dir, &arguments, None)?;
        let info = dir.join("objects/info");
        std::fs::create_dir_all(&info)?;
        std::fs::write(info.join("alternates"), format!("{}\n", objects.display()))?;
        if shallow.is_file() {
            std::fs::copy(shallow, dir.join("shallow"))?;
        }
        Ok(Self {
            dir,
            memo: Mutex::default(),
        })
    }

    /// The newest commits by following first parents, oldest first.
    pub(crate) fn newest(&self, head: &str, count: usize) -> Result<Vec<Arc<CommitFacts>>> {
        let most = format!("--max-count={count}");
        let mut list = self.log(&["--first-parent", &most, head])?;
        list.reverse();
        Ok(list)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn memo(&self) -> std::sync::MutexGuard<'_, Memo> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs git in the repository.
    pub fn run(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        run(&self.dir, arguments, None)
    }

    /// Runs git in the repository with bytes on its standard input.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        run(&self.dir, arguments, Some(input))
    }

    fn line(&self, arguments: &[&str]) -> Result<String> {
        Ok(String::from_utf8(self.run(arguments)?)?.trim().to_owned())
    }

    /// The commit that a branch, tag or id names; `None` if there is none.
    pub fn resolve(&self, revision: &str) -> Option<String> {
        // A leading dash would be read as an option.
        if revision.starts_with('-') || revision.is_empty() {
            return None;
        }
        self.line(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &format!("{revision}^{{commit}}"),
        ])
        .ok()
        .filter(|oid| !oid.is_empty())
    }

    /// The tip of a branch.
    pub fn tip(&self, branch: &str) -> Option<String> {
        self.resolve(&format!("refs/heads/{branch}"))
    }

    /// What a commit says; an error where there is no such commit.
    pub fn commit(&self, oid: &str) -> Result<Arc<CommitFacts>> {
        if let Some(known) = self.memo().commits.get(oid) {
            return Ok(known.clone());
        }
        let found = self.log(&["--no-walk", oid])?;
        found.first().cloned().ok_or_else(|| anyhow!("no commit {oid}"))
    }

    /// The commits that `head` has and `base` lacks, oldest first.
    pub fn range(&self, base: &str, head: &str) -> Result<Arc<Vec<Arc<CommitFacts>>>> {
        let key = (base.to_owned(), head.to_owned());
        if let Some(known) = self.memo().ranges.get(&key) {
            return Ok(known.clone());
        }
        let list = Arc::new(self.log(&["--topo-order", "--reverse", &format!("{base}..{head}")])?);
        self.memo().ranges.insert(key, list.clone());
        Ok(list)
    }

    /// Whether two commits can be merged without a conflict.
    pub(crate) fn merges(&self, one: &str, other: &str) -> bool {
        let key = (one.to_owned(), other.to_owned());
        if let Some(known) = self.memo().merges.get(&key) {
            return *known;
        }
        let merges = self.run(&["merge-tree", "--write-tree", one, other]).is_ok();
        self.memo().merges.insert(key, merges);
        merges
    }

    /// The commits that lead to `head` and change something below `path` (everything where it is empty), newest first.
    pub(crate) fn below(&self, head: &str, path: &str) -> Result<Vec<Arc<CommitFacts>>> {
        let path = format!(":(top,literal){path}");
        self.log(&[head, "--", &path])
    }

    fn log(&self, what: &[&str]) -> Result<Vec<Arc<CommitFacts>>> {
        let format = format!("--format=tformat:{FORMAT}");
        let mut arguments = vec![
            "log",
            "--no-color",
            "--no-show-signature",
            "--encoding=UTF-8",
            format.as_str(),
        ];
        arguments.extend_from_slice(what);
        let text = String::from_utf8_lossy(&self.run(&arguments)?).into_owned();
        let mut fields = text.split('\0');
        let mut list = Vec::new();
        loop {
            let record: Vec<&str> = fields.by_ref().take(10).collect();
            let [oid, tree, parents, an, ae, written, cn, ce, committed, message] = record.as_slice() else {
                break;
            };
            let at = |text: &str| -> Result<Timestamp> { Ok(Timestamp::from_second(text.parse()?)?) };
            let facts = Arc::new(CommitFacts {
                oid: oid.trim_start().to_owned(),
                tree: (*tree).to_owned(),
                parents: parents.split_whitespace().map(str::to_owned).collect(),
                author: Signature {
                    name: (*an).to_owned(),
                    email: (*ae).to_owned(),
                    at: at(written)?,
                },
                committer: Signature {
                    name: (*cn).to_owned(),
                    email: (*ce).to_owned(),
                    at: at(committed)?,
                },
                message: message.trim_end_matches('\n').to_owned(),
            });
            self.memo().commits.insert(facts.oid.clone(), facts.clone());
            list.push(facts);
        }
        Ok(list)
    }

    /// The best common ancestor, or `None` for unrelated histories.
    pub fn merge_base(&self, a: &str, b: &str) -> Option<String> {
        let key = (a.to_owned(), b.to_owned());
        if let Some(known) = self.memo().bases.get(&key) {
            return known.clone();
        }
        let found = self
            .line(&["merge-base", a, b])
            .ok()
            .filter(|oid| !oid.is_empty());
        self.memo().bases.insert(key, found.clone());
        found
    }

    /// The diff between two trees, byte for byte as git prints it.
    pub fn diff(&self, from: &str, to: &str) -> Result<Vec<u8>> {
        let mut arguments = DIFF.to_vec();
        arguments.extend_from_slice(&["--end-of-options", from, to]);
        self.run(&arguments)
    }

    /// A tree's entries: of the one directory, or of all below it. `None` where there is no such tree.
    pub fn tree(&self, tree: &str, recursive: bool) -> Option<Vec<TreeEntry>> {
        if tree.starts_with('-') {
            return None;
        }
        let mut arguments = vec!["ls-tree", "-z", "--long", "--full-tree"];
        if recursive {
            arguments.extend_from_slice(&["-r", "-t"]);
        }
        arguments.push(tree);
        let text = String::from_utf8_lossy(&self.run(&arguments).ok()?).into_owned();
        text.split('\0')
            .filter(|record| !record.is_empty())
            .map(entry)
            .collect()
    }

    /// The type of an object; `None` where there is none.
    pub fn kind(&self, oid: &str) -> Option<String> {
        if oid.starts_with('-') {
            return None;
        }
        self.line(&["cat-file", "-t", oid]).ok()
    }

    /// A blob's bytes; `None` where there is no such blob.
    pub fn blob(&self, oid: &str) -> Option<Vec<u8>> {
        if oid.starts_with('-') {
            return None;
        }
        self.run(&["cat-file", "blob", oid]).ok()
    }

    /// The entry at `path` in a commit.
    pub fn entry(&self, commit: &str, path: &str) -> Option<TreeEntry> {
        let listed = self
            .run(&["ls-tree", "-z", "--long", "--full-tree", commit, "--", path])
            .ok()?;
        let text = String::from_utf8_lossy(&listed).into_owned();
        text.split('\0')
            .filter_map(entry)
            .find(|entry| entry.path == path)
    }
}

/// One record of `ls-tree --long`.
fn entry(record: &str) -> Option<TreeEntry> {
    let (facts, path) = record.split_once('\t')?;
    let mut facts = facts.split_whitespace();
    Some(TreeEntry {
        mode: facts.next()?.to_owned(),
        kind: facts.next()?.to_owned(),
        oid: facts.next()?.to_owned(),
        size: facts.next()?.parse().ok(),
        path: path.to_owned(),
    })
}

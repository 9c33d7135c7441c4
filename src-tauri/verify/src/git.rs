//! A repository's objects, read by `git`.
//!
//! Whoever wrote the change has a say in its files, and may have had one in the clone's configuration. So git works in a
//! new, empty repository that only borrows the object store: there are no attributes, hooks, filters, drivers, replaced
//! objects, grafts or remotes there, and no configuration but what stands below. An object that is missing, as in a
//! shallow or partial clone, is missing: nothing is fetched.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use countersign_core::change::Oid;
use countersign_core::changeset::{Blob, Changed, ObjectFormat};
use countersign_core::reason::{Fault, Reason};
use countersign_core::verify::Objects;
use countersign_core::verify::objects::AI_NOTES;

/// An object store, and the empty repository through which it is read.
pub(crate) struct Git {
    scratch: Scratch,
    /// The tip of the notes of agents, where the repository has any.
    ai_notes: Option<Oid>,
}

impl Git {
    /// Borrows the objects of the repository at `folder`.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where there is none, or git cannot be run.
    pub(crate) fn open(folder: &Path, format: ObjectFormat) -> Result<Self, Fault> {
        let scratch = Scratch::new().map_err(|error| missing(&format!("no scratch folder: {error}")))?;
        let mut git = Self {
            scratch,
            ai_notes: None,
        };
        let ask = |arguments: &[&str]| {
            plain()
                // Only names are asked for: whose files they are does not matter.
                .args(["-c", "safe.directory=*", "-C"])
                .arg(folder)
                .arg("rev-parse")
                .args(arguments)
                .output()
        };
        let said = ask(&["--path-format=absolute", "--git-path", "objects"]);
        let store = text(&finished(said, "rev-parse")?)?;
        let store = store.trim_end_matches('\n');
        if store.contains('\n') || !Path::new(store).is_dir() {
            return Err(missing(&format!("{} has no object store", folder.display())));
        }
        let format = match format {
            ObjectFormat::Sha1 => "--object-format=sha1",
            ObjectFormat::Sha256 => "--object-format=sha256",
        };
        git.run(["init", "--quiet", "--bare", "--template=", format])?;
        fs::write(
            git.scratch.0.join("objects/info/alternates"),
            format!("{store}\n"),
        )
        .map_err(|error| missing(&format!("the object store cannot be borrowed: {error}")))?;
        git.ai_notes = match ask(&["--verify", "--quiet", AI_NOTES]) {
            // 1 without a word says that there are none.
            Ok(output) if output.status.code() == Some(1) => None,
            output => Some(oid(text(&finished(output, "rev-parse")?)?.trim_end())?),
        };
        Ok(git)
    }

    fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = plain();
        command
            .env("GIT_DIR", &self.scratch.0)
            .current_dir(&self.scratch.0)
            .args([
                "--literal-pathspecs",
                "-c",
                "core.attributesFile=/dev/null",
                "-c",
                "core.hooksPath=/dev/null",
                // The store's own shortcut files are no objects.
                "-c",
                "core.commitGraph=false",
            ])
            .args(arguments);
        command
    }

    fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Vec<u8>, Fault> {
        finished(self.command(arguments).output(), "git")
    }

    /// A file's text.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where it is not there or is not UTF-8.
    pub(crate) fn text(&self, blob: &Oid) -> Result<String, Fault> {
        text(&self.run(["cat-file", "blob", blob.as_str()])?)
    }

    fn oids(&self, arguments: &[&str]) -> Result<Vec<Oid>, Fault> {
        text(&self.run(arguments)?)?.lines().map(oid).collect()
    }
}

/// A git that reads no configuration of the machine or the user, asks nobody, and cannot reach a remote.
fn plain() -> Command {
    let mut command = Command::new("git");
    command.env_clear().stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ALLOW_PROTOCOL", ""),
        ("LC_ALL", "C"),
    ] {
        command.env(name, value);
    }
    command
}

impl Objects for Git {
    fn tree(&self, commit: &Oid) -> Result<Oid, Fault> {
        let tree = format!("{commit}^{{tree}}");
        one(self.oids(&["rev-parse", "--verify", "--end-of-options", &tree])?)
    }

    fn merge_bases(&self, first: &Oid, other: &Oid) -> Result<Vec<Oid>, Fault> {
        // Git gives 1 and not a word where there is none.
        let bases = self.oids(&["merge-base", "--all", first.as_str(), other.as_str()]);
        bases.map_err(|fault| missing(&format!("no merge base of {first} and {other}: {}", fault.detail)))
    }

    fn changed(&self, base: &Oid, head: &Oid) -> Result<Vec<Changed>, Fault> {
        let listed = self.run([
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--no-renames",
            "--no-abbrev",
            "--no-ext-diff",
            "--no-textconv",
            base.as_str(),
            head.as_str(),
        ])?;
        changed(&listed).ok_or_else(|| missing("git's list of changed paths cannot be read"))
    }

    fn diff(&self, base: &Oid, head: &Oid, paths: &[&[u8]]) -> Result<Vec<u8>, Fault> {
        let mut arguments: Vec<&OsStr> = [
            "diff-tree",
            "-r",
            "--patch",
            // A byte that no text has hides no line.
            "--text",
            "--unified=0",
            "--no-renames",
            "--full-index",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            base.as_str(),
            head.as_str(),
            "--",
        ]
        .map(OsStr::new)
        .to_vec();
        for path in paths {
            let shown = || {
                missing(&format!(
                    "{:?} cannot be asked for",
                    String::from_utf8_lossy(path)
                ))
            };
            arguments.push(argument(path).ok_or_else(shown)?);
        }
        self.run(arguments)
    }

    fn commits(&self, head: &Oid, without: &[&Oid]) -> Result<Vec<Oid>, Fault> {
        let mut arguments = vec!["rev-list", head.as_str(), "--not"];
        arguments.extend(without.iter().map(|oid| oid.as_str()));
        self.oids(&arguments)
    }

    fn entry(&self, commit: &Oid, path: &str) -> Result<Option<Blob>, Fault> {
        let listed = text(&self.run(["ls-tree", "-z", "--full-tree", commit.as_str(), "--", path])?)?;
        let Some(entry) = listed.strip_suffix('\0') else {
            return Ok(None);
        };
        let read = || -> Option<Blob> {
            let (what, found) = entry.split_once('\t')?;
            let mut words = what.split(' ');
            let mode = u32::from_str_radix(words.next()?, 8).ok()?;
            let oid = words.nth(1)?.parse().ok()?;
            (found == path).then_some(Blob { mode, oid })
        };
        let blob = read().ok_or_else(|| missing(&format!("git's entry for {path:?} cannot be read")))?;
        Ok(Some(blob))
    }

    fn ai_notes(&self, commits: &[&Oid]) -> Result<Vec<(Oid, String)>, Fault> {
        let Some(tip) = &self.ai_notes else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for commit in commits {
            for path in note_paths(commit.as_str()) {
                if let Some(blob) = self.entry(tip, &path)? {
                    let note = self.run(["cat-file", "blob", blob.oid.as_str()])?;
                    // Whatever is no text in it hides nothing of the rest.
                    found.push(((*commit).clone(), String::from_utf8_lossy(&note).into_owned()));
                }
            }
        }
        Ok(found)
    }

    fn merge(&self, ours: &Oid, theirs: &Oid) -> Result<Option<Oid>, Fault> {
        let output = self
            .command([
                "merge-tree",
                "--write-tree",
                "--no-messages",
                ours.as_str(),
                theirs.as_str(),
            ])
            .output();
        match output {
            // 1 says that there were conflicts.
            Ok(output) if output.status.code() == Some(1) => Ok(None),
            output => one(text(&finished(output, "merge-tree")?)?
                .lines()
                .map(oid)
                .collect::<Result<_, _>>()?)
            .map(Some),
        }
    }
}

/// Where a note on an object may be: git puts more and more of the name's pairs into folders as there are more notes.
fn note_paths(name: &str) -> impl Iterator<Item = String> {
    const DEEPEST: usize = 4;
    (0..=DEEPEST).map(move |pairs| {
        let (folders, rest) = name.split_at(2 * pairs);
        let mut path = String::new();
        for (at, letter) in folders.char_indices() {
            path.push(letter);
            if at % 2 == 1 {
                path.push('/');
            }
        }
        path + rest
    })
}

/// Reads `diff-tree --raw -z`: `:oldmode newmode oldname newname letter NUL path NUL`.
fn changed(listed: &[u8]) -> Option<Vec<Changed>> {
    let mut fields = listed.split(|byte| *byte == 0);
    let mut changed = Vec::new();
    loop {
        let what = fields.next()?;
        if what.is_empty() {
            return fields.next().is_none().then_some(changed);
        }
        let mut words = std::str::from_utf8(what).ok()?.strip_prefix(':')?.split(' ');
        let modes = [words.next()?, words.next()?];
        let oids = [words.next()?, words.next()?];
        let side = |at: usize| -> Option<Option<Blob>> {
            let mode = u32::from_str_radix(modes[at], 8).ok()?;
            let oid: Oid = oids[at].parse().ok()?;
            Some((mode != 0).then_some(Blob { mode, oid }))
        };
        changed.push(Changed {
            path: fields.next()?.to_vec(),
            old: side(0)?,
            new: side(1)?,
        });
    }
}

/// A path as git's argument.
#[cfg(unix)]
fn argument(path: &[u8]) -> Option<&OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(path))
}

/// A path as git's argument: here only where it is text.
#[cfg(not(unix))]
fn argument(path: &[u8]) -> Option<&OsStr> {
    std::str::from_utf8(path).ok().map(OsStr::new)
}

fn finished(output: std::io::Result<Output>, what: &str) -> Result<Vec<u8>, Fault> {
    let output = output.map_err(|error| missing(&format!("git cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default();
    Err(missing(&format!("{what}: {}: {said}", output.status)))
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| missing("git's answer is not UTF-8"))
}

fn oid(line: &str) -> Result<Oid, Fault> {
    line.parse()
        .map_err(|_| missing(&format!("git answered {line:?}, not an object's name")))
}

fn one(oids: Vec<Oid>) -> Result<Oid, Fault> {
    let [oid] = <[Oid; 1]>::try_from(oids).map_err(|_| missing("git did not answer with one object"))?;
    Ok(oid)
}

fn missing(detail: &str) -> Fault {
    Reason::InputMissing.because(format!("the repository's objects: {detail}"))
}

/// A folder of its own, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let nanos = jiff::Timestamp::now().as_nanosecond();
        let name = format!("countersign-{}-{nanos}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Refused if it is there: nobody else has put anything into it.
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is an empty repository.
        let _ = fs::remove_dir_all(&self.0);
    }
}

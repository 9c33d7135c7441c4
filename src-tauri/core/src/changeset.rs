//! The digest of what a change does to the tree: `git-raw-v1`.
//!
//! It covers every changed path with both modes and both object names, and nothing else: it is the same after a
//! rebase that leaves the touched files alone, and another one when a single byte of them differs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::change::Oid;

/// Name of the algorithm, as the statement carries it.
pub const ALGORITHM: &str = "git-raw-v1";

/// How a repository names its objects. Source: gitrepository-layout(5), `extensions.objectFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectFormat {
    /// 40 digits.
    Sha1,
    /// 64 digits.
    Sha256,
}

impl ObjectFormat {
    /// Length of an object name in hexadecimal digits.
    pub fn digits(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }

    /// The format that an object name's length tells.
    pub fn of(oid: &Oid) -> Self {
        if oid.as_str().len() == 64 {
            Self::Sha256
        } else {
            Self::Sha1
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// Whether a file's content is the one that git names so.
pub fn is_named(oid: &Oid, content: &[u8]) -> bool {
    let header = format!("blob {}\0", content.len());
    let hex = |digest: &[u8]| {
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let name = match ObjectFormat::of(oid) {
        ObjectFormat::Sha1 => hex(&Sha1::new().chain_update(header).chain_update(content).finalize()),
        ObjectFormat::Sha256 => hex(&Sha256::new()
            .chain_update(header)
            .chain_update(content)
            .finalize()),
    };
    name == oid.as_str()
}

/// One side of a path: what a tree says about it. Only blobs, links and gitlinks; directories are not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The mode as git writes it in octal, e.g. `0o100644`.
    pub mode: u32,
    /// The object's name.
    pub oid: Oid,
}

/// One changed path, renames off: a rename is a path that goes and a path that comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The raw path, unquoted, `/` between its parts.
    pub path: Vec<u8>,
    /// Before; `None` if it was not there.
    pub old: Option<Blob>,
    /// After; `None` if it is gone.
    pub new: Option<Blob>,
}

/// Why there is no digest. Then only the binding to the head holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDigest {
    /// A path came through JSON with a replacement character: its bytes are lost.
    #[error("the path {0:?} lost bytes on its way here")]
    PathLost(String),
    /// A path is named twice.
    #[error("the path {0:?} is listed twice")]
    PathTwice(String),
    /// A path is empty or contains a NUL byte.
    #[error("{0:?} cannot be a path in a tree")]
    PathImpossible(String),
    /// Neither side is there, or both are the same.
    #[error("nothing changed at {0:?}, which is listed as changed")]
    NothingChanged(String),
    /// A mode is not one that git records for a file, a link or a gitlink.
    #[error("mode {1:o} at {0:?} is not one of a file, a link or a submodule")]
    Mode(String, u32),
    /// An object name has the other format's length, or is all zeros.
    #[error("the object name at {0:?} is not one of this repository's format")]
    Oid(String),
}

/// Digest over changed paths, as 64 lower-case hexadecimal digits. The order of `changed` does not matter.
///
/// # Errors
/// [`NoDigest`] where the list cannot be the one that git would give.
pub fn digest(format: ObjectFormat, changed: &[Changed]) -> Result<String, NoDigest> {
    let mut ordered: Vec<&Changed> = changed.iter().collect();
    ordered.sort_by(|a, b| a.path.cmp(&b.path));
    for pair in ordered.windows(2) {
        if pair[0].path == pair[1].path {
            return Err(NoDigest::PathTwice(shown(&pair[0].path)));
        }
    }
    let mut hash = Sha256::new();
    hash.update(b"countersign git-raw-v1\n");
    hash.update(format.name());
    hash.update(b"\n");
    let absent = "0".repeat(format.digits());
    for one in ordered {
        check(format, one)?;
        for side in [&one.old, &one.new] {
            hash.update(format!("{:06o} ", side.as_ref().map_or(0, |blob| blob.mode)));
        }
        hash.update(one.old.as_ref().map_or(absent.as_str(), |blob| blob.oid.as_str()));
        hash.update(b" ");
        hash.update(one.new.as_ref().map_or(absent.as_str(), |blob| blob.oid.as_str()));
        hash.update(b"\0");
        hash.update(&one.path);
        hash.update(b"\0");
    }
    Ok(hex(&hash.finalize()))
}

/// The name that git gives to a file with that content, in hexadecimal. Source: gitformat-pack(5), "Object types"; Git's
/// hash-function-transition document.
pub fn blob_name(format: ObjectFormat, content: &[u8]) -> String {
    let header = format!("blob {}\0", content.len());
    match format {
        ObjectFormat::Sha1 => hex(&Sha1::new().chain_update(header).chain_update(content).finalize()),
        ObjectFormat::Sha256 => hex(&Sha256::new()
            .chain_update(header)
            .chain_update(content)
            .finalize()),
    }
}

fn check(format: ObjectFormat, one: &Changed) -> Result<(), NoDigest> {
    if one.path.is_empty() || one.path.contains(&0) {
        return Err(NoDigest::PathImpossible(shown(&one.path)));
    }
    if one.old == one.new {
        return Err(NoDigest::NothingChanged(shown(&one.path)));
    }
    for blob in one.old.iter().chain(&one.new) {
        // 100664 stands in trees of old histories; git still reads it.
        if !matches!(
            blob.mode,
            0o100_644 | 0o100_755 | 0o100_664 | 0o120_000 | 0o160_000
        ) {
            return Err(NoDigest::Mode(shown(&one.path), blob.mode));
        }
        if blob.oid.as_str().len() != format.digits() || blob.oid.as_str().bytes().all(|b| b == b'0') {
            return Err(NoDigest::Oid(shown(&one.path)));
        }
    }
    Ok(())
}

/// One entry of a whole tree, with its full path. Directories (`040000`) may be among them and are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// The full raw path.
    pub path: Vec<u8>,
    /// The mode.
    pub mode: u32,
    /// The object's name.
    pub oid: Oid,
}

impl TreeEntry {
    /// An entry as a forge's JSON gives it.
    ///
    /// # Errors
    /// [`NoDigest::PathLost`] if the path contains U+FFFD: the forge's answer is JSON, so bytes that are not UTF-8
    /// were replaced and two different paths can look the same.
    pub fn from_json(path: &str, mode: u32, oid: Oid) -> Result<Self, NoDigest> {
        if path.contains('\u{fffd}') {
            return Err(NoDigest::PathLost(path.to_owned()));
        }
        Ok(Self {
            path: path.as_bytes().to_vec(),
            mode,
            oid,
        })
    }
}

/// What differs between two whole trees, sorted by path. Both lists must be complete.
///
/// # Errors
/// [`NoDigest::PathTwice`] if a tree lists a path twice.
pub fn between(old: &[TreeEntry], new: &[TreeEntry]) -> Result<Vec<Changed>, NoDigest> {
    let mut paths: BTreeMap<&[u8], (Option<&TreeEntry>, Option<&TreeEntry>)> = BTreeMap::new();
    for entry in old.iter().filter(|entry| entry.mode != DIRECTORY) {
        if paths.entry(&entry.path).or_default().0.replace(entry).is_some() {
            return Err(NoDigest::PathTwice(shown(&entry.path)));
        }
    }
    for entry in new.iter().filter(|entry| entry.mode != DIRECTORY) {
        if paths.entry(&entry.path).or_default().1.replace(entry).is_some() {
            return Err(NoDigest::PathTwice(shown(&entry.path)));
        }
    }
    let blob = |entry: &TreeEntry| Blob {
        mode: entry.mode,
        oid: entry.oid.clone(),
    };
    let changed = paths.into_iter().map(|(path, (old, new))| Changed {
        path: path.to_vec(),
        old: old.map(blob),
        new: new.map(blob),
    });
    Ok(changed.filter(|one| one.old != one.new).collect())
}

const DIRECTORY: u32 = 0o40_000;

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Lower-case hexadecimal digits of bytes.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// SHA-256 of bytes as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(digit: char) -> Oid {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn entry(path: &str, mode: u32, digit: char) -> TreeEntry {
        TreeEntry {
            path: path.as_bytes().to_vec(),
            mode,
            oid: oid(digit),
        }
    }

    #[test]
    fn a_content_has_the_name_that_git_gives_it() {
        let one: Oid = "ba89554fdeb876cadac74adb001534ac636cdc03".parse().unwrap();
        assert!(is_named(&one, b"agent: one\n"));
        assert!(!is_named(&one, b"agent: one"));
        let empty = "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813";
        assert!(is_named(&empty.parse().unwrap(), b""));
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let changed = [
            Changed {
                path: b"b".to_vec(),
                old: None,
                new: Some(Blob {
                    mode: 0o100_644,
                    oid: oid('2'),
                }),
            },
            Changed {
                path: b"a\xff".to_vec(),
                old: Some(Blob {
                    mode: 0o120_000,
                    oid: oid('1'),
                }),
                new: None,
            },
        ];
        let (one, two, zero) = ("1".repeat(40), "2".repeat(40), "0".repeat(40));
        let mut bytes = b"countersign git-raw-v1\nsha1\n".to_vec();
        bytes.extend(format!("120000 000000 {one} {zero}\0a").bytes());
        bytes.extend(b"\xff\0");
        bytes.extend(format!("000000 100644 {zero} {two}\0b\0").bytes());
        assert_eq!(digest(ObjectFormat::Sha1, &changed), Ok(sha256_hex(&bytes)));
    }

    #[test]
    fn two_trees_differ_in_what_was_added_removed_and_changed() {
        let old = [
            entry("a", 0o100_644, '1'),
            entry("d", DIRECTORY, '9'),
            entry("d/x", 0o100_644, '2'),
            entry("gone", 0o100_644, '3'),
        ];
        let new = [
            entry("d/x", 0o100_755, '2'),
            entry("d", DIRECTORY, '8'),
            entry("a", 0o100_644, '1'),
            entry("sub", 0o160_000, '4'),
        ];
        let paths: Vec<Vec<u8>> = between(&old, &new)
            .unwrap()
            .into_iter()
            .map(|one| one.path)
            .collect();
        assert_eq!(paths, [b"d/x".to_vec(), b"gone".to_vec(), b"sub".to_vec()]);
    }

    #[test]
    fn a_mode_alone_changes_the_digest() {
        let of = |mode| {
            let new = [entry("x", mode, '2')];
            digest(
                ObjectFormat::Sha1,
                &between(&[entry("x", 0o100_644, '1')], &new).unwrap(),
            )
            .unwrap()
        };
        assert_ne!(of(0o100_644), of(0o100_755));
    }

    #[test]
    fn what_git_would_never_say_has_no_digest() {
        let file = |digit| {
            Some(Blob {
                mode: 0o100_644,
                oid: oid(digit),
            })
        };
        let one = |path: &[u8], old, new| {
            vec![Changed {
                path: path.to_vec(),
                old,
                new,
            }]
        };
        let sha1 = ObjectFormat::Sha1;
        assert!(matches!(
            digest(sha1, &one(b"", None, file('1'))),
            Err(NoDigest::PathImpossible(_))
        ));
        assert!(matches!(
            digest(sha1, &one(b"a\0b", None, file('1'))),
            Err(NoDigest::PathImpossible(_))
        ));
        assert!(matches!(
            digest(sha1, &one(b"a", file('1'), file('1'))),
            Err(NoDigest::NothingChanged(_))
        ));
        assert!(matches!(
            digest(sha1, &one(b"a", None, None)),
            Err(NoDigest::NothingChanged(_))
        ));
        assert!(matches!(
            digest(sha1, &one(b"a", None, file('0'))),
            Err(NoDigest::Oid(_))
        ));
        assert!(matches!(
            digest(ObjectFormat::Sha256, &one(b"a", None, file('1'))),
            Err(NoDigest::Oid(_))
        ));
        let tree = Some(Blob {
            mode: DIRECTORY,
            oid: oid('1'),
        });
        assert!(matches!(
            digest(sha1, &one(b"a", None, tree)),
            Err(NoDigest::Mode(..))
        ));
        let twice = [one(b"a", None, file('1')), one(b"a", None, file('2'))].concat();
        assert!(matches!(digest(sha1, &twice), Err(NoDigest::PathTwice(_))));
        assert!(matches!(
            TreeEntry::from_json("a\u{fffd}", 0o100_644, oid('1')),
            Err(NoDigest::PathLost(_))
        ));
    }
}

//! What the judge is given: one JSON document that CI collected. A field that is left out is an error; where a value
//! may be unknown, it is written as `null`, and the field says what follows from that.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::change::{ChangeState, Commit, Oid, Person, ReviewState};
use crate::changeset::{Blob, Changed, ObjectFormat};
use crate::reason::{Fault, Reason};
use crate::strict_json;

/// The document's version.
pub const VERSION: u32 = 1;

/// Everything that the judge needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// [`VERSION`].
    pub version: u32,
    /// Where the change lives.
    pub forge: Forge,
    /// The change as it is now.
    pub change: Change,
    /// The policy's files at the tip of the target branch.
    pub trust: TrustFiles,
    /// All commits of the change.
    pub commits: Listed<Commit>,
    /// Accounts for mail addresses, as far as the collector could map them: best effort.
    pub mails: Vec<Mail>,
    /// All reviews of the change, in every state but pending.
    pub reviews: Listed<Review>,
    /// All dismissals of reviews on the change.
    pub dismissals: Listed<Dismissal>,
    /// What the change does to the tree.
    pub content: Content,
    /// Who pushed to the change's branch; `null` if nobody can tell: then two seniors are needed.
    #[serde(deserialize_with = "nullable")]
    pub pushers: Option<Accounts>,
    /// Who set an agent to work; an empty list if nobody did, `null` if nobody can tell: then two seniors are needed.
    #[serde(deserialize_with = "nullable")]
    pub operators: Option<Accounts>,
    /// Other open changes with the same head, each as a document of this kind (whose own list is not looked at).
    pub same_head: SameHead,
    /// The merge group that is to be judged; `null` outside a merge queue.
    #[serde(deserialize_with = "nullable")]
    pub merge_group: Option<serde_json::Value>,
}

/// The forge and the repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forge {
    /// `github`.
    pub kind: String,
    /// Host name, with a port where it is not the standard one.
    pub host: String,
    /// `owner/name`, for people.
    pub repo: String,
    /// Numeric id, decimal.
    pub repo_id: String,
}

/// The change as the forge reports it now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The number that people use, decimal.
    pub number: String,
    /// Numeric id, decimal.
    pub change_id: String,
    /// Its life.
    pub state: ChangeState,
    /// Marked as not ready.
    pub draft: bool,
    /// Who opened it; `null` where the account was deleted.
    #[serde(deserialize_with = "nullable")]
    pub author: Option<Person>,
    /// `refs/heads/…`.
    pub target_ref: String,
    /// Whether the target branch is protected. Only looked at in [`Input::same_head`].
    pub target_protected: bool,
    /// The head commit.
    pub head: Oid,
}

/// Files of the target branch's tip.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFiles {
    /// Where they were read.
    pub source: String,
    /// The tip.
    pub target_tip: Oid,
    /// Path of the workflow that runs the verifier; `null` if it is not known: then every workflow counts as it.
    #[serde(deserialize_with = "nullable")]
    pub gate_workflow: Option<String>,
    /// `.github/countersign.toml`; `null` if it is not there.
    #[serde(deserialize_with = "nullable")]
    pub policy: Option<File>,
    /// The file that the policy names; `null` if it is not there.
    #[serde(deserialize_with = "nullable")]
    pub allowed_signers: Option<File>,
    /// The file that the policy names; `null` if it names none or it is not there.
    #[serde(deserialize_with = "nullable")]
    pub revoked_keys: Option<File>,
}

/// A text file in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Its blob.
    pub blob: Oid,
    /// Its whole text. A file that is not UTF-8 cannot be given, and so cannot be trusted.
    pub text: String,
}

/// A list with the forge's own count: a list that is shorter was cut.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed<T> {
    /// Where it was read.
    pub source: String,
    /// How many there are, by the forge's count.
    pub total: u64,
    /// Those that were read.
    pub items: Vec<T>,
}

impl<T> Listed<T> {
    pub(super) fn whole(&self, what: &str) -> Result<&[T], Fault> {
        if self.items.len() as u64 == self.total {
            return Ok(&self.items);
        }
        Err(Reason::InputMissing.because(format!(
            "{} of {} {what} were collected",
            self.items.len(),
            self.total
        )))
    }
}

/// An account that a mail address belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The address.
    pub email: String,
    /// Whose it is.
    pub account: Person,
}

/// A review as the forge reports it now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Numeric id, decimal.
    pub id: String,
    /// Who wrote it; `null` where the account was deleted.
    #[serde(deserialize_with = "nullable")]
    pub author: Option<Person>,
    /// Its state now.
    pub state: ReviewState,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When its body was last edited (GitHub: `lastEditedAt`); `null` if never.
    #[serde(deserialize_with = "nullable")]
    pub edited_at: Option<Timestamp>,
    /// The commit that the forge attributes it to; `null` if the forge does not say.
    #[serde(deserialize_with = "nullable")]
    pub commit: Option<Oid>,
    /// The whole body.
    pub body: String,
}

/// A review was dismissed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dismissal {
    /// Which.
    pub review_id: String,
    /// By whom; `null` where the account was deleted or the forge itself did it.
    #[serde(deserialize_with = "nullable")]
    pub by: Option<Person>,
    /// When.
    pub at: Timestamp,
    /// The review's state before.
    pub was: ReviewState,
}

/// What the change does to the tree, recomputed by the collector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Where it was computed: `git` or the forge's trees.
    pub source: String,
    /// The head that it was computed for.
    pub head: Oid,
    /// That commit's tree.
    pub head_tree: Oid,
    /// How the repository names its objects.
    pub object_format: ObjectFormat,
    /// All merge bases of the head and the target's tip.
    pub merge_bases: Vec<Oid>,
    /// Every changed path between the merge base and the head, renames off; `null` if a tree could not be read whole.
    #[serde(deserialize_with = "nullable")]
    pub changed: Option<Vec<ChangedPath>>,
}

/// One line of `git diff-tree -r -z --no-renames --raw`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangedPath {
    /// The path; exactly one of this and `path_hex`.
    pub path: Option<String>,
    /// The path's bytes in hexadecimal, where they are not UTF-8.
    pub path_hex: Option<String>,
    /// Six octal digits; `000000` if it was not there.
    pub old_mode: String,
    /// Six octal digits; `000000` if it is gone.
    pub new_mode: String,
    /// Object name; zeros if it was not there.
    pub old_oid: Oid,
    /// Object name; zeros if it is gone.
    pub new_oid: Oid,
}

impl ChangedPath {
    /// As the digest takes it.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where the line cannot be one of git's, or lost bytes of its path.
    pub fn read(&self) -> Result<Changed, Fault> {
        let bad = |what: &str| Reason::InputMissing.because(format!("content.changed: {what} in {self:?}"));
        let path = match (&self.path, &self.path_hex) {
            (Some(path), None) if !path.contains('\u{fffd}') => path.as_bytes().to_vec(),
            (Some(_), None) => return Err(bad("bytes were lost (U+FFFD)")),
            (None, Some(hex)) => unhex(hex).ok_or_else(|| bad("path_hex is not hexadecimal"))?,
            (None, None) | (Some(_), Some(_)) => return Err(bad("expected one of path and path_hex")),
        };
        let side = |mode: &str, oid: &Oid| {
            let octal = mode.len() == 6 && mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
            let mode = if octal {
                u32::from_str_radix(mode, 8).ok()
            } else {
                None
            };
            let absent = oid.as_str().bytes().all(|b| b == b'0');
            match mode {
                Some(0) if absent => Ok(None),
                Some(mode) if mode != 0 && !absent => Ok(Some(Blob {
                    mode,
                    oid: oid.clone(),
                })),
                Some(_) => Err(bad("mode and object name do not agree on whether it is there")),
                None => Err(bad("a mode is not six octal digits")),
            }
        };
        Ok(Changed {
            path,
            old: side(&self.old_mode, &self.old_oid)?,
            new: side(&self.new_mode, &self.new_oid)?,
        })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let whole = digits.len().is_multiple_of(2);
    whole.then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Accounts, and where that was found out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Where: the repository's activity, an assignee, a trailer.
    pub source: String,
    /// Which.
    pub accounts: Vec<Person>,
}

/// Open changes that share the head.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameHead {
    /// Where they were looked for.
    pub source: String,
    /// Them, without the change itself.
    pub changes: Vec<Input>,
}

impl Input {
    /// Reads the document.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] with what is missing or not understood, and where.
    pub fn from_json(json: &[u8]) -> Result<Self, Fault> {
        let missing =
            |detail: String| Reason::InputMissing.because(format!("the input cannot be read: {detail}"));
        let value = strict_json::parse(json).map_err(|fault| missing(fault.detail))?;
        let input: Self = serde_json::from_value(value).map_err(|error| missing(error.to_string()))?;
        if input.version != VERSION {
            return Err(missing(format!("version {}, expected {VERSION}", input.version)));
        }
        Ok(input)
    }
}

/// `null` is a value; leaving the field out is not.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

//! What the judge is given: one JSON document that CI collected. A field that is left out is an error; where a value
//! may be unknown, it is written as `null`, and the field says what follows from that.
//!
//! | module | subject |
//! |---|---|
//! | [`people`] | accounts, commits, who pushed, who set an agent to work |
//! | [`content`] | what the change does to the tree |
//! | [`group`] | the merge group |
//! | `form` | how strictly JSON is read |
//! | `whole` | whether the parts belong together |

pub mod content;
mod form;
pub mod group;
pub mod people;
mod whole;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{ChangeState, Oid, ReviewState};
use crate::reason::{Fault, Reason};
use crate::strict_json;
pub use content::{ChangedPath, Content};
use form::{decimal, nullable};
pub use group::{Member, MergeGroup};
pub use people::{Commit, Identity, Mail, Operator, Operators, Person, Push};

/// The document's version.
pub const VERSION: u32 = 1;
/// Largest document, in bytes: a thousand bodies of the largest size and the lists around them.
pub const MAX_BYTES: usize = 128 * 1024 * 1024;

/// Everything that the judge needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// All dismissals of reviews on the change. The forge lets a review be dismissed once.
    pub dismissals: Listed<Dismissal>,
    /// What the change does to the tree.
    pub content: Content,
    /// Every movement of the change's branch, oldest first; `null` if nobody can tell. Where it does not lead without a
    /// gap from the branch's beginning to the head, it is not known who pushed: then two seniors are needed.
    #[serde(deserialize_with = "nullable")]
    pub pushes: Option<Vec<Push>>,
    /// Who set an agent to work; an empty list if nobody did, `null` if nobody can tell: then two seniors are needed.
    #[serde(deserialize_with = "nullable")]
    pub operators: Option<Operators>,
    /// Other open changes with the same head, each as a document of this kind (whose own list is not looked at).
    pub same_head: Listed<Input>,
    /// The merge group that is to be judged, which takes the repository's objects; `null` outside a merge queue.
    #[serde(deserialize_with = "nullable")]
    pub merge_group: Option<MergeGroup>,
}

/// The forge and the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forge {
    /// `github`.
    pub kind: String,
    /// Host name, with a port where it is not the standard one.
    pub host: String,
    /// `owner/name`, for people.
    pub repo: String,
    /// Numeric id, decimal.
    #[serde(deserialize_with = "decimal")]
    pub repo_id: String,
}

/// The change as the forge reports it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The number that people use, decimal.
    #[serde(deserialize_with = "decimal")]
    pub number: String,
    /// Numeric id, decimal.
    #[serde(deserialize_with = "decimal")]
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
    /// Name of the branch that holds it, without `refs/heads/`. With the description, for marks of AI tools.
    pub head_branch: String,
    /// Description; empty where there is none. Hostile text.
    pub body: String,
}

/// Files of the target branch's tip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFiles {
    /// Where they were read.
    pub source: String,
    /// The tip.
    pub target_tip: Oid,
    /// Files and folders that the verifier's run depends on, besides the forge's workflows and actions, which count
    /// without being named.
    pub gate_files: Vec<String>,
    /// `.github/countersign.toml`; `null` if it is not there.
    #[serde(deserialize_with = "nullable")]
    pub policy: Option<File>,
    /// The file that the policy names; `null` if it is not there.
    #[serde(deserialize_with = "nullable")]
    pub allowed_signers: Option<File>,
    /// The file that the policy names; `null` if it names none or it is not there.
    #[serde(deserialize_with = "nullable")]
    pub revoked_keys: Option<File>,
    /// The organisation's policy; `null`, or left out, where the policy extends none.
    #[serde(default)]
    pub organisation: Option<Organisation>,
}

/// The policy that a repository's `extends`, with the files that it names: those of the tip of the default branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Where they were read.
    pub source: String,
    /// `owner/name`, as the forge has it.
    pub repo: String,
    /// Numeric id, decimal.
    #[serde(deserialize_with = "decimal")]
    pub repo_id: String,
    /// The tip of its default branch, by the forge's word.
    pub tip: Oid,
    /// The file that the repository's policy names; `null` if it is not there.
    #[serde(deserialize_with = "nullable")]
    pub policy: Option<File>,
    /// The file that this policy names; `null` if it is not there.
    #[serde(deserialize_with = "nullable")]
    pub allowed_signers: Option<File>,
    /// The file that this policy names; `null` if it names none or it is not there.
    #[serde(deserialize_with = "nullable")]
    pub revoked_keys: Option<File>,
}

/// A text file in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Its mode in the tree, six octal digits. The text of a link (`120000`) is a path and no policy.
    pub mode: String,
    /// Its blob, which must be the name of `text`.
    pub blob: Oid,
    /// Its whole text. A file that is not UTF-8 cannot be given, and so cannot be trusted.
    pub text: String,
}

/// A list with the forge's own count: a list that is shorter was cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed<T> {
    /// Where it was read.
    pub source: String,
    /// How many there are, by the forge's count.
    pub total: u64,
    /// Those that were read.
    pub items: Vec<T>,
}

/// A review as the forge reports it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Numeric id, decimal.
    #[serde(deserialize_with = "decimal")]
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

impl Review {
    /// Account id of its author, where it is known.
    pub fn author_id(&self) -> Option<&str> {
        self.author.as_ref()?.id.as_deref()
    }
}

/// A review was dismissed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dismissal {
    /// Which.
    #[serde(deserialize_with = "decimal")]
    pub review_id: String,
    /// By whom; `null` where the account was deleted or the forge itself did it.
    #[serde(deserialize_with = "nullable")]
    pub by: Option<Person>,
    /// When.
    pub at: Timestamp,
    /// The review's state before.
    pub was: ReviewState,
}

impl Input {
    /// Reads the document.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] with what is missing or not understood, and where.
    pub fn from_json(json: &[u8]) -> Result<Self, Fault> {
        let missing =
            |detail: String| Reason::InputMissing.because(format!("the input cannot be read: {detail}"));
        if json.len() > MAX_BYTES {
            return Err(missing(format!("it is larger than {MAX_BYTES} bytes")));
        }
        let value = strict_json::parse(json).map_err(|fault| missing(fault.detail))?;
        let input = Self::deserialize(&value).map_err(|error| missing(error.to_string()))?;
        let again = serde_json::to_value(&input).map_err(|error| missing(error.to_string()))?;
        if !form::is_same(&value, &again) {
            return Err(missing(
                "an object or a word is written in another form".to_owned(),
            ));
        }
        input.check_version()?;
        Ok(input)
    }

    fn check_version(&self) -> Result<(), Fault> {
        if self.version != VERSION {
            return Err(Reason::InputMissing.because(format!(
                "#{}: version {}, expected {VERSION}",
                self.change.number, self.version
            )));
        }
        self.same_head.items.iter().try_for_each(Self::check_version)?;
        let members = self.merge_group.iter().flat_map(|group| &group.members.items);
        members
            .filter_map(|member| member.change.as_deref())
            .try_for_each(Self::check_version)
    }
}

//! What is held of a change: the forge's facts, and what was made of them.

use countersign_core::change::{Change, ChangeId, Oid, Person};
use countersign_core::finding::Assessment;
use countersign_core::queue::Section;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::{NoteText, Organisation, Reading, TrustedFile};

/// What is held of one change: the forge's facts and what was made of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Held {
    /// The change, normalised.
    pub change: Change,
    /// In which section it waits.
    pub section: Option<Section>,
    /// Listed by default.
    pub needs_sign_off: bool,
    /// Why it does or does not, in words.
    pub involvement_words: String,
    /// What the evidence adds up to.
    pub classification: countersign_core::evidence::Classification,
    /// What it could break.
    pub assessment: Assessment,
    /// The facts about the pair (target tip, head) that the statement needs.
    pub facts: Facts,
    /// Digest over patch and assessment: names what the UI showed.
    pub seen: String,
    /// SHA-256 of the diff's bytes.
    pub patch_sha256: String,
    /// SHA-256 of the assessment's stored bytes.
    pub assessment_sha256: String,
    /// A diff is held.
    pub read: bool,
}

/// What a (target tip, head) pair fixes, besides the diff.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Merge base.
    pub merge_base: Option<Oid>,
    /// Tree of the head.
    pub head_tree: Option<Oid>,
    /// `git-raw-v1` digest.
    pub changeset: Option<String>,
    /// The policy's text at the target's tip.
    pub policy: Option<String>,
    /// Its blob.
    pub policy_blob: Option<Oid>,
    /// `allowed_signers` at the target's tip.
    pub allowed_signers: Option<String>,
    /// `revoked_keys` at the target's tip.
    #[serde(default)]
    pub revoked_keys: Option<String>,
    /// The organisation's policy, where the repository's extends one that can be read.
    #[serde(default)]
    pub organisation: Option<Organisation>,
    /// Everybody who moved the change's branch; `None` where that cannot be told.
    #[serde(default)]
    pub pushers: Option<Vec<Person>>,
    /// Whether the target's rules keep approvals when somebody pushes; `None` where no rule says.
    #[serde(default)]
    pub keeps_stale: Option<bool>,
    /// CODEOWNERS at the target's tip: its path and its text.
    pub owners: Option<(String, String)>,
    /// Folders in which the author has committed nothing before; the root is empty.
    #[serde(default)]
    pub new_to_author: Vec<String>,
    /// What the forge left out of the diff: path (or nothing, for the whole) and reason.
    pub missing: Vec<(String, String)>,
    /// Git notes on the commits.
    pub notes: Vec<NoteText>,
    /// The changed files that are read whole.
    pub sides: Vec<SideNames>,
    /// The manifests at the merge base, where the policy describes no components: path and name of the contents.
    pub manifests: Vec<(String, Oid)>,
}

/// Where a changed file's two contents are: in the store, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideNames {
    /// Its path as the diff has it.
    pub path: String,
    /// Before; `None` where it was not there.
    pub old: Option<Oid>,
    /// After; `None` where it is gone.
    pub new: Option<Oid>,
    /// Why one or both could not be had.
    pub missing: Option<String>,
}

/// What a poll compares with what the forge says.
#[derive(Debug, Clone)]
pub struct Known {
    /// Which change.
    pub id: ChangeId,
    /// Node id at the forge.
    pub node_id: String,
    /// Head when it was last read.
    pub head: String,
    /// Update time when it was last read.
    pub updated_at: Timestamp,
    /// It waits for the user.
    pub waits: bool,
    /// All that the forge gives of this head is held: it need not be read again.
    pub settled: bool,
}

impl Held {
    /// The forge answered about this head, even where it gives no diff (too large): asking again would not help.
    pub fn is_settled(&self) -> bool {
        self.read || self.facts.head_tree.is_some()
    }
}

impl Facts {
    /// The facts of a reading; which files are read whole is added by who fetches them.
    pub fn of(reading: &Reading) -> Self {
        let text = |file: &Option<TrustedFile>| {
            file.as_ref()
                .map(|file| String::from_utf8_lossy(&file.bytes).into_owned())
        };
        Self {
            merge_base: reading.merge_base.clone(),
            head_tree: reading.head_tree.clone(),
            changeset: reading.changeset.clone(),
            policy: text(&reading.policy),
            policy_blob: reading.policy.as_ref().map(|file| file.blob.clone()),
            allowed_signers: text(&reading.allowed_signers),
            revoked_keys: text(&reading.revoked_keys),
            organisation: reading.organisation.clone(),
            pushers: reading.pushers.clone(),
            keeps_stale: reading.keeps_stale,
            owners: reading
                .owners
                .as_ref()
                .map(|(path, file)| (path.clone(), String::from_utf8_lossy(&file.bytes).into_owned())),
            new_to_author: reading.new_to_author.clone(),
            missing: reading.missing.clone(),
            notes: reading.notes.clone(),
            sides: Vec::new(),
            manifests: Vec::new(),
        }
    }
}

//! Why an approval was not accepted: one name for each thing that can be wrong, with what it means and what helps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $step:literal, $hint:literal;)+) => {
        /// One named reason. The names are part of the format: they never change their meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason, in the order in which the verifier's steps come.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, `E_…`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The verifier's step (1 to 16) that gives it; 0 where it is not tied to one.
            pub fn step(self) -> u8 {
                match self { $(Self::$variant => $step,)+ }
            }

            /// What it means, for people.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// What the person in front of it can do.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)+ }
            }
        }
    };
}

reasons! {
    /// This version of the verifier does not judge something that the policy or the input asks for.
    NotJudged = "E_NOT_JUDGED", 0, "Use a version that judges it, or take it out of the policy.";

    /// The target branch has no policy.
    PolicyMissing = "E_POLICY_MISSING", 1, "An administrator merges .github/countersign.toml to the target branch first.";
    /// The policy, the allowed signers or the revoked keys on the target branch cannot be read in full.
    PolicyUnreadable = "E_POLICY_UNREADABLE", 1, "Correct the file on the target branch at the line and column given.";
    /// Something that the judge needs was not collected, or was cut.
    InputMissing = "E_INPUT_MISSING", 1, "Collect the named input in full and judge again.";

    /// The change is closed, merged or a draft.
    ChangeState = "E_CHANGE_STATE", 2, "Reopen it or mark it ready for review.";

    /// The review is not an approval any more, or never was.
    ReviewState = "E_REVIEW_STATE", 3, "The reviewer approves again.";
    /// The same reviewer decided again later.
    Superseded = "E_SUPERSEDED", 3, "Nothing to do: the later review is the one that is judged.";
    /// The review's body was edited after it was submitted.
    ReviewEdited = "E_REVIEW_EDITED", 3, "The reviewer approves again and leaves the body alone.";
    /// The review was not written by a person's account.
    ReviewerBot = "E_REVIEWER_BOT", 3, "A person approves with their own account.";
    /// A senior has asked for changes and nothing has lifted it.
    ChangesRequested = "E_CHANGES_REQUESTED", 3, "That senior approves with a signature, or another senior dismisses the request.";

    /// The review's body has no signed envelope.
    NoEnvelope = "E_NO_ENVELOPE", 4, "Approve with Countersign: an approval from the website carries no signature.";
    /// The review's body has more than one envelope.
    EnvelopeAmbiguous = "E_ENVELOPE_AMBIGUOUS", 4, "Approve again, without quoting another envelope.";
    /// The body or the envelope is larger than the format allows.
    EnvelopeTooLarge = "E_ENVELOPE_TOO_LARGE", 4, "Approve again with a shorter comment.";
    /// The text in the fence, or a part of the envelope, is not base64.
    Base64 = "E_BASE64", 4, "Approve again: the envelope was damaged on its way.";
    /// The envelope is not JSON.
    Json = "E_JSON", 4, "Approve again: the envelope was damaged on its way.";
    /// The envelope or the statement names a key twice.
    JsonDupkey = "E_JSON_DUPKEY", 4, "Approve again with an app that keeps to the format.";
    /// The envelope is not in its one canonical encoding.
    Encoding = "E_ENCODING", 4, "Approve again and leave the body alone.";
    /// The envelope's payload type is not the in-toto one.
    PayloadType = "E_PAYLOAD_TYPE", 4, "Approve again with an app that keeps to the format.";

    /// The signature's structure cannot be read.
    SigParse = "E_SIG_PARSE", 5, "Approve again with an app that keeps to the format.";
    /// The key's algorithm is not one of the four that the format allows, or differs from the signature's.
    SigAlg = "E_SIG_ALG", 5, "Sign with an ed25519 or P-256 key, on a security key or not.";
    /// The signature was made over another hash than SHA-512.
    SigHash = "E_SIG_HASH", 5, "Sign with sha512, which is what ssh-keygen does by default.";
    /// The signature was made for another purpose.
    Namespace = "E_NAMESPACE", 5, "Sign in the namespace approval@countersign.dev.";
    /// The reviewer is not a senior of the policy, or the key is not one of theirs.
    SignerUnknown = "E_SIGNER_UNKNOWN", 5, "Enrol the person and the key on the target branch.";
    /// The signature does not fit the statement.
    SigInvalid = "E_SIG_INVALID", 5, "Approve again: what was signed is not what was sent.";

    /// The key is allowed from a later date on.
    KeyNotYetValid = "E_KEY_NOT_YET_VALID", 6, "Wait for the key's valid-after date or sign with another key.";
    /// The key was allowed up to an earlier date.
    KeyExpired = "E_KEY_EXPIRED", 6, "Enrol a new key and approve again.";
    /// The key is revoked.
    KeyRevoked = "E_KEY_REVOKED", 6, "Enrol a new key and approve again.";

    /// The policy wants a touch of an enrolled security key, and there is none.
    PresenceMissing = "E_PRESENCE_MISSING", 7, "Sign with an enrolled security key and touch it.";
    /// The policy wants the security key's PIN or fingerprint, and it was not given.
    UvMissing = "E_UV_MISSING", 7, "Sign with a security key that asks for its PIN or fingerprint.";

    /// The statement does not have the format's shape.
    Schema = "E_SCHEMA", 8, "Approve again with an app that keeps to the format.";
    /// The statement is of another kind.
    PredicateType = "E_PREDICATE_TYPE", 8, "Approve with Countersign: another attestation is not an approval.";
    /// The statement's decision is not an approval.
    Decision = "E_DECISION", 8, "The reviewer signs an approval if they mean to approve.";

    /// The statement names another reviewer than the account that posted it.
    ReviewerMismatch = "E_REVIEWER_MISMATCH", 9, "The person who signs posts the review with their own account.";

    /// The statement was made for another forge.
    Host = "E_HOST", 10, "Approve the change where it is.";
    /// The statement was made for another repository.
    RepoId = "E_REPO_ID", 10, "Approve the change where it is.";
    /// The statement was made for another change.
    ChangeId = "E_CHANGE_ID", 10, "Approve the change where it is.";
    /// The statement was made for another target branch.
    TargetRef = "E_TARGET_REF", 10, "Read the change against its new target and approve again.";

    /// The head is no longer the commit that was approved.
    HeadMoved = "E_HEAD_MOVED", 11, "Read what was pushed since and approve again.";
    /// The head's tree is not the one that was approved.
    TreeMismatch = "E_TREE_MISMATCH", 11, "Read the change again and approve again.";
    /// What the change does, from its merge base to its head, is not what was approved, or cannot be told.
    ChangesetMismatch = "E_CHANGESET_MISMATCH", 11, "Read the change again and approve again.";
    /// The policy binds approvals to the changeset, and the statement names none.
    ChangesetAbsent = "E_CHANGESET_ABSENT", 11, "Approve again where the trees can be read whole.";
    /// The forge attributes the review to another commit than the statement.
    ReviewCommit = "E_REVIEW_COMMIT", 11, "Approve again on the current head.";

    /// The statement is dated more than five minutes ahead.
    Future = "E_FUTURE", 12, "Set the clock of the machine that signs.";
    /// The approval has expired.
    Expired = "E_EXPIRED", 12, "Approve again.";
    /// The approval is valid for longer than the policy allows, or for no time at all.
    Lifetime = "E_LIFETIME", 12, "Approve again under the current policy.";
    /// Too much time lies between signing and posting, or the dates contradict each other.
    TimeSkew = "E_TIME_SKEW", 12, "Set the clock of the machine that signs, and approve again.";

    /// An approval of this reviewer was dismissed after this one was signed.
    WithdrawnReplay = "E_WITHDRAWN_REPLAY", 13, "Approve again: a dismissed approval does not come back.";
    /// The same nonce was used for other bytes.
    NonceReused = "E_NONCE_REUSED", 13, "Approve again: each signature needs its own nonce.";

    /// The statement claims a role that the current policy does not give.
    Role = "E_ROLE", 14, "A senior of the current policy approves.";
    /// The signer opened or pushed the change.
    SelfApproval = "E_SELF_APPROVAL", 14, "Another senior approves.";
    /// The signer wrote or committed one of its commits.
    Coauthor = "E_COAUTHOR", 14, "Another senior approves.";
    /// The signer set the agent to work.
    Operator = "E_OPERATOR", 14, "Another senior approves.";
    /// Nobody can tell who pushed the change, and only one senior has approved.
    PusherUnknown = "E_PUSHER_UNKNOWN", 14, "A second senior approves.";
    /// A commit names a co-author without an address, and only one senior has approved.
    CoauthorUnknown = "E_COAUTHOR_UNKNOWN", 14, "A second senior approves.";
    /// Nobody can tell who set the agent to work, and only one senior has approved.
    OperatorUnknown = "E_OPERATOR_UNKNOWN", 14, "A second senior approves.";
    /// Too few distinct people have approved.
    Quorum = "E_QUORUM", 14, "More seniors approve.";

    /// Somebody has broken the glass otherwise than the policy lets them.
    BreakGlass = "E_BREAK_GLASS", 14, "Two people whom [break_glass] names sign within its window, at most one of whom had a part in the change; or get it signed off.";

    /// Another open change has the same head and does not pass.
    HeadShared = "E_HEAD_SHARED", 15, "Close the other change, or get it signed off too.";

    /// A commit of the merge group is not the merge of what was judged.
    MergeReplay = "E_MERGE_REPLAY", 16, "Put the changes into the queue again.";
}

/// No reason has that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a reason")]
pub struct NotAReason(pub String);

impl FromStr for Reason {
    type Err = NotAReason;

    fn from_str(text: &str) -> Result<Self, NotAReason> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.code() == text)
            .ok_or_else(|| NotAReason(text.to_owned()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Reason {}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A reason with what exactly was found: "expected …, found …". Hostile text is quoted in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Fault {
    /// The name.
    pub reason: Reason,
    /// What was found, for people.
    pub detail: String,
}

impl Reason {
    /// This reason with what was found.
    pub fn because(self, detail: impl Into<String>) -> Fault {
        Fault {
            reason: self,
            detail: detail.into(),
        }
    }
}

impl Reason {
    /// The judge itself did not know enough: nothing was decided.
    pub(crate) fn is_in_the_dark(self) -> bool {
        matches!(
            self,
            Self::NotJudged | Self::PolicyMissing | Self::PolicyUnreadable | Self::InputMissing
        )
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            detail: reason.meaning().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_read_back() {
        let names: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(reason.code().parse::<Reason>(), Ok(*reason));
            assert!(
                reason.code().starts_with("E_")
                    && reason.meaning().ends_with('.')
                    && reason.hint().ends_with('.')
            );
        }
        assert!("E_NONSENSE".parse::<Reason>().is_err());
    }

    #[test]
    fn they_stand_in_the_order_of_the_steps() {
        let steps: Vec<u8> = Reason::ALL.iter().map(|reason| reason.step()).collect();
        assert!(steps.is_sorted(), "{steps:?}");
        assert_eq!(steps.last(), Some(&16));
    }
}

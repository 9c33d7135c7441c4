//! What a person decides, the statement that they sign, and the life of a decision on its way to the forge.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::Oid;
use crate::changeset::sha256_hex;
use crate::finding::{Finding, Side};
use crate::policy::{self, Require};
use crate::reason::{Fault, Reason};
use crate::strict_json;

/// `_type` of every in-toto statement. Source: in-toto attestation framework, Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// `predicateType` of an approval.
pub const PREDICATE_TYPE: &str = "https://countersign.dev/approval/v1";

/// What a person says about a change. All three are signed; only an approval counts for the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may be merged.
    Approve,
    /// It may not be merged as it is.
    RequestChanges,
    /// Neither.
    Comment,
}

/// The in-toto statement, in the field order in which it is serialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// Exactly one.
    pub subject: [Subject; 1],
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// The decision and everything it is bound to.
    pub predicate: Predicate,
}

/// What is approved: the head commit and its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// `git+https://HOST/OWNER/NAME`: see [`subject_name`].
    pub name: String,
    /// Address of the change for a person's browser.
    pub uri: String,
    /// Which commit.
    pub digest: SubjectDigest,
}

/// The head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubjectDigest {
    /// Head commit.
    pub git_commit: Oid,
    /// Its tree.
    pub git_tree: Oid,
}

/// The approval's own part of the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Predicate {
    /// What was decided.
    pub decision: Decision,
    /// Where the change lives.
    pub forge: ForgeContext,
    /// What it is to be merged into, and what it does.
    pub change: ChangeContext,
    /// Who decided.
    pub reviewer: Reviewer,
    /// The rules that the reviewer knew.
    pub policy: PolicyContext,
    /// What was on screen: the reviewer's record, which grants nothing.
    pub seen: Seen,
    /// When it was signed, by the signer's clock.
    #[serde(with = "whole_seconds")]
    pub issued_at: Timestamp,
    /// Up to when it holds.
    #[serde(with = "whole_seconds")]
    pub expires_at: Timestamp,
    /// 16 random bytes, base64url without padding: see [`nonce`].
    pub nonce: String,
    /// What the app says about itself, which grants nothing.
    pub claims: Claims,
    /// It is no approval but one of the two that break the glass; left out otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
}

/// Why a change must pass without the sign-off that the policy asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// In the signer's words: see [`is_reason`].
    pub reason: String,
}

/// The forge, the repository and the change. Ids are decimal numbers as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ForgeContext {
    /// `github`.
    pub kind: String,
    /// Host name, with a port where it is not the standard one.
    pub host: String,
    /// `owner/name`; can be renamed, so it is never compared.
    pub repo: String,
    /// The repository's numeric id.
    pub repo_id: String,
    /// The change's number.
    pub change: String,
    /// The change's numeric id.
    pub change_id: String,
}

/// The change's target and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChangeContext {
    /// `refs/heads/…`.
    pub target_ref: String,
    /// The target's tip as seen.
    pub base_commit: Oid,
    /// Where the change left the target.
    pub merge_base: Oid,
    /// Digest of what it does; `None` (written `null`) where the trees could not be read whole.
    #[serde(deserialize_with = "Option::deserialize")]
    pub changeset: Option<Changeset>,
}

/// A changeset digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changeset {
    /// [`crate::changeset::ALGORITHM`].
    pub alg: String,
    /// 64 hexadecimal digits.
    pub sha256: String,
}

impl Changeset {
    /// The digest under its algorithm's name.
    pub fn git_raw_v1(sha256: String) -> Self {
        Self {
            alg: crate::changeset::ALGORITHM.to_owned(),
            sha256,
        }
    }
}

/// The account that decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reviewer {
    /// Numeric account id, decimal.
    pub id: String,
    /// Login at the time.
    pub login: String,
}

/// The policy as the reviewer's app read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyContext {
    /// `.github/countersign.toml`.
    pub path: String,
    /// The file's blob on the target branch; `None` (written `null`) where there is none.
    #[serde(deserialize_with = "Option::deserialize")]
    pub git_blob: Option<Oid>,
    /// Why a sign-off was needed: `ai-assisted` or `all`.
    pub rule: String,
    /// The role in which the reviewer decides: `senior`.
    pub role: String,
}

/// What the reviewer had before them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// SHA-256 of the diff's bytes as received.
    pub patch: String,
    /// SHA-256 of the assessment's bytes as stored.
    pub assessment: String,
    /// How many findings there were.
    pub findings: u64,
    /// Which of them were acknowledged.
    pub acknowledged: Acknowledged,
    /// Files in the change.
    pub files: u64,
    /// Files marked as viewed.
    pub viewed: u64,
}

/// The findings that the reviewer acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    /// How many.
    pub count: u64,
    /// See [`acknowledged_digest`].
    pub sha256: String,
}

/// The app's own record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Markers of AI involvement, as `where:what`.
    pub ai: Vec<String>,
    /// Name and version of the app.
    pub app: String,
    /// What the app believes the key asked for; the verifier reads the signature instead.
    pub presence: PresenceClaim,
    /// Hash of the ledger's last entry: lets the forge anchor the ledger.
    pub ledger: String,
}

/// Presence as the app saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceClaim {
    /// Nobody was asked.
    None,
    /// A security key was touched.
    Touch,
    /// A security key was touched and knew who did.
    Verified,
}

impl Statement {
    /// A statement about one subject.
    pub fn new(subject: Subject, predicate: Predicate) -> Self {
        Self {
            kind: STATEMENT_TYPE.to_owned(),
            subject: [subject],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate,
        }
    }

    /// The bytes that are signed: compact JSON. Call it once and keep the bytes; nobody serialises a second time.
    pub fn to_payload(&self) -> Vec<u8> {
        serde_json::to_vec(self)
            .expect("a statement holds only strings, numbers and lists, which are all JSON")
    }

    /// Reads a payload strictly: all fields there, none more, none twice, dates and digests in their one form.
    ///
    /// # Errors
    /// [`Reason::JsonDupkey`], [`Reason::Schema`], [`Reason::PredicateType`].
    pub fn from_payload(payload: &[u8]) -> Result<Self, Fault> {
        let value = strict_json::parse(payload).map_err(|fault| {
            if fault.reason == Reason::JsonDupkey {
                return fault;
            }
            Reason::Schema.because(format!("the payload is not JSON: {}", fault.detail))
        })?;
        if value.get("_type").and_then(|kind| kind.as_str()) != Some(STATEMENT_TYPE) {
            return Err(Reason::Schema.because(format!("_type is not {STATEMENT_TYPE:?}")));
        }
        let predicate_type = value.get("predicateType").and_then(|kind| kind.as_str());
        if predicate_type != Some(PREDICATE_TYPE) {
            return Err(Reason::PredicateType.because(format!(
                "predicateType is {predicate_type:?}, not {PREDICATE_TYPE:?}"
            )));
        }
        let statement: Self =
            Self::deserialize(&value).map_err(|error| Reason::Schema.because(error.to_string()))?;
        // serde also takes a list of values for an object, and `{"approve":null}` for `"approve"`.
        let again =
            serde_json::to_value(&statement).map_err(|error| Reason::Schema.because(error.to_string()))?;
        if again != value {
            return Err(Reason::Schema.because("an object or a word is written in another form"));
        }
        statement.check()?;
        Ok(statement)
    }

    fn check(&self) -> Result<(), Fault> {
        let predicate = &self.predicate;
        let expect = |holds: bool, what: &str| {
            if holds {
                Ok(())
            } else {
                Err(Reason::Schema.because(what))
            }
        };
        let digest = |text: &str| {
            text.len() == 64
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let forge = &predicate.forge;
        expect(
            self.subject[0].name == subject_name(&forge.host, &forge.repo),
            "subject.name is not the repository that predicate.forge names",
        )?;
        for (id, what) in [
            (&forge.repo_id, "forge.repoId is not a decimal number"),
            (&forge.change, "forge.change is not a decimal number"),
            (&forge.change_id, "forge.changeId is not a decimal number"),
            (&predicate.reviewer.id, "reviewer.id is not a decimal number"),
        ] {
            expect(is_decimal(id), what)?;
        }
        expect(
            predicate.change.target_ref.starts_with("refs/heads/"),
            "change.targetRef does not start with refs/heads/",
        )?;
        expect(
            predicate.policy.path == policy::PATH,
            "policy.path is not where the policy is",
        )?;
        expect(
            [Require::AiAssisted, Require::All]
                .iter()
                .any(|rule| rule.word() == predicate.policy.rule),
            "policy.rule is neither ai-assisted nor all",
        )?;
        if let Some(changeset) = &predicate.change.changeset {
            expect(
                changeset.alg == crate::changeset::ALGORITHM,
                "change.changeset.alg is not git-raw-v1",
            )?;
            expect(
                digest(&changeset.sha256),
                "change.changeset.sha256 is not a SHA-256",
            )?;
        }
        expect(digest(&predicate.seen.patch), "seen.patch is not a SHA-256")?;
        expect(
            digest(&predicate.seen.assessment),
            "seen.assessment is not a SHA-256",
        )?;
        expect(
            digest(&predicate.seen.acknowledged.sha256),
            "seen.acknowledged.sha256 is not a SHA-256",
        )?;
        expect(digest(&predicate.claims.ledger), "claims.ledger is not a SHA-256")?;
        if let Some(glass) = &predicate.break_glass {
            expect(
                predicate.decision == Decision::Approve,
                "breakGlass stands beside another decision than approve",
            )?;
            expect(
                is_reason(&glass.reason),
                "breakGlass.reason is not a line of 20 to 500 characters without white space around it",
            )?;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(&predicate.nonce)
            .unwrap_or_default();
        expect(
            bytes.len() == 16,
            "nonce is not 16 bytes in base64url without padding",
        )
    }

    /// The line for people above the envelope. Verifiers ignore it.
    pub fn readable_line(&self) -> String {
        let predicate = &self.predicate;
        let what = match predicate.decision {
            Decision::Approve if predicate.break_glass.is_some() => "BREAK GLASS, signed",
            Decision::Approve => "Signed approval",
            Decision::RequestChanges => "Signed change request",
            Decision::Comment => "Signed comment",
        };
        let target = predicate
            .change
            .target_ref
            .strip_prefix("refs/heads/")
            .unwrap_or(&predicate.change.target_ref);
        let acknowledged = match predicate.seen.acknowledged.count {
            0 => String::new(),
            1 => " · 1 finding acknowledged".to_owned(),
            count => format!(" · {count} findings acknowledged"),
        };
        format!(
            "**{what}** by @{login} ({role}): {head} → {target}{acknowledged}",
            login = inline(&predicate.reviewer.login),
            role = inline(&predicate.policy.role),
            head = code_span(self.subject[0].digest.git_commit.short()),
            target = code_span(target),
        )
    }
}

/// Whether a text can be the reason for which somebody breaks the glass: one line that says something, of 20 to 500
/// characters, without control characters and without white space at its ends.
pub fn is_reason(text: &str) -> bool {
    (20..=500).contains(&text.chars().count()) && text.trim() == text && !text.contains(char::is_control)
}

/// A number as the forge writes it: no sign, no leading zero.
pub(crate) fn is_decimal(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 20
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

/// `subject.name` of a repository: always written with `https`, it is a name and not an address to fetch.
pub fn subject_name(host: &str, repo: &str) -> String {
    format!("git+https://{host}/{repo}")
}

/// `nonce` from 16 random bytes.
pub fn nonce(random: [u8; 16]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random)
}

/// Digest over acknowledged findings: SHA-256 of the lines `rule NUL side NUL line NUL path LF`, sorted by their
/// bytes. `side` is `old` or `new`; a finding about a whole file has an empty `line`.
pub fn acknowledged_digest<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Acknowledged {
    let mut lines: Vec<String> = findings.into_iter().map(acknowledged_line).collect();
    lines.sort_unstable();
    let count = lines.len() as u64;
    Acknowledged {
        count,
        sha256: sha256_hex(lines.concat().as_bytes()),
    }
}

fn acknowledged_line(finding: &Finding) -> String {
    let side = match finding.side {
        Side::Old => "old",
        Side::New => "new",
    };
    let line = finding.line.map(|line| line.to_string()).unwrap_or_default();
    format!("{}\0{side}\0{line}\0{}\n", finding.rule, finding.path)
}

/// A Markdown code span that shows `text` whatever it holds (CommonMark 6.1), on one line.
fn code_span(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// A word that cannot change how the line around it is read.
fn inline(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'))
        .collect()
}

/// RFC 3339 in UTC with whole seconds, in exactly one form: `2026-11-23T22:10:05Z`.
mod whole_seconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _, ser::Error as _};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = Timestamp::from_second(at.as_second()).map_err(S::Error::custom)?;
        serializer.collect_str(&whole)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at: Timestamp = text.parse().map_err(D::Error::custom)?;
        let whole = Timestamp::from_second(at.as_second()).map_err(D::Error::custom)?;
        if whole.to_string() == text {
            Ok(whole)
        } else {
            Err(D::Error::custom(format!(
                "{text:?} is not a time like 2026-11-23T22:10:05Z"
            )))
        }
    }
}

/// Where a signed decision stands on its way to the forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// Signed, nothing sent.
    Queued,
    /// A pending review holds it at the forge: only its author sees that.
    Pending,
    /// The forge was told to submit the pending review.
    Submitted,
    /// It was read back from the forge.
    Confirmed,
    /// The head moved: it says nothing about what is there now.
    Superseded,
    /// Older than the policy allows.
    Expired,
    /// The change was closed, merged or is no longer readable.
    HandedBack,
    /// The forge refused it.
    Refused,
}

impl OutboxState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Pending,
        Self::Submitted,
        Self::Confirmed,
        Self::Superseded,
        Self::Expired,
        Self::HandedBack,
        Self::Refused,
    ];

    /// Nothing follows it: the decision is done or with the person again.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Pending | Self::Submitted => false,
            Self::Confirmed | Self::Superseded | Self::Expired | Self::HandedBack | Self::Refused => true,
        }
    }

    /// Whether `next` may follow.
    ///
    /// A pending review that somebody deleted sends its decision back to the queue: the same bytes are sent again.
    /// From `Queued` the decision can be found submitted or confirmed at once: an answer was lost and the forge's
    /// list of reviews shows the envelope. From `Submitted` it goes back where the forge said that it took the review and
    /// holds it as pending: the same review, which is submitted by its id.
    pub fn may_become(self, next: Self) -> bool {
        use OutboxState::{Confirmed, Expired, HandedBack, Pending, Queued, Refused, Submitted, Superseded};
        match self {
            Queued => matches!(
                next,
                Pending | Submitted | Confirmed | Superseded | Expired | HandedBack | Refused
            ),
            Pending => matches!(
                next,
                Queued | Submitted | Confirmed | Superseded | Expired | HandedBack | Refused
            ),
            Submitted => matches!(next, Pending | Confirmed | Superseded | HandedBack),
            Confirmed | Superseded | Expired | HandedBack | Refused => false,
        }
    }
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;

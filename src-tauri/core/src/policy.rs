//! The policy: who is senior, which changes need a sign-off and how strong it must be, what belongs to which
//! component. Read from the target branch, never from the change.
//!
//! | module | subject |
//! |---|---|
//! | [`document`] | `.github/countersign.toml`, read strictly |
//! | [`enrolment`] | adding a key to the allowed signers, and ending it |
//! | [`examples`] | example changes, to test a policy |
//! | [`extends`] | the organisation's policy, which a repository's may only tighten |
//! | [`lint`] | what is odd about a policy that can be read |
//! | [`pattern`] | globs over paths |
//! | [`signers`] | the allowed signers and the revoked keys |

pub mod document;
pub mod enrolment;
pub mod examples;
pub mod extends;
pub mod lint;
pub mod pattern;
pub mod signers;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use extends::{Extended, Rulebook};
pub use pattern::Pattern;
pub use signers::{AllowedSigners, RevokedKeys};

/// Where the policy is.
pub const PATH: &str = ".github/countersign.toml";

/// Where the forge looks for code owners. Source: GitHub, "About code owners".
pub const CODEOWNERS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// Where the forge looks for what it runs: a workflow calls others, and each can set the status that the gate sets.
/// Source: GitHub, "Workflow syntax", "Creating a composite action".
pub const GATE_FOLDERS: [&str; 2] = [".github/workflows", ".github/actions"];

/// A file of the policy cannot be used. Nothing of it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Unreadable {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What was expected and what was found.
    pub message: String,
}

impl Unreadable {
    pub(crate) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }
}

/// Which changes need a sign-off. Ordered: the greater is the stricter, here and in all that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// Those in which AI had a part.
    AiAssisted,
    /// All.
    All,
}

impl Require {
    /// The word in the policy, which a statement carries as `policy.rule`.
    pub fn word(self) -> &'static str {
        match self {
            Self::AiAssisted => "ai-assisted",
            Self::All => "all",
        }
    }
}

/// What holds for a change of which nobody said whether AI helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undeclared {
    /// It needs no sign-off.
    Allow,
    /// It counts as AI-assisted.
    Require,
}

/// Whose changes need a sign-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authors {
    /// Those in which anybody who is not a senior had a part.
    NonSenior,
    /// Everybody's.
    Everyone,
}

/// What the key must show about the moment of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Nothing.
    None,
    /// An enrolled security key was touched.
    Touch,
    /// An enrolled security key was touched and knew who did.
    Verified,
}

/// What an approval holds on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bind {
    /// What the change does: it survives a clean rebase.
    Changeset,
    /// The very commit.
    Head,
}

/// What a change needs: `[signoff]` and all rules that match, the strictest field by field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// Which changes.
    pub require: Require,
    /// What of those where nobody said.
    pub undeclared: Undeclared,
    /// Whose.
    pub authors: Authors,
    /// How many distinct people.
    pub approvals: u32,
    /// What their keys must show.
    pub presence: Presence,
    /// What their approvals hold on to.
    pub bind: Bind,
    /// Longest time from `issuedAt` to `expiresAt`.
    #[serde(serialize_with = "seconds")]
    pub max_age: SignedDuration,
    /// Longest time from `issuedAt` to the forge's `submitted_at`.
    #[serde(serialize_with = "seconds")]
    pub max_delay: SignedDuration,
    /// Names of the rules that matched, in the policy's order.
    pub rules: Vec<String>,
    /// The change touches the policy itself or what guards it: two seniors, and nobody is exempt.
    pub guarded: bool,
}

fn seconds<S: serde::Serializer>(duration: &SignedDuration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(duration.as_secs())
}

/// A person whose signature counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Senior {
    /// Login, for people; the id decides.
    pub login: String,
    /// Numeric account id at the forge, decimal.
    pub id: String,
    /// Name in the allowed signers.
    pub principal: String,
    /// Fingerprints (`SHA256:…`) of keys that were enrolled as security keys.
    pub hardware_keys: Vec<String>,
}

/// A rule for some paths: what it leaves out stays as `[signoff]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Which paths. It matches a change that touches one of them, on either side of a rename.
    pub paths: Vec<Pattern>,
    /// What it asks for.
    pub asks: Asks,
}

/// The fields that a rule may set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asks {
    /// See [`Requirement::require`].
    pub require: Option<Require>,
    /// See [`Requirement::undeclared`].
    pub undeclared: Option<Undeclared>,
    /// See [`Requirement::authors`].
    pub authors: Option<Authors>,
    /// See [`Requirement::approvals`].
    pub approvals: Option<u32>,
    /// See [`Requirement::presence`].
    pub presence: Option<Presence>,
    /// See [`Requirement::bind`].
    pub bind: Option<Bind>,
    /// See [`Requirement::max_age`].
    pub max_age: Option<SignedDuration>,
    /// See [`Requirement::max_delay`].
    pub max_delay: Option<SignedDuration>,
}

/// A part of the system, for the blast radius.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// What belongs to it.
    pub paths: Vec<Pattern>,
    /// 1 is the most critical; `None` where the policy does not say.
    pub tier: Option<u32>,
    /// Names of the components it depends on. They need not be listed themselves.
    pub depends_on: Vec<String>,
}

impl Component {
    /// Whether a path belongs to it.
    pub fn contains(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path))
    }
}

/// The policy, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Path of the allowed signers.
    pub allowed_signers: String,
    /// Path of the revoked keys, if there are any.
    pub revoked_keys: Option<String>,
    /// The organisation's policy, which this one may only tighten, as [`Extended`] reads it: a verifier that has not read
    /// that must not accept.
    pub extends: Option<String>,
    /// What holds for every change.
    pub signoff: Asks,
    /// Whose signatures count.
    pub seniors: Vec<Senior>,
    /// What holds for some paths.
    pub rules: Vec<Rule>,
    /// Parts of the system.
    pub components: Vec<Component>,
    /// Who may break the glass, if anybody may.
    pub break_glass: Option<BreakGlass>,
    /// Marks of AI tools that it adds, and those that are not shown.
    pub markers: crate::evidence::Custom,
}

/// Who may let a change pass in an emergency, two of them together, without the sign-off that the policy asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// Two people or more; they need not be seniors.
    pub who: Vec<Senior>,
    /// How long after signing it holds, and how far apart the two may sign.
    pub window: SignedDuration,
}

/// A path that a change touches. Give both sides of a rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched<'a> {
    /// Its raw bytes.
    pub path: &'a [u8],
    /// It is or was a link or a submodule. Then it counts for everything below it: what a checkout finds there is not
    /// in the list of paths.
    pub stands_for_a_folder: bool,
}

impl<'a> Touched<'a> {
    /// A path with the git modes of those of its sides that are there.
    pub fn new(path: &'a [u8], modes: impl IntoIterator<Item = u32>) -> Self {
        Self {
            path,
            stands_for_a_folder: modes
                .into_iter()
                .any(|mode| matches!(mode, 0o120_000 | 0o160_000)),
        }
    }
}

impl Policy {
    /// Reads `.github/countersign.toml`.
    ///
    /// # Errors
    /// [`Unreadable`] with the place and what was expected. Unknown fields are errors.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        document::parse(text)
    }

    /// Where the organisation's policy is, if this one names one.
    pub fn extended(&self) -> Option<Extended> {
        // What was read is of that form; what was made otherwise has none that could be read.
        self.extends.as_deref()?.parse().ok()
    }

    /// The senior with this account id.
    pub fn senior(&self, account_id: &str) -> Option<&Senior> {
        self.seniors.iter().find(|senior| senior.id == account_id)
    }

    /// The person with this account id whose signature can count for anything: a senior, or somebody who may break the
    /// glass.
    pub fn signatory(&self, account_id: &str) -> Option<&Senior> {
        let mut who = self.break_glass.iter().flat_map(|glass| &glass.who);
        self.senior(account_id)
            .or_else(|| who.find(|one| one.id == account_id))
    }

    /// Everybody of whom [`Policy::signatory`] may answer, each once.
    pub fn signatories(&self) -> impl Iterator<Item = &Senior> {
        let who = self.break_glass.iter().flat_map(|glass| &glass.who);
        let others = who.filter(|one| self.senior(&one.id).is_none());
        self.seniors.iter().chain(others)
    }

    /// What a change to these paths needs. `None` means that the list could not be read or was cut: then every rule
    /// matches, and the policy itself may be among the files. `gate_files` are the files and folders, besides the
    /// forge's workflows and actions, that the verifier's run depends on.
    pub fn requirement_for(&self, paths: Option<&[Touched<'_>]>, gate_files: &[String]) -> Requirement {
        // A path that is not UTF-8 cannot be matched as it stands, so it counts as matching everything.
        let paths: Option<Vec<(&str, bool)>> = paths.and_then(|paths| {
            paths
                .iter()
                .map(|one| Some((std::str::from_utf8(one.path).ok()?, one.stands_for_a_folder)))
                .collect()
        });
        let mut requirement = self.asks_of_every_change();
        for rule in &self.rules {
            let touched = |(path, folder): &(&str, bool)| {
                let hit =
                    |pattern: &Pattern| pattern.matches(path) || (*folder && pattern.may_match_below(path));
                rule.paths.iter().any(hit)
            };
            if paths.as_ref().is_none_or(|paths| paths.iter().any(touched)) {
                requirement.tighten(&rule.asks);
                requirement.rules.push(rule.name.clone());
            }
        }
        let guards = |(path, folder): &(&str, bool)| self.guards(path, *folder, gate_files);
        if paths.as_ref().is_none_or(|paths| paths.iter().any(guards)) {
            requirement.guarded = true;
            requirement.approvals = requirement.approvals.max(2);
        }
        requirement
    }

    /// What `[signoff]` asks by itself, with what holds for the fields that it leaves out.
    fn asks_of_every_change(&self) -> Requirement {
        let mut requirement = Requirement {
            require: Require::AiAssisted,
            undeclared: self.signoff.undeclared.unwrap_or(Undeclared::Require),
            authors: Authors::NonSenior,
            approvals: 1,
            presence: Presence::None,
            bind: self.signoff.bind.unwrap_or(Bind::Head),
            max_age: self.signoff.max_age.unwrap_or(SignedDuration::from_hours(7 * 24)),
            max_delay: self.signoff.max_delay.unwrap_or(SignedDuration::from_hours(72)),
            rules: Vec::new(),
            guarded: false,
        };
        requirement.tighten(&self.signoff);
        requirement
    }

    /// Whether a path is the policy or guards it.
    fn guards(&self, path: &str, folder: bool, gate_files: &[String]) -> bool {
        let guarded = [PATH, &self.allowed_signers]
            .into_iter()
            .chain(self.revoked_keys.as_deref())
            .chain(CODEOWNERS)
            .chain(GATE_FOLDERS)
            .chain(gate_files.iter().map(String::as_str));
        let below = |path: &str, folder: &str| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        guarded
            .into_iter()
            .any(|one| path == one || below(path, one) || (folder && below(one, path)))
    }
}

impl Requirement {
    fn tighten(&mut self, asks: &Asks) {
        self.require = asks.require.map_or(self.require, |asked| asked.max(self.require));
        self.undeclared = asks
            .undeclared
            .map_or(self.undeclared, |asked| asked.max(self.undeclared));
        self.authors = asks.authors.map_or(self.authors, |asked| asked.max(self.authors));
        self.approvals = asks
            .approvals
            .map_or(self.approvals, |asked| asked.max(self.approvals));
        self.presence = asks
            .presence
            .map_or(self.presence, |asked| asked.max(self.presence));
        self.bind = asks.bind.map_or(self.bind, |asked| asked.max(self.bind));
        self.max_age = asks.max_age.map_or(self.max_age, |asked| asked.min(self.max_age));
        self.max_delay = asks
            .max_delay
            .map_or(self.max_delay, |asked| asked.min(self.max_delay));
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

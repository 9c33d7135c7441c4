//! By what the gate will decide whether an approval counts: the policy and its keys, the organisation's policy, who
//! pushed, and what becomes of approvals when somebody pushes.

use countersign_core::change::{Change, ChangeId, Oid, Person};
use countersign_core::policy::{self, Policy};
use serde::Deserialize;
use serde_json::Value;

use super::client::segment;
use super::person::RestAccount;
use super::read::{At, Found, unsaid};
use super::{GitHub, repo_of};
use crate::ports::{ForgeError, Organisation, TrustedFile};

/// Where the allowed signers are if the policy cannot be read: the place that the documentation names.
const SIGNERS: &str = ".github/allowed_signers";
/// Movements of a branch that are read; a branch with more has a past that is not known here.
const MOVEMENTS: usize = 100;

/// The policy's files at the target's tip.
#[derive(Default)]
pub(super) struct Authority {
    pub(super) policy: Option<TrustedFile>,
    pub(super) allowed_signers: Option<TrustedFile>,
    pub(super) revoked_keys: Option<TrustedFile>,
    pub(super) organisation: Option<Organisation>,
    pub(super) missing: Vec<(String, String)>,
}

impl GitHub {
    /// The policy and the files that it names: what the change itself says about them counts for nothing.
    pub(super) async fn authority(&self, id: &ChangeId, target: &Oid) -> Result<Authority, ForgeError> {
        let mut found = Authority::default();
        let (repo, at) = (self.repo(id)?, At::Ref(target.as_str()));
        found.policy = self.trusted(&repo, policy::PATH, at, &mut found.missing).await?;
        let Some(text) = &found.policy else {
            return Ok(found);
        };
        let read = Policy::parse(&String::from_utf8_lossy(&text.bytes)).ok();
        let signers = read
            .as_ref()
            .map_or(SIGNERS, |policy| policy.allowed_signers.as_str());
        found.allowed_signers = self.trusted(&repo, signers, at, &mut found.missing).await?;
        let Some(policy) = read else { return Ok(found) };
        if let Some(path) = &policy.revoked_keys {
            found.revoked_keys = self.trusted(&repo, path, at, &mut found.missing).await?;
        }
        if let Some(extended) = policy.extended() {
            // The token may not see it; that is said where it is decided whether an approval counts.
            found.organisation = unsaid(self.organisation(&extended.repo, &extended.path).await)?;
        }
        Ok(found)
    }

    async fn trusted(
        &self,
        repo: &str,
        path: &str,
        at: At<'_>,
        missing: &mut Vec<(String, String)>,
    ) -> Result<Option<TrustedFile>, ForgeError> {
        Ok(match self.content(repo, path, at).await? {
            Found::File(file) => Some(file),
            Found::Not => None,
            Found::Unusable(why) => {
                missing.push((path.to_owned(), why));
                None
            }
        })
    }

    /// The organisation's policy at the tip of its repository's default branch; `None` where it is not there or cannot
    /// be read whole.
    async fn organisation(&self, repo: &str, path: &str) -> Result<Option<Organisation>, ForgeError> {
        let Some((owner, name)) = repo_of(repo) else {
            return Ok(None);
        };
        let repo = format!("/repos/{}/{}", segment(owner), segment(name));
        let mut missing = Vec::new();
        let text = |file: TrustedFile| String::from_utf8_lossy(&file.bytes).into_owned();
        let Some(policy) = self
            .trusted(&repo, path, At::DefaultBranch, &mut missing)
            .await?
            .map(text)
        else {
            return Ok(None);
        };
        let Ok(read) = Policy::parse(&policy) else {
            return Ok(Some(Organisation {
                policy,
                ..Organisation::default()
            }));
        };
        let allowed_signers = self
            .trusted(&repo, &read.allowed_signers, At::DefaultBranch, &mut missing)
            .await?
            .map(text);
        let revoked_keys = match &read.revoked_keys {
            Some(path) => self
                .trusted(&repo, path, At::DefaultBranch, &mut missing)
                .await?
                .map(text),
            None => None,
        };
        Ok(missing.is_empty().then_some(Organisation {
            policy,
            allowed_signers,
            revoked_keys,
        }))
    }

    /// Everybody who moved the change's branch; `None` where its movements do not lead from its beginning to the head.
    /// Source: "List repository activities"; the newest come first.
    pub(super) async fn pushers(
        &self,
        change: &Change,
        merge_base: &Oid,
    ) -> Result<Option<Vec<Person>>, ForgeError> {
        let Some((owner, name)) = change.head.repo.as_deref().and_then(repo_of) else {
            return Ok(None);
        };
        let branch = segment(&format!("refs/heads/{}", change.head.branch));
        let path = format!(
            "/repos/{}/{}/activity?ref={branch}&per_page={MOVEMENTS}",
            segment(owner),
            segment(name)
        );
        let what = format!("the movements of the branch of {}", change.id);
        let mut moves: Vec<Movement> = self.client.call(&self.client.get(&path, what)).await?.json()?;
        moves.reverse();
        let (Some(first), Some(last)) = (moves.first(), moves.last()) else {
            return Ok(None);
        };
        let begins = first.before.bytes().all(|digit| digit == b'0') || first.before == merge_base.as_str();
        let whole = begins
            && moves.len() < MOVEMENTS
            && last.after == change.head.oid.as_str()
            && moves.windows(2).all(|pair| pair[0].after == pair[1].before);
        let actors = moves.into_iter().map(|one| one.actor.map(Person::from));
        let actors: Option<Vec<Person>> = actors
            .map(|actor| actor.filter(|actor| actor.id.is_some()))
            .collect();
        Ok(actors.filter(|_| whole))
    }

    /// Whether the target's rules keep approvals when somebody pushes; `None` where no rule of a ruleset says. Source:
    /// "Get rules for a branch": whoever reads the repository may ask.
    pub(super) async fn keeps_stale(&self, id: &ChangeId, branch: &str) -> Result<Option<bool>, ForgeError> {
        let path = format!("{}/rules/branches/{}", self.repo(id)?, segment(branch));
        let what = format!("the rules of {branch} in {}", id.repo);
        let rules: Vec<Value> = self.client.call(&self.client.get(&path, what)).await?.json()?;
        let dismisses: Vec<bool> = (rules.iter())
            .filter(|rule| rule["type"] == "pull_request")
            .filter_map(|rule| rule["parameters"]["dismiss_stale_reviews_on_push"].as_bool())
            .collect();
        Ok((!dismisses.is_empty()).then(|| !dismisses.contains(&true)))
    }
}

/// One movement of a branch.
#[derive(Deserialize)]
struct Movement {
    before: String,
    after: String,
    actor: Option<RestAccount>,
}

//! A change that the app opens: a branch, one commit, the change. Each step is looked for before it is taken, so that
//! asking again finishes what an earlier attempt began, and nothing is made twice.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use countersign_core::change::{ChangeId, Oid};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::client::segment;
use super::objects::Reference;
use super::read::{At, Found};
use crate::ports::{ForgeError, Proposal, Proposed, Trusted};

/// Earlier branches for the same purpose that are looked at. Each was made from another tip of the target.
const EARLIER: usize = 20;
/// Digits of the tip in a branch's name.
const TIP_DIGITS: usize = 12;

impl GitHub {
    /// What the branch says of the policy now.
    pub(super) async fn trusted_now(&self, id: &ChangeId, branch: &str) -> Result<Trusted, ForgeError> {
        let path = format!("{}/git/ref/heads/{}", self.repo(id)?, segments(branch));
        let what = format!("the branch {branch} of {}", id.repo);
        let found: Reference = self.client.call(&self.client.get(&path, what)).await?.json()?;
        let authority = self.authority(id, &found.object.oid).await?;
        Ok(Trusted {
            tip: found.object.oid,
            policy: authority.policy,
            allowed_signers: authority.allowed_signers,
            organisation: authority.organisation,
            missing: authority.missing,
        })
    }

    pub(super) async fn open_proposal(
        &self,
        id: &ChangeId,
        proposal: &Proposal,
    ) -> Result<Proposed, ForgeError> {
        let branch = format!(
            "{}-{}",
            proposal.purpose,
            &proposal.tip.as_str()[..TIP_DIGITS.min(proposal.tip.as_str().len())]
        );
        let earlier = self.branches_from(id, &proposal.purpose).await?;
        for name in &earlier {
            if let Some(number) = self.open_from(id, name, &proposal.target_branch).await? {
                return Ok(Proposed {
                    number,
                    was_open: true,
                });
            }
        }
        if !earlier.contains(&branch) {
            self.make_branch(id, &branch, &proposal.tip).await?;
        }
        self.write_file(id, &branch, proposal).await?;
        let fields = json!({
            "title": proposal.title, "body": proposal.body, "head": branch, "base": proposal.target_branch,
        });
        let path = format!("{}/pulls", self.repo(id)?);
        let opened: Opened = self.write_to(Method::POST, &path, &fields, id).await?;
        Ok(Proposed {
            number: opened.number,
            was_open: false,
        })
    }

    /// Names of the branches that begin so.
    async fn branches_from(&self, id: &ChangeId, begin: &str) -> Result<Vec<String>, ForgeError> {
        let path = format!("{}/git/matching-refs/heads/{}", self.repo(id)?, segments(begin));
        let what = format!("the branches of {}", id.repo);
        let found: Vec<Reference> = self.client.call(&self.client.get(&path, what)).await?.json()?;
        let names = found
            .into_iter()
            .filter_map(|one| one.name.strip_prefix("refs/heads/").map(str::to_owned));
        Ok(names.take(EARLIER).collect())
    }

    /// The open change from one branch into another.
    async fn open_from(&self, id: &ChangeId, branch: &str, target: &str) -> Result<Option<u64>, ForgeError> {
        let owner = id.repo.split('/').next().unwrap_or_default();
        let path = format!(
            "{}/pulls?state=open&head={}&base={}",
            self.repo(id)?,
            segment(&format!("{owner}:{branch}")),
            segment(target)
        );
        let what = format!("the open changes of {}", id.repo);
        let found: Vec<Opened> = self.client.call(&self.client.get(&path, what)).await?.json()?;
        Ok(found.first().map(|one| one.number))
    }

    async fn make_branch(&self, id: &ChangeId, branch: &str, tip: &Oid) -> Result<(), ForgeError> {
        let path = format!("{}/git/refs", self.repo(id)?);
        let fields = json!({ "ref": format!("refs/heads/{branch}"), "sha": tip.as_str() });
        let _made: Reference = self.write_to(Method::POST, &path, &fields, id).await?;
        Ok(())
    }

    /// The file on the branch as proposed. Where it is so already an earlier attempt has written it.
    async fn write_file(&self, id: &ChangeId, branch: &str, proposal: &Proposal) -> Result<(), ForgeError> {
        let (repo, at) = (self.repo(id)?, At::Ref(branch));
        let mut fields = json!({
            "message": proposal.title, "content": BASE64_STANDARD.encode(&proposal.bytes), "branch": branch,
        });
        match self.content(&repo, &proposal.path, at).await? {
            Found::File(file) if file.bytes == proposal.bytes => return Ok(()),
            Found::File(file) => fields["sha"] = json!(file.blob.as_str()),
            Found::Not => {}
            Found::Unusable(why) => {
                let message = format!("{} cannot be written: {why}", proposal.path);
                return Err(ForgeError::Refused { message });
            }
        }
        let path = format!("{repo}/contents/{}", segments(&proposal.path));
        let _written: serde_json::Value = self.write_to(Method::PUT, &path, &fields, id).await?;
        Ok(())
    }

    async fn write_to<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        fields: &serde_json::Value,
        id: &ChangeId,
    ) -> Result<T, ForgeError> {
        let ask = self.client.send_json(method, path, fields, id.repo.clone());
        self.client.call(&ask).await?.json()
    }
}

/// A path whose slashes stay.
fn segments(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(segment).collect();
    parts.join("/")
}

#[derive(Deserialize)]
struct Opened {
    number: u64,
}

//! Everything that a pair of target tip and head fixes for ever. All is asked for by object id: what belongs to the
//! change's number follows the moving head.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use countersign_core::change::{Change, ChangeId, Commit, Identity, Oid};
use countersign_core::changeset::{self, Blob, Changed, ObjectFormat};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::GitHub;
use super::answer::{is_too_large, plain, refusal};
use super::client::{DIFF, segment};
use super::matching::disagreement;
use super::person::RestAccount;
use super::trees::Differences;
use crate::ports::{ForgeError, Pair, Reading, TrustedFile};

/// GitHub lists no more of a change's commits in any other place, so readers of the two agree.
const COMMITS: usize = 250;
const PER_PAGE: usize = 100;
/// Where the forge looks for CODEOWNERS; the first that is there counts. Source: GitHub docs, "About code owners".
const OWNERS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

impl GitHub {
    pub(super) async fn read_change(&self, change: &Change) -> Result<Reading, ForgeError> {
        let id = &change.id;
        let (target, head) = (&change.target.oid, &change.head.oid);
        let mut missing = Vec::new();
        let history = self.history(id, target, head).await?;
        if history.total > history.commits.len() as u64 {
            let words = format!(
                "only {} of {} commits were read",
                history.commits.len(),
                history.total
            );
            missing.push((String::new(), words));
        }
        let listed = history
            .commits
            .iter()
            .rfind(|commit| commit.oid == *head)
            .and_then(|one| one.tree.clone());
        let head_tree = match listed {
            Some(tree) => tree,
            None => self.tree_of(id, head).await?,
        };
        let (differences, diff, trusted, notes, owners, pushers, keeps_stale) = tokio::try_join!(
            self.differences(id, &history.base_tree, &head_tree),
            self.diff(id, target, head),
            self.authority(id, target),
            async { extra(self.notes(id, &history.commits).await) },
            async { extra(self.owners(id, target).await) },
            async { unsaid(self.pushers(change, &history.merge_base).await) },
            async { unsaid(self.keeps_stale(id, &change.target.branch).await) },
        )?;
        let Differences { changed, manifests } = differences;
        missing.extend(trusted.missing);
        let notes = notes.unwrap_or_else(|why| {
            missing.push((
                String::new(),
                format!("the notes of refs/notes/ai were not read: {why}"),
            ));
            Vec::new()
        });
        let owners = owners.unwrap_or_else(|why| Some(Err(("CODEOWNERS".into(), why))));
        let owners = match owners.transpose() {
            Ok(owners) => owners,
            Err((path, why)) => {
                missing.push((path, format!("whose ground this is cannot be told: {why}")));
                None
            }
        };
        let diff = match diff {
            Some(diff) => {
                if let Ok(changed) = &changed
                    && let Some(path) = disagreement(&diff, changed)
                {
                    return Err(ForgeError::Garbled {
                        host: id.host.clone(),
                        why: format!(
                            "its diff is not the one between its trees, as {} shows",
                            plain(&path)
                        ),
                    });
                }
                Some(diff)
            }
            None => {
                let (diff, left_out) = self.rebuild(id, &changed).await?;
                missing.extend(left_out);
                diff
            }
        };
        let new_to_author = match &changed {
            Ok(changed) => unsaid(self.new_to_author(change, changed).await)?,
            Err(_) => Vec::new(),
        };
        Ok(Reading {
            diff,
            missing,
            merge_base: Some(history.merge_base),
            head_tree: Some(head_tree),
            pairs: changed.as_ref().map(|changed| pairs(changed)).unwrap_or_default(),
            manifests,
            notes,
            changeset: digest(head, changed),
            commits: history.commits,
            policy: trusted.policy,
            allowed_signers: trusted.allowed_signers,
            revoked_keys: trusted.revoked_keys,
            organisation: trusted.organisation,
            pushers,
            keeps_stale,
            owners,
            new_to_author,
        })
    }

    /// The CODEOWNERS file that the forge goes by, or its path and why it cannot be read; `None` without one.
    async fn owners(&self, id: &ChangeId, target: &Oid) -> Result<Option<Owners>, ForgeError> {
        for path in OWNERS {
            match self.file(id, target, path).await? {
                Found::File(file) => return Ok(Some(Ok((path.into(), file)))),
                Found::Unusable(why) => return Ok(Some(Err((path.into(), why)))),
                Found::Not => {}
            }
        }
        Ok(None)
    }

    /// Merge base and commits.
    async fn history(&self, id: &ChangeId, target: &Oid, head: &Oid) -> Result<History, ForgeError> {
        let what = format!(
            "the comparison of {} and {} in {}",
            target.short(),
            head.short(),
            id.repo
        );
        let mut commits: Vec<Commit> = Vec::new();
        for page in 1.. {
            let path = format!(
                "{}/compare/{target}...{head}?per_page={PER_PAGE}&page={page}",
                self.repo(id)?
            );
            let answer = self.client.call(&self.client.get(&path, &what).slow()).await?;
            let comparison: Comparison = answer.json()?;
            let listed = comparison.commits.len();
            commits.extend(comparison.commits.into_iter().map(Into::into));
            if listed == 0 || commits.len() as u64 >= comparison.total.min(COMMITS as u64) {
                commits.truncate(COMMITS);
                return Ok(History {
                    merge_base: comparison.merge_base.oid,
                    base_tree: comparison.merge_base.commit.tree.oid,
                    commits,
                    total: comparison.total,
                });
            }
        }
        unreachable!("each page ends the loop or brings at least one commit")
    }

    /// The merge base and its tree.
    pub(super) async fn base_of(
        &self,
        id: &ChangeId,
        target: &Oid,
        head: &Oid,
    ) -> Result<(Oid, Oid), ForgeError> {
        let path = format!("{}/compare/{target}...{head}?per_page=1", self.repo(id)?);
        let what = format!("the merge base of {} and {}", target.short(), head.short());
        let answer = self.client.call(&self.client.get(&path, what).slow()).await?;
        let base = answer.json::<Comparison>()?.merge_base;
        Ok((base.oid, base.commit.tree.oid))
    }

    pub(super) async fn tree_of(&self, id: &ChangeId, commit: &Oid) -> Result<Oid, ForgeError> {
        let path = format!("{}/git/commits/{commit}", self.repo(id)?);
        let ask = self.client.get(&path, format!("commit {commit} of {}", id.repo));
        let found: GitCommit = self.client.call(&ask).await?.json()?;
        Ok(found.tree.oid)
    }

    /// The diff's bytes; `None` where the forge says that it is too large.
    async fn diff(&self, id: &ChangeId, target: &Oid, head: &Oid) -> Result<Option<Vec<u8>>, ForgeError> {
        let path = format!("{}/compare/{target}...{head}", self.repo(id)?);
        let ask = self
            .client
            .get(&path, format!("the diff of {id}"))
            .accept(DIFF)
            .slow();
        let answer = self.client.call_any(&ask).await?;
        if is_too_large(&answer) {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(refusal(&answer, &ask.what));
        }
        // A page or a JSON document in its place must not pass for a change that could not be parsed.
        let starts = |prefix: &[u8]| answer.body.starts_with(prefix);
        if !answer.body.is_empty() && !starts(b"diff --") {
            return Err(answer.garbled("it was to be a diff and is something else"));
        }
        Ok(Some(answer.body))
    }

    async fn file(&self, id: &ChangeId, commit: &Oid, path: &str) -> Result<Found, ForgeError> {
        self.content(&self.repo(id)?, path, At::Ref(commit.as_str()))
            .await
    }

    /// A file of a repository.
    pub(super) async fn content(&self, repo: &str, path: &str, at: At<'_>) -> Result<Found, ForgeError> {
        let encoded: Vec<String> = path.split('/').map(segment).collect();
        let url = format!("{repo}/contents/{}", encoded.join("/"));
        let ask = match at {
            At::Ref(name) => self.client.get(&format!("{url}?ref={}", segment(name)), path),
            At::DefaultBranch => self.client.get(&url, path).by_this_name_only(),
        };
        let answer = match self.client.call(&ask).await {
            Err(ForgeError::NotFound { .. }) => return Ok(Found::Not),
            other => other?,
        };
        let value: Value = answer.json()?;
        if value.get("type").and_then(Value::as_str) != Some("file") {
            return Ok(Found::Unusable("it is no file".into()));
        }
        let content = Content::deserialize(&value).map_err(|error| answer.garbled(error.to_string()))?;
        // Source: "Get repository content": above 1 MB there is no content, and the encoding is "none".
        if content.encoding != "base64" {
            return Ok(Found::Unusable("it is larger than 1 MB and was not read".into()));
        }
        let packed: String = content.content.split_ascii_whitespace().collect();
        let bytes = BASE64_STANDARD
            .decode(&packed)
            .map_err(|_| answer.garbled(format!("{path} is not base64")))?;
        Ok(Found::File(TrustedFile {
            bytes,
            blob: content.blob,
        }))
    }
}

/// Where in a repository a file is read.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    /// A commit or a branch.
    Ref(&'a str),
    /// The tip of the default branch, of the repository that has this name now: a rename is not followed.
    DefaultBranch,
}

type Owners = Result<(String, TrustedFile), (String, String)>;

/// Of what is an extra: what is wrong with it alone does not keep the change from being read, and is told.
fn extra<T>(read: Result<T, ForgeError>) -> Result<Result<T, String>, ForgeError> {
    match read {
        Err(
            error @ (ForgeError::Garbled { .. } | ForgeError::Forbidden { .. } | ForgeError::Refused { .. }),
        ) => Ok(Err(error.to_string())),
        other => other.map(Ok),
    }
}

/// Of what is only context: without it there is nothing to say, and nothing is missing from what is judged.
pub(super) fn unsaid<T: Default>(read: Result<T, ForgeError>) -> Result<T, ForgeError> {
    match read {
        Err(ForgeError::NotFound { .. }) => Ok(T::default()),
        other => Ok(extra(other)?.unwrap_or_else(|why| {
            tracing::info!(why, "context of a change was not read");
            T::default()
        })),
    }
}

/// Contents of plain files only: a link's content is a path, a submodule has none.
fn pairs(changed: &[Changed]) -> Vec<Pair> {
    let plain = |blob: &Option<Blob>| {
        blob.as_ref()
            .filter(|blob| matches!(blob.mode, 0o100_644 | 0o100_755))
            .map(|blob| blob.oid.clone())
    };
    changed
        .iter()
        .map(|one| Pair {
            path: one.path.clone(),
            old: plain(&one.old),
            new: plain(&one.new),
        })
        .collect()
}

/// Without whole trees there is no digest, and only the binding to the head holds.
fn digest(head: &Oid, changed: Result<Vec<Changed>, String>) -> Option<String> {
    let changed = changed
        .inspect_err(|why| tracing::info!(%head, why, "no digest: the trees cannot be read"))
        .ok()?;
    let digest = changeset::digest(ObjectFormat::of(head), &changed);
    digest
        .inspect_err(|why| tracing::info!(%head, %why, "no digest"))
        .ok()
}

struct History {
    merge_base: Oid,
    base_tree: Oid,
    commits: Vec<Commit>,
    total: u64,
}

pub(super) enum Found {
    File(TrustedFile),
    Not,
    Unusable(String),
}

#[derive(Deserialize)]
struct Content {
    encoding: String,
    content: String,
    #[serde(rename = "sha")]
    blob: Oid,
}

#[derive(Deserialize)]
struct Comparison {
    #[serde(rename = "merge_base_commit")]
    merge_base: RestCommit,
    #[serde(rename = "total_commits")]
    total: u64,
    commits: Vec<RestCommit>,
}

#[derive(Deserialize)]
struct GitCommit {
    tree: TreeRef,
}

#[derive(Deserialize)]
struct TreeRef {
    #[serde(rename = "sha")]
    oid: Oid,
}

#[derive(Deserialize)]
struct RestCommit {
    #[serde(rename = "sha")]
    oid: Oid,
    commit: Recorded,
    /// The account; null or `{}` where the address belongs to none.
    #[serde(default)]
    author: Value,
    #[serde(default)]
    committer: Value,
}

#[derive(Deserialize)]
struct Recorded {
    message: String,
    tree: TreeRef,
    author: Option<Signature>,
    committer: Option<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    date: Option<Timestamp>,
}

impl From<RestCommit> for Commit {
    fn from(commit: RestCommit) -> Self {
        let committed_at = commit.commit.committer.as_ref().and_then(|one| one.date);
        Commit {
            oid: commit.oid,
            tree: Some(commit.commit.tree.oid),
            message: commit.commit.message.replace("\r\n", "\n"),
            author: identity(commit.commit.author, commit.author),
            committer: identity(commit.commit.committer, commit.committer),
            committed_at,
        }
    }
}

fn identity(recorded: Option<Signature>, account: Value) -> Identity {
    let (name, email) = recorded.map(|one| (one.name, one.email)).unwrap_or_default();
    let account = serde_json::from_value::<RestAccount>(account)
        .ok()
        .map(Into::into);
    Identity { name, email, account }
}

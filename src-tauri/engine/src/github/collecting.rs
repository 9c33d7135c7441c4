//! What the judge would be given of a change now: asked for as CI asks ([`countersign_core::collect`]), and what CI reads
//! from the repository's objects by the forge's word.

use std::collections::HashMap;

use countersign_core::change::{ChangeId, Oid};
use countersign_core::collect::{self, Collected, HEAD, ORGANISATION, QUERIES};
use countersign_core::policy::{self, Policy};
use countersign_core::reason::Fault;
use countersign_core::verify::Input;
use countersign_core::verify::input::{File, Organisation, TrustFiles};
use serde_json::{Value, json};

use super::client::segment;
use super::read::unsaid;
use super::trees::Tree;
use super::{GitHub, graphql, repo_of};
use crate::ports::ForgeError;

/// Pages of one list, of a hundred each: more are not read.
const PAGES: usize = 10;
/// Where the files were read.
const SOURCE: &str = "rest git/trees, git/blobs";
/// A policy's file is a few kilobytes.
const LARGEST_FILE: usize = 1 << 20;

/// Why there is no input.
enum Stop {
    /// The forge as a whole cannot be asked now.
    Forge(ForgeError),
    /// Something about this change, in words.
    Here(String),
}

impl From<ForgeError> for Stop {
    fn from(error: ForgeError) -> Self {
        match error {
            ForgeError::Unreachable { .. }
            | ForgeError::Proxied { .. }
            | ForgeError::Untrusted { .. }
            | ForgeError::Unauthorised { .. }
            | ForgeError::RateLimited { .. } => Self::Forge(error),
            ForgeError::Interrupted { .. }
            | ForgeError::Forbidden { .. }
            | ForgeError::NotFound { .. }
            | ForgeError::Server { .. }
            | ForgeError::Garbled { .. }
            | ForgeError::Refused { .. } => Self::Here(error.to_string()),
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Here(fault.detail)
    }
}

impl GitHub {
    /// The judge's input for a change, or in words why it cannot be had. About fifteen requests.
    pub(super) async fn collect_input(&self, id: &ChangeId) -> Result<Result<Input, String>, ForgeError> {
        match self.gather(id).await {
            Ok(input) => Ok(Ok(input)),
            Err(Stop::Here(why)) => Ok(Err(why)),
            Err(Stop::Forge(error)) => Err(error),
        }
    }

    async fn gather(&self, id: &ChangeId) -> Result<Input, Stop> {
        let change = variables(&id.repo).ok_or_else(|| ForgeError::NotFound { what: id.to_string() })?;
        let change = with_number(change, id.number);
        let [itself, commits, reviews, timeline] = QUERIES;
        let (itself, commits, reviews, timeline, movements) = tokio::try_join!(
            self.pages(itself, &change),
            self.pages(commits, &change),
            self.pages(reviews, &change),
            self.pages(timeline, &change),
            self.movements(id, &change),
        )?;
        let collected = Collected::read(&[itself, commits, reviews, timeline, movements].concat())?;
        let (head, tip) = collected.ends(id.number)?;
        let twins = collected.twins(id.number)?;
        if !twins.numbers.is_empty() || twins.unread > 0 {
            let why = "another open change has the same head, and the gate judges them together";
            return Err(Stop::Here(why.to_owned()));
        }
        let (trust, content) = tokio::try_join!(self.trust(id, &tip), self.content_of(id, &head, &tip))?;
        let document = collected.document(id.number, json!(trust), content)?;
        Ok(Input::from_json(document.to_string().as_bytes())?)
    }

    /// The answers to a query, page by page, one JSON document after the other.
    async fn pages(&self, query: &str, about: &Value) -> Result<Vec<u8>, Stop> {
        let mut documents = Vec::new();
        let mut variables = about.clone();
        for _ in 0..PAGES {
            let reply = graphql::ask(&self.client, query, &variables).await?;
            // What is missing because of an error must not look as if it were not there.
            if let Some(fault) = reply.faults.first() {
                return Err(Stop::Here(fault.words()));
            }
            let next = next_page(&reply.data);
            documents.extend(json!({ "data": reply.data }).to_string().into_bytes());
            match next {
                Some(cursor) => variables["endCursor"] = cursor,
                None => return Ok(documents),
            }
        }
        Err(Stop::Here(format!(
            "one of its lists has more than {} entries",
            PAGES * 100
        )))
    }

    /// The movements of the change's branch; nothing where they cannot be told, or are more than one page.
    async fn movements(&self, id: &ChangeId, change: &Value) -> Result<Vec<u8>, Stop> {
        let reply = graphql::ask(&self.client, HEAD, change).await?;
        let pull = &reply.data["repository"]["pullRequest"];
        let repo = pull["headRepository"]["nameWithOwner"].as_str().and_then(repo_of);
        let (Some((owner, name)), Some(branch)) = (repo, pull["headRefName"].as_str()) else {
            return Ok(Vec::new());
        };
        let path = format!(
            "/repos/{}/{}/activity?ref={}&per_page=100",
            segment(owner),
            segment(name),
            segment(&format!("refs/heads/{branch}"))
        );
        let what = format!("the movements of the branch of {id}");
        let asked = async {
            let answer = self.client.call(&self.client.get(&path, what)).await?;
            let moves: Vec<Value> = answer.json()?;
            Ok(Some(moves).filter(|_| !answer.has_next_page()))
        };
        let Some(moves) = unsaid(asked.await)? else {
            return Ok(Vec::new());
        };
        let part =
            |one: &Value| json!({ "before": one["before"], "after": one["after"], "actor": one["actor"] });
        let items: Vec<Value> = moves.iter().map(part).collect();
        let document = json!({ "activity": { "number": id.number, "items": items } });
        Ok(document.to_string().into_bytes())
    }

    /// What the change does to the tree. The forge tells one merge base.
    async fn content_of(&self, id: &ChangeId, head: &Oid, tip: &Oid) -> Result<Value, Stop> {
        let ((base, base_tree), head_tree) =
            tokio::try_join!(self.base_of(id, tip, head), self.tree_of(id, head))?;
        let changed = self.differences(id, &base_tree, &head_tree).await?.changed;
        let source = "rest compare, git/trees";
        Ok(collect::content(
            source,
            [head, &head_tree, tip],
            &[base],
            changed.ok().as_deref(),
        ))
    }

    async fn trust(&self, id: &ChangeId, tip: &Oid) -> Result<TrustFiles, Stop> {
        let (read, [policy, allowed_signers, revoked_keys]) =
            Files::at(self, id, tip).named(policy::PATH).await?;
        let organisation = match read.and_then(|policy| policy.extended()) {
            None => None,
            Some(extended) => Some(self.organisation_at(id, &extended.repo, &extended.path).await?),
        };
        Ok(TrustFiles {
            source: SOURCE.into(),
            target_tip: tip.clone(),
            gate_files: Vec::new(),
            policy,
            allowed_signers,
            revoked_keys,
            organisation,
        })
    }

    async fn organisation_at(&self, id: &ChangeId, repo: &str, path: &str) -> Result<Organisation, Stop> {
        let unreadable = || Stop::Here(format!("the policy extends {repo}, which cannot be read"));
        let about = variables(repo).ok_or_else(unreadable)?;
        let answer = self.pages(ORGANISATION, &about).await?;
        let collected = Collected::read(&answer).map_err(|_| unreadable())?;
        let found = collected.organisation(repo).ok_or_else(unreadable)?;
        let there = ChangeId {
            host: id.host.clone(),
            repo: found.repo.clone(),
            number: 0,
        };
        let (_, [policy, allowed_signers, revoked_keys]) =
            Files::at(self, &there, &found.tip).named(path).await?;
        Ok(Organisation {
            source: format!("graphql defaultBranchRef, {SOURCE}"),
            repo: found.repo.clone(),
            repo_id: found.repo_id.to_string(),
            tip: found.tip.clone(),
            policy,
            allowed_signers,
            revoked_keys,
        })
    }
}

/// The files of one commit. Each folder is listed once.
struct Files<'a> {
    forge: &'a GitHub,
    repo: &'a ChangeId,
    commit: &'a Oid,
    listed: HashMap<Oid, Tree>,
}

impl<'a> Files<'a> {
    fn at(forge: &'a GitHub, repo: &'a ChangeId, commit: &'a Oid) -> Self {
        Self {
            forge,
            repo,
            commit,
            listed: HashMap::new(),
        }
    }

    /// A policy, if it can be read, with the policy's file, the allowed signers and the revoked keys.
    async fn named(&mut self, path: &str) -> Result<(Option<Policy>, [Option<File>; 3]), Stop> {
        let policy = self.file(path).await?;
        let read = policy.as_ref().and_then(|file| Policy::parse(&file.text).ok());
        let signers = match &read {
            Some(policy) => self.file(&policy.allowed_signers).await?,
            None => None,
        };
        let revoked = match read.as_ref().and_then(|policy| policy.revoked_keys.as_deref()) {
            Some(path) => self.file(path).await?,
            None => None,
        };
        Ok((read, [policy, signers, revoked]))
    }

    /// A file with its mode, which only trees tell; `None` where it is not there.
    async fn file(&mut self, path: &str) -> Result<Option<File>, Stop> {
        let mut at = self.commit.clone();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let tree = self.list(&at).await?;
            let Some(found) = tree.child(part) else {
                if tree.truncated {
                    return Err(Stop::Here(format!(
                        "a folder above {path} is too large to be listed"
                    )));
                }
                return Ok(None);
            };
            if parts.peek().is_some() {
                at = found.oid;
                continue;
            }
            let bytes = self.forge.read_blob(self.repo, &found.oid, LARGEST_FILE).await?;
            let text = String::from_utf8(bytes).map_err(|_| Stop::Here(format!("{path} is not UTF-8")))?;
            return Ok(Some(File {
                path: path.to_owned(),
                mode: format!("{:06o}", found.mode),
                blob: found.oid,
                text,
            }));
        }
        Ok(None)
    }

    async fn list(&mut self, tree: &Oid) -> Result<&Tree, Stop> {
        if !self.listed.contains_key(tree) {
            let listed = self.forge.tree(self.repo, tree, false).await?;
            self.listed.insert(tree.clone(), listed);
        }
        let lost = || Stop::Here(format!("the tree {tree} was not kept"));
        self.listed.get(tree).ok_or_else(lost)
    }
}

/// A repository's name as the queries take it.
fn variables(repo: &str) -> Option<Value> {
    let (owner, name) = repo_of(repo)?;
    Some(json!({ "owner": owner, "name": name }))
}

fn with_number(mut variables: Value, number: u64) -> Value {
    variables["number"] = json!(number);
    variables
}

/// Where the one list of an answer goes on.
fn next_page(data: &Value) -> Option<Value> {
    let pull = &data["repository"]["pullRequest"];
    ["commits", "reviews", "timelineItems"]
        .iter()
        .map(|list| &pull[list]["pageInfo"])
        .find(|page| page["hasNextPage"] == json!(true))
        .map(|page| page["endCursor"].clone())
}

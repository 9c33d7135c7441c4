//! Contents by their names, and the notes that hang on commits.

use countersign_core::change::{ChangeId, Commit, Oid};
use countersign_core::changeset;
use serde::Deserialize;

use super::GitHub;
use super::client::RAW;
use crate::ports::{ForgeError, NoteText};

/// Larger files are generated, or data: no parser reads them.
const LARGEST_BLOB: usize = 1 << 20;
/// A note is a few lines.
const LARGEST_NOTE: usize = 64 << 10;
/// More commits with notes than this are not looked up.
const NOTES: usize = 50;

impl GitHub {
    pub(super) async fn read_blob(
        &self,
        id: &ChangeId,
        oid: &Oid,
        largest: usize,
    ) -> Result<Vec<u8>, ForgeError> {
        let path = format!("{}/git/blobs/{oid}", self.repo(id)?);
        let ask = self
            .client
            .get(&path, format!("blob {oid} of {}", id.repo))
            .accept(RAW)
            .at_most(largest);
        let answer = self.client.call(&ask).await?;
        if !changeset::is_named(oid, &answer.body) {
            return Err(answer.garbled(format!("it is not the content that {} names", oid.short())));
        }
        Ok(answer.body)
    }

    pub(super) async fn blob_of_file(&self, id: &ChangeId, oid: &Oid) -> Result<Vec<u8>, ForgeError> {
        self.read_blob(id, oid, LARGEST_BLOB).await
    }

    /// The notes of `refs/notes/ai` on these commits. Most repositories have none, which costs one request.
    pub(super) async fn notes(&self, id: &ChangeId, commits: &[Commit]) -> Result<Vec<NoteText>, ForgeError> {
        let path = format!("{}/git/ref/notes/ai", self.repo(id)?);
        let tip: Reference = match self.client.call(&self.client.get(&path, "refs/notes/ai")).await {
            Err(ForgeError::NotFound { .. }) => return Ok(Vec::new()),
            other => other?.json()?,
        };
        let path = format!("{}/git/trees/{}?recursive=1", self.repo(id)?, tip.object.oid);
        let ask = self.client.get(&path, "the notes of refs/notes/ai").slow();
        let listed: Listing = self.client.call(&ask).await?.json()?;
        let mut notes = Vec::new();
        for entry in listed.tree.iter().filter(|entry| entry.kind == "blob") {
            // Where there are many, git spreads them over folders: ab/cd/ef….
            let name = entry.path.replace('/', "");
            let Some(commit) = commits.iter().find(|commit| commit.oid.as_str() == name) else {
                continue;
            };
            if notes.len() == NOTES {
                break;
            }
            let bytes = self.read_blob(id, &entry.oid, LARGEST_NOTE).await?;
            notes.push(NoteText {
                commit: commit.oid.clone(),
                text: String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
        Ok(notes)
    }
}

/// A branch, a tag, or a ref of another kind.
#[derive(Deserialize)]
pub(super) struct Reference {
    /// The whole name: `refs/…`.
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: Object,
}

/// What a ref points at.
#[derive(Deserialize)]
pub(super) struct Object {
    #[serde(rename = "sha")]
    pub(super) oid: Oid,
}

#[derive(Deserialize)]
struct Listing {
    tree: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "sha")]
    oid: Oid,
}

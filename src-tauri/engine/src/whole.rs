//! Changed files as a whole, for the parsers: which are wanted, fetched by their names in git, kept for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_assess::{Manifest, Sides, wants_sides};
use countersign_core::change::{ChangeId, Oid};
use countersign_core::patch::Patch;
use countersign_core::policy::Policy;
use tokio::task::JoinSet;

use crate::account::Online;
use crate::engine::Engine;
use crate::ports::{Desktop, Forge, ForgeError, Pair, Reading};
use crate::store::{Facts, SideNames, Store};
use crate::words;

/// Contents fetched for one change at most. Each is a request, and the quota is for more than one change.
const MOST: usize = 120;
/// Manifests read for one change at most, those nearest to the root first: they tell most.
const MOST_MANIFESTS: usize = 60;
/// Fetched at the same time.
const LANES: usize = 6;

/// Files as the assessment takes them.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    /// Changed files, before and after.
    pub(crate) sides: Vec<Sides>,
    /// Manifests at the merge base.
    pub(crate) manifests: Vec<Manifest>,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Sees to it that the files that the parsers want are in the store, and names them in `facts`. What cannot be
    /// had is said with the file; only what concerns the forge as a whole is an error.
    pub(crate) async fn fetch_whole(
        &self,
        online: &Online<F>,
        id: &ChangeId,
        reading: &Reading,
        facts: &mut Facts,
    ) -> Result<(), ForgeError> {
        let Some(diff) = &reading.diff else { return Ok(()) };
        let mut sides = named(diff, &reading.pairs);
        let described = facts
            .policy
            .as_deref()
            .and_then(|text| Policy::parse(text).ok())
            .is_some_and(|policy| !policy.components.is_empty());
        let mut manifests = if described {
            Vec::new()
        } else {
            reading.manifests.clone()
        };
        manifests.sort_by_key(|(path, _)| (path.matches('/').count(), path.clone()));
        manifests.truncate(MOST_MANIFESTS);
        let mut wanted: BTreeSet<Oid> = manifests.iter().map(|(_, oid)| oid.clone()).collect();
        for side in &sides {
            wanted.extend(side.old.iter().chain(&side.new).cloned());
        }
        let lost = self.fetch_blobs(online, id, wanted).await?;
        for side in &mut sides {
            let why = side.old.iter().chain(&side.new).find_map(|oid| lost.get(oid));
            if side.missing.is_none() {
                side.missing = why.cloned();
            }
        }
        manifests.retain(|(_, oid)| !lost.contains_key(oid));
        facts.sides = sides;
        facts.manifests = manifests;
        Ok(())
    }

    /// Fetches what the store does not hold; says of the rest why it could not be had.
    async fn fetch_blobs(
        &self,
        online: &Online<F>,
        id: &ChangeId,
        wanted: BTreeSet<Oid>,
    ) -> Result<BTreeMap<Oid, String>, ForgeError> {
        let mut lost = BTreeMap::new();
        let mut todo = Vec::new();
        {
            let store = self.store();
            for oid in wanted {
                if store.has_blob(&oid).unwrap_or(false) {
                    continue;
                }
                if todo.len() == MOST {
                    let why = format!("more than {MOST} whole files would have to be read");
                    lost.insert(oid, why);
                } else {
                    todo.push(oid);
                }
            }
        }
        let mut lanes = JoinSet::new();
        let mut todo = todo.into_iter();
        loop {
            while lanes.len() < LANES
                && let Some(oid) = todo.next()
            {
                let (forge, id) = (Arc::clone(&online.forge), id.clone());
                lanes.spawn(async move { (forge.blob(&id, &oid).await, oid) });
            }
            let Some(done) = lanes.join_next().await else {
                return Ok(lost);
            };
            match done {
                Ok((Ok(bytes), oid)) => {
                    let written = self.store_of(online).map(|store| store.put_blob(&oid, &bytes));
                    // Nobody waits for the rest.
                    let Some(written) = written else { return Ok(lost) };
                    self.wrote(written);
                }
                Ok((
                    Err(
                        error @ (ForgeError::Unauthorised { .. }
                        | ForgeError::Unreachable { .. }
                        | ForgeError::Proxied { .. }
                        | ForgeError::Untrusted { .. }
                        | ForgeError::RateLimited { .. }),
                    ),
                    _,
                )) => return Err(error),
                Ok((Err(error), oid)) => {
                    let why = format!("the whole file could not be read: {}", words::forge_error(&error));
                    lost.insert(oid, why);
                }
                // A task that broke fetched nothing; the file is found missing when it is looked for.
                Err(error) => tracing::error!(%error, "a file could not be fetched"),
            }
        }
    }
}

/// The files of the diff that a parser wants, with the names that the trees give them.
fn named(diff: &[u8], pairs: &[Pair]) -> Vec<SideNames> {
    let Ok(patch) = Patch::parse(diff) else {
        return Vec::new();
    };
    let pair = |path: Option<&[u8]>| pairs.iter().find(|pair| Some(pair.path.as_slice()) == path);
    let wanted = patch.files.iter().filter(|file| wants_sides(file));
    wanted
        .map(|file| {
            let (old, new) = (file.old_path.as_deref(), file.new_path.as_deref());
            let (before, after) = (
                pair(old).and_then(|pair| pair.old.clone()),
                pair(new).and_then(|pair| pair.new.clone()),
            );
            let known = (old.is_none() || before.is_some()) && (new.is_none() || after.is_some());
            SideNames {
                path: file.display_path(),
                old: before,
                new: after,
                missing: (!known).then(|| "the forge's trees do not name its contents".to_owned()),
            }
        })
        .collect()
}

/// The contents, out of the store.
pub(crate) fn load(store: &Store, facts: &Facts) -> Whole {
    let content = |oid: &Oid| store.blob(oid).ok().flatten();
    let side = |side: &SideNames| {
        let (old, new) = (
            side.old.as_ref().and_then(content),
            side.new.as_ref().and_then(content),
        );
        let lost = side.old.is_some() != old.is_some() || side.new.is_some() != new.is_some();
        let gone = || lost.then(|| "its contents are not held".to_owned());
        Sides {
            path: side.path.clone(),
            old,
            new,
            missing: side.missing.clone().or_else(gone),
        }
    };
    let manifest = |(path, oid): &(String, Oid)| {
        Some(Manifest {
            path: path.clone(),
            bytes: content(oid)?,
        })
    };
    Whole {
        sides: facts.sides.iter().map(side).collect(),
        manifests: facts.manifests.iter().filter_map(manifest).collect(),
    }
}

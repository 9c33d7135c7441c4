//! Changed files as a whole, for the parsers: which are wanted, fetched by their names in git, kept for ever.

use std::sync::Arc;

use countersign_assess::{Sides, wants_sides};
use countersign_core::change::{ChangeId, Oid};
use countersign_core::patch::Patch;
use tokio::task::JoinSet;

use crate::account::Online;
use crate::engine::Engine;
use crate::ports::{Desktop, Forge, ForgeError, Pair};
use crate::store::{SideNames, Store};
use crate::words;

/// Contents fetched for one change at most. Each is a request, and the quota is for more than one change.
const MOST: usize = 120;
/// Fetched at the same time.
const LANES: usize = 6;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Sees to it that both sides of the files that a parser wants are in the store, and names them. What cannot be
    /// had is said with the file; only what concerns the forge as a whole is an error.
    pub(crate) async fn fetch_sides(
        &self,
        online: &Online<F>,
        id: &ChangeId,
        diff: &[u8],
        pairs: &[Pair],
    ) -> Result<Vec<SideNames>, ForgeError> {
        let mut sides = named(diff, pairs);
        let mut todo: Vec<(usize, Oid)> = Vec::new();
        {
            let store = self.store();
            for (at, side) in sides.iter_mut().enumerate() {
                for oid in [&side.old, &side.new].into_iter().flatten() {
                    let held = store.has_blob(oid).unwrap_or(false);
                    if held || todo.iter().any(|(_, other)| other == oid) {
                        continue;
                    }
                    if todo.len() == MOST {
                        side.missing.get_or_insert_with(|| {
                            format!("more than {MOST} whole files would have to be read")
                        });
                        break;
                    }
                    todo.push((at, oid.clone()));
                }
            }
        }
        let mut lanes = JoinSet::new();
        let mut todo = todo.into_iter();
        loop {
            while lanes.len() < LANES
                && let Some((at, oid)) = todo.next()
            {
                let (forge, id) = (Arc::clone(&online.forge), id.clone());
                lanes.spawn(async move {
                    let read = forge.blob(&id, &oid).await;
                    (at, oid, read)
                });
            }
            let Some(done) = lanes.join_next().await else {
                break;
            };
            let Ok((at, oid, read)) = done else { continue };
            match read {
                Ok(bytes) => {
                    let written = self.store().put_blob(&oid, &bytes);
                    self.wrote(written);
                }
                Err(
                    error @ (ForgeError::Unauthorised { .. }
                    | ForgeError::Unreachable { .. }
                    | ForgeError::RateLimited { .. }),
                ) => return Err(error),
                Err(error) => {
                    sides[at].missing = Some(format!(
                        "the whole file could not be read: {}",
                        words::forge_error(&error)
                    ));
                }
            }
        }
        Ok(sides)
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
pub(crate) fn load(store: &Store, names: &[SideNames]) -> Vec<Sides> {
    let content = |oid: &Option<Oid>| oid.as_ref().and_then(|oid| store.blob(oid).ok().flatten());
    names
        .iter()
        .map(|side| {
            let (old, new) = (content(&side.old), content(&side.new));
            let lost = side.old.is_some() != old.is_some() || side.new.is_some() != new.is_some();
            Sides {
                path: side.path.clone(),
                old,
                new,
                missing: side
                    .missing
                    .clone()
                    .or_else(|| lost.then(|| "its contents are not held".to_owned())),
            }
        })
        .collect()
}

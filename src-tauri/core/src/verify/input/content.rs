//! What the change does to the tree, recomputed by the collector.

use serde::{Deserialize, Serialize};

use super::form::nullable;
use crate::change::Oid;
use crate::changeset::{Blob, Changed, ObjectFormat};
use crate::reason::{Fault, Reason};

/// What the change does to the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Where it was computed: `git` or the forge's trees.
    pub source: String,
    /// The head that it was computed for.
    pub head: Oid,
    /// That commit's tree.
    pub head_tree: Oid,
    /// The target's tip that it was computed for.
    pub target_tip: Oid,
    /// How the repository names its objects.
    pub object_format: ObjectFormat,
    /// All merge bases of the head and the target's tip.
    pub merge_bases: Vec<Oid>,
    /// How many paths changed between the merge base and the head, renames off; `null` if nobody can tell.
    #[serde(deserialize_with = "nullable")]
    pub total: Option<u64>,
    /// Them; `null` if a tree could not be read whole.
    #[serde(deserialize_with = "nullable")]
    pub changed: Option<Vec<ChangedPath>>,
}

impl Content {
    /// Every changed path. `None` where that cannot be told: there is not exactly one merge base, or the list is missing,
    /// cut or empty.
    pub fn whole(&self) -> Option<&[ChangedPath]> {
        let changed = self.changed.as_deref()?;
        let whole = self.merge_bases.len() == 1
            && !changed.is_empty()
            && self.total == u64::try_from(changed.len()).ok();
        whole.then_some(changed)
    }
}

/// One line of `git diff-tree -r -z --no-renames --raw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangedPath {
    /// The path; exactly one of this and `path_hex`.
    pub path: Option<String>,
    /// The path's bytes in hexadecimal, where they are not UTF-8.
    pub path_hex: Option<String>,
    /// Six octal digits; `000000` if it was not there.
    pub old_mode: String,
    /// Six octal digits; `000000` if it is gone.
    pub new_mode: String,
    /// Object name; zeros if it was not there.
    pub old_oid: Oid,
    /// Object name; zeros if it is gone.
    pub new_oid: Oid,
}

impl ChangedPath {
    /// As the digest takes it.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where the line cannot be one of git's, or lost bytes of its path.
    pub fn read(&self) -> Result<Changed, Fault> {
        let bad = |what: &str| Reason::InputMissing.because(format!("content.changed: {what} in {self:?}"));
        let path = match (&self.path, &self.path_hex) {
            (Some(path), None) if !path.contains('\u{fffd}') => path.as_bytes().to_vec(),
            (Some(_), None) => return Err(bad("bytes were lost (U+FFFD)")),
            (None, Some(hex)) => unhex(hex).ok_or_else(|| bad("path_hex is not hexadecimal"))?,
            (None, None) | (Some(_), Some(_)) => return Err(bad("expected one of path and path_hex")),
        };
        let side = |mode: &str, oid: &Oid| {
            let octal = mode.len() == 6 && mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
            let mode = if octal {
                u32::from_str_radix(mode, 8).ok()
            } else {
                None
            };
            let absent = oid.as_str().bytes().all(|b| b == b'0');
            match mode {
                Some(0) if absent => Ok(None),
                Some(mode) if mode != 0 && !absent => Ok(Some(Blob {
                    mode,
                    oid: oid.clone(),
                })),
                Some(_) => Err(bad("mode and object name do not agree on whether it is there")),
                None => Err(bad("a mode is not six octal digits")),
            }
        };
        Ok(Changed {
            path,
            old: side(&self.old_mode, &self.old_oid)?,
            new: side(&self.new_mode, &self.new_oid)?,
        })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let whole = digits.len().is_multiple_of(2);
    whole.then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

//! What a change could break: dangers in its diff, and the parts of the system that depend on what it touches.
//!
//! A rule is a line pattern for some paths and one side of the diff; what stands around the line can take a
//! match back (`filter.rs`), because that matters more than the pattern: of 83 lines with `DROP COLUMN` in a
//! measured corpus, 7 dropped one. What destroys and creates anew stays a finding: that *is* the hazard.
//!
//! The rules read lines: they see what a hunk shows. Where both sides of a file are at hand, parsers read all of
//! it (`whole/`), and the rules stay the fallback. What no rule could look at is listed in
//! [`Assessment::not_assessed`], never left out.
//!
//! | module | subject |
//! |---|---|
//! | `table` | the rules, compiled from `rules/*.toml` |
//! | `globs` | sets of paths by name |
//! | `view` | a file's lines with what stands around them |
//! | `comments` | which part of a text its language skips |
//! | `down` | what undoes a migration |
//! | `statements` | SQL statements over several lines |
//! | `tables` | tables that the change creates itself |
//! | `terraform` | blocks that go, come, or only move |
//! | `filter` | what the surroundings take back |
//! | `manifest` | new names and looser versions |
//! | `scan` | one pass over the diff |
//! | `whole` | whole files on both sides, by parsers |
//! | `manifests` | components by the repository's own manifests |
//! | `blast` | components and what depends on them |
//! | `measures` | size and spread, as context |
//! | [`verdict`] | the sentence that says it all |

mod blast;
mod comments;
mod down;
mod filter;
mod globs;
mod manifest;
mod manifests;
mod measures;
mod scan;
mod statements;
mod table;
mod tables;
mod terraform;
pub mod verdict;
mod view;
mod whole;

use countersign_core::change::Change;
use countersign_core::finding::{Assessment, NotAssessed};
use countersign_core::patch::{Patch, PatchError};

pub use manifests::{Manifest, is_manifest};
pub use whole::{Sides, wants_sides};

/// A part of the system as the policy describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentSpec {
    /// Its name.
    pub name: String,
    /// Globs of what belongs to it, from the repository's root: `services/ledger/**`.
    pub paths: Vec<String>,
    /// 1 is the most critical; `None` where nobody said.
    pub tier: Option<u32>,
    /// Names of the components it depends on.
    pub depends_on: Vec<String>,
}

/// What is known besides the diff. Empty lists are well: the diff alone is assessed then.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The components that the policy describes.
    pub components: &'a [ComponentSpec],
    /// Changed files as a whole, for those that [`wants_sides`] names. Once there is one, each that is missing is
    /// an entry in `not_assessed`.
    pub sides: &'a [Sides],
    /// The repository's manifests at the base of the change, for those that [`is_manifest`] names: the components
    /// where the policy describes none.
    pub manifests: &'a [Manifest],
}

/// Assesses a change by its diff alone.
pub fn assess(
    change: &Change,
    patch: Result<&Patch<'_>, &PatchError>,
    components: &[ComponentSpec],
) -> Assessment {
    let known = Known {
        components,
        ..Known::default()
    };
    assess_with(change, patch, known)
}

/// Assesses a change. A diff that cannot be read is an entry in `not_assessed`; so is what the forge counts and
/// the diff does not hold.
pub fn assess_with(change: &Change, patch: Result<&Patch<'_>, &PatchError>, known: Known<'_>) -> Assessment {
    let mut assessment = Assessment::default();
    scan::description(&change.body, &mut assessment);
    match patch {
        Ok(patch) => {
            scan::patch(patch, known.sides, &mut assessment);
            assessment.measures = Some(measures::of(patch));
            missing(change, patch, &mut assessment);
            blast::radius(patch, known.components, known.manifests, &mut assessment);
        }
        Err(error) => {
            assessment.not_assessed.push(NotAssessed {
                path: String::new(),
                reason: error.to_string(),
            });
        }
    }
    assessment
}

/// A cut between two files or hunks leaves a diff that reads well: only the forge's own counts tell.
fn missing(change: &Change, patch: &Patch<'_>, assessment: &mut Assessment) {
    let mut say = |what: &str, has: u64, counts: u64| {
        if has < counts {
            let reason =
                format!("the diff holds {has} of the {counts} {what} that the forge counts: it is cut");
            assessment.not_assessed.push(NotAssessed {
                path: String::new(),
                reason,
            });
        }
    };
    // A change of type (file to link) is two entries here and one at the forge.
    say("changed files", patch.files.len() as u64, change.changed_files);
    say("added lines", patch.lines_added(), change.additions);
    say("removed lines", patch.lines_removed(), change.deletions);
}

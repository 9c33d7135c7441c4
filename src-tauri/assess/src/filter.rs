//! What stands around a match can take it back, or say more about it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use countersign_core::finding::{Severity, Side};
use countersign_core::patch::{FileKind, LineKind};
use regex::bytes::Regex;

use crate::manifest;
use crate::table::{Filter, Rule, Rules};
use crate::tables::{Made, Tables};
use crate::terraform::{Blocks, Fate, noun, spoken};
use crate::view::{View, pattern, squeezed};

/// What is known about the whole diff.
pub(crate) struct Around<'a, 'p> {
    pub(crate) views: &'a [View<'p>],
    pub(crate) blocks: Blocks,
    tables: Tables,
    /// Folders that lose files of Terraform: where they go, the first of them, and how many more.
    leaving: HashMap<(String, String), (String, usize)>,
    /// Ecosystems whose manifest the change touches.
    manifests: HashSet<&'static str>,
}

/// A match that stands, with what its surroundings say.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) title: Option<String>,
    pub(crate) subject: Option<String>,
    /// What kind of object it is, in words.
    pub(crate) kind: Option<String>,
    pub(crate) why: Option<&'static str>,
    pub(crate) note: Option<String>,
    /// How bad it is, where the rule says worse.
    pub(crate) severity: Option<Severity>,
}

/// A line of a file.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) file: usize,
    pub(crate) row: usize,
    pub(crate) side: Side,
}

impl<'a, 'p> Around<'a, 'p> {
    pub(crate) fn new(views: &'a [View<'p>]) -> Self {
        let manifests = views
            .iter()
            .filter_map(|view| manifest::ecosystem(view.name(), false))
            .collect();
        Self {
            views,
            blocks: Blocks::of(views),
            leaving: leaving(views),
            tables: Tables::of(views),
            manifests,
        }
    }

    /// Whether a match stands. `None`: its surroundings take it back.
    pub(crate) fn judge(&self, rule: &Rule, spot: Spot) -> Option<Kept> {
        let view = &self.views[spot.file];
        let text = view.code(spot.row, spot.side);
        let mut kept = Kept::default();
        for filter in rule.filters() {
            match filter {
                Filter::TerraformBlock => kept = self.block(rule, spot)?,
                Filter::NotInRemovedBlock => self.outlives_its_block(spot)?,
                Filter::ChangedInStatefulBlock => kept.subject = Some(self.changed_in_stateful(rule, spot)?),
                Filter::ModuleSourceChanged => kept.subject = Some(module_source_changed(view, spot)?),
                Filter::WeakensRetention => weakens_retention(text, spot.side)?,
                Filter::SqlDown => none_if(view.is_down(spot.row, spot.side))?,
                Filter::NewTable => match self.tables.meant(view, spot.row) {
                    Made::Yes => return None,
                    Made::No => {}
                    Made::IfMissing => {
                        kept.severity = Some(Severity::Low);
                        kept.note = Some("the change creates this table, if it is not there already".into());
                    }
                },
                Filter::NoCounterpart => none_if(has_counterpart(rule, view, spot))?,
                Filter::NotEgress => none_if(is_egress(view, spot))?,
                Filter::YamlRunOnly => none_if(is_in_env(view, spot))?,
                Filter::NewName => none_if(!manifest::is_new_name(rule, view, spot))?,
                Filter::Loosens => none_if(!manifest::loosens(rule, view, spot))?,
                Filter::BackendBlock => none_if(!is_about_backend(view, spot))?,
                Filter::Grants => none_if(!is_grant(view, spot))?,
                Filter::AuthWords
                | Filter::ProductionWords
                | Filter::WithoutManifest
                | Filter::NotOnlyUses
                | Filter::NetCount
                | Filter::OncePerFile
                | Filter::TerraformLeaves => {}
            }
        }
        Some(kept)
    }

    /// Whether a rule about whole files means this one.
    pub(crate) fn means_file(&self, rule: &Rule, view: &View<'_>) -> bool {
        rule.filters().iter().all(|filter| match filter {
            Filter::AuthWords => has_word(&view.path, AUTH_WORDS),
            Filter::ProductionWords => has_word(&view.path, PRODUCTION_WORDS),
            Filter::WithoutManifest => {
                manifest::ecosystem(view.name(), true).is_none_or(|system| !self.manifests.contains(system))
            }
            Filter::NotOnlyUses => !is_only_uses(view),
            Filter::TerraformLeaves => self.leaving.values().any(|(first, _)| *first == view.path),
            Filter::ChangedInStatefulBlock
            | Filter::ModuleSourceChanged
            | Filter::BackendBlock
            | Filter::Grants
            | Filter::Loosens
            | Filter::NetCount
            | Filter::NewName
            | Filter::NewTable
            | Filter::NoCounterpart
            | Filter::NotEgress
            | Filter::NotInRemovedBlock
            | Filter::OncePerFile
            | Filter::SqlDown
            | Filter::TerraformBlock
            | Filter::WeakensRetention
            | Filter::YamlRunOnly => true,
        })
    }

    /// What else is true of a finding about a file as a whole.
    pub(crate) fn also(&self, rule: &Rule, view: &View<'_>) -> Option<String> {
        let key = (view.dir(Side::Old).to_owned(), view.dir(Side::New).to_owned());
        let (_, more) = self
            .leaving
            .get(&key)
            .filter(|_| rule.has(Filter::TerraformLeaves))?;
        (*more > 0).then(|| format!("and {more} more from the same folder"))
    }

    fn block(&self, rule: &Rule, spot: Spot) -> Option<Kept> {
        let Some(fate) = self.blocks.fate(spot.file, spot.row) else {
            return Some(Kept::default());
        };
        let (kind, subject) = self.blocks.named(spot.file, spot.row)?;
        // The word for an object that holds data is wrong for what only belongs to it, as a bucket's log settings.
        let kind = if rule.id() == STATEFUL {
            noun(&kind).to_owned()
        } else {
            kind
        };
        let holds_data = holds_data(rule.id(), &kind);
        let mut kept = Kept {
            subject: Some(subject),
            kind: Some(kind),
            ..Kept::default()
        };
        match fate {
            Fate::Kept => return None,
            Fate::Destroyed => {}
            Fate::Recreated(name) if holds_data => {
                kept.title = Some("Deletes and recreates the {kind} {subject}".to_owned());
                kept.why =
                    Some("The new one starts empty; what the old one holds is gone with the next apply.");
                kept.note = Some(format!(
                    "made again as {name}, with no moved block between the two"
                ));
            }
            Fate::Recreated(_) => {}
            Fate::OtherFolder(_) if !holds_data => return None,
            Fate::OtherFolder(folder) => in_another_state(&mut kept, &folder),
        }
        Some(kept)
    }

    /// A guard that goes with its whole block is said by the rule about the block, but not where the block comes
    /// again without it.
    fn outlives_its_block(&self, spot: Spot) -> Option<()> {
        let view = &self.views[spot.file];
        for block in view.blocks(spot.row, Side::Old) {
            let Some(row) = block
                .row
                .filter(|row| view.rows[*row].line.kind == LineKind::Removed)
            else {
                continue;
            };
            if let Some((file, again)) = self.blocks.comes_again(spot.file, row) {
                let there = &self.views[file];
                let text = squeezed(view.text(spot.row));
                let has_it = there
                    .inside(again, Side::New)
                    .iter()
                    .any(|at| squeezed(there.text(*at)) == text);
                return (!has_it).then_some(());
            }
            if self.blocks.fate(spot.file, row).is_some() {
                return None;
            }
        }
        Some(())
    }

    fn changed_in_stateful(&self, rule: &Rule, spot: Spot) -> Option<String> {
        let view = &self.views[spot.file];
        let key = |row: usize| {
            rule.captures(view.text(row))?
                .get(1)
                .map(|key| key.as_bytes().to_vec())
        };
        let own = key(spot.row)?;
        let outermost = view.blocks(spot.row, Side::New).into_iter().last()?;
        if outermost
            .row
            .is_some_and(|row| view.rows[row].line.kind == LineKind::Added)
        {
            return None;
        }
        let stateful = Rules::builtin().by_id(STATEFUL)?.captures(outermost.text)?;
        let text = squeezed(view.text(spot.row));
        let changed = view.near(spot.row, 12).any(|at| {
            let removed = view.rows[at].line.kind == LineKind::Removed;
            removed && key(at).as_ref() == Some(&own) && squeezed(view.text(at)) != text
        });
        let part = |at| stateful.get(at).map(|part| lossy(part.as_bytes()));
        changed.then(|| Some(spoken(&part(1)?, &part(2)?)))?
    }
}

pub(crate) const STATEFUL: &str = "iac.tf.stateful_block_removed";

const AUTH_WORDS: &[&str] = &[
    "auth",
    "authn",
    "authz",
    "login",
    "logout",
    "permission",
    "permissions",
    "rbac",
    "oauth",
    "oauth2",
    "oidc",
    "saml",
    "jwt",
    "password",
    "passwords",
    "security",
    "crypto",
    "encryption",
    "acl",
];
const PRODUCTION_WORDS: &[&str] = &["prod", "production", "live", "prd"];

/// What a block is by its type, never by the name that someone gave it.
static EGRESS_BLOCK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)^\s*(?:egress|route)\b[^\w"]*\{|^\s*(?:dynamic|resource)\s+"?(?:egress|route|\w*_egress\w*|\w+_routes?|aws_\w*route_table)"?[\s{]"#,
    )
});
static EGRESS_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)^[\s-]*"?(?:SecurityGroupEgress|egress(?:_?rules)?|outbound(?:_?rules)?|routes?)"?\s*[:=]"#,
    )
});
static EGRESS_LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)^\s*"?(?:type|direction)"?\s*[:=]\s*"?(?:egress|outbound)|^\s*Type:\s*AWS::EC2::(?:Route|SecurityGroupEgress)\b"#,
    )
});
static GRANTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?i)^[\s-]*"?(?:(?:not_?)?actions?|(?:not_?)?principals?|aws|verbs|identifiers)"?\s*[:=]"#)
});
static MODULE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*module\s+"([^"]+)"\s*\{"#));
static SOURCE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*source\s*=\s*"([^"?]+)"#));
static USES: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:-\s*)?(?:uses|rev):\s|^\s*(?:#.*)?$"));
static RETAINS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i):\s*\W?(?:Retain|Snapshot|RetainExceptOnCreate)\b"));

/// Whether an object made anew is empty. A release or secret under another name is another thing, not the same
/// made anew.
pub(crate) fn holds_data(rule: &str, kind: &str) -> bool {
    (rule == STATEFUL && kind != "release" && kind != "secret") || kind == "module"
}

/// Says that the object comes again in another folder.
pub(crate) fn in_another_state(kept: &mut Kept, folder: &str) {
    kept.title = Some("Deletes and recreates the {kind} {subject} in another state".to_owned());
    kept.why = Some(
        "A folder has its own state: unless the state is moved by hand, one apply destroys it and the other makes an empty one.",
    );
    kept.note = Some(format!("comes again in {folder}"));
}

fn side_of(kind: LineKind) -> Side {
    if kind == LineKind::Removed {
        Side::Old
    } else {
        Side::New
    }
}

fn none_if(taken_back: bool) -> Option<()> {
    (!taken_back).then_some(())
}

fn module_source_changed(view: &View<'_>, spot: Spot) -> Option<String> {
    let block = view.blocks(spot.row, Side::New).into_iter().next()?;
    if block
        .row
        .is_some_and(|row| view.rows[row].line.kind == LineKind::Added)
    {
        return None;
    }
    let module = MODULE.captures(block.text)?.get(1)?;
    let path = |row: usize| {
        SOURCE
            .captures(view.text(row))?
            .get(1)
            .map(|path| path.as_bytes())
    };
    let new = path(spot.row)?;
    let mut near = view.near(spot.row, 6);
    let other =
        near.any(|at| view.rows[at].line.kind == LineKind::Removed && path(at).is_some_and(|old| old != new));
    other.then(|| lossy(module.as_bytes()))
}

/// Whether what goes comes again nearby with another value: a new version of the same step, the same key.
fn has_counterpart(rule: &Rule, view: &View<'_>, spot: Spot) -> bool {
    let what = |row: usize| {
        let found = rule.captures(view.code(row, side_of(view.rows[row].line.kind)))?;
        let part = (1..found.len())
            .find_map(|part| found.get(part))
            .or_else(|| found.get(0))?;
        Some(part.as_bytes().trim_ascii().to_vec())
    };
    let own = what(spot.row);
    let home = view.home(spot.row, Side::Old);
    // In a named block the home says it all, so that a whole file that is written anew is searched; a step of a
    // pipeline has no name.
    let reach = if Rules::builtin().is_terraform(&view.path) && !home.is_empty() {
        200
    } else {
        10
    };
    view.near(spot.row, reach).any(|at| {
        view.rows[at].line.kind == LineKind::Added && what(at) == own && view.home(at, Side::New) == home
    })
}

/// Whether a file only names other versions of the actions or hooks it uses.
fn is_only_uses(view: &View<'_>) -> bool {
    let mut changed = view
        .rows
        .iter()
        .filter(|row| row.line.kind != LineKind::Context)
        .peekable();
    changed.peek().is_some() && changed.all(|row| USES.is_match(row.line.text))
}

/// Files of Terraform that go to where their folder's state no longer sees them, by both folders.
fn leaving(views: &[View<'_>]) -> HashMap<(String, String), (String, usize)> {
    let rules = Rules::builtin();
    let mut found: HashMap<(String, String), (String, usize)> = HashMap::new();
    for view in views.iter().filter(|view| view.file.kind == FileKind::Renamed) {
        let [old, new] =
            [Side::Old, Side::New].map(|side| (rules.is_terraform(view.path_on(side)), view.dir(side)));
        if old.0 && (!new.0 || old.1 != new.1) {
            let key = (old.1.to_owned(), new.1.to_owned());
            let entry = found.entry(key).or_insert_with(|| (view.path.clone(), 0));
            entry.1 += usize::from(entry.0 != view.path);
        }
    }
    found
}

/// Whether a line is about where the state is kept: outside such a block a key is any key.
fn is_about_backend(view: &View<'_>, spot: Spot) -> bool {
    let starts = |text: &[u8], word: &[u8]| text.trim_ascii_start().starts_with(word);
    let text = view.code(spot.row, spot.side);
    let itself = starts(text, b"backend") || starts(text, b"terraform");
    let blocks = view.blocks(spot.row, spot.side);
    itself
        || blocks
            .iter()
            .any(|block| starts(block.text, b"backend") || starts(block.text, b"terraform {"))
}

/// Whether a lone `*` in a list stands for actions or principals.
fn is_grant(view: &View<'_>, spot: Spot) -> bool {
    let text = view.code(spot.row, spot.side).trim_ascii();
    let lone = text.len() <= 6 && !text.contains(&b':');
    !lone
        || view
            .parents(spot.row, spot.side)
            .first()
            .is_some_and(|parent| GRANTS.is_match(parent))
}

fn weakens_retention(text: &[u8], side: Side) -> Option<()> {
    let retains = RETAINS.is_match(text);
    (retains == (side == Side::Old)).then_some(())
}

fn is_egress(view: &View<'_>, spot: Spot) -> bool {
    let blocks = view.blocks(spot.row, spot.side);
    let leaves = |text: &[u8]| EGRESS_BLOCK.is_match(text) || EGRESS_KEY.is_match(text);
    if blocks.iter().any(|block| leaves(block.text)) {
        return true;
    }
    let innermost = blocks.first().and_then(|block| block.row);
    let beside = innermost
        .map(|row| view.inside(row, spot.side))
        .unwrap_or_default();
    beside.iter().any(|at| EGRESS_LINE.is_match(view.text(*at)))
        || view
            .parents(spot.row, spot.side)
            .iter()
            .any(|parent| leaves(parent))
}

/// Passing the text through the environment is the remedy, not the fault.
fn is_in_env(view: &View<'_>, spot: Spot) -> bool {
    let parent = view.parents(spot.row, spot.side).into_iter().next();
    parent.is_some_and(|text| matches!(text.trim_ascii(), b"env:" | b"- env:" | b"with:" | b"if:"))
        || view.text(spot.row).trim_ascii_start().starts_with(b"if:")
        || view.text(spot.row).trim_ascii_start().starts_with(b"group:")
}

/// Whether a path holds one of the words, split at everything that is not a letter or digit and at capitals.
fn has_word(path: &str, words: &[&str]) -> bool {
    let mut word = String::new();
    let mut lower = false;
    for c in path.chars().chain(['/']) {
        let begins = !c.is_alphanumeric() || (lower && c.is_uppercase());
        if begins {
            if words.contains(&word.as_str()) {
                return true;
            }
            word.clear();
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        lower = c.is_lowercase();
    }
    false
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

//! Whole files: what a hunk does not show, read by the parsers of their languages on both sides of the change.
//!
//! A parser adds to the line rules and takes nothing back, except that of a manifest: where it fails, they remain, and
//! the failure is said. What it finds before the change too is no news.

mod dialects;
mod manifest;
mod shell;
mod sql;
mod terraform;
mod workflow;

use std::collections::{HashMap, HashSet};

use countersign_core::finding::{Assessment, NotAssessed, Side};
use countersign_core::patch::{FilePatch, FileType, LineKind};

use crate::comments;
use crate::filter::{Kept, Spot};
use crate::scan::{Match, finding, lower_in_tests};
use crate::table::Rules;
use crate::view::{View, is_script};

/// Larger files are generated; no parser reads them, and the bound holds for hostile ones as well.
const LARGEST: usize = 128 << 10;
/// More than this in one file says nothing more.
const MOST: usize = 200;

/// A changed file before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// Its path as the diff has it: after the change, or before where it is deleted.
    pub path: String,
    /// Its bytes before; `None` where it did not exist.
    pub old: Option<Vec<u8>>,
    /// Its bytes after; `None` where it no longer exists.
    pub new: Option<Vec<u8>>,
    /// Why one of them, or both, could not be had.
    pub missing: Option<String>,
}

/// Whether both sides of a file should be handed in: a parser reads its language.
pub fn wants_sides(file: &FilePatch<'_>) -> bool {
    let regular = !matches!(file.file_type(), Some(FileType::Submodule | FileType::Symlink));
    let paths = [file.display_path(), file.display_old_path()];
    let known = || paths.iter().any(|path| Language::of(path).is_some());
    regular && !file.binary && (known() || is_script(file))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Terraform,
    Sql,
    Workflow,
    Shell,
    Manifest(manifest::Format),
}

impl Language {
    fn of(path: &str) -> Option<Self> {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        let workflow = path.starts_with(".github/workflows/");
        match extension {
            Some("tf" | "tofu") => Some(Self::Terraform),
            Some("sql") => {
                let rules = Rules::builtin();
                (rules.for_path(path) & rules.sql() != 0).then_some(Self::Sql)
            }
            Some("yml" | "yaml") if workflow => Some(Self::Workflow),
            Some("sh" | "bash") => Some(Self::Shell),
            _ => manifest::Format::of(name).map(Self::Manifest),
        }
    }

    /// A script whose name does not say so tells by its first line.
    fn of_script(text: &str) -> Option<Self> {
        let first = text.lines().next().unwrap_or_default().strip_prefix("#!")?;
        let shell = |word: &str| ["sh", "bash", "dash", "ksh"].contains(&word);
        let words = first.split_whitespace().take(3);
        let mut words = words.filter_map(|word| word.rsplit('/').next());
        words.any(shell).then_some(Self::Shell)
    }

    fn hits(self, text: &str) -> Result<Vec<Hit>, String> {
        match self {
            Self::Sql => sql::hits(text),
            Self::Workflow => workflow::hits(text),
            Self::Shell => shell::hits(text),
            // Terraform is read folder by folder, and manifests with both sides at once.
            Self::Terraform | Self::Manifest(_) => Ok(Vec::new()),
        }
    }

    /// What is dangerous after the change and was not before; whether what was before could be read.
    fn news(self, old: Option<&str>, new: &str) -> Result<(Vec<Hit>, bool), String> {
        if let Self::Manifest(format) = self {
            return Ok((manifest::hits(format, old, new)?, true));
        }
        let hits = self.hits(new)?;
        Ok(match old.map(|old| self.hits(old)) {
            Some(Ok(before)) => (news(hits, &before), true),
            Some(Err(_)) => (news(hits, &[]), false),
            None => (news(hits, &[]), true),
        })
    }
}

/// A danger that a parser sees in one version of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Hit {
    rule: String,
    /// First and last line, from 1.
    lines: (u32, u32),
    /// What it is about, in one line: equal text on both sides is the same danger.
    text: String,
    /// The name that it is about, where the parser knows that it stands whatever is around it.
    about: Option<String>,
    /// What else is known of it.
    note: Option<String>,
}

/// What the parsers found.
#[derive(Default)]
pub(crate) struct Whole {
    /// What to add to the matches of each view.
    pub(crate) matches: HashMap<usize, Vec<Match>>,
    /// Views of manifests that were read.
    manifests: HashSet<usize>,
}

impl Whole {
    /// Whether a rule's matches by line are left out in a view: the parser has said all of it.
    pub(crate) fn stands_in(&self, file: usize, rule: &str) -> bool {
        manifest::SAYS.contains(&rule) && self.manifests.contains(&file)
    }
}

/// Reads all whole files.
pub(crate) fn read(views: &[View<'_>], sides: &[Sides], out: &mut Assessment) -> Whole {
    let mut found = Whole::default();
    if sides.is_empty() {
        return found;
    }
    let by_path: HashMap<&str, &Sides> = sides.iter().map(|one| (one.path.as_str(), one)).collect();
    let mut folders = terraform::Folders::default();
    for (file, view) in views.iter().enumerate() {
        if !wants_sides(view.file) {
            continue;
        }
        let say = |reason: &str, out: &mut Assessment| {
            out.not_assessed.push(NotAssessed {
                path: view.path.clone(),
                reason: format!("{reason}: only its changed lines were read"),
            });
        };
        let both = match by_path.get(view.path.as_str()) {
            Some(both) => match both_sides(view, both) {
                Ok(both) => both,
                Err(reason) => {
                    say(&reason, out);
                    folders.unread(view);
                    continue;
                }
            },
            None => {
                say("the whole file was not fetched", out);
                folders.unread(view);
                continue;
            }
        };
        let language = [Side::New, Side::Old].map(|side| Language::of(view.path_on(side)));
        if language.contains(&Some(Language::Terraform)) {
            if let Err(reason) = folders.add(view, &both) {
                say(&reason, out);
            }
            continue;
        }
        let Some(new) = both.new else { continue };
        let Some(now) = language[0].or_else(|| Language::of_script(new)) else {
            continue;
        };
        // Under another name the old text was nothing to this language.
        let was = |old: &&str| language[1].or_else(|| Language::of_script(old)) == Some(now);
        match now.news(both.old.filter(was), new) {
            Ok((mut news, compared)) => {
                // Of a line that stays nobody knows then whether it is news.
                if !compared {
                    news.retain(|hit| view.adds(hit.lines));
                }
                if matches!(now, Language::Manifest(_)) {
                    found.manifests.insert(file);
                }
                found.matches.insert(file, matches(view, file, news, new, out));
            }
            Err(reason) => say(&reason, out),
        }
    }
    folders.findings(out);
    found
}

/// Both sides as text.
#[derive(Debug, Clone, Copy)]
struct Both<'s> {
    old: Option<&'s str>,
    new: Option<&'s str>,
}

fn both_sides<'s>(view: &View<'_>, sides: &'s Sides) -> Result<Both<'s>, String> {
    if let Some(reason) = &sides.missing {
        return Err(reason.clone());
    }
    let exists = [view.file.old_path.is_some(), view.file.new_path.is_some()];
    if exists != [sides.old.is_some(), sides.new.is_some()] {
        return Err("the whole file is not the one that the diff speaks of".to_owned());
    }
    let text = |bytes: &'s Option<Vec<u8>>| match bytes {
        None => Ok(None),
        Some(bytes) if bytes.len() > LARGEST => Err(format!(
            "{} KiB, more than the {} KiB that its parser reads",
            bytes.len() >> 10,
            LARGEST >> 10
        )),
        Some(bytes) => str::from_utf8(bytes)
            .map(Some)
            .map_err(|_| "not UTF-8".to_owned()),
    };
    Ok(Both {
        old: text(&sides.old)?,
        new: text(&sides.new)?,
    })
}

/// What stands after the change more often than before.
fn news(hits: Vec<Hit>, before: &[Hit]) -> Vec<Hit> {
    let mut old: HashMap<(String, String), usize> = HashMap::new();
    for hit in before {
        *old.entry((hit.rule.clone(), hit.text.clone())).or_default() += 1;
    }
    let mut news = Vec::new();
    for hit in hits {
        match old.get_mut(&(hit.rule.clone(), hit.text.clone())) {
            Some(left) if *left > 0 => *left -= 1,
            _ => news.push(hit),
        }
    }
    news.truncate(MOST);
    news
}

/// Puts hits on lines of the diff; one whose lines are not in it becomes a finding at once.
fn matches(view: &View<'_>, file: usize, hits: Vec<Hit>, text: &str, out: &mut Assessment) -> Vec<Match> {
    let rules = Rules::builtin();
    let shown: Vec<(u32, usize)> = (view.rows.iter().enumerate())
        .filter_map(|(row, line)| Some((line.line.new?, row)))
        .collect();
    let mut found = Vec::new();
    for hit in hits {
        let Some(rule) = rules.rules.iter().position(|rule| rule.id() == hit.rule) else {
            continue;
        };
        let from = shown.partition_point(|(line, _)| *line < hit.lines.0);
        let to = shown.partition_point(|(line, _)| *line <= hit.lines.1);
        let rows = || shown[from..to].iter().map(|(_, row)| *row);
        let added = rows().find(|row| view.rows[*row].line.kind == LineKind::Added);
        let kept = hit.about.map(|name| Kept {
            title: Some(rules.rules[rule].title().replace("{1}", &name)),
            subject: Some(name),
            note: hit.note,
            ..Kept::default()
        });
        if let Some(row) = added.or_else(|| rows().next()) {
            let spot = Spot {
                file,
                row,
                side: Side::New,
            };
            found.push(Match {
                rule,
                spot,
                through: rows().next_back().unwrap_or(row),
                statement: Some(hit.text.into_bytes()),
                kept,
            });
        } else {
            let line = text.lines().nth(hit.lines.0 as usize - 1).unwrap_or_default();
            let kept = Kept {
                note: Some(AROUND.to_owned()),
                ..kept.unwrap_or_default()
            };
            let (one, text) = (&rules.rules[rule], Some(hit.text.as_bytes()));
            let mut made = finding(
                one,
                &view.path,
                Side::New,
                Some(hit.lines.0),
                line.as_bytes(),
                text,
                kept,
            );
            lower_in_tests(rules, one, &mut made);
            out.findings.push(made);
        }
    }
    found
}

const AROUND: &str = "the line itself does not change, but what stands around it does";

/// The 1-based line of a place in a text.
fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes()[..at.min(text.len())].iter();
    before.filter(|byte| **byte == b'\n').count() as u32 + 1
}

/// A text in one line, its comments blanked.
fn without_comments(name: &str, text: &str) -> String {
    let bytes = text.as_bytes();
    let blank = comments::blanked(bytes, &comments::syntax(name).comments(bytes, false));
    // Blanking writes whole characters over or leaves them.
    String::from_utf8(blank).unwrap_or_else(|_| text.to_owned())
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! One pass over the diff: which rules match where, and what the surroundings make of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use countersign_core::finding::{Assessment, Finding, NotAssessed, Severity, Side};
use countersign_core::patch::{FileKind, FilePatch, FileType, LineKind, Patch};

use crate::down;
use crate::filter::{Around, Kept, Spot};
use crate::statements;
use crate::table::{Filter, Lines, Rule, Rules};
use crate::view::{Home, LONGEST_LINE, View, squeezed};
use crate::whole::{self, Sides};

/// More changed text than this in one file is generated or vendored; no rule reads it.
const LARGEST_FILE: usize = 1 << 20;
/// More findings of one rule in one file say nothing more; the last one says how many are left out.
const MOST: usize = 20;
/// Files named of those that no rule knows.
const NAMED: usize = 3;
/// How much of a line is shown.
const SHOWN: usize = 400;

/// A line on which a rule speaks, before its surroundings are asked.
pub(crate) struct Match {
    pub(crate) rule: usize,
    pub(crate) spot: Spot,
    /// The last row of what matched.
    pub(crate) through: usize,
    /// What matched, where it is more than the line.
    pub(crate) statement: Option<Vec<u8>>,
    /// What a parser says of it that need not ask the surroundings.
    pub(crate) kept: Option<Kept>,
}

/// Assesses a diff.
pub(crate) fn patch(patch: &Patch<'_>, sides: &[Sides], out: &mut Assessment) {
    let rules = Rules::builtin();
    let paths: HashSet<String> = patch.files.iter().map(FilePatch::display_path).collect();
    let mut views: Vec<View<'_>> = patch.files.iter().map(View::new).collect();
    for view in &mut views {
        view.undoes = down::counterpart(&view.path).is_some_and(|up| paths.contains(&up));
        if !readable(view, out) {
            view.rows.clear();
        }
    }
    unknown(rules, &views, out);
    let around = Around::new(&views);
    let mut about_whole = Assessment::default();
    let mut whole = whole::read(&views, sides, &mut about_whole);
    for (file, view) in views.iter().enumerate() {
        let said = whole_file(rules, &around, view, out);
        let mut matches = matches(rules, view, file);
        matches.retain(|one| !whole.stands_in(file, rules.rules[one.rule].id()));
        let said_by_line = matches.len();
        for one in whole.matches.remove(&file).unwrap_or_default() {
            let covered = one.spot.row..=one.through;
            let mut lines = matches[..said_by_line].iter();
            if !lines.any(|line| line.rule == one.rule && covered.contains(&line.spot.row)) {
                matches.push(one);
            }
        }
        findings(rules, &around, view, matches, &said, out);
    }
    out.not_assessed.append(&mut about_whole.not_assessed);
    let said: HashSet<String> = out.findings.iter().map(|one| one.id.clone()).collect();
    out.findings.extend(
        about_whole
            .findings
            .into_iter()
            .filter(|one| !said.contains(&one.id)),
    );
    sort(&mut out.findings);
}

/// Looks for the output of a plan in the change's description.
pub(crate) fn description(body: &str, out: &mut Assessment) {
    let Some(rule) = Rules::builtin().by_id("iac.tf.plan_delete") else {
        return;
    };
    let lines = body.lines().enumerate();
    let found: Vec<(usize, &str)> = lines
        .filter(|(_, line)| line.len() <= LONGEST_LINE && rule.matches(line.as_bytes()))
        .collect();
    // Where objects are named, the sum of them and the reasons add nothing.
    let names = |line: &str| line.contains("will be destroyed") || line.contains("must be replaced");
    let named = found.iter().any(|(_, line)| names(line));
    let shown: Vec<_> = found
        .into_iter()
        .filter(|(_, line)| !named || names(line))
        .collect();
    for (at, (number, line)) in shown.iter().take(MOST).enumerate() {
        let mut finding = finding(rule, "", Side::New, None, line.as_bytes(), None, Kept::default());
        finding.id = format!("{}:new:description-{}:", rule.id(), number + 1);
        finding.note = Some(match shown.len().saturating_sub(MOST) {
            more if more > 0 && at + 1 == MOST => {
                format!("in the description; and {more} more lines like it")
            }
            _ => "in the description".to_owned(),
        });
        out.findings.push(finding);
    }
}

/// Says which files are of a kind that no rule knows: that nothing is found in them means little.
fn unknown(rules: &Rules, views: &[View<'_>], out: &mut Assessment) {
    let unknown: Vec<&str> = (views.iter())
        .filter(|view| !view.rows.is_empty() && view.masks == [rules.everywhere(); 2])
        .map(|view| view.path.as_str())
        .filter(|path| !rules.knows(path))
        .collect();
    if unknown.is_empty() {
        return;
    }
    let named = unknown[..unknown.len().min(NAMED)].join(", ");
    let more = match unknown.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    out.not_assessed.push(NotAssessed {
        path: String::new(),
        reason: format!("no rule knows what these files are, so only secrets were looked for: {named}{more}"),
    });
}

/// Says what cannot be read in a file; whether its lines can.
fn readable(view: &View<'_>, out: &mut Assessment) -> bool {
    let mut say = |reason: String| {
        out.not_assessed.push(NotAssessed {
            path: view.path.clone(),
            reason,
        })
    };
    if view.file.binary {
        say("binary: its content is not in the diff".to_owned());
        return false;
    }
    if view.file.file_type() == Some(FileType::Submodule) {
        say("submodule: only the commit's name is in the diff, not what it brings".to_owned());
        return false;
    }
    let size: usize = view.rows.iter().map(|row| row.line.text.len() + 1).sum();
    if size > LARGEST_FILE {
        say(format!(
            "{} KiB of changed text, more than the {} KiB that are read",
            size >> 10,
            LARGEST_FILE >> 10
        ));
        return false;
    }
    let long = view
        .rows
        .iter()
        .filter(|row| row.line.kind != LineKind::Context && row.line.text.len() > LONGEST_LINE);
    match long.count() {
        0 => {}
        1 => say(format!(
            "one line is longer than {} KiB and was not read",
            LONGEST_LINE >> 10
        )),
        count => say(format!(
            "{count} lines are longer than {} KiB and were not read",
            LONGEST_LINE >> 10
        )),
    }
    true
}

/// Findings about the file as a whole; the rules that spoke.
fn whole_file<'r>(
    rules: &'r Rules,
    around: &Around<'_, '_>,
    view: &View<'_>,
    out: &mut Assessment,
) -> Vec<&'r str> {
    let mut said = Vec::new();
    for (at, rule) in rules.rules.iter().enumerate() {
        if rule.lines() != Lines::File {
            continue;
        }
        let [before, after] = view.masks.map(|mask| mask & (1 << at) != 0);
        let left = view.file.kind == FileKind::Renamed && before && !after;
        let applies = if left && rule.is_about_deletion() {
            true
        } else {
            (before || after) && rule.applies_to(view.file.kind)
        };
        if applies && around.means_file(rule, view) {
            let side = if view.file.new_path.is_none() || left {
                Side::Old
            } else {
                Side::New
            };
            let mut finding = finding(rule, view.path_on(side), side, None, b"", None, Kept::default());
            if view.file.kind == FileKind::Renamed {
                let (from, to) = (view.path_on(Side::Old), &view.path);
                let renamed = short(format!("renamed from {from} to {to}").as_bytes(), SHOWN);
                let also = around.also(rule, view).map(|more| format!("; {more}"));
                finding.note = Some(renamed + &also.unwrap_or_default());
            }
            lower_in_tests(rules, rule, &mut finding);
            said.push(rule.id());
            out.findings.push(finding);
        }
    }
    said
}

fn matches(rules: &Rules, view: &View<'_>, file: usize) -> Vec<Match> {
    let mut found = Vec::new();
    let mut hits = Vec::new();
    let syntax = view.syntax();
    for (row, line) in view.rows.iter().enumerate() {
        let side = match line.line.kind {
            LineKind::Context => continue,
            LineKind::Added => Side::New,
            LineKind::Removed => Side::Old,
        };
        let mask = view.masks[usize::from(side == Side::New)];
        let text = view.text(row);
        hits.clear();
        rules.candidates(side, mask, text, |rule| hits.push(rule));
        // A comment within or behind a pattern can hide it from the first look.
        if hits.is_empty() && !syntax.may_comment(text) {
            continue;
        }
        let code = view.code(row, side);
        let one = |rule: usize| &rules.rules[rule];
        if code == text {
            hits.retain(|rule| one(*rule).stands(text));
        } else {
            hits.retain(|rule| one(*rule).in_comments() && one(*rule).stands(text));
            rules.candidates(side, mask, code, |rule| {
                if !one(rule).in_comments() && one(rule).stands(code) {
                    hits.push(rule);
                }
            });
        }
        let spot = Spot { file, row, side };
        found.extend(hits.iter().map(|rule| Match {
            rule: *rule,
            spot,
            through: row,
            statement: None,
            kept: None,
        }));
    }
    if view.masks[1] & rules.sql() != 0 && view.name().ends_with(".sql") {
        over_lines(rules, view, file, &mut found);
    }
    found
}

/// Adds what only the whole of an SQL statement shows, and leaves out what it takes back.
fn over_lines(rules: &Rules, view: &View<'_>, file: usize, found: &mut Vec<Match>) {
    let statements = statements::of(view);
    let rows: HashSet<usize> = (statements.iter())
        .flat_map(|statement| statement.rows(view))
        .collect();
    found.retain(|one| {
        let by_statement = rules.sql() & (1 << one.rule) != 0 && rules.rules[one.rule].reads_on();
        !(by_statement && one.spot.side == Side::New && rows.contains(&one.spot.row))
    });
    let mut seen: HashSet<(usize, usize)> = found.iter().map(|one| (one.rule, one.spot.row)).collect();
    for statement in statements {
        let mask = view.masks[1] & rules.sql();
        rules.candidates(Side::New, mask, &statement.text, |rule| {
            for place in rules.rules[rule].finds(&statement.text) {
                let Some(whole) = place.get(0) else { continue };
                let row = statement.row(view, whole.start(), whole.end());
                if let Some(row) = row.filter(|row| seen.insert((rule, *row))) {
                    let spot = Spot {
                        file,
                        row,
                        side: Side::New,
                    };
                    found.push(Match {
                        rule,
                        spot,
                        through: row,
                        statement: Some(whole.as_bytes().to_vec()),
                        kept: None,
                    });
                }
            }
        });
    }
}

fn findings(
    rules: &Rules,
    around: &Around<'_, '_>,
    view: &View<'_>,
    matches: Vec<Match>,
    about_file: &[&str],
    out: &mut Assessment,
) {
    let mut by_rule: BTreeMap<usize, Vec<Match>> = BTreeMap::new();
    for one in matches {
        by_rule.entry(one.rule).or_default().push(one);
    }
    let mut made: Vec<(usize, usize, Finding)> = Vec::new();
    for (at, matches) in by_rule {
        let rule = &rules.rules[at];
        // What is counted net has its moved lines on both sides of the sum already.
        let matches = if rule.has(Filter::NetCount) {
            matches
        } else {
            without_moved(rule, view, matches)
        };
        let mut kept: Vec<(Spot, Option<Vec<u8>>, Kept)> = matches
            .into_iter()
            .filter_map(|one| {
                let kept = match one.kept {
                    Some(kept) => kept,
                    None => around.judge(rule, one.spot)?,
                };
                Some((one.spot, one.statement, kept))
            })
            .collect();
        let most = if rule.has(Filter::OncePerFile) || rule.has(Filter::NetCount) {
            1
        } else {
            MOST
        };
        if rule.has(Filter::NetCount) {
            let comes = view
                .rows
                .iter()
                .filter(|row| row.line.kind == LineKind::Added && rule.matches(row.line.text));
            let left = kept.len().saturating_sub(comes.count());
            kept.truncate(left);
        }
        let (old, new) = (
            kept.iter().filter(|(spot, ..)| spot.side == Side::Old).count(),
            kept.iter().filter(|(spot, ..)| spot.side == Side::New).count(),
        );
        // What changes its value stands on both sides and is one.
        let total = if rule.has(Filter::OncePerFile) {
            old.max(new)
        } else {
            old + new
        };
        kept.truncate(most);
        let shown = kept.len();
        for (at_kept, (spot, statement, mut kept)) in kept.into_iter().enumerate() {
            let line = view.rows[spot.row].line;
            if at_kept + 1 == shown && total > shown {
                let more = format!("and {} more in this file", total - shown);
                kept.note = Some(kept.note.map_or(more.clone(), |note| format!("{note}; {more}")));
            }
            let number = match spot.side {
                Side::Old => line.old,
                Side::New => line.new,
            };
            let path = view.path_on(spot.side);
            let statement = statement.as_deref().unwrap_or(view.code(spot.row, spot.side));
            let mut finding = finding(rule, path, spot.side, number, line.text, Some(statement), kept);
            lower_in_tests(rules, rule, &mut finding);
            made.push((at, spot.row, finding));
        }
    }
    // What a stronger rule says about the same line or the whole file need not be said again.
    let said: HashSet<(&str, usize)> = made
        .iter()
        .map(|(rule, row, _)| (rules.rules[*rule].id(), *row))
        .collect();
    for (at, row, finding) in made {
        let spoken = rules.rules[at]
            .weaker_than()
            .is_some_and(|id| about_file.contains(&id) || said.contains(&(id, row)));
        if !spoken {
            out.findings.push(finding);
        }
    }
}

/// Leaves out lines that only change their place or indentation within the file: the same text goes and comes in
/// the same block. A critical line that comes is kept, since nothing else says it.
fn without_moved(rule: &Rule, view: &View<'_>, matches: Vec<Match>) -> Vec<Match> {
    let bare = |row: usize| squeezed(view.text(row));
    let wanted: HashSet<(Side, Vec<u8>)> = (matches.iter())
        .map(|one| (one.spot.side, bare(one.spot.row)))
        .collect();
    let mut other: HashMap<(Side, Vec<u8>, Home), usize> = HashMap::new();
    for (row, line) in view.rows.iter().enumerate() {
        let (side, opposite) = match line.line.kind {
            LineKind::Context => continue,
            LineKind::Added => (Side::New, Side::Old),
            LineKind::Removed => (Side::Old, Side::New),
        };
        if wanted.contains(&(opposite, bare(row))) {
            *other.entry((side, bare(row), view.home(row, side))).or_default() += 1;
        }
    }
    if other.is_empty() {
        return matches;
    }
    let mut moved = |spot: Spot| {
        let (opposite, stays) = match spot.side {
            Side::Old => (Side::New, false),
            Side::New => (Side::Old, rule.severity() == Severity::Critical),
        };
        let key = (opposite, bare(spot.row), view.home(spot.row, spot.side));
        let left = other.get_mut(&key).filter(|left| **left > 0 && !stays);
        left.map(|left| *left -= 1).is_some()
    };
    matches.into_iter().filter(|one| !moved(one.spot)).collect()
}

/// Makes a finding. `matched` is what the title's words are taken from, where that is not the line.
pub(crate) fn finding(
    rule: &Rule,
    path: &str,
    side: Side,
    line: Option<u32>,
    text: &[u8],
    matched: Option<&[u8]>,
    kept: Kept,
) -> Finding {
    let captures = rule
        .captures(matched.unwrap_or(text))
        .or_else(|| rule.captures(text));
    let captured = captures
        .as_ref()
        .and_then(|found| (1..found.len()).find_map(|part| found.get(part)));
    let captured = captured.map(|part| short(part.as_bytes().trim_ascii(), 100));
    let subject = kept.subject.or_else(|| captured.clone());
    let mut title = kept.title.unwrap_or_else(|| rule.title().to_owned());
    let shown = |value: &Option<String>| value.as_deref().map(unquoted).unwrap_or_default();
    title = title.replace("{kind}", kept.kind.as_deref().unwrap_or("object"));
    title = title
        .replace("{subject}", &shown(&subject))
        .replace("{1}", &shown(&captured));
    let side_word = match side {
        Side::Old => "old",
        Side::New => "new",
    };
    let place = line.map_or_else(|| "-".to_owned(), |line| line.to_string());
    let names_subject = rule.title().contains("{subject}") || rule.title().contains("{1}");
    Finding {
        id: format!("{}:{side_word}:{place}:{path}", rule.id()),
        rule: rule.id().to_owned(),
        family: rule.family.clone(),
        severity: kept.severity.unwrap_or(rule.severity()),
        path: path.to_owned(),
        side,
        line,
        title: title.replace(" ()", "").trim_end().to_owned(),
        subject: subject
            .filter(|_| names_subject)
            .map(|subject| unquoted(&subject)),
        why: kept.why.unwrap_or(rule.why()).replace("{1}", &shown(&captured)),
        check: rule.check().to_owned(),
        excerpt: short(text.strip_suffix(b"\r").unwrap_or(text), SHOWN),
        note: kept.note,
    }
}

fn unquoted(text: &str) -> String {
    text.trim_matches(['"', '`', '[', ']', ';', ',']).to_owned()
}

fn short(text: &[u8], most: usize) -> String {
    String::from_utf8_lossy(text).chars().take(most).collect()
}

pub(crate) fn lower_in_tests(rules: &Rules, rule: &Rule, finding: &mut Finding) {
    if rule.same_in_tests() || !rules.is_test_path(&finding.path) {
        return;
    }
    finding.severity = match finding.severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
    };
    let lowered = "in a path for tests or examples: one lower";
    finding.note = Some(
        finding
            .note
            .take()
            .map_or(lowered.to_owned(), |note| format!("{note}; {lowered}")),
    );
}

/// Worst first, then by path, line and side: the same input gives the same order.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |one: &Finding| (std::cmp::Reverse(one.severity), one.line, one.side);
        let (a_severity, a_line, a_side) = key(a);
        let (b_severity, b_line, b_side) = key(b);
        (a_severity, &a.path, a_line, a_side, &a.rule).cmp(&(b_severity, &b.path, b_line, b_side, &b.rule))
    });
}

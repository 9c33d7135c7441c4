//! One pass over the diff: which rules match where, and what the surroundings make of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use countersign_core::finding::{Assessment, Finding, NotAssessed, Severity, Side};
use countersign_core::patch::{FileType, LineKind, Patch};

use crate::filter::{Around, Kept, Spot};
use crate::table::{Filter, Lines, Mask, Rule, Rules};
use crate::view::View;

/// Lines longer than this are generated; no rule reads them.
const LONGEST_LINE: usize = 16 << 10;
/// More changed text than this in one file is generated or vendored; no rule reads it.
const LARGEST_FILE: usize = 1 << 20;
/// More findings of one rule in one file say nothing more; the last one says how many are left out.
const MOST: usize = 20;
/// How much of a line is shown.
const SHOWN: usize = 400;

struct Match {
    rule: usize,
    spot: Spot,
}

/// Assesses a diff.
pub(crate) fn patch(patch: &Patch<'_>, out: &mut Assessment) {
    let rules = Rules::builtin();
    let views: Vec<View<'_>> = patch.files.iter().map(View::new).collect();
    let around = Around::new(&views);
    for (file, view) in views.iter().enumerate() {
        let mask = rules.for_path(&view.path) | rules.for_path(&view.file.display_old_path());
        let readable = readable(view, out);
        whole_file(rules, &around, view, mask, out);
        if readable {
            let matches = matches(rules, view, file, mask);
            findings(rules, &around, view, matches, out);
        }
    }
    sort(&mut out.findings);
}

/// Looks for the output of a plan in the change's description.
pub(crate) fn description(body: &str, out: &mut Assessment) {
    let Some(rule) = Rules::builtin().by_id("iac.tf.plan_delete") else {
        return;
    };
    if let Some(line) = body
        .lines()
        .find(|line| line.len() <= LONGEST_LINE && rule.matches(line.as_bytes()))
    {
        let mut finding = finding(rule, "", Side::New, None, line.as_bytes(), Kept::default());
        finding.note = Some("in the description".to_owned());
        out.findings.push(finding);
    }
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

fn whole_file(rules: &Rules, around: &Around<'_, '_>, view: &View<'_>, mask: Mask, out: &mut Assessment) {
    for (at, rule) in rules.rules.iter().enumerate() {
        let applies = mask & (1 << at) != 0 && rule.lines() == Lines::File && rule.applies_to(view.file.kind);
        if applies && around.means_file(rule, view) {
            let side = if view.file.new_path.is_some() {
                Side::New
            } else {
                Side::Old
            };
            let mut finding = finding(rule, &view.path, side, None, b"", Kept::default());
            lower_in_tests(rules, rule, &mut finding);
            out.findings.push(finding);
        }
    }
}

fn matches(rules: &Rules, view: &View<'_>, file: usize, mask: Mask) -> Vec<Match> {
    let mut found = Vec::new();
    for (row, line) in view.rows.iter().enumerate() {
        let side = match line.line.kind {
            LineKind::Context => continue,
            LineKind::Added => Side::New,
            LineKind::Removed => Side::Old,
        };
        if line.line.text.len() <= LONGEST_LINE {
            rules.on_line(side, mask, line.line.text, |rule| {
                if rules.rules[rule].in_comments() || !view.is_comment(row, side) {
                    found.push(Match {
                        rule,
                        spot: Spot { file, row, side },
                    });
                }
            });
        }
    }
    found
}

fn findings(
    rules: &Rules,
    around: &Around<'_, '_>,
    view: &View<'_>,
    matches: Vec<Match>,
    out: &mut Assessment,
) {
    let mut by_rule: BTreeMap<usize, Vec<Match>> = BTreeMap::new();
    for one in matches {
        by_rule.entry(one.rule).or_default().push(one);
    }
    let mut made: Vec<(usize, usize, Finding)> = Vec::new();
    for (at, matches) in by_rule {
        let rule = &rules.rules[at];
        let matches = without_moved(rule, view, matches);
        let mut kept: Vec<(Spot, Kept)> = matches
            .into_iter()
            .filter_map(|one| Some((one.spot, around.judge(rule, one.spot)?)))
            .collect();
        let total = kept.len();
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
            let left = total.saturating_sub(comes.count());
            kept.truncate(left);
        }
        let total = kept.len();
        kept.truncate(most);
        let shown = kept.len();
        for (at_kept, (spot, mut kept)) in kept.into_iter().enumerate() {
            let line = view.rows[spot.row].line;
            if at_kept + 1 == shown && total > shown {
                let more = format!("and {} more in this file", total - shown);
                kept.note = Some(kept.note.map_or(more.clone(), |note| format!("{note}; {more}")));
            }
            let number = match spot.side {
                Side::Old => line.old,
                Side::New => line.new,
            };
            let path = match spot.side {
                Side::Old if view.file.old_path.is_some() => view.file.display_old_path(),
                Side::Old | Side::New => view.path.clone(),
            };
            let mut finding = finding(rule, &path, spot.side, number, line.text, kept);
            lower_in_tests(rules, rule, &mut finding);
            made.push((at, spot.row, finding));
        }
    }
    // What a stronger rule says about the same line or the whole file need not be said again.
    let out_of_file: Vec<String> = (out.findings.iter())
        .filter(|finding| finding.line.is_none() && finding.path == view.path)
        .map(|finding| finding.rule.clone())
        .collect();
    let said: HashSet<(&str, usize)> = made
        .iter()
        .map(|(rule, row, _)| (rules.rules[*rule].id(), *row))
        .collect();
    for (at, row, finding) in made {
        let spoken = rules.rules[at]
            .weaker_than()
            .is_some_and(|id| out_of_file.iter().any(|rule| rule == id) || said.contains(&(id, row)));
        if !spoken {
            out.findings.push(finding);
        }
    }
}

/// Leaves out lines that only change their place or indentation within the file: the same text goes and comes.
/// A critical line that comes is kept, since the block it comes into may be another.
fn without_moved(rule: &Rule, view: &View<'_>, matches: Vec<Match>) -> Vec<Match> {
    let mut other: HashMap<(Side, &[u8]), usize> = HashMap::new();
    let wanted: HashMap<&[u8], ()> = matches
        .iter()
        .map(|one| (view.text(one.spot.row).trim_ascii(), ()))
        .collect();
    for row in &view.rows {
        let side = match row.line.kind {
            LineKind::Context => continue,
            LineKind::Added => Side::New,
            LineKind::Removed => Side::Old,
        };
        let text = row.line.text.trim_ascii();
        if wanted.contains_key(text) {
            *other.entry((side, text)).or_default() += 1;
        }
    }
    let keeps = |one: &Match| {
        let (opposite, stays) = match one.spot.side {
            Side::Old => (Side::New, false),
            Side::New => (Side::Old, rule.severity() == Severity::Critical),
        };
        (opposite, stays)
    };
    matches
        .into_iter()
        .filter(|one| {
            let (opposite, stays) = keeps(one);
            let key = (opposite, view.text(one.spot.row).trim_ascii());
            match other.get_mut(&key) {
                Some(left) if *left > 0 && !stays => {
                    *left -= 1;
                    false
                }
                _ => true,
            }
        })
        .collect()
}

fn finding(rule: &Rule, path: &str, side: Side, line: Option<u32>, text: &[u8], kept: Kept) -> Finding {
    let captures = rule.captures(text);
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
        severity: rule.severity(),
        path: path.to_owned(),
        side,
        line,
        title: title.replace(" ()", "").trim_end().to_owned(),
        subject: subject
            .filter(|_| names_subject)
            .map(|subject| unquoted(&subject)),
        why: kept.why.unwrap_or(rule.why()).to_owned(),
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

fn lower_in_tests(rules: &Rules, rule: &Rule, finding: &mut Finding) {
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

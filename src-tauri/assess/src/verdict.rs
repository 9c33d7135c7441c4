//! The verdict: who wrote the change, what it does at worst, and who is hit, in one sentence of plain words.
//!
//! It never says that AI had no part and never that a change is safe: nobody said, or no rule found a danger.

use countersign_core::change::{AccountKind, Change};
use countersign_core::evidence::{Classification, Involvement};
use countersign_core::finding::{Assessment, Finding, Severity};

/// A run of words; `strong` ones are shown in strong type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The words. May hold text from the forge or the diff: hostile.
    pub text: String,
    /// Shown in strong type.
    pub strong: bool,
}

/// What a reader has to know before anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The worst severity among the findings.
    pub severity: Option<Severity>,
    /// Who wrote it, for whom, what it does, who is hit.
    pub lead: Vec<Part>,
    /// What follows from it, and what a kinder title leaves out. Empty where there is nothing to add.
    pub second: String,
}

impl Verdict {
    /// The lead as plain text.
    pub fn lead_text(&self) -> String {
        self.lead.iter().map(|part| part.text.as_str()).collect()
    }
}

/// Puts the verdict into words.
pub fn verdict(change: &Change, classification: &Classification, assessment: &Assessment) -> Verdict {
    let severity = assessment.severity();
    // Sorted worst first; a finding in the description may stand before.
    let worst = assessment
        .findings
        .iter()
        .filter(|finding| Some(finding.severity) == severity)
        .min_by_key(|one| rank(one));
    let mut lead = vec![strong(who(change, classification))];
    match worst.filter(|one| one.severity >= Severity::Medium) {
        Some(finding) => {
            lead.push(strong(format!(" It {}", lower_first(&finding.title))));
            match reach(assessment) {
                Some(reach) => {
                    lead.push(strong(",".to_owned()));
                    lead.extend(reach);
                }
                None => lead.push(strong(".".to_owned())),
            }
        }
        None => lead.push(plain(" No rule found a danger in it that stands out.".to_owned())),
    }
    Verdict {
        severity,
        lead,
        second: second(change, assessment, worst),
    }
}

/// Among equally severe findings, the one to name: what deletes and recreates, then what names its subject.
fn rank(finding: &Finding) -> (bool, bool, bool) {
    (
        !finding.title.starts_with("Deletes and recreates"),
        finding.subject.is_none(),
        finding.path.is_empty(),
    )
}

fn who(change: &Change, classification: &Classification) -> String {
    let person = person(change);
    let tool = classification.tool.as_deref().unwrap_or("an AI tool");
    if let Some(automation) = &classification.automation
        && !classification.involvement.is_ai()
    {
        return format!("{automation} opened this.");
    }
    match (classification.involvement, person) {
        (Involvement::Authored, Some(person)) => format!("{} wrote this for {person}.", upper_first(tool)),
        (Involvement::Authored, None) => format!("{} wrote this.", upper_first(tool)),
        (Involvement::Assisted, Some(person)) => format!("{person} wrote this with help from {tool}."),
        (Involvement::Assisted, None) => format!("This was written with help from {tool}."),
        (Involvement::SuggestionApplied, Some(person)) => {
            format!("{person} took over a suggestion of {tool}.")
        }
        (Involvement::SuggestionApplied, None) => format!("A suggestion of {tool} was taken over."),
        (Involvement::Suspected, Some(person)) => {
            format!(
                "{} may have helped {person}: the marks are weak.",
                upper_first(tool)
            )
        }
        (Involvement::Suspected, None) => {
            format!("{} may have helped: the marks are weak.", upper_first(tool))
        }
        (Involvement::DeclaredNone, Some(person)) => {
            format!("{person} claims to have written this without AI; nothing proves it.")
        }
        (Involvement::DeclaredNone, None) => {
            "The author claims to have worked without AI; nothing proves it.".to_owned()
        }
        (Involvement::Undeclared, Some(person)) => format!("Nobody said whether AI helped {person}."),
        (Involvement::Undeclared, None) => "Nobody said whether AI helped.".to_owned(),
    }
}

/// The person behind the change: who opened it; for an agent's account, who set it to work.
fn person(change: &Change) -> Option<&str> {
    let is_person = |kind: AccountKind| kind == AccountKind::User;
    let author = change
        .author
        .as_ref()
        .filter(|author| is_person(author.kind) && author.login != "Copilot");
    let assignee = || {
        change
            .assignees
            .iter()
            .find(|one| is_person(one.kind) && one.login != "Copilot")
    };
    author.or_else(assignee).map(|person| person.login.as_str())
}

/// Who is hit: the touched component with the worst finding, and how many others depend on what is touched.
fn reach(assessment: &Assessment) -> Option<Vec<Part>> {
    let touched = assessment
        .components
        .iter()
        .filter(|one| one.distance == 0)
        .max_by_key(|one| one.severity)?;
    let dependants: Vec<_> = assessment
        .components
        .iter()
        .filter(|one| one.distance > 0)
        .collect();
    let critical = dependants.iter().filter(|one| one.tier == Some(1)).count();
    let mut parts = vec![plain(" in ".to_owned()), strong(touched.name.clone())];
    let text = match (dependants.len(), critical) {
        (0, _) => ".".to_owned(),
        (1, 0) => ", on which 1 component depends.".to_owned(),
        (1, _) => ", on which 1 component depends, of tier 1.".to_owned(),
        (count, 0) => format!(", on which {count} components depend."),
        (count, critical) => format!(", on which {count} components depend, {critical} of them tier 1."),
    };
    parts.push(plain(text));
    Some(parts)
}

fn second(change: &Change, assessment: &Assessment, worst: Option<&Finding>) -> String {
    let mut sentences = Vec::new();
    if let Some(finding) = worst.filter(|finding| finding.severity >= Severity::High) {
        if let Some(word) = kind_word(&change.title) {
            sentences.push(format!("The title says “{word}”."));
        }
        sentences.push(finding.why.clone());
        let serious = assessment
            .findings
            .iter()
            .filter(|one| one.severity >= Severity::High)
            .count();
        match serious - 1 {
            0 => {}
            1 => sentences.push("One more finding is as serious or nearly so.".to_owned()),
            more => sentences.push(format!("{more} more findings are as serious or nearly so.")),
        }
    }
    match assessment.not_assessed.len() {
        0 => {}
        1 => sentences.push("One thing could not be looked at.".to_owned()),
        count => sentences.push(format!("{count} things could not be looked at.")),
    }
    sentences.join(" ")
}

/// A word of the title that sounds as if nothing could happen.
fn kind_word(title: &str) -> Option<String> {
    const KIND: &[&str] = &[
        "bump",
        "chore",
        "clean",
        "cleanup",
        "consolidate",
        "deduplicate",
        "docs",
        "fix",
        "format",
        "improve",
        "lint",
        "migrate",
        "minor",
        "move",
        "polish",
        "refactor",
        "rename",
        "reorganise",
        "reorganize",
        "restructure",
        "simplify",
        "small",
        "style",
        "switch",
        "tidy",
        "tweak",
        "typo",
        "unify",
        "update",
        "upgrade",
    ];
    title
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .find(|word| KIND.contains(&word.as_str()))
}

fn lower_first(text: &str) -> String {
    change_first(text, |c| c.to_lowercase().collect())
}

fn upper_first(text: &str) -> String {
    // Names such as `opencode` keep their own spelling.
    if text == "an AI tool" {
        change_first(text, |c| c.to_uppercase().collect())
    } else {
        text.to_owned()
    }
}

fn change_first(text: &str, change: fn(char) -> String) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| change(first) + chars.as_str())
        .unwrap_or_default()
}

fn strong(text: String) -> Part {
    Part { text, strong: true }
}

fn plain(text: String) -> Part {
    Part { text, strong: false }
}

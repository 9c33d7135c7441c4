//! What the user is shown before a decision: the sheet in the window, and the last question outside of it.

use countersign_core::decision::{Decision, nonce};
use countersign_core::finding::{Finding, Severity};
use countersign_core::policy::{Bind, Requirement};

use crate::account::Account;
use crate::counting;
use crate::engine::{Engine, beside};
use crate::noted::one_line;
use crate::ports::{Desktop, Forge, Question};
use crate::ready::{Ready, must_acknowledge};
use crate::rows::visible;
use crate::view::{DecisionView, Failure, KeychainState, Run, Sheet};
use crate::words;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// What would be signed now. Changes nothing.
    pub async fn preflight(
        &self,
        id: String,
        head: String,
        seen: String,
        decision: DecisionView,
        words: String,
    ) -> Result<Sheet, Failure> {
        let account = self.signed_in()?;
        let (no_key, locked) = {
            let live = self.live();
            (live.key.is_none(), live.keychain == KeychainState::Locked)
        };
        // A key may have come since: added to the agent, or the keychain unlocked.
        if no_key && !locked {
            self.refresh_key().await;
        }
        let engine = self.clone();
        beside(move || {
            let ready = engine.ready(&account, &id, &head, &seen, decision, &words)?;
            engine.sheet(&account, decision, ready)
        })
        .await
    }

    fn sheet(&self, account: &Account, decision: DecisionView, ready: Ready) -> Result<Sheet, Failure> {
        let held = &ready.held;
        let statement = self.statement(account, &ready, self.now(), &nonce([0; 16]));
        let mut blockers = ready.blockers.clone();
        let text = match &statement {
            Ok(statement) => serde_json::to_string_pretty(statement)
                .map_err(|error| Failure::other(error.to_string(), ""))?,
            Err(blocker) => {
                blockers.push(blocker.clone());
                String::new()
            }
        };
        let until = match &statement {
            Ok(statement) => {
                let at = statement
                    .predicate
                    .expires_at
                    .to_zoned_datetime(jiff::tz::TimeZone::system());
                format!(" until {}", at.strftime("%-d %b %Y, %H:%M"))
            }
            Err(_) => String::new(),
        };
        let mut not_looked_at: Vec<String> = ready
            .unviewed
            .iter()
            .map(|path| format!("{path}: not viewed"))
            .collect();
        not_looked_at.extend(held.assessment.not_assessed.iter().map(|missing| {
            let path = visible(&missing.path);
            if path.is_empty() {
                missing.reason.clone()
            } else {
                format!("{path}: {}", missing.reason)
            }
        }));
        let view = self.change_view(account, held)?;
        let findings: Vec<_> = view
            .findings
            .into_iter()
            .filter(|finding| finding.must_acknowledge)
            .collect();
        let acknowledged = findings
            .iter()
            .filter(|finding| finding.acknowledged_at.is_some())
            .count();
        Ok(Sheet {
            decision,
            sentence: sentence(&account.viewer.login, &ready),
            acknowledged: u32::try_from(acknowledged).unwrap_or(u32::MAX),
            findings,
            not_looked_at,
            will_count: if ready.decision == Decision::Approve {
                view.will_count
            } else {
                counting::not_an_approval()
            },
            valid: format!("{}{until}.", bound(ready.requirement.as_ref())),
            key: ready.key,
            prompted: self.is_prompted()?,
            statement: text,
            blockers,
        })
    }
}

/// What an approval is bound to, by the policy.
fn bound(asked: Option<&Requirement>) -> &'static str {
    match asked.map(|asked| asked.bind) {
        Some(Bind::Changeset) => "For what the change does now, wherever its head is,",
        Some(Bind::Head) | None => "For this head only,",
    }
}

fn sentence(login: &str, ready: &Ready) -> Vec<Run> {
    let change = &ready.held.change;
    let verb = match ready.decision {
        Decision::Approve => " and approve it into ",
        Decision::RequestChanges => " and ask for changes before it goes into ",
        Decision::Comment => " and comment on it, bound for ",
    };
    let files = words::count(usize::try_from(ready.files).unwrap_or(0), "file", "files");
    let mut runs = vec![
        Run::plain("I, "),
        Run::strong(visible(login)),
        Run::plain(", have read "),
        Run::strong(format!("{} of {files}", ready.viewed)),
        Run::plain(" at head "),
        Run::code(change.head.oid.short()),
        Run::plain(verb),
        Run::code(visible(&change.target.branch)),
        Run::plain(" of "),
        Run::strong(change.id.repo.as_str()),
    ];
    let worst: Vec<&Finding> = ready
        .held
        .assessment
        .findings
        .iter()
        .filter(|finding| must_acknowledge(finding))
        .take(3)
        .collect();
    if ready.decision == Decision::Approve && !worst.is_empty() {
        runs.push(Run::plain(", knowing that it "));
        for (index, finding) in worst.iter().enumerate() {
            if index > 0 {
                let last = index + 1 == worst.len();
                runs.push(Run::plain(if last { " and " } else { ", " }));
            }
            let mut chars = finding.title.chars();
            let text: String = chars
                .next()
                .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect());
            runs.push(Run::strong(visible(&text)));
        }
    }
    runs.push(Run::plain("."));
    runs
}

/// The last question, in plain text: everything that the signature binds and a person can compare.
pub(crate) fn question(ready: &Ready) -> Question {
    let change = &ready.held.change;
    let (verb, confirm) = match ready.decision {
        Decision::Approve => ("Approve", "Sign and approve"),
        Decision::RequestChanges => ("Request changes on", "Sign and request changes"),
        Decision::Comment => ("Comment on", "Sign and comment"),
    };
    let mut text = format!(
        "Repository: {}\nChange: #{} {}\nHead: {}\nInto: {}\nDecision: {}",
        change.id.repo,
        change.id.number,
        visible(&change.title),
        change.head.oid,
        visible(&change.target.branch),
        confirm.trim_start_matches("Sign and "),
    );
    // The page chooses both: what it sends must be seen where it cannot reach.
    if let Some(key) = &ready.key {
        text.push_str(&format!("\nKey: {}", key.fingerprint));
    }
    if !ready.message.is_empty() {
        text.push_str(&format!("\nWith the words: {}", shortened(&ready.message)));
    }
    let critical: Vec<&Finding> = ready
        .held
        .assessment
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Critical)
        .collect();
    if !critical.is_empty() {
        text.push_str("\n\nCritical:");
        for finding in critical.iter().take(8) {
            text.push_str(&format!(
                "\n• {} ({})",
                visible(&finding.title),
                visible(&finding.path)
            ));
        }
        if critical.len() > 8 {
            text.push_str(&format!("\n• and {} more", critical.len() - 8));
        }
    }
    Question {
        title: format!("{verb} {} #{}?", change.id.repo, change.id.number),
        text,
        confirm: confirm.to_owned(),
    }
}

/// Words in one line, as long as a question can be.
fn shortened(text: &str) -> String {
    const MOST: usize = 300;
    let line = visible(&one_line(text));
    let (start, rest) = match line.char_indices().nth(MOST) {
        Some((end, _)) => line.split_at(end),
        None => (line.as_str(), ""),
    };
    match rest.chars().count() {
        0 => start.to_owned(),
        more => format!(
            "{start}… and {}",
            words::count(more, "more character", "more characters")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn words_in_a_question_are_one_line_and_no_longer_than_can_be_read() {
        assert_eq!(shortened("Fine.\nSHA256: none"), "Fine. SHA256: none");
        let long = shortened(&"ü".repeat(1_000));
        assert_eq!(long, format!("{}… and 700 more characters", "ü".repeat(300)));
        assert_eq!(
            shortened(&"a".repeat(301)),
            format!("{}… and 1 more character", "a".repeat(300))
        );
    }
}

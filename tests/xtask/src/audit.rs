//! `cargo xtask audit`: known vulnerabilities. Apart from the tests, because it needs services on the network, and
//! because its answer changes without the code changing.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::run::Job;
use crate::system::{self, Ready, Set};
use crate::{node, say, tools};

/// What one service said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It knows of nothing.
    Clean,
    /// It knows of something; printed.
    Found,
    /// It could not be asked.
    NotJudged,
}

/// Asks both services.
pub(crate) fn all(no_install: bool) -> Result<ExitCode> {
    if system::install(&[Set::Build], no_install)? == Ready::Missing {
        return Ok(ExitCode::from(2));
    }
    say::heading("Crates: RustSec");
    let crates = crates()?;
    say::line(&format!("   {}", words(crates)));
    say::heading("UI packages: npm audit");
    let packages = packages()?;
    say::line(&format!("   {}", words(packages)));
    let verdicts = [crates, packages];
    if verdicts.contains(&Verdict::Found) {
        return Ok(ExitCode::FAILURE);
    }
    if verdicts.contains(&Verdict::NotJudged) {
        say::line("not judged");
        return Ok(ExitCode::from(2));
    }
    Ok(ExitCode::SUCCESS)
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "nothing known",
        Verdict::Found => "vulnerable: see above",
        Verdict::NotJudged => "it could not be asked: not judged",
    }
}

fn crates() -> Result<Verdict> {
    let deny = match tools::cargo_deny() {
        Ok(deny) => deny,
        Err(error) => {
            say::line(&format!("{error:#}"));
            return Ok(Verdict::NotJudged);
        }
    };
    if !Job::new(&deny, &["fetch", "db"]).run()?.ok {
        return Ok(Verdict::NotJudged);
    }
    let checked = Job::new(&deny, &["--locked", "check", "--disable-fetch", "advisories"]).run()?;
    Ok(if checked.ok {
        Verdict::Clean
    } else {
        Verdict::Found
    })
}

fn packages() -> Result<Verdict> {
    let job = Job::new("npm", &["audit", "--json"]).within(&node::folder());
    let ended = match job.silent().run() {
        Ok(ended) => ended,
        Err(error) => {
            say::line(&format!("{error:#}"));
            return Ok(Verdict::NotJudged);
        }
    };
    let verdict = of_npm(&ended.out);
    if verdict != Verdict::Clean {
        say::line(ended.out.trim());
    }
    Ok(verdict)
}

/// npm's report has a version and its totals; an error report has neither, and proves nothing.
fn of_npm(out: &str) -> Verdict {
    let report: Value = serde_json::from_str(out).unwrap_or(Value::Null);
    match (
        &report["auditReportVersion"],
        report["metadata"]["vulnerabilities"]["total"].as_u64(),
    ) {
        (Value::Number(_), Some(0)) => Verdict::Clean,
        (Value::Number(_), Some(_)) => Verdict::Found,
        _ => Verdict::NotJudged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_not_a_clean_bill() {
        assert_eq!(
            of_npm(r#"{"auditReportVersion":2,"metadata":{"vulnerabilities":{"total":0}}}"#),
            Verdict::Clean
        );
        assert_eq!(
            of_npm(r#"{"auditReportVersion":2,"metadata":{"vulnerabilities":{"total":3}}}"#),
            Verdict::Found
        );
        for out in [
            "",
            "{}",
            r#"{"error":{"code":"ENOAUDIT"}}"#,
            "<html>",
            r#"{"metadata":{"vulnerabilities":{"total":0}}}"#,
        ] {
            assert_eq!(of_npm(out), Verdict::NotJudged, "{out}");
        }
    }
}

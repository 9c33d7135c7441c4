//! Workflows of GitHub Actions by their typed model: what starts them and what their token may write.

use github_actions_models::common::{BasePermission, Permission, Permissions};
use github_actions_models::workflow::{Job, Workflow};

use super::{Hit, without_comments};

/// The dangers in a workflow.
pub(super) fn hits(text: &str) -> Result<Vec<Hit>, String> {
    let workflow: Workflow =
        yaml_serde::from_str(text).map_err(|error| format!("not read as a workflow ({error})"))?;
    let text = without_comments("x.yml", text);
    let mut found = Vec::new();
    let events = &workflow.on.events;
    for (name, present) in [
        ("pull_request_target", events.pull_request_target.is_present()),
        ("workflow_run", events.workflow_run.is_present()),
    ] {
        if present {
            found.push(hit("ci.pull_request_target", &text, &[name], format!("{name}:")));
        }
    }
    permissions("", &workflow.permissions, &text, &mut found);
    for (name, job) in &workflow.jobs {
        if let Job::NormalJob(job) = job {
            permissions(name, &job.permissions, &text, &mut found);
        } else if let Job::ReusableWorkflowCallJob(job) = job {
            permissions(name, &job.permissions, &text, &mut found);
        }
    }
    Ok(found)
}

fn permissions(job: &str, permissions: &Permissions, text: &str, found: &mut Vec<Hit>) {
    // The job's name keeps the same right of two jobs apart.
    let job = if job.is_empty() {
        String::new()
    } else {
        format!(" # {job}")
    };
    match permissions {
        Permissions::Base(BasePermission::WriteAll) => {
            let words = format!("permissions: write-all{job}");
            found.push(hit("ci.permissions_write", text, &["write-all"], words));
        }
        Permissions::Base(_) => {}
        Permissions::Explicit(rights) => {
            for (name, _) in rights.iter().filter(|(_, right)| **right == Permission::Write) {
                let words = format!("{name}: write{job}");
                found.push(hit(
                    "ci.permissions_write",
                    text,
                    &[name.as_str(), "write"],
                    words,
                ));
            }
        }
    }
}

/// The model knows no lines: the first one that holds the words is shown.
fn hit(rule: &str, text: &str, words: &[&str], what: String) -> Hit {
    let at = text
        .lines()
        .position(|line| words.iter().all(|word| line.contains(word)));
    let line = at.unwrap_or_default() as u32 + 1;
    Hit {
        rule: rule.to_owned(),
        lines: (line, line),
        text: what,
        ..Hit::default()
    }
}

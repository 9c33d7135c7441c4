//! `collect`: the calls that gather what the judge needs, as a script that anybody can read before it runs.

use std::fmt::Write as _;

use countersign_core::collect::{HEAD, ORGANISATION, QUERIES, QUEUE};

/// Name of a repository, as `owner/name`.
pub(crate) struct Name<'a> {
    owner: &'a str,
    name: &'a str,
}

impl<'a> Name<'a> {
    /// Reads it. Nothing but what the forge allows, so that it can stand in a script.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (owner, name) = text.split_once('/')?;
        let plain = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && !part.starts_with('-') && part.chars().all(allowed)
        };
        (plain(owner) && plain(name)).then_some(Self { owner, name })
    }
}

/// The script that asks for the default branches of repositories; without any it asks nothing.
pub(crate) fn organisation_script<'a>(repos: impl IntoIterator<Item = Name<'a>>) -> String {
    let mut text = "#!/bin/sh\nset -eu\n".to_owned();
    for Name { owner, name } in repos {
        let query = ORGANISATION.trim_end();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\ngh api graphql -f owner='{owner}' -f name='{name}' -f query='{query}'\n"
        );
    }
    text
}

/// The script that asks for a branch's merge queue, unless the branch's name cannot stand in one.
pub(crate) fn queue_script(repo: &Name<'_>, branch: &str) -> Option<String> {
    let Name { owner, name } = repo;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if branch.is_empty() || !branch.chars().all(allowed) {
        return None;
    }
    let query = QUEUE.trim_end();
    Some(format!(
        "#!/bin/sh\nset -eu\n\ngh api graphql -f owner='{owner}' -f name='{name}' -f branch='{branch}' -f query='{query}'\n"
    ))
}

/// A POSIX script that writes the documents of one change to standard output, one after the other, and stops at the
/// first call that fails. Text from the forge is only ever the value of a quoted variable.
pub(crate) fn script(repo: &Name<'_>, number: u64) -> String {
    let Name { owner, name } = repo;
    let ask = |query: &str, paged: &str| {
        format!(
            "gh api graphql{paged} -f owner='{owner}' -f name='{name}' -F number={number} -f query='{query}'"
        )
    };
    let mut text = "#!/bin/sh\nset -eu\n\n".to_owned();
    // The first is one page by its nature; gh pages the others by their cursor.
    for (at, query) in QUERIES.iter().enumerate() {
        let paged = if at == 0 { "" } else { " --paginate" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}\n", ask(query.trim_end(), paged));
    }
    let _ = write!(
        text,
        "# Who moved the branch: in the repository that holds it, which may be a fork.\n\
         pull='.data.repository.pullRequest'\n\
         fork=$({ask} --jq \"$pull.headRepository.nameWithOwner // \\\"\\\"\")\n\
         branch=$({ask} --jq \"$pull.headRefName\")\n\
         case $fork in *[!A-Za-z0-9._/-]*) exit 1 ;; esac\n\
         if [ -n \"$fork\" ]; then\n  \
           gh api --method GET --paginate \"repos/$fork/activity\" -f \"ref=refs/heads/$branch\" -F per_page=100 \\\n    \
             --jq '{{activity: {{number: {number}, items: [.[] | {{before, after, actor}}]}}}}'\n\
         fi\n",
        ask = ask(HEAD, ""),
    );
    text
}

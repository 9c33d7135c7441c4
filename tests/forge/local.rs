//! The last commits of any local repository as waiting changes: real input, at once, offline.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::SignedDuration;

use super::git::{CommitFacts, Git, run};
use super::world::{Asked, NewChange, Scopes, World};

/// The viewer of a served repository.
const VIEWER: (&str, u64) = ("priya-n", 1_234_567);

/// How many commits that change nothing may lie among those that are asked for.
const SPARE: usize = 200;

/// Serves the last `count` commits of the repository at `path`, newest change last, each as a change of its own from
/// its first parent to itself. The repository is only read: objects come from it through git's alternates.
///
/// A commit's author becomes an account if the address says so, else the change is opened by `committer-N`. A root
/// commit is served as a copy (same tree, message, people) on top of an empty commit, because a change needs a base;
/// its id therefore differs. Commits that leave their first parent's tree as it is are passed over: nothing in them
/// waits for a reader.
pub fn serve_repo(path: &Path, count: usize) -> Result<World> {
    ensure!(count > 0, "--last needs at least 1");
    // A repository that belongs to somebody else is refused by default; here it is only read.
    let ask = |arguments: &[&str]| -> Result<String> {
        let mut all = vec!["-c", "safe.directory=*"];
        all.extend_from_slice(arguments);
        Ok(String::from_utf8_lossy(&run(path, &all, None)?).trim().to_owned())
    };
    let head = ask(&["rev-parse", "--verify", "HEAD^{commit}"])
        .with_context(|| format!("{} is not a git repository with a commit", path.display()))?;
    let objects = ask(&["rev-parse", "--path-format=absolute", "--git-path", "objects"])?;
    let shallow = ask(&["rev-parse", "--path-format=absolute", "--git-path", "shallow"])?;
    let format = ask(&["rev-parse", "--show-object-format"]).unwrap_or_else(|_| "sha1".into());
    let name = path.canonicalize().ok();
    let name = name
        .as_deref()
        .and_then(Path::file_name)
        .map_or_else(|| "repository".into(), |name| name.to_string_lossy());
    let name = plain(name.trim_end_matches(".git"));

    let mut world = World::new()?;
    world.organization("local", 9_900_001);
    world.user(VIEWER.0, VIEWER.1, "Priya N", "priya@local.example");
    let scopes = ["repo", "read:org", "notifications", "write:ssh_signing_key"]
        .map(str::to_owned)
        .to_vec();
    world.token(
        "ghp_LocalRepositoryOfTheTestForge0000000",
        VIEWER.0,
        Scopes::Classic(scopes),
    );
    let dir = world.room(&format!("{name}.git"));
    let git = Git::borrowing(dir, Path::new(&objects), Path::new(&shallow), &format)?;
    // Git shows the oldest commits of a shallow clone as roots, and each would be served as a change of all files.
    let oldest = std::fs::read_to_string(&shallow).unwrap_or_default();
    let mut list = git.newest(&head, count + SPARE)?;
    list.retain(|facts| !oldest.lines().any(|oid| oid == facts.oid) && changes_something(&git, facts));
    list.drain(..list.len().saturating_sub(count));
    ensure!(
        !list.is_empty(),
        "{} is a shallow clone without any commit's parent; run `git fetch --unshallow` there",
        path.display()
    );
    let full_name = format!("local/{name}");
    world.adopt("local", &name, 990_000_001, false, &[VIEWER.0], git);
    let newest = list
        .last()
        .map_or(jiff::Timestamp::UNIX_EPOCH, |facts| facts.committer.at);
    for (at, facts) in list.iter().enumerate() {
        open(&mut world, &full_name, facts, at, newest)?;
    }
    Ok(world)
}

fn changes_something(git: &Git, facts: &CommitFacts) -> bool {
    match facts.parents.first().map(|parent| git.commit(parent)) {
        Some(Ok(parent)) => parent.tree != facts.tree,
        Some(Err(_)) => false,
        None => git
            .tree(&facts.tree, false)
            .is_some_and(|entries| !entries.is_empty()),
    }
}

fn open(
    world: &mut World,
    repo: &str,
    facts: &CommitFacts,
    at: usize,
    newest: jiff::Timestamp,
) -> Result<()> {
    let git = &world.find_mut(repo)?.git;
    let (head, base) = match facts.parents.first() {
        Some(parent) => (facts.oid.clone(), parent.clone()),
        None => {
            let base = git.empty_commit()?;
            (git.copy_onto(facts, &base)?, base)
        }
    };
    let short = &facts.oid[..10];
    let (base_branch, branch) = (format!("main-before-{short}"), format!("commit-{short}"));
    git.set_branch(&base_branch, &base)?;
    git.set_branch(&branch, &head)?;
    if at == 0 {
        git.set_branch("main", &base)?;
    }
    let author = account(world, &facts.author.name, &facts.author.email)?;
    let title = if facts.headline().trim().is_empty() {
        format!("Commit {short}")
    } else {
        facts.headline().to_owned()
    };
    // Old commits would all be months old: they keep their distances, seen from the newest.
    let age = newest
        .duration_since(facts.committer.at)
        .max(SignedDuration::ZERO)
        + SignedDuration::from_mins(3);
    let new = NewChange {
        repo: repo.to_owned(),
        number: None,
        title,
        body: facts.body().to_owned(),
        author: author.clone(),
        branch,
        base: base_branch,
        commits: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: vec![Asked::User(VIEWER.0.to_owned())],
        draft: false,
        age,
    };
    world.open_at(new, &base, &head, Some(&author))?;
    Ok(())
}

/// The account of a commit's author, made where it is new.
fn account(world: &mut World, name: &str, email: &str) -> Result<String> {
    if let Some(known) = world.account_by_email(email) {
        return Ok(known.login.clone());
    }
    let noreply = email
        .strip_suffix("@users.noreply.github.com")
        .map(|local| match local.split_once('+') {
            Some((id, login)) => (id.parse::<u64>().ok(), login),
            None => (None, local),
        });
    let (id, login) = match noreply {
        Some((id, login)) => (id, login.to_owned()),
        None => (None, plain(&name.to_lowercase())),
    };
    let id = id.unwrap_or_else(|| world.fresh_id());
    let mut login = if login.is_empty() {
        format!("committer-{id}")
    } else {
        login
    };
    if world.account(&login).is_some() {
        login = format!("{login}-{id}");
    }
    if login.ends_with("[bot]") {
        world.bot(&login, id);
    } else {
        world.user(&login, id, name, email);
    }
    let made = world
        .account(&login)
        .ok_or_else(|| anyhow!("{login} was just made"))?;
    Ok(made.login.clone())
}

/// What may stand in a login or a repository's name.
fn plain(text: &str) -> String {
    let mapped = text.chars().map(|c| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            c
        } else {
            '-'
        }
    });
    mapped.collect::<String>().trim_matches(['-', '.']).to_owned()
}

//! What people do to the state: commits, changes, requests, pushes, merges, reviews.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, ensure};
use jiff::{SignedDuration, Timestamp};

use super::{
    Activity, Asked, Change, Check, Event, Happened, Life, NewChange, NewCommit, Notice, Queued, Request,
    Review, Team, World,
};
use crate::forge::git::{Edit, Signature};

impl World {
    /// Gives a repository another name, or another owner: `to` is `owner/name`.
    pub fn rename(&mut self, full_name: &str, to: &str) -> Result<()> {
        ensure!(self.find(to).is_none(), "{to} is taken");
        let (owner, name) = to
            .split_once('/')
            .ok_or_else(|| anyhow!("{to} is not owner/name"))?;
        let repo = self.find_mut(full_name)?;
        repo.formerly.push(full_name.to_owned());
        owner.clone_into(&mut repo.owner);
        name.clone_into(&mut repo.name);
        Ok(())
    }

    fn signature(&self, who: &str, at: Timestamp) -> Result<Signature> {
        if let Some((name, rest)) = who.split_once(" <") {
            return Ok(Signature {
                name: name.to_owned(),
                email: rest.trim_end_matches('>').to_owned(),
                at,
            });
        }
        let account = self
            .account(who)
            .ok_or_else(|| anyhow!("nobody is called {who}"))?;
        Ok(Signature {
            name: account.name.clone(),
            email: account.email.clone(),
            at,
        })
    }

    /// Writes commits onto a branch, making it from `parent` where it is new; returns the new tip.
    pub fn write_commits(
        &mut self,
        repo: &str,
        branch: &str,
        parent: Option<&str>,
        list: &[NewCommit],
    ) -> Result<String> {
        let mut tip = parent.map(str::to_owned);
        for commit in list {
            let at = self.ago(commit.age);
            let author = self.signature(&commit.author, at)?;
            let committer = if commit.committer.is_empty() {
                author.clone()
            } else {
                self.signature(&commit.committer, at)?
            };
            let git = &self.find_mut(repo)?.git;
            tip = Some(git.write(
                branch,
                tip.as_deref(),
                &commit.message,
                &author,
                &committer,
                &commit.edits,
            )?);
        }
        tip.ok_or_else(|| anyhow!("no commit to write on {branch} of {repo}"))
    }

    /// Opens a change from a new branch and returns its number.
    pub fn open(&mut self, new: NewChange) -> Result<u64> {
        let base_oid = self
            .find_mut(&new.repo)?
            .git
            .tip(&new.base)
            .ok_or_else(|| anyhow!("no branch {}", new.base))?;
        let head = self.write_commits(&new.repo, &new.branch, Some(&base_oid), &new.commits)?;
        let pusher = new.author.clone();
        self.open_at(new, &base_oid, &head, Some(&pusher))
    }

    /// Opens another change with the head of one that there is, and returns its number.
    pub fn open_twin(&mut self, new: NewChange, of: u64) -> Result<u64> {
        let base_oid = self
            .find_mut(&new.repo)?
            .git
            .tip(&new.base)
            .ok_or_else(|| anyhow!("no branch {}", new.base))?;
        let head = self.change_mut(&new.repo, of)?.head().to_owned();
        self.open_at(new, &base_oid, &head, None)
    }

    /// Opens a change whose head branch exists already and returns its number. Whoever has made the branch for it is
    /// `pusher`.
    pub(crate) fn open_at(
        &mut self,
        new: NewChange,
        base_oid: &str,
        head: &str,
        pusher: Option<&str>,
    ) -> Result<u64> {
        ensure!(
            self.account(&new.author).is_some(),
            "nobody is called {}",
            new.author
        );
        let created_at = self.ago(new.age);
        let id = self.fresh_id();
        let repo = self.find_mut(&new.repo)?;
        let number = new
            .number
            .unwrap_or_else(|| repo.changes.keys().next_back().map_or(1, |last| last + 1));
        ensure!(
            !repo.changes.contains_key(&number),
            "{} has a change {number} already",
            new.repo
        );
        repo.git.set_ref(&format!("refs/pull/{number}/head"), head)?;
        let change = Change {
            number,
            id,
            title: new.title,
            body: new.body,
            author: new.author.clone(),
            life: Life::Open,
            draft: new.draft,
            created_at,
            updated_at: created_at,
            closed_at: None,
            base: new.base,
            base_oid: base_oid.to_owned(),
            branch: new.branch.clone(),
            heads: vec![head.to_owned()],
            labels: new.labels,
            assignees: Vec::new(),
            requests: Vec::new(),
            reviews: Vec::new(),
            events: Vec::new(),
            unindexed: false,
        };
        repo.changes.insert(number, change);
        if let Some(pusher) = pusher {
            self.moved(
                &new.repo,
                &new.branch,
                None,
                head,
                "branch_creation",
                pusher,
                created_at,
            )?;
        }
        for login in &new.assignees {
            self.assign(&new.repo, number, login, &new.author, created_at)?;
        }
        for asked in new.asked {
            self.ask_at(&new.repo, number, asked, &new.author, false, created_at)?;
        }
        Ok(number)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one record of the activity log, field by field"
    )]
    fn moved(
        &mut self,
        repo: &str,
        branch: &str,
        before: Option<&str>,
        after: &str,
        kind: &'static str,
        actor: &str,
        at: Timestamp,
    ) -> Result<()> {
        let id = self.fresh_id();
        let before = before.map_or_else(|| "0".repeat(after.len()), str::to_owned);
        let reference = format!("refs/heads/{branch}");
        let (after, actor) = (after.to_owned(), actor.to_owned());
        self.find_mut(repo)?.activity.push(Activity {
            id,
            reference,
            before,
            after,
            at,
            kind,
            actor,
        });
        Ok(())
    }

    fn happened(
        &mut self,
        repo: &str,
        number: u64,
        actor: &str,
        what: Happened,
        at: Timestamp,
    ) -> Result<()> {
        let id = self.fresh_id();
        let change = self.change_mut(repo, number)?;
        change.events.push(Event {
            id,
            at,
            actor: actor.to_owned(),
            what,
        });
        change.updated_at = change.updated_at.max(at);
        Ok(())
    }

    fn tell(&mut self, login: &str, repo: &str, number: u64, reason: &'static str, at: Timestamp) {
        let known = |one: &&mut Notice| one.login == login && one.repo == repo && one.number == number;
        if let Some(one) = self.notices.iter_mut().find(known) {
            one.updated_at = one.updated_at.max(at);
            one.reason = reason;
            return;
        }
        let id = self.fresh_id();
        let (login, repo) = (login.to_owned(), repo.to_owned());
        self.notices.push(Notice {
            id,
            login,
            repo,
            number,
            reason,
            updated_at: at,
        });
    }

    /// Assigns somebody to a change.
    pub fn assign(&mut self, repo: &str, number: u64, login: &str, by: &str, at: Timestamp) -> Result<()> {
        self.change_mut(repo, number)?.assignees.push(login.to_owned());
        self.tell(login, repo, number, "assign", at);
        self.happened(repo, number, by, Happened::Assigned(login.to_owned()), at)
    }

    /// Asks somebody for a review, now.
    pub fn ask(&mut self, repo: &str, number: u64, who: Asked, by: &str, code_owner: bool) -> Result<()> {
        let at = self.now();
        self.ask_at(repo, number, who, by, code_owner, at)
    }

    fn ask_at(
        &mut self,
        repo: &str,
        number: u64,
        who: Asked,
        by: &str,
        code_owner: bool,
        at: Timestamp,
    ) -> Result<()> {
        let id = self.fresh_id();
        let request = Request {
            id,
            who: who.clone(),
            code_owner,
            by: by.to_owned(),
            at,
        };
        self.change_mut(repo, number)?.requests.push(request);
        match &who {
            Asked::User(login) => self.tell(login, repo, number, "review_requested", at),
            Asked::Team(team) => {
                let in_team = |one: &&Team| format!("{}/{}", one.org, one.slug) == *team;
                let members = self
                    .teams
                    .iter()
                    .find(in_team)
                    .map(|team| team.members.clone())
                    .unwrap_or_default();
                for login in members {
                    self.tell(&login, repo, number, "review_requested", at);
                }
            }
        }
        self.happened(repo, number, by, Happened::ReviewRequested(who), at)
    }

    /// Adds commits to a change's branch: its head moves. Returns the new head.
    pub fn push(&mut self, repo: &str, number: u64, by: &str, list: &[NewCommit]) -> Result<String> {
        let change = self.change_mut(repo, number)?;
        let (branch, before) = (change.branch.clone(), change.head().to_owned());
        let after = self.write_commits(repo, &branch, Some(&before), list)?;
        self.move_head(repo, number, by, &after, "push")?;
        Ok(after)
    }

    /// Replaces a change's commits: its head moves to one that does not descend from the old. Returns the new head.
    pub fn force_push(&mut self, repo: &str, number: u64, by: &str, list: &[NewCommit]) -> Result<String> {
        let change = self.change_mut(repo, number)?;
        let (branch, base) = (change.branch.clone(), change.base_oid.clone());
        let after = self.write_commits(repo, &branch, Some(&base), list)?;
        self.move_head(repo, number, by, &after, "force_push")?;
        let at = self.now();
        self.happened(repo, number, by, Happened::ForcePushed, at)?;
        Ok(after)
    }

    /// Points a change's branch at a commit that is there already, as `git push --force` does.
    pub fn reset(&mut self, repo: &str, number: u64, by: &str, to: &str) -> Result<()> {
        let branch = self.change_mut(repo, number)?.branch.clone();
        self.find_mut(repo)?.git.set_branch(&branch, to)?;
        self.move_head(repo, number, by, to, "force_push")?;
        let at = self.now();
        self.happened(repo, number, by, Happened::ForcePushed, at)
    }

    /// The button "Update branch": merges the target into the change's branch. Returns the new head. Fails where git sees
    /// a conflict.
    pub fn update_branch(&mut self, repo: &str, number: u64, by: &str) -> Result<String> {
        let at = self.now();
        let who = self.signature(by, at)?;
        let found = self.find_mut(repo)?;
        let change = found
            .changes
            .get(&number)
            .ok_or_else(|| anyhow!("{repo} has no change {number}"))?;
        let (base, branch, head) = (
            change.base.clone(),
            change.branch.clone(),
            change.head().to_owned(),
        );
        let target = found.target_tip(change);
        let message = format!("Merge branch '{base}' into {branch}\n");
        let after = found.git.merged(&head, &target, &who, &message)?;
        found.git.set_branch(&branch, &after)?;
        self.move_head(repo, number, by, &after, "push")?;
        Ok(after)
    }

    fn move_head(
        &mut self,
        repo: &str,
        number: u64,
        by: &str,
        after: &str,
        kind: &'static str,
    ) -> Result<()> {
        let at = self.now();
        let found = self.find_mut(repo)?;
        let change = found
            .changes
            .get(&number)
            .ok_or_else(|| anyhow!("{repo} has no change {number}"))?;
        let (before, branch) = (change.head().to_owned(), change.branch.clone());
        let base_oid = found.target_tip(change);
        found.git.set_ref(&format!("refs/pull/{number}/head"), after)?;
        let change = self.change_mut(repo, number)?;
        change.heads.push(after.to_owned());
        change.base_oid = base_oid;
        change.updated_at = change.updated_at.max(at);
        self.moved(repo, &branch, Some(&before), after, kind, by, at)
    }

    /// Commits one file onto a branch (as an administrator would) and returns the new tip.
    pub fn set_file(&mut self, repo: &str, branch: &str, path: &str, bytes: &[u8]) -> Result<String> {
        let at = self.now();
        let found = self.find_mut(repo)?;
        let before = found.git.tip(branch);
        let who = Signature {
            name: "Release Bot".into(),
            email: "release@acme.example".into(),
            at,
        };
        let edits = [Edit::bytes(path, bytes)];
        let after = found.git.write(
            branch,
            before.as_deref(),
            &format!("Update {path}"),
            &who,
            &who,
            &edits,
        )?;
        let owner = found.owner.clone();
        self.moved(repo, branch, before.as_deref(), &after, "push", &owner, at)?;
        Ok(after)
    }

    /// Makes a branch at a commit that is there.
    pub(crate) fn make_branch(&mut self, repo: &str, branch: &str, at: &str, by: &str) -> Result<()> {
        let now = self.now();
        self.find_mut(repo)?.git.set_branch(branch, at)?;
        self.moved(repo, branch, None, at, "branch_creation", by, now)
    }

    /// Commits one file onto a branch as somebody with an account and returns the new tip, which is the head of what is
    /// open from that branch.
    pub(crate) fn commit_edit(
        &mut self,
        repo: &str,
        branch: &str,
        message: &str,
        by: &str,
        edit: Edit,
    ) -> Result<String> {
        let at = self.now();
        let who = self.signature(by, at)?;
        let found = self.find_mut(repo)?;
        let open = (found.changes.values())
            .find(|change| change.branch == branch && change.life == Life::Open)
            .map(|change| change.number);
        let before = found.git.tip(branch);
        let after = found
            .git
            .write(branch, before.as_deref(), message, &who, &who, &[edit])?;
        match open {
            Some(number) => self.move_head(repo, number, by, &after, "push")?,
            None => self.moved(repo, branch, before.as_deref(), &after, "push", by, at)?,
        }
        Ok(after)
    }

    /// Points a change at another target branch.
    pub fn retarget(&mut self, repo: &str, number: u64, base: &str) -> Result<()> {
        let at = self.now();
        let base_oid = self
            .find_mut(repo)?
            .git
            .tip(base)
            .ok_or_else(|| anyhow!("{repo} has no branch {base}"))?;
        let change = self.change_mut(repo, number)?;
        change.base = base.to_owned();
        change.base_oid = base_oid;
        change.updated_at = at;
        Ok(())
    }

    /// Closes a change without merging.
    pub fn close(&mut self, repo: &str, number: u64, by: &str) -> Result<()> {
        let at = self.now();
        let change = self.change_mut(repo, number)?;
        change.life = Life::Closed;
        change.closed_at = Some(at);
        self.happened(repo, number, by, Happened::Closed, at)
    }

    /// Opens a closed change again.
    pub fn reopen(&mut self, repo: &str, number: u64, by: &str) -> Result<()> {
        let at = self.now();
        let change = self.change_mut(repo, number)?;
        change.life = Life::Open;
        change.closed_at = None;
        self.happened(repo, number, by, Happened::Reopened, at)
    }

    /// Merges a change with a merge commit on its target and returns that commit. Fails where git sees a conflict.
    pub fn merge(&mut self, repo: &str, number: u64, by: &str) -> Result<String> {
        let at = self.now();
        let who = self.signature(by, at)?;
        let found = self.find_mut(repo)?;
        let change = found
            .changes
            .get(&number)
            .ok_or_else(|| anyhow!("{repo} has no change {number}"))?;
        let (base, head) = (change.base.clone(), change.head().to_owned());
        let before = found.target_tip(change);
        let message = format!(
            "Merge pull request #{number} from {}/{}\n\n{}\n",
            found.owner, change.branch, change.title
        );
        let after = found.git.merged(&before, &head, &who, &message)?;
        found.git.set_branch(&base, &after)?;
        self.moved(repo, &base, Some(&before), &after, "pr_merge", by, at)?;
        let change = self.change_mut(repo, number)?;
        change.life = Life::Merged;
        change.closed_at = Some(at);
        self.happened(repo, number, by, Happened::Merged, at)?;
        Ok(after)
    }

    /// Puts a change at the end of its target's merge queue, which builds the target with all before it and with it.
    /// Returns the commit at the end of that group. Fails where git sees a conflict.
    pub fn enqueue(&mut self, repo: &str, number: u64, by: &str) -> Result<String> {
        let (id, at) = (self.fresh_id(), self.now());
        let who = self.signature(by, at)?;
        let found = self.find_mut(repo)?;
        let change = found
            .changes
            .get(&number)
            .ok_or_else(|| anyhow!("{repo} has no change {number}"))?;
        let (branch, head) = (change.base.clone(), change.head().to_owned());
        let ahead = found.queue.iter().rfind(|one| one.branch == branch);
        let before = ahead.map_or_else(|| found.target_tip(change), |one| one.commit.clone());
        let message = format!(
            "Merge pull request #{number} from {}/{}\n\n{}\n",
            found.owner, change.branch, change.title
        );
        let commit = found.git.merged(&before, &head, &who, &message)?;
        found.git.set_branch(
            &format!("gh-readonly-queue/{branch}/pr-{number}-{before}"),
            &commit,
        )?;
        found.queue.push(Queued {
            id,
            number,
            branch,
            commit: commit.clone(),
            by: by.to_owned(),
            at,
        });
        Ok(commit)
    }

    /// Records a check run on a change's head.
    pub fn check(&mut self, repo: &str, number: u64, name: &str, conclusion: Option<&str>) -> Result<()> {
        let id = self.fresh_id();
        let head = self.change_mut(repo, number)?.head().to_owned();
        let status = if conclusion.is_some() {
            "completed"
        } else {
            "in_progress"
        }
        .to_owned();
        let conclusion = conclusion.map(str::to_owned);
        let check = Check {
            id,
            name: name.to_owned(),
            status,
            conclusion,
        };
        self.find_mut(repo)?.checks.entry(head).or_default().push(check);
        Ok(())
    }

    /// Stores a submitted review on the present head, as if its author had written it in the browser so long ago.
    pub fn review(
        &mut self,
        repo: &str,
        number: u64,
        author: &str,
        state: &'static str,
        body: &str,
        age: SignedDuration,
    ) -> Result<u64> {
        let (id, at) = (self.fresh_id(), self.ago(age));
        let change = self.change_mut(repo, number)?;
        let commit = change.head().to_owned();
        change.reviews.push(Review {
            id,
            author: author.to_owned(),
            state,
            body: body.to_owned(),
            commit,
            created_at: at,
            submitted_at: (state != "PENDING").then_some(at),
            edited_at: None,
            was: None,
            dismissed: None,
        });
        if state != "PENDING" {
            self.answered(repo, number, author)?;
        }
        Ok(id)
    }

    /// What a submitted review does to the requests: its author and the author's teams are no longer asked.
    pub(crate) fn answered(&mut self, repo: &str, number: u64, author: &str) -> Result<()> {
        let teams: BTreeSet<String> = self
            .teams
            .iter()
            .filter(|team| team.members.contains(author))
            .map(|team| format!("{}/{}", team.org, team.slug))
            .collect();
        self.change_mut(repo, number)?
            .requests
            .retain(|request| match &request.who {
                Asked::User(login) => login != author,
                Asked::Team(team) => !teams.contains(team),
            });
        Ok(())
    }
}

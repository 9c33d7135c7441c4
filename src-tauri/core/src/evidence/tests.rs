mod quoting;

use proptest::prelude::*;

use super::table::{Marker, Surface};
use super::*;
use crate::change::{AccountKind, ChangeState, Commit, Head, Identity, Person, Target};

fn oid(digit: u8) -> Oid {
    char::from(digit).to_string().repeat(40).parse().unwrap()
}

fn someone(name: &str, email: &str) -> Identity {
    Identity {
        name: name.to_owned(),
        email: email.to_owned(),
        account: None,
    }
}

fn commit(message: &str) -> Commit {
    let mika = someone("Mika", "mika@acme.example");
    Commit {
        oid: oid(b'1'),
        tree: None,
        message: message.to_owned(),
        author: mika.clone(),
        committer: mika,
        committed_at: None,
    }
}

fn person(login: &str, id: Option<&str>, kind: AccountKind) -> Person {
    Person {
        login: login.to_owned(),
        id: id.map(str::to_owned),
        kind,
    }
}

fn change(body: &str, commits: Vec<Commit>) -> Change {
    Change {
        id: "github.com/acme/infra#1".parse().unwrap(),
        node_id: "PR_1".to_owned(),
        change_id: "1".to_owned(),
        repo_id: "2".to_owned(),
        url: "https://github.com/acme/infra/pull/1".to_owned(),
        title: "Move".to_owned(),
        body: body.to_owned(),
        author: Some(person("mika", Some("77"), AccountKind::User)),
        state: ChangeState::Open,
        draft: false,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
        head: Head {
            branch: "feature".to_owned(),
            oid: oid(b'a'),
            repo: None,
        },
        target: Target {
            branch: "main".to_owned(),
            oid: oid(b'b'),
        },
        asked: Vec::new(),
        requested: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        commit_count: commits.len() as u64,
        commits,
        additions: 0,
        deletions: 0,
        changed_files: 0,
        checks: Vec::new(),
        reviews: Vec::new(),
        own_review: None,
        operators: Vec::new(),
        conflicting: false,
    }
}

fn of(change: &Change) -> Classification {
    classify(change, Extra::default())
}

#[test]
fn every_mark_matches_its_examples_and_not_its_counter_examples() {
    let markers = Markers::builtin();
    let mut wrong = Vec::new();
    for mark in markers.marks() {
        let Marker {
            id,
            examples,
            counter_examples,
            ..
        } = &mark.marker;
        let matches = |text: &String| markers.matches(mark, text);
        if examples.len() < 2 || counter_examples.len() < 2 {
            wrong.push(format!("{id}: needs two examples and two counter-examples"));
        }
        let missed = examples.iter().filter(|text| !matches(text));
        wrong.extend(missed.map(|text| format!("{id} misses {text:?}")));
        let caught = counter_examples.iter().filter(|text| matches(text));
        wrong.extend(caught.map(|text| format!("{id} wrongly matches {text:?}")));
    }
    for exclusion in &markers.exclusions {
        let id = &exclusion.id;
        let matches = |text: &String| markers.excluded(text).is_some_and(|found| found.id == *id);
        if exclusion.examples.len() < 2 || exclusion.counter_examples.len() < 2 {
            wrong.push(format!(
                "exclusion {id}: needs two examples and two counter-examples"
            ));
        }
        let missed = exclusion.examples.iter().filter(|text| !matches(text));
        wrong.extend(missed.map(|text| format!("exclusion {id} misses {text:?}")));
        let caught = exclusion.counter_examples.iter().filter(|text| matches(text));
        wrong.extend(caught.map(|text| format!("exclusion {id} wrongly matches {text:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_holds_marks_for_every_surface() {
    let marks: Vec<_> = Markers::builtin()
        .marks()
        .map(|mark| mark.marker.surface)
        .collect();
    use Surface::{Account, Branch, File, Identity, Label, Note, Subject, Text, Trailer};
    for surface in [
        Identity, Account, Branch, Trailer, Subject, Text, Label, Note, File,
    ] {
        assert!(marks.contains(&surface), "{surface:?}");
    }
}

#[test]
fn each_channel_is_read() {
    let plain = || change("", vec![commit("Fix")]);
    assert_eq!(of(&plain()).involvement, Involvement::Undeclared);

    let mut branch = plain();
    branch.head.branch = "codex/fix".to_owned();
    let mut account = plain();
    account.author = Some(person("Copilot", Some("198982749"), AccountKind::User));
    let mut label = plain();
    label.labels.push("ai-assisted".to_owned());
    let mut author = plain();
    author.commits[0].author = someone("Kiro", "noreply@kiro.dev");
    let mut committer = plain();
    committer.commits[0].committer = someone("aider (gpt-5)", "aider@aider.chat");
    let mut mapped = plain();
    mapped.commits[0].author.account = Some(person("cursoragent", Some("199161495"), AccountKind::User));
    let body = change(
        "Fixes it.\n\n🤖 Generated with [Claude Code](https://claude.com/claude-code)\n",
        vec![commit("Fix")],
    );
    let middle = change(
        "",
        vec![commit(
            "Fix (#1)\n\n* a\n\nCo-authored-by: Cursor <cursoragent@cursor.com>\n\n* b\n\nprose\n",
        )],
    );
    let text = change(
        "",
        vec![commit(
            "Fix\n\nhttps://claude.ai/code/session_01GyF2jcVyEPeAyB7LakNUiu\n",
        )],
    );

    let expected = [
        (branch, Involvement::Authored, "Codex", Place::Branch),
        (account, Involvement::Authored, "GitHub Copilot", Place::Account),
        (label, Involvement::Suspected, "", Place::Label),
        (author, Involvement::Authored, "Kiro", Place::CommitAuthor),
        (committer, Involvement::Assisted, "Aider", Place::Committer),
        (mapped, Involvement::Authored, "Cursor", Place::CommitAuthor),
        (body, Involvement::Authored, "Claude Code", Place::Body),
        (
            middle,
            Involvement::Authored,
            "Cursor",
            Place::CommitTrailer("co-authored-by".to_owned()),
        ),
        (text, Involvement::Authored, "Claude Code", Place::CommitMessage),
    ];
    for (change, involvement, tool, place) in expected {
        let found = of(&change);
        assert_eq!(found.involvement, involvement, "{found:?}");
        assert_eq!(found.tool.as_deref().unwrap_or_default(), tool, "{found:?}");
        assert!(found.evidence.iter().any(|one| one.place == place), "{found:?}");
    }
}

#[test]
fn an_agent_in_fewer_than_half_of_the_commits_assists() {
    let claude = "Fix\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n";
    let found = of(&change("", vec![commit("a"), commit("b"), commit(claude)]));
    assert_eq!(found.involvement, Involvement::Assisted);
    let mark = found
        .evidence
        .iter()
        .find(|one| one.marker == "claude.email")
        .unwrap();
    assert_eq!(mark.commits, Some(Matched { matched: 1, of: 3 }));
    assert_eq!(mark.text, "Claude <noreply@anthropic.com>");
    assert_eq!(
        of(&change("", vec![commit("a"), commit(claude)])).involvement,
        Involvement::Authored
    );
}

#[test]
fn an_accepted_suggestion_is_not_authorship() {
    let text =
        "Update x\n\nCo-authored-by: sourcery-ai[bot] <58596630+sourcery-ai[bot]@users.noreply.github.com>";
    assert_eq!(
        of(&change("", vec![commit(text)])).involvement,
        Involvement::SuggestionApplied
    );
    let reviewed = "Update x\n\nReviewed-by: Claude <noreply@anthropic.com>\nSigned-off-by: Cursor <cursoragent@cursor.com>";
    assert_eq!(
        of(&change("", vec![commit(reviewed)])).involvement,
        Involvement::Undeclared
    );
}

#[test]
fn what_others_said_is_no_evidence() {
    let footer = "🤖 Generated with [Claude Code](https://claude.com/claude-code)";
    for body in [
        format!("> {footer}"),
        format!("```\n{footer}\n```"),
        format!("<!-- {footer} -->"),
        format!("- [ ] {footer}"),
        "- [ ] AI-assisted\n".to_owned(),
        "<!-- AI disclosure: say which tool, e.g. Claude -->".to_owned(),
        format!("The line \"{footer}\" is dropped from the template"),
    ] {
        assert_eq!(of(&change(&body, vec![commit("Fix")])).evidence, [], "{body}");
    }
    let mut bump = change(
        footer,
        vec![commit(
            "Bump x\n\nCo-authored-by: Claude <noreply@anthropic.com>\n",
        )],
    );
    bump.author = Some(person("dependabot[bot]", Some("49699333"), AccountKind::Bot));
    bump.commits[0].author = someone(
        "dependabot[bot]",
        "49699333+dependabot[bot]@users.noreply.github.com",
    );
    let found = of(&bump);
    assert_eq!(
        (found.involvement, found.automation.as_deref()),
        (Involvement::Undeclared, Some("dependabot"))
    );
}

#[test]
fn tricks_do_not_hide_a_mark() {
    for message in [
        "F\n\nCo-Authored-By: Cl\u{200b}aude <norep\u{2060}ly@anthropic.com>",
        "F\n\nCo-Authored-By: Claude <nоreply@anthropiс.com>",
        "F\n\nCo-Authored-By: Claude\n <noreply@anthropic.com>",
        "F\n\n```\nx\n\nCo-Authored-By: Claude <noreply@anthropic.com>",
        "F\n\n```\n\nCo-Authored-By: Claude <noreply@anthropic.com>\nX: ```",
        "F\n\n  - co-authored-by : Claude <noreply@anthropic.com>\n\nlast",
    ] {
        assert_eq!(
            of(&change("", vec![commit(message)])).tool.as_deref(),
            Some("Claude Code"),
            "{message:?}"
        );
    }
}

#[test]
fn a_claim_is_a_claim_and_marks_outweigh_it() {
    let with = |body: &str| of(&change(body, vec![commit("Fix")])).involvement;
    for body in [
        "AI disclosure: none",
        "No AI was used.",
        "### AI Disclosure\n\nNone\n",
        "AI usage: No AI was used",
    ] {
        assert_eq!(with(body), Involvement::DeclaredNone, "{body}");
    }
    assert_eq!(
        with("AI disclosure: none\n\nGenerated with Claude Code"),
        Involvement::Authored
    );
    assert_eq!(
        with("### AI disclosure\n\nCodex, reviewed by me"),
        Involvement::Assisted
    );
    assert!(!Involvement::DeclaredNone.is_ai());
}

#[test]
fn people_with_the_names_of_tools_are_people() {
    let mut one = change(
        "",
        vec![commit(
            "Fix\n\nCo-authored-by: Claude Dupont <claude@dupont.example>\n",
        )],
    );
    one.author = Some(person("claude", Some("81847"), AccountKind::User));
    one.commits[0].author = someone("Jules Example", "jules@anthropic.com");
    one.head.branch = "charlie/fix".to_owned();
    assert_eq!(of(&one).evidence, []);
}

#[test]
fn a_note_counts_only_with_an_agent_in_it() {
    let one = change("", vec![commit("Fix")]);
    let with = |text: &str| {
        let note = Note {
            from: "refs/notes/ai",
            commit: &one.commits[0].oid,
            text,
        };
        classify(
            &one,
            Extra {
                patch: None,
                notes: &[note],
            },
        )
    };
    let human = with("a.rs\n---\n{\"schema_version\":\"authorship/3.0.0\",\"prompts\":{}}");
    assert_eq!(human.involvement, Involvement::Undeclared);
    let agent =
        with("a.rs\n  p1 1-9\n---\n{\"prompts\":{\"p1\":{\"agent_id\":{\"tool\":\"cursor\",\"id\":\"x\"}}}}");
    assert_eq!(
        (agent.involvement, agent.tool.as_deref()),
        (Involvement::Assisted, Some("Cursor"))
    );
}

#[test]
fn files_of_agents_count_only_where_they_trace_one() {
    let one = change("", vec![commit("Fix")]);
    let diff = |path: &str, line: &str| {
        format!(
            "diff --git a/{path} b/{path}\nnew file mode 100644\nindex 0000000..1111111\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{line}\n"
        )
    };
    let with = |text: String| {
        let patch = Patch::parse(text.as_bytes()).unwrap();
        classify(
            &one,
            Extra {
                patch: Some(&patch),
                notes: &[],
            },
        )
    };
    assert_eq!(
        with(diff(
            ".agent-trace/traces.jsonl",
            r#"{"contributor":{"type": "ai"}}"#
        ))
        .involvement,
        Involvement::Assisted
    );
    assert_eq!(
        with(diff(
            ".agent-trace/traces.jsonl",
            r#"{"contributor":{"type":"human"}}"#
        ))
        .involvement,
        Involvement::Undeclared
    );
    let config = with(diff("CLAUDE.md", "Be brief."));
    assert_eq!(
        (config.involvement, config.evidence.len()),
        (Involvement::Undeclared, 1)
    );
}

#[test]
fn a_cut_list_of_commits_is_said() {
    let mut one = change("", vec![commit("Fix")]);
    one.commit_count = 9;
    assert_eq!(of(&one).commits_unread, 8);
}

#[test]
fn a_table_with_a_mistake_is_refused() {
    assert!(Markers::parse(&["[[marker]]\nid = \"x\""]).is_err());
    let one = "[[marker]]\nid = \"x\"\nsurface = \"branch\"\nstrength = \"weak\"\nrole = \"author\"\npattern = \"^x/\"\nexamples = []\ncounter_examples = []\n";
    assert!(Markers::parse(&[one]).is_ok());
    assert!(
        Markers::parse(&[one, one])
            .unwrap_err()
            .to_string()
            .contains("twice")
    );
    assert!(
        Markers::parse(&[&one.replace("^x/", "(")])
            .unwrap_err()
            .to_string()
            .contains("x:")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_classified(body in "(?s).{0,300}", message in "(?s)(.{0,40}\n|[A-Z][a-z-]{0,12}-by: .{0,30}\n|```\n|<!--|-->|> ){0,8}") {
        let found = of(&change(&body, vec![commit(&message)]));
        for one in &found.evidence {
            prop_assert!(one.text.chars().count() <= 300);
        }
    }
}

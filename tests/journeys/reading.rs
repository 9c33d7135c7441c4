//! Reading: whatever the diff is, the change is in the queue, and what could not be read is said.

use countersign_engine::view::{ChangeView, InvolvementView, SectionKind, SeverityView};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::Asked;

use super::bench::{Bench, POLICY, REPO, change, commit};

async fn opened(edits: Vec<Edit>) -> (Bench, ChangeView) {
    let bench = Bench::with(|world| {
        world.open(change("feature", edits)).unwrap();
    })
    .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    (bench, view)
}

/// Invariant: no files only together with words on why.
fn never_silently_empty(view: &ChangeView) {
    assert!(!view.files.is_empty() || !view.not_assessed.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_and_findings_are_there_with_their_proof() {
    let sql = "ALTER TABLE ledger ADD COLUMN note text;\nDROP TABLE legacy_invoices;\n";
    let (bench, view) = opened(vec![Edit::write("db/migrations/0042_drop.sql", sql)]).await;
    assert_eq!(view.badge.tool.as_deref(), Some("Claude Code"));
    assert!(
        view.evidence
            .iter()
            .any(|evidence| evidence.text.contains("noreply@anthropic.com")),
        "{:?}",
        view.evidence
    );
    let finding = view
        .findings
        .iter()
        .find(|finding| finding.line == Some(2))
        .unwrap();
    assert!(finding.severity >= SeverityView::High, "{finding:?}");
    let file = bench
        .engine
        .file(view.id.clone(), view.head.clone(), finding.file.unwrap())
        .await
        .unwrap();
    let row = &file.rows[finding.row.unwrap() as usize];
    let text: String = row.pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!((row.new, text.as_str()), (Some(2), "DROP TABLE legacy_invoices;"));
    let queue = bench.queue().await;
    assert_eq!(queue.sections[0].kind, SectionKind::NeedsYou);
    assert!(queue.sections[0].rows[0].severity >= SeverityView::High);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_ground_it_is_is_said_with_whom_the_forge_asked() {
    let bench = Bench::with(|world| {
        let owners = b"/src/ @Priya-N @sol-v\n";
        world
            .set_file(REPO, "main", ".github/CODEOWNERS", owners)
            .unwrap();
        world
            .open(change(
                "feature",
                vec![Edit::write("src/app.txt", "one\n2\nthree\n")],
            ))
            .unwrap();
    })
    .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    let words: Vec<String> = view
        .ground
        .iter()
        .map(|ground| ground.words.iter().map(|run| run.text.as_str()).collect())
        .collect();
    assert_eq!(
        words,
        ["Owned by @Priya-N or @sol-v, of whom @Priya-N was asked."]
    );
    assert_eq!(view.ground[0].asked, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_names_the_components_that_it_touches_and_the_change_its_size() {
    let bench = Bench::with(|world| {
        let parts = "[[component]]\nname = \"app\"\npaths = [\"src/**\"]\n\n\
                     [[component]]\nname = \"site\"\npaths = [\"site/**\"]\ndepends_on = [\"app\"]\n";
        let policy = format!("{POLICY}\n{parts}");
        world
            .set_file(REPO, "main", ".github/countersign.toml", policy.as_bytes())
            .unwrap();
        world
            .open(change(
                "feature",
                vec![Edit::write("src/app.txt", "one\n2\nthree\n")],
            ))
            .unwrap();
    })
    .await;
    assert_eq!(bench.rows().await[0].components, ["app"]);
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(view.components.len(), 2, "what depends on it is in the picture");
    assert_eq!(
        view.measures,
        "1 file in 1 folder; 1 line added, 1 removed. mika has changed nothing in src before."
    );
    assert_eq!(view.evidence[0].role, "wrote it", "{:?}", view.evidence);
    assert_eq!(view.evidence[0].place, "co-authored-by line in 1 of 1 commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_author_has_worked_before_nothing_is_said_of_it() {
    let bench = Bench::with(|world| {
        let tip = world.find(REPO).unwrap().git.tip("main").unwrap();
        let earlier = commit(
            "Begin",
            "mika",
            vec![Edit::write("src/app.txt", "one\n1\nthree\n")],
        );
        world.write_commits(REPO, "main", Some(&tip), &[earlier]).unwrap();
        let edit = |path: &str| Edit::write(path, "one\n2\nthree\n");
        world
            .open(change("feature", vec![edit("src/app.txt"), edit("fresh/a.txt")]))
            .unwrap();
    })
    .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert!(!view.measures.contains("before"), "{}", view.measures);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_that_is_not_utf_8_is_read_byte_for_byte() {
    let (bench, view) = opened(vec![Edit::bytes("latin.txt", b"caf\xe9\nth\xe9\n")]).await;
    never_silently_empty(&view);
    let file = bench.engine.file(view.id, view.head, 0).await.unwrap();
    let text: String = file
        .rows
        .iter()
        .flat_map(|row| &row.pieces)
        .map(|piece| piece.text.as_str())
        .collect();
    assert!(text.contains("\\xE9"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binary_file_is_listed_and_said_not_to_be_assessed() {
    let (_bench, view) = opened(vec![Edit::bytes("logo.bin", &[0, 1, 2, 255, 0, 7])]).await;
    assert_eq!(view.files.len(), 1);
    assert!(
        view.files[0]
            .note
            .as_deref()
            .is_some_and(|note| note.contains("binary")),
        "{:?}",
        view.files
    );
    assert!(
        view.not_assessed.iter().any(|missing| missing.path == "logo.bin"),
        "{:?}",
        view.not_assessed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_diff_that_the_forge_will_not_send_is_never_shown_as_nothing() {
    let text: String = (0..25_000).map(|line| format!("line {line}\n")).collect();
    let (_bench, view) = opened(vec![
        Edit::write("big.txt", &text),
        Edit::write("small.txt", "x\n"),
    ])
    .await;
    assert!(
        view.files.iter().any(|file| file.path == "small.txt"),
        "{:?}",
        view.files
    );
    assert!(
        view.not_assessed.iter().any(|missing| missing.path == "big.txt"),
        "{:?}",
        view.not_assessed
    );
    never_silently_empty(&view);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_cut_off_on_its_way_is_not_taken_for_a_short_one() {
    let bench = Bench::with(|world| {
        world
            .open(change(
                "feature",
                vec![Edit::write("src/app.txt", "one\n2\nthree\nfour\n")],
            ))
            .unwrap();
        world
            .faults
            .push(Fault::always("GET", "*/compare/*", Effect::CutBody(60)));
    })
    .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert!(
        view.files.is_empty() && !view.not_assessed.is_empty(),
        "{:?}",
        view.files
    );
    // It is read again as soon as the forge sends it whole.
    bench.forge.with(|world| world.faults.clear());
    bench
        .until("the whole diff", async |bench| {
            bench.poll().await;
            bench.engine.change(bench.id(1)).await.unwrap().files.len() == 1
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_made_visible_and_stays_text() {
    let mut hostile = change(
        "feature",
        vec![Edit::write("a\u{202e}b.txt", "x = \u{2066}1\u{2069}\n")],
    );
    hostile.title = "<img src=x onerror=alert(1)> \u{202e}evil".into();
    hostile.body =
        "<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![y](https://tracker.example/p.png)".into();
    let bench = Bench::with(|world| {
        world.open(hostile).unwrap();
    })
    .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert!(
        view.title.contains("<img") && !view.title.contains('\u{202e}'),
        "{}",
        view.title
    );
    assert!(!view.files[0].path.contains('\u{202e}'), "{}", view.files[0].path);
    for bad in ["<script", "javascript:", "<img", "tracker.example/p.png\""] {
        assert!(!view.html.contains(bad), "{bad} in {}", view.html);
    }
    let file = bench.engine.file(view.id, view.head, 0).await.unwrap();
    assert!(
        file.rows
            .iter()
            .flat_map(|row| &row.pieces)
            .any(|piece| piece.class == "hidden-char")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_asked_through_a_team_and_an_undeclared_one_stand_where_they_belong() {
    let bench = Bench::with(|world| {
        world.team("acme", "platform", &["priya-n"]);
        let mut team = change("team", vec![Edit::write("src/team.txt", "x\n")]);
        team.asked = vec![Asked::Team("acme/platform".into())];
        world.open(team).unwrap();
        let mut plain = change("plain", vec![Edit::write("src/plain.txt", "x\n")]);
        plain.commits[0].message = "Plain words\n".into();
        world.open(plain).unwrap();
    })
    .await;
    let queue = bench.queue().await;
    let kinds: Vec<SectionKind> = queue.sections.iter().map(|section| section.kind).collect();
    assert_eq!(kinds, [SectionKind::NeedsYou, SectionKind::YourTeams]);
    assert_eq!(
        queue.sections[0].rows[0].badge.involvement,
        InvolvementView::Undeclared
    );
    let view = bench.engine.change(bench.id(2)).await.unwrap();
    assert!(
        view.involvement_words.contains("Nobody said"),
        "{}",
        view.involvement_words
    );
    assert!(!view.involvement_words.to_lowercase().contains("no ai"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_stays_readable_with_the_forge_gone() {
    let (bench, view) = opened(vec![Edit::write("src/app.txt", "one\n2\nthree\n")]).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.poll().await;
    let again = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(
        (again.head, again.seen, again.files.len()),
        (view.head, view.seen, 1)
    );
    assert_eq!(bench.rows().await.len(), 1);
}

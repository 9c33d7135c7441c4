//! A search finds what was read, offline and after its end, and says what it could not look at.

use countersign_engine::view::Found;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;

use super::bench::{Bench, REPO, change, commit};

async fn search(bench: &Bench, text: &str) -> Found {
    let mut whole = bench.engine.search(text.into(), None).await.unwrap();
    while let Some(next) = whole.next.take() {
        let step = bench.engine.search(text.into(), Some(next)).await.unwrap();
        whole.changes.extend(step.changes);
        whole.searched += step.searched;
        whole.without_diff += step.without_diff;
        whole.next = step.next;
    }
    whole
}

fn numbers(found: &Found) -> Vec<u64> {
    found.changes.iter().map(|one| one.number).collect()
}

/// More changes than one step names, all with the same word in their diff.
async fn with_many() -> Bench {
    Bench::with(|world| {
        for at in 0..12 {
            let path = format!("src/part{at}.txt");
            let edits = vec![Edit::write(&path, &format!("first\nthe Needle of {at}\n"))];
            world.open(change(&format!("part-{at}"), edits)).unwrap();
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_diff_that_is_held_is_searched_offline_too() {
    let bench = with_many().await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    let first = bench.engine.search("needle".into(), None).await.unwrap();
    assert!(
        first.next.is_some() && first.changes.len() < 12,
        "{}",
        first.changes.len()
    );
    let found = search(&bench, "needle").await;
    let mut seen = numbers(&found);
    seen.sort_unstable();
    assert_eq!(seen, (1..=12).collect::<Vec<_>>());
    assert_eq!((found.searched, found.of, found.without_diff), (12, 12, 0));

    let found = search(&bench, "needle of 7").await;
    let [one] = found.changes.as_slice() else {
        panic!("{found:?}")
    };
    let line = &one.lines[0];
    assert_eq!(
        (
            line.path.as_str(),
            line.number,
            line.excerpt.hit.as_str(),
            one.state.as_str()
        ),
        ("src/part7.txt", Some(2), "Needle of 7", "waits for you")
    );
    // It leads to the line that the window shows.
    let view = bench.engine.change(one.id.clone()).await.unwrap();
    let file = bench
        .engine
        .file(one.id.clone(), view.head, line.file.unwrap())
        .await
        .unwrap();
    let row = &file.rows[usize::try_from(line.row.unwrap()).unwrap()];
    assert!(row.pieces.iter().any(|piece| piece.text.contains("Needle of 7")));
    let paths = search(&bench, "PART7.txt").await;
    assert_eq!(
        (numbers(&paths), paths.changes[0].lines[0].row),
        (vec![one.number], None)
    );
    let texts = &search(&bench, "part-7").await.changes[0].texts;
    assert!(texts.iter().any(|text| text.place == "branch"), "{texts:?}");
    assert!(search(&bench, "nowhere at all").await.changes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_found_and_what_is_gone_is_counted() {
    let bench = with_many().await;
    bench.forge.with(|world| world.close(REPO, 3, "mika").unwrap());
    bench.poll().await;
    let found = search(&bench, "needle of").await;
    let state = |number| {
        let one = found.changes.iter().find(|one| one.number == number);
        one.map(|one| one.state.clone())
    };
    assert_eq!(state(3).as_deref(), Some("closed"), "{found:?}");
    assert_eq!(*numbers(&found).last().unwrap(), 3, "what waits comes first");

    let bench = bench.reopened_with(|_| {}, |options| options.budget = 0).await;
    bench.sign_in().await;
    bench.poll().await;
    let found = search(&bench, "needle of").await;
    assert!(!numbers(&found).contains(&3));
    assert_eq!((found.without_diff, found.searched), (1, 12));
    // What is known without the diff is found still.
    assert_eq!(numbers(&search(&bench, "part-2").await), [3]);
}

/// What one read and the author then replaced is on this machine still, and one may remember no more of it than a word.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_at_an_earlier_head_is_found() {
    let bench = with_many().await;
    bench.read(7).await;
    for number in [7, 8] {
        let path = format!("src/part{}.txt", number - 1);
        let edits = vec![Edit::write(&path, "first\nsomething else\n")];
        let more = commit("Otherwise", "mika", edits);
        bench.forge.push(REPO, number, "mika", &[more]).unwrap();
    }
    bench.poll().await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    let found = search(&bench, "needle of 6").await;
    let [one] = found.changes.as_slice() else {
        panic!("{found:?}")
    };
    let [line] = one.lines.as_slice() else {
        panic!("{one:?}")
    };
    assert_eq!(
        (
            one.number,
            line.path.as_str(),
            line.number,
            line.excerpt.hit.as_str()
        ),
        (7, "src/part6.txt", Some(2), "Needle of 6")
    );
    assert_eq!(
        (line.file, line.row),
        (None, None),
        "it leads to no line of what is shown"
    );
    // Nobody read the other, so nothing says what it was part of.
    assert!(search(&bench, "needle of 7").await.changes.is_empty());
    // What the present diff has too is named there alone.
    let found = search(&bench, "part6.txt").await;
    assert_eq!(
        (found.changes[0].texts.len(), found.changes[0].lines.len()),
        (0, 1)
    );
}

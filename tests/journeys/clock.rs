//! The clock on the wall is set, or the machine sleeps: the forge is asked again soon, nothing is told twice, nothing is
//! said to come from the future, and what the forge asked for is kept.

use std::time::{Duration, Instant};

use countersign_engine::view::{DecisionView, OutboxStateView};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::World;
use countersign_tests::tally::{Tally, holding};
use jiff::{SignedDuration, Timestamp};

use super::bench::{Bench, REPO, change};
use super::network::{STEPS, judged};

fn queries(bench: &Bench, operation: &str) -> usize {
    bench.forge.with(|world| {
        let calls = world.calls.iter();
        calls
            .filter(|call| call.operation.as_deref() == Some(operation))
            .count()
    })
}

/// Searches: each poll asks them once.
fn polls(bench: &Bench) -> usize {
    queries(bench, "Probe")
}

/// Breaks the next poll off in its middle: the searches are answered, and nothing is read.
fn break_the_next_poll(bench: &Bench) {
    let fault = Fault::once("POST", "*/graphql", Effect::trouble(502));
    bench.forge.faults([fault.after(1)]);
}

async fn poll_broke(bench: &Bench) {
    bench
        .until("the poll that breaks off", async |bench| {
            let told = bench.queue().await.banners;
            let broke = told.iter().any(|banner| banner.message.what.contains("502"));
            broke && bench.forge.with(|world| world.faults.is_empty())
        })
        .await;
}

/// With one change, after a notice of a second one, and the poll that told it long enough ago that another may follow.
async fn at_rest() -> Bench {
    let bench = Bench::with_one_change().await;
    bench.forge.with(|world| {
        let edits = vec![Edit::write("src/two.txt", "x\n")];
        world.open(change("second", edits)).unwrap();
    });
    bench.poll().await;
    assert_eq!(bench.desktop.with(|seen| seen.notices.len()), 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    bench
}

/// The poll that follows, within 5 s.
async fn polls_soon(bench: &Bench, before: usize) {
    let began = Instant::now();
    while polls(bench) == before {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "nothing was asked in 5 s"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nothing stands in the future but what is planned, and that not for long.
async fn ages_are_sane(bench: &Bench) {
    let (status, now) = (bench.engine.status().await.unwrap(), bench.clock.now());
    let at = |text: Option<String>| text.map(|text| text.parse::<Timestamp>().unwrap());
    let [data, next] = [at(status.data_at), at(status.next_poll_at)].map(Option::unwrap);
    assert!(data <= now, "read at {data}, and it is {now}");
    let wait = next.duration_since(now);
    assert!(
        wait <= SignedDuration::from_secs(60) && wait >= SignedDuration::from_secs(-5),
        "the next poll is at {next}, and it is {now}"
    );
}

/// What a poll did not get to is not fresh because the next one had little to read.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_poll_was_to_read_again_the_next_one_reads() {
    let bench = at_rest().await;
    break_the_next_poll(&bench);
    bench.clock.set_by(SignedDuration::from_hours(3));
    poll_broke(&bench).await;
    let (polled, read) = (polls(&bench), queries(&bench, "Hydrate"));
    let data_at = bench.engine.status().await.unwrap().data_at.unwrap();
    let old = bench.clock.now().duration_since(data_at.parse().unwrap());
    assert!(old >= SignedDuration::from_hours(3), "nothing was read: {old}");
    bench.engine.nudge();
    bench
        .until("the next poll", async |bench| {
            polls(bench) > polled && bench.engine.status().await.unwrap().data_at != Some(data_at.clone())
        })
        .await;
    assert!(
        queries(&bench, "Hydrate") > read,
        "it is said to be read, and was not"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_asked_for_is_owed_until_a_poll_has_read_it() {
    let bench = Bench::with_one_change().await;
    bench.poll().await;
    break_the_next_poll(&bench);
    bench.poll().await;
    poll_broke(&bench).await;
    let (polled, read) = (polls(&bench), queries(&bench, "Hydrate"));
    bench.engine.nudge();
    bench
        .until("the next poll", async |bench| {
            polls(bench) > polled && bench.queue().await.banners.is_empty()
        })
        .await;
    assert!(queries(&bench, "Hydrate") > read);
}

async fn set_by(hours: i64) {
    let bench = at_rest().await;
    let before = polls(&bench);
    bench.clock.set_by(SignedDuration::from_hours(hours));
    polls_soon(&bench, before).await;
    bench
        .until("the poll's end", async |bench| {
            let next = bench.engine.status().await.unwrap().next_poll_at.unwrap();
            next.parse::<Timestamp>().unwrap() > bench.clock.now()
        })
        .await;
    ages_are_sane(&bench).await;
    // No storm, and no second notice, for one jump.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(polls(&bench), before + 1);
    assert_eq!(bench.desktop.with(|seen| seen.notices.len()), 1);
    assert_eq!(bench.rows().await.len(), 2);
    ages_are_sane(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_forward_or_slept_through() {
    set_by(9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_back() {
    set_by(-9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_back_while_offline_it_is_not_offline_since_the_future() {
    let bench = Bench::with_one_change().await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.poll().await;
    bench.clock.set_by(SignedDuration::from_hours(-2));
    bench
        .until("the jump to be seen", async |bench| {
            let status = bench.engine.status().await.unwrap();
            let since: Timestamp = status.offline_since.unwrap().parse().unwrap();
            let data: Timestamp = status.data_at.unwrap().parse().unwrap();
            since <= bench.clock.now() && data <= since
        })
        .await;
}

/// What was read keeps its age over a restart.
#[tokio::test(flavor = "multi_thread")]
async fn set_back_nothing_is_of_the_future_after_a_restart() {
    let data_at = async |bench: &Bench| -> Option<Timestamp> {
        let status = bench.engine.status().await.unwrap();
        status.data_at.map(|at| at.parse().unwrap())
    };
    let bench = Bench::with_one_change().await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.poll().await;
    bench.clock.set_by(SignedDuration::from_hours(-2));
    bench
        .until("the jump to be seen", async |bench| {
            data_at(bench).await.is_some_and(|at| at <= bench.clock.now())
        })
        .await;
    let bench = bench.reopened().await;
    let at = data_at(&bench).await.unwrap();
    let old = bench.clock.now().duration_since(at);
    assert!(
        !old.is_negative() && old < SignedDuration::from_mins(1),
        "{old} old"
    );
    // Set while nothing ran, nobody knows by how much.
    let clock = bench.clock.clone();
    let set_back = |_: &std::path::Path| clock.set_by(SignedDuration::from_hours(-2));
    let bench = bench.reopened_after(set_back).await;
    assert_eq!(data_at(&bench).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_again_and_again_makes_no_storm() {
    let bench = at_rest().await;
    let before = polls(&bench);
    let until = Instant::now() + Duration::from_secs(40);
    let mut hours = 5;
    while Instant::now() < until {
        bench.clock.set_by(SignedDuration::from_hours(hours));
        hours = -hours;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    // Six by the allowance, and the one that is due anyway.
    let polled = polls(&bench) - before;
    assert!((2..=7).contains(&polled), "{polled} polls in 40 s");
    assert_eq!(bench.desktop.with(|seen| seen.notices.len()), 1);
}

/// Set by hours at each call that sends a decision: it is there once.
#[tokio::test(flavor = "multi_thread")]
async fn set_at_every_step_of_a_decision() {
    let (mut tally, mut wrong) = (Tally::of("clocks: the machine's set, or a sleep"), Vec::new());
    for hours in [9, -9] {
        let bench = Bench::with(|world| {
            for number in 1..=STEPS.len() {
                let edits = vec![Edit::write(&format!("src/part{number}.txt"), "x\n")];
                world.open(change(&format!("part-{number}"), edits)).unwrap();
            }
        })
        .await;
        for (number, step) in (1..).zip(&STEPS) {
            let view = bench.read(number).await;
            let clock = bench.clock.clone();
            let set = move |_: &mut World| clock.set_by(SignedDuration::from_hours(hours));
            let path = format!("*/pulls/{number}{}", step.path);
            let fault = Fault::once(step.method, &path, Effect::Hook(Box::new(set)));
            bench.forge.faults([fault.after(step.skip)]);
            bench
                .decide(&view, DecisionView::Approve, "Read it.")
                .await
                .unwrap();
            let until = Instant::now() + Duration::from_secs(20);
            let confirmed = async || {
                let rows = bench.rows().await;
                let mine = rows.into_iter().filter(|row| row.number == number);
                mine.filter_map(|row| row.decision)
                    .any(|decision| decision.state == OutboxStateView::Confirmed)
            };
            while !confirmed().await && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let met = bench
                .forge
                .with(|world| std::mem::take(&mut world.faults).is_empty());
            let there = bench.forge.reviews(REPO, number).len() as u64;
            tally.tried += 1;
            tally.lost += u64::from(there == 0 || !confirmed().await);
            tally.doubled += there.saturating_sub(1);
            if !met {
                wrong.push(format!("{}: the clock was not set", step.name));
            }
            // With a clock that is hours off nothing is signed: it is right again before the next.
            bench.clock.set_by(SignedDuration::from_hours(-hours));
            bench.poll().await;
        }
        tally.leaked += holding(bench.profile.path(), &bench.forge.token());
    }
    judged(&tally, &wrong);
}

/// What the forge asked for holds however the clock is set, and the decision that waits for it is sent after it.
#[tokio::test(flavor = "multi_thread")]
async fn set_back_while_the_forge_asked_to_wait_it_waits_and_then_sends() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::once(
        "GET",
        "*/pulls/1/reviews",
        Effect::secondary_limit(429, Some(8)),
    )]);
    // The forge can ask no earlier, however late the machine is.
    let (listed, before) = (bench.forge.count("GET", "*/pulls/1/reviews"), Instant::now());
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench
        .until("the limit to be told", async |bench| {
            bench.forge.count("GET", "*/pulls/1/reviews") > listed && bench.decision().await.message.is_some()
        })
        .await;
    let asked = bench.forge.count("*", "*");
    bench.clock.set_by(SignedDuration::from_hours(-3));
    while before.elapsed() < Duration::from_secs(8) {
        assert_eq!(bench.forge.count("*", "*"), asked, "it was asked to wait");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bench.comes_to(OutboxStateView::Confirmed).await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
}

/// The same where it is set forward: by the time that it shows then, the forge's time would be over.
#[tokio::test(flavor = "multi_thread")]
async fn set_forward_while_the_forge_asked_to_wait_it_waits_all_the_same() {
    let bench = Bench::with_one_change().await;
    let limited = Fault::once("POST", "*/graphql", Effect::secondary_limit(429, Some(12)));
    bench.forge.faults([limited]);
    bench.engine.nudge();
    bench
        .until("the limit to be told", async |bench| {
            let told = bench.queue().await.banners;
            told.iter()
                .any(|banner| banner.message.what.contains("asks to wait"))
        })
        .await;
    let (asked, told) = (bench.forge.count("*", "*"), Instant::now());
    bench.clock.set_by(SignedDuration::from_hours(3));
    while told.elapsed() < Duration::from_secs(10) {
        assert_eq!(bench.forge.count("*", "*"), asked, "it was asked to wait");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bench
        .until("the poll after it", async |bench| {
            bench.queue().await.banners.is_empty()
        })
        .await;
}

/// A call that hangs over a sleep is not waited for: its connection leads nowhere. What came of it is looked for.
#[tokio::test(flavor = "multi_thread")]
async fn woken_in_the_middle_of_a_call_it_asks_again_at_once() {
    let (mut tally, mut wrong) = (Tally::of("clocks: woken in the middle of a call"), Vec::new());
    for step in &STEPS {
        // An engine each: how often it may be woken in a row is bounded.
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        let path = format!("*/pulls/1{}", step.path);
        let hangs = Fault::once(step.method, &path, Effect::Slow(Duration::from_secs(40)));
        bench.forge.faults([hangs.after(step.skip)]);
        bench
            .decide(&view, DecisionView::Approve, "Read it.")
            .await
            .unwrap();
        bench
            .until("the call that hangs", async |bench| {
                bench.forge.with(|world| world.faults.is_empty())
            })
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let woken = Instant::now();
        bench.clock.set_by(SignedDuration::from_hours(9));
        let confirmed = async || bench.decision().await.state == OutboxStateView::Confirmed;
        while !confirmed().await && woken.elapsed() < Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let there = bench.forge.reviews(REPO, 1).len() as u64;
        tally.tried += 1;
        tally.lost += u64::from(there == 0 || !confirmed().await);
        tally.doubled += there.saturating_sub(1);
        tally.leaked += holding(bench.profile.path(), &bench.forge.token());
        if woken.elapsed() >= Duration::from_secs(15) {
            wrong.push(format!("{}: it was waited for", step.name));
        }
    }
    judged(&tally, &wrong);
}

/// Signed while this machine's clock was ahead and no forge could say so: the gate would refuse it for ever.
#[tokio::test(flavor = "multi_thread")]
async fn signed_ahead_of_the_forges_clock_it_is_handed_back() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.clock.set_by(SignedDuration::from_hours(2));
    let decided = bench.decide(&view, DecisionView::Approve, "Read it.").await;
    assert!(decided.unwrap().signed, "offline nobody knows better");
    bench.forge.with(|world| world.faults.clear());
    bench.engine.nudge();
    let ended = bench.comes_to(OutboxStateView::HandedBack).await;
    let said = ended.message.unwrap();
    assert!(said.what.contains("ahead of the forge's clock"), "{said:?}");
    assert!(
        said.todo.contains("Set this machine's clock") && !said.kept.is_empty(),
        "{said:?}"
    );
    assert_eq!(ended.words, "Read it.");
    assert!(bench.forge.reviews(REPO, 1).is_empty());
}

//! What judging costs beside the bare check of the same signature: whole processes, one of each in turn, so that both
//! meet the same load; and a thousand approvals in one process beside as many single runs.
//!
//! `bench_verify --gate PROGRAM --json FILE [--count N]`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that measures prints what it found, and ends where it cannot measure"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::{
    NAMESPACE, PATH, PRIYA, USUAL, add_review, allowed_signers, armor, body, envelope, key_of, pae, payload,
    review, scene, sshsig, statement,
};

/// At most this many times one `ssh-keygen -Y verify`.
const MOST_SINGLE: f64 = 3.0;
/// At most this part of as many single runs.
const MOST_BATCH: f64 = 0.2;

struct Wanted {
    gate: PathBuf,
    json: PathBuf,
    count: usize,
}

fn wanted() -> Wanted {
    let mut wanted = Wanted {
        gate: PathBuf::new(),
        json: PathBuf::new(),
        count: 1_000,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().unwrap();
        match word.as_str() {
            "--gate" => wanted.gate = value.into(),
            "--json" => wanted.json = value.into(),
            "--count" => wanted.count = value.parse().unwrap(),
            other => panic!("{other} is not known here"),
        }
    }
    wanted
}

/// The files of one approval.
struct Approval {
    input: PathBuf,
    signature: PathBuf,
    message: PathBuf,
}

/// Approvals of changes that differ in their number, each signed anew.
fn approvals(folder: &Path, count: usize) -> Vec<Approval> {
    let text = |at: Timestamp| json!(Timestamp::from_second(at.as_second()).unwrap().to_string());
    let now = Timestamp::now();
    let mut statement = statement(PRIYA, PATH);
    statement["predicate"]["issuedAt"] = text(now - SignedDuration::from_mins(1));
    statement["predicate"]["expiresAt"] = text(now + SignedDuration::from_hours(24));
    let (scene, key) = (scene(PATH), key_of(PRIYA));
    (1..=count)
        .map(|number| {
            let file = |kind: &str| folder.join(format!("{number}.{kind}"));
            let approval = Approval {
                input: file("json"),
                signature: file("sig"),
                message: file("message"),
            };
            statement["predicate"]["forge"]["change"] = json!(number.to_string());
            statement["predicate"]["nonce"] = json!(format!("{number:A>21}A"));
            let payload = payload(&statement);
            let armor = armor(&sshsig(&key, &payload, &USUAL));
            let mut input = scene.clone();
            input["change"]["number"] = json!(number.to_string());
            let mut review = review("9001", PRIYA, "approved", &body(&envelope(&payload, &armor)));
            review["submitted_at"] = text(now);
            add_review(&mut input, review);
            fs::write(&approval.input, input.to_string()).unwrap();
            fs::write(&approval.signature, armor).unwrap();
            fs::write(&approval.message, pae(&payload)).unwrap();
            approval
        })
        .collect()
}

/// How long it takes; it must succeed.
fn time(command: &mut Command) -> Duration {
    let begin = Instant::now();
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let took = begin.elapsed();
    assert!(status.success(), "{command:?}");
    took
}

fn check(folder: &Path, approval: &Approval) -> Duration {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-Y", "verify", "-n", NAMESPACE, "-I", PRIYA.2, "-f"])
        .arg(folder.join("allowed_signers"))
        .arg("-s")
        .arg(&approval.signature)
        .stdin(File::open(&approval.message).unwrap());
    time(&mut command)
}

fn judge<'a>(gate: &Path, approvals: impl IntoIterator<Item = &'a Approval>) -> Duration {
    let mut command = Command::new(gate);
    command.args(["judge", "--input"]);
    for approval in approvals {
        command.arg(&approval.input);
    }
    time(&mut command)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> ExitCode {
    let wanted = wanted();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("allowed_signers"), allowed_signers()).unwrap();
    let approvals = approvals(folder.path(), wanted.count);

    let (mut checks, mut judged) = (Vec::new(), Vec::new());
    for (at, approval) in approvals.iter().enumerate() {
        // Whoever comes second finds the machine warmer: they take turns.
        let (check, judge) = if at % 2 == 0 {
            let check = check(folder.path(), approval);
            (check, judge(&wanted.gate, [approval]))
        } else {
            let judge = judge(&wanted.gate, [approval]);
            (check(folder.path(), approval), judge)
        };
        checks.push(check.as_secs_f64());
        judged.push(judge.as_secs_f64());
    }
    let all_single: f64 = judged.iter().sum();
    let batch = median(
        (0..3)
            .map(|_| judge(&wanted.gate, &approvals).as_secs_f64())
            .collect(),
    );
    let pairs = judged.iter().zip(&checks).map(|(judge, check)| judge / check);
    let single_ratio = median(pairs.collect());
    let batch_ratio = batch / all_single;
    let size = fs::metadata(&wanted.gate).unwrap().len();
    let (check, single) = (median(checks), median(judged));

    let passed = single_ratio <= MOST_SINGLE && batch_ratio <= MOST_BATCH;
    let milliseconds = |seconds: f64| (seconds * 1e6).round() / 1e3;
    let report: Value = json!({
        "approvals": wanted.count, "gate_bytes": size, "passed": passed,
        "ssh_keygen_ms": milliseconds(check), "judge_ms": milliseconds(single),
        "judge_per_ssh_keygen": single_ratio, "most_judge_per_ssh_keygen": MOST_SINGLE,
        "all_single_ms": milliseconds(all_single), "one_process_ms": milliseconds(batch),
        "one_process_per_single": batch_ratio, "most_one_process_per_single": MOST_BATCH,
    });
    fs::write(&wanted.json, format!("{report:#}\n")).unwrap();
    println!(
        "ssh-keygen -Y verify {:.2} ms, judge {:.2} ms: {single_ratio:.2} times (at most {MOST_SINGLE}), median of {} pairs",
        milliseconds(check),
        milliseconds(single),
        wanted.count
    );
    println!(
        "{} in one process {:.0} ms, as many single runs {:.0} ms: {batch_ratio:.3} (at most {MOST_BATCH})",
        wanted.count,
        milliseconds(batch),
        milliseconds(all_single)
    );
    println!("the gate has {size} bytes");
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

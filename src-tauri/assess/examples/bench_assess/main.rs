//! What it costs to know a change: its diff parsed, classified and assessed, against the plainest thing that could
//! work, which splits the same bytes into lines and gives each once to one set of all patterns.
//!
//! `bench_assess [--json FILE] [DIFF…]`; each `DIFF` is measured as well, and holds to nothing. Exit 1 where a
//! bound does not hold.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a program that measures prints, and stops at what it cannot read"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
mod workload;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::change;
use countersign_assess::assess;
use countersign_core::change::Change;
use countersign_core::evidence::{Extra, classify};
use countersign_core::patch::Patch;
use peak_alloc::PeakAlloc;
use regex::bytes::{RegexSet, RegexSetBuilder};
use serde_json::{Value, json};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// A diff of 20,000 lines in 300 files, or of four or sixteen times as many, may cost this many times the plainest
/// thing.
const MOST_TIMES: f64 = 8.0;
/// Heap growth may be this many times the bytes of the diff.
const MOST_HEAP: f64 = 16.0;
/// The exponent of heap growth over the sizes.
const MOST_EXPONENT: f64 = 1.1;
/// What a thousand assessed changes may leave behind: nothing but caches that are warm by then.
const MOST_LEFT: usize = 1 << 20;
/// Pairs of which the median is taken.
const PAIRS: usize = 15;

fn main() -> ExitCode {
    let (mut path, mut diffs) = (None, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => path = words.next(),
            diff => diffs.push(diff.to_owned()),
        }
    }
    let plain = plain_set();
    let (files, lines) = (300, 20_000);
    let sizes = [1, 4, 16].map(|times| (times, workload::diff(files * times, lines * times)));
    // The caches of the automata grow once, and belong to no diff.
    let [.., (_, largest)] = &sizes;
    whole(&change("x"), largest.as_bytes());
    let mut sizes: Vec<Measured> = sizes
        .iter()
        .map(|(times, diff)| measure(&plain, &format!("{times}×"), diff.as_bytes()))
        .collect();
    let exponents = [
        exponent(&sizes, |one| one.heap),
        exponent(&sizes, |one| one.seconds),
    ];
    let typical = typical();
    for file in &diffs {
        sizes.push(measure(&plain, file, &std::fs::read(file).unwrap()));
    }
    println!(
        "{:>9} {:>6} {:>8} {:>9} {:>9} {:>7} {:>7}  diff",
        "KiB", "files", "lines", "ms", "plain ms", "ratio", "heap"
    );
    for one in &sizes {
        println!(
            "{:>9} {:>6} {:>8} {:>9.2} {:>9.2} {:>6.2}× {:>6.2}×  {}",
            one.bytes >> 10,
            one.files,
            one.lines,
            one.seconds * 1e3,
            one.plain * 1e3,
            one.ratio,
            one.heap / one.bytes as f64,
            one.name
        );
    }
    println!(
        "exponent of heap {:.3}, of time {:.3}",
        exponents[0], exponents[1]
    );
    println!(
        "{} typical changes in {:.1} ms, median {:.3} ms; the slowest: {} in {:.3} ms; {} KiB left",
        typical.count,
        typical.total * 1e3,
        typical.median * 1e3,
        typical.slowest,
        typical.longest * 1e3,
        typical.left >> 10
    );
    let worst = |value: fn(&Measured) -> f64| sizes[..3].iter().map(value).fold(0.0, f64::max);
    let bounds = [
        (
            "time against the plainest thing",
            worst(|one| one.ratio),
            MOST_TIMES,
        ),
        (
            "heap against the bytes of the diff",
            worst(|one| one.heap / one.bytes as f64),
            MOST_HEAP,
        ),
        ("exponent of heap", exponents[0], MOST_EXPONENT),
        (
            "bytes left by typical changes",
            typical.left as f64,
            MOST_LEFT as f64,
        ),
    ];
    if let Some(path) = path {
        write(&path, &sizes, &typical, &bounds);
    }
    let broken: Vec<_> = bounds.iter().filter(|(_, value, most)| value > most).collect();
    for (what, value, most) in &broken {
        eprintln!("error: {what}: {value:.2}, at most {most}");
    }
    if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Measured {
    name: String,
    bytes: usize,
    files: usize,
    lines: usize,
    /// Medians over the pairs, the ratio of those within one pair.
    seconds: f64,
    plain: f64,
    ratio: f64,
    /// The most that was allocated at once, in bytes.
    heap: f64,
}

fn measure(plain: &RegexSet, name: &str, diff: &[u8]) -> Measured {
    let about = change("x");
    let (_, heap) = whole(&about, diff);
    simple(plain, diff);
    let pairs: Vec<(f64, f64)> = (0..PAIRS)
        .map(|_| {
            let (spent, _) = whole(&about, diff);
            (spent.as_secs_f64(), simple(plain, diff).as_secs_f64())
        })
        .collect();
    Measured {
        name: name.to_owned(),
        bytes: diff.len(),
        files: Patch::parse(diff).unwrap().files.len(),
        lines: diff.split(|byte| *byte == b'\n').count() - 1,
        seconds: median(pairs.iter().map(|pair| pair.0)),
        plain: median(pairs.iter().map(|pair| pair.1)),
        ratio: median(pairs.iter().map(|pair| pair.0 / pair.1)),
        heap: heap as f64,
    }
}

/// The time from bytes to assessment, and the most heap that it took at once.
fn whole(about: &Change, diff: &[u8]) -> (Duration, usize) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let start = Instant::now();
    let patch = Patch::parse(diff).unwrap();
    let patched = Extra {
        patch: Some(&patch),
        notes: &[],
    };
    black_box(classify(about, patched));
    black_box(assess(about, Ok(&patch), &[]));
    (start.elapsed(), HEAP.peak_usage() - before)
}

fn simple(plain: &RegexSet, diff: &[u8]) -> Duration {
    let start = Instant::now();
    for line in diff.split(|byte| *byte == b'\n') {
        black_box(plain.matches(black_box(line)));
    }
    start.elapsed()
}

/// All patterns of the rules as one set, built as well as the crate itself builds its own.
fn plain_set() -> RegexSet {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
    let mut patterns = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let table: toml::Table = std::fs::read_to_string(file.unwrap().path())
            .unwrap()
            .parse()
            .unwrap();
        let rules = table.get("rule").and_then(toml::Value::as_array);
        let of_rules = rules
            .into_iter()
            .flatten()
            .filter_map(|rule| rule.get("pattern")?.as_str());
        patterns.extend(of_rules.map(str::to_owned));
    }
    assert!(patterns.len() > 60, "the tables of the rules");
    let mut builder = RegexSetBuilder::new(patterns);
    builder.unicode(false).dfa_size_limit(32 << 20).build().unwrap()
}

struct Typical {
    count: usize,
    total: f64,
    median: f64,
    slowest: String,
    longest: f64,
    left: usize,
}

/// Changes of the sizes that people make, one after the other; a pause of the machine is not the change's fault, so
/// that each counts with the better of two times.
fn typical() -> Typical {
    let changes = workload::typical(1000);
    let about = change("x");
    let run = |changes: &[(String, String)]| -> Vec<f64> {
        let time = |diff: &String| whole(&about, diff.as_bytes()).0.as_secs_f64();
        changes.iter().map(|(_, diff)| time(diff)).collect()
    };
    let first = run(&changes);
    let before = HEAP.current_usage();
    let second = run(&changes);
    let left = HEAP
        .current_usage()
        .saturating_sub(before + first.len() * size_of::<f64>());
    let times: Vec<f64> = first.iter().zip(&second).map(|(a, b)| a.min(*b)).collect();
    let at = (0..times.len())
        .max_by(|a, b| times[*a].total_cmp(&times[*b]))
        .unwrap();
    Typical {
        count: times.len(),
        total: times.iter().sum(),
        median: median(times.iter().copied()),
        slowest: changes[at].0.clone(),
        longest: times[at],
        left,
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The slope of the least squares in logarithms: 1 is proportional.
fn exponent(sizes: &[Measured], value: impl Fn(&Measured) -> f64) -> f64 {
    let points: Vec<(f64, f64)> = sizes
        .iter()
        .map(|one| ((one.bytes as f64).ln(), value(one).ln()))
        .collect();
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| {
        (x + point.0 / count, y + point.1 / count)
    });
    let (up, down) = points.iter().fold((0.0, 0.0), |(up, down), point| {
        (up + (point.0 - x) * (point.1 - y), down + (point.0 - x).powi(2))
    });
    up / down
}

fn write(path: &str, sizes: &[Measured], typical: &Typical, bounds: &[(&str, f64, f64)]) {
    let sizes: Vec<Value> = sizes
        .iter()
        .map(|one| {
            json!({"diff": one.name, "bytes": one.bytes, "files": one.files, "lines": one.lines, "seconds": one.seconds,
                   "plain_seconds": one.plain, "ratio": one.ratio, "heap_bytes": one.heap})
        })
        .collect();
    let bounds: Vec<Value> = bounds
        .iter()
        .map(
            |(what, value, most)| json!({"what": what, "value": value, "most": most, "holds": value <= most}),
        )
        .collect();
    let typical = json!({"changes": typical.count, "seconds": typical.total, "median_seconds": typical.median,
        "slowest": typical.slowest, "slowest_seconds": typical.longest, "bytes_left": typical.left});
    let document = json!({"bounds": bounds, "sizes": sizes, "typical": typical});
    std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
    std::fs::write(path, format!("{document:#}\n")).unwrap();
}

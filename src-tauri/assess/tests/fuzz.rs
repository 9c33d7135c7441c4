//! The bodies of the fuzz targets over their committed inputs, and over what becomes of these by cutting, doubling and
//! mixing: no panic, and bounds on time and memory that grow with the input and no faster.
#![allow(clippy::unwrap_used, reason = "a test")]

mod bodies;
mod common;

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use proptest::prelude::*;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

type Body = fn(&[u8]);

const TARGETS: [(&str, Body); 9] = [
    ("patch", bodies::patch),
    ("trailers", bodies::trailers),
    ("owners", bodies::owners),
    ("policy", bodies::policy),
    ("signers", bodies::signers),
    ("envelope", bodies::envelope),
    ("judge", bodies::judge),
    ("evidence", bodies::evidence),
    ("assess", bodies::assess),
];

/// Longer inputs say nothing that these do not.
const LONGEST: usize = 64 << 10;
/// What any input may cost at most, in a slow build on a busy machine.
const MOST_TIME: Duration = Duration::from_secs(20);
/// Heap that any input may take, and how much more for each of its bytes.
const MOST_HEAP: (usize, usize) = (1 << 20, 512);
/// Each pattern of an owners file is an automaton of its own.
const MOST_HEAP_OWNERS: usize = 4096;

fn folder(target: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/fuzz")).join(target)
}

/// The committed inputs of a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder(target))
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut files: Vec<_> = files
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{target} has too few inputs to start from");
    files
}

/// Runs a body within its bounds. One at a time: the heap is everybody's.
fn bounded(target: &str, body: Body, data: &[u8]) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let start = Instant::now();
    body(data);
    let spent = start.elapsed();
    // The caches of automata grow once for all inputs, and belong to none.
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    body(data);
    let heap = HEAP.peak_usage().saturating_sub(before);
    let by_byte = if target == "owners" {
        MOST_HEAP_OWNERS
    } else {
        MOST_HEAP.1
    };
    let most = MOST_HEAP.0 + by_byte * data.len();
    assert!(
        heap <= most,
        "{target}: {heap} bytes of heap for {} bytes",
        data.len()
    );
    assert!(spent <= MOST_TIME, "{target}: {spent:?} for {} bytes", data.len());
}

#[test]
fn each_committed_input_keeps_its_bounds() {
    for (target, body) in TARGETS {
        for (_, data) in corpus(target) {
            bounded(target, body, &data);
        }
    }
}

#[test]
fn a_committed_input_many_times_over_keeps_its_bounds() {
    for (target, body) in TARGETS {
        for (_, data) in corpus(target) {
            bounded(target, body, &data.repeat(1 + LONGEST / 4 / data.len().max(1)));
        }
    }
}

/// Each file of `../fuzz` does nothing but call its body, and cargo-fuzz knows it.
#[test]
fn each_target_of_cargo_fuzz_calls_its_body() {
    let fuzz = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"));
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (target, _) in TARGETS {
        let text = fs::read_to_string(fuzz.join(format!("fuzz_targets/{target}.rs"))).unwrap();
        let call = format!("libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::{target}(data));\n");
        assert!(text.ends_with(&call) && text.lines().count() <= 8, "{target}");
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")),
            "{target}"
        );
    }
    assert_eq!(
        fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count(),
        TARGETS.len()
    );
}

/// Cuts, doubles, writes over or mixes in.
fn mutated(mut data: Vec<u8>, other: &[u8], steps: &[(u8, usize, usize)]) -> Vec<u8> {
    for (step, at, length) in steps {
        let from = at % (data.len() + 1);
        let to = (from + length % 64).min(data.len());
        match step % 6 {
            0 => drop(data.drain(from..to)),
            1 => {
                let part = data[from..to].to_vec();
                data.splice(to..to, part.repeat(1 + length % 9));
            }
            2 => data[from..to]
                .iter_mut()
                .for_each(|byte| *byte = byte.wrapping_add(*at as u8)),
            3 => {
                let start = length % (other.len() + 1);
                let end = (start + at % 96).min(other.len());
                data.splice(from..from, other[start..end].iter().copied());
            }
            4 => data.truncate(data.len() - (data.len() - from) / 8),
            _ => {
                let sign = HOSTILE[length % HOSTILE.len()];
                data.splice(from..from, sign.bytes());
            }
        }
        data.truncate(LONGEST);
    }
    data
}

/// What parsers trip over.
const HOSTILE: &[&str] = &[
    "\0",
    "\r\n",
    "\r",
    "\n\n",
    "\u{200b}",
    "\u{feff}",
    "é",
    "🤖",
    "/*",
    "*/",
    "\"",
    "'",
    "`",
    "<<EOT\n",
    "{{{{",
    "}}",
    "((((",
    "[[[[",
    "-- ",
    "#",
    "\\",
    "\\\n",
    "@@ -1 +1 @@\n",
    "diff --git ",
    "4294967295",
    "-1",
    "**/",
    "*",
    "!",
    ";",
    "$(",
    "${{",
    ": ",
    "\t",
    "= [",
    "\u{2028}",
    "A-by:\n ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_becomes_of_the_inputs_keeps_its_bounds(
        target in 0..TARGETS.len(),
        picks in (any::<usize>(), any::<usize>()),
        steps in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<usize>()), 1..9),
    ) {
        let (target, body) = TARGETS[target];
        let files = corpus(target);
        let one = |at: usize| files[at % files.len()].1.clone();
        bounded(target, body, &mutated(one(picks.0), &one(picks.1), &steps));
    }
}

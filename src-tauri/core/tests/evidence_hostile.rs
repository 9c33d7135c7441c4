//! Hostile texts: no panic, time that grows with the length and no faster, and nothing hidden by a mass of text.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a test may look at a clock and read files; the crate may not"
)]

#[expect(dead_code, reason = "what the other users of the module need")]
mod corpus;

use std::time::{Duration, Instant};

use countersign_core::evidence::Involvement;
use countersign_core::trailers;
use proptest::prelude::*;
use serde_json::json;

/// Pieces that cost most where a search starts anew at each: marks, their beginnings, what takes them back, folds.
const PIECES: &[&str] = &[
    "AI disclosure: x\n",
    "AI-assisted ",
    "no AI-generated ",
    "This PR was written by Claude ",
    "AI disclosure: ",
    "AI disclosure: no Claude, ",
    "Co-authored-by: Gemini\n",
    "Assisted-by: Jules Verne, ",
    "Assisted-by:\n ",
    "A-by: x\n  <y\n",
    "https://chatgpt.com/codex/tasks/task_e_",
    "made with [cursor](https://cursor.com) ",
    "<!-- ",
    "<!---->",
    "```\n",
    "> ",
    "~~~~\n~~~\n",
    "not without Claude ",
    "but ",
    "\u{200b}с",
    "\r",
    "- [x] ",
    "(",
    "e.g. Claude, ",
    "\n\n",
    "🤖 Generated with ",
];

fn classified(message: &str, body: &str) -> Involvement {
    let row = json!({
        "why": "hostile", "expect": "undeclared", "body": body, "commits": [{"message": message}]
    });
    corpus::own_row(&row).classify().involvement
}

fn time(text: &str) -> Duration {
    let times = (0..2).map(|_| {
        let start = Instant::now();
        classified(text, text);
        trailers::parse(text);
        start.elapsed()
    });
    times.min().unwrap()
}

#[test]
fn time_grows_with_the_length_and_no_faster() {
    const SHORT: usize = 4 << 10;
    for piece in PIECES {
        let short = time(&piece.repeat(SHORT / piece.len()));
        let long = time(&piece.repeat(8 * SHORT / piece.len()));
        // Eight times the text in eight times the time, and as much again for a busy machine; squared it were 64.
        let most = short * 24 + Duration::from_millis(200);
        assert!(long < most, "{piece:?}: {short:?}, then {long:?}");
    }
}

#[test]
fn a_megabyte_in_one_line_hides_nothing() {
    let claude = "Co-Authored-By: Claude <noreply@anthropic.com>";
    for piece in [
        "AI-assisted ",
        "This PR was written by Jules Verne ",
        "no AI-generated ",
    ] {
        let text = format!("F\n\n{}\n\n{claude}", piece.repeat((1 << 20) / piece.len()));
        assert_eq!(classified(&text, ""), Involvement::Authored, "{piece}");
    }
}

#[test]
fn weak_lines_do_not_use_up_what_others_may_have() {
    let weak = "Co-authored-by: Gemini <g@example.com>\nAI-generated\n- [x] LLM\n".repeat(2000);
    let text = format!("F\n\n{weak}\n\nMade-with: Cursor\n");
    assert_eq!(classified(&text, ""), Involvement::Assisted);
}

#[test]
fn the_shown_text_is_where_the_match_is() {
    let body = format!(
        "{} This PR was authored with Claude Code. {}",
        "x".repeat(5000),
        "y".repeat(5000)
    );
    let row = json!({"why": "long", "expect": "assisted", "body": body});
    let found = corpus::own_row(&row).classify();
    let shown: Vec<_> = found.evidence.iter().map(|one| one.text.as_str()).collect();
    assert!(!shown.is_empty());
    for text in shown {
        assert!(
            text.contains("Claude Code") && text.chars().count() <= 300,
            "{text}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_mixture_is_read_in_time(
        pieces in prop::collection::vec(
            (prop::sample::select(PIECES.to_vec()), "(?s).{0,12}", 1..60_usize),
            1..10,
        )
    ) {
        let text: String = pieces.iter().map(|(piece, noise, times)| format!("{piece}{noise}").repeat(*times)).collect();
        let start = Instant::now();
        classified(&text, &text);
        trailers::parse(&text);
        trailers::by_lines(&text);
        let took = start.elapsed();
        prop_assert!(took < Duration::from_secs(20), "{took:?} for {} bytes", text.len());
    }

    #[test]
    fn noise_around_a_trailer_hides_nothing(before in "[a-z é\u{200b}]{0,40}", after in "[a-z é]{0,20}") {
        let text = format!("Title {before}\n\n{before}\n\nCo-Authored-By: Claude {after}<noreply@anthropic.com>\n\n{after}.");
        prop_assert_eq!(classified(&text, ""), Involvement::Authored);
    }

    #[test]
    fn every_trailer_of_git_has_a_key(text in "([A-Za-z-]{0,8}[ :\t]{0,3}[^\u{0}]{0,12}\n|\n| \n|#x\n|---\n|\r){0,20}") {
        for trailer in trailers::parse(&text) {
            prop_assert!(!trailer.key.is_empty() && !trailer.key.contains([':', '\n']));
        }
        for by in trailers::by_lines(&text) {
            prop_assert!(by.key.ends_with("-by") && by.line < text.split('\n').count());
        }
    }
}

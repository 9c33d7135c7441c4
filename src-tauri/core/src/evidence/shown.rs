//! How much of a matched text is shown.

use super::letters::{fold, unfolded};

/// Characters of a matched text that are kept.
pub(super) const MOST: usize = 300;

/// Of these, so many may stand before the match.
const LEAD: usize = 80;

/// The text as it was received; of a long one the part around the match. `matched` is folded.
pub(super) fn around(original: &str, matched: &str) -> String {
    let original = original.trim();
    if original.len() <= MOST || original.chars().nth(MOST).is_none() {
        return original.to_owned();
    }
    let at = fold(original)
        .find(matched.trim())
        .map_or(0, |at| unfolded(original, at));
    let lead = original[..at].char_indices().rev().take(LEAD).last();
    let start = lead.map_or(at, |(start, _)| start);
    original[start..].chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_around_the_match() {
        let long = format!("{}Сlaude wrote this{}", "\u{e4}".repeat(900), "y".repeat(900));
        let part = around(&long, "Claude");
        assert_eq!(part.chars().count(), MOST);
        assert_eq!(part.chars().position(|c| c == 'С'), Some(LEAD));
        assert_eq!(around("  short ", "x"), "short");
        assert!(around(&long, "not in it").starts_with('\u{e4}'));
        let last = format!("{}Claude", "z ".repeat(400));
        assert!(around(&last, "Claude").ends_with("Claude"));
    }
}

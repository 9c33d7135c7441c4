//! Characters that cannot be seen, or that move others about: what a hostile diff hides behind.

use std::fmt::Write as _;

/// Ranges of characters that show nothing, pass for a blank, or change the direction of the text around them.
///
/// Source: Unicode's `Default_Ignorable_Code_Point`, `Bidi_Control` and `Zs`, the line and paragraph separators, the
/// interlinear annotation marks, and the braille blank.
const RANGES: [(char, char); 29] = [
    ('\u{00}', '\u{1f}'),
    ('\u{7f}', '\u{a0}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2000}', '\u{200f}'),
    ('\u{2028}', '\u{202f}'),
    ('\u{205f}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{133fc}', '\u{133fc}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{1fffe}', '\u{1ffff}'),
    ('\u{2fffe}', '\u{2ffff}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{efffe}', '\u{effff}'),
    ('\u{ffffe}', '\u{fffff}'),
    ('\u{10fffe}', '\u{10ffff}'),
];

/// Whether a reader would not see the character, or would see others in the wrong place because of it.
pub(crate) fn is_hidden(c: char) -> bool {
    if matches!(c, ' '..='~') {
        return false;
    }
    let after = RANGES.partition_point(|(first, _)| *first <= c);
    after > 0 && c <= RANGES[after - 1].1
}

/// `U+202E`
pub(crate) fn name(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// The text in one line, hidden characters named: `[U+202E]`. For paths, titles and whatever else is not a diff.
///
/// An emoji keeps what joins it and what gives it its colour: there is nothing else to see there.
pub fn visible(text: &str) -> String {
    if !text.chars().any(is_hidden) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    for c in text.chars() {
        if is_hidden(c) && !(matches!(c, '\u{fe0f}' | '\u{200d}') && is_emoji(before)) {
            // Writing to a String cannot fail.
            let _ = write!(out, "[{}]", name(c));
        } else {
            out.push(c);
        }
        if c != '\u{fe0f}' {
            before = c;
        }
    }
    out
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}') && !is_hidden(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_in_order_and_apart() {
        assert!(RANGES.iter().all(|(first, last)| first <= last));
        assert!(RANGES.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn what_is_hidden_and_what_is_not() {
        for c in "\0\t\n\r\u{7f}\u{85}\u{a0}\u{ad}\u{200b}\u{200d}\u{200f}\u{202e}\u{2066}\u{2069}\u{2060}\u{feff}\u{e0041}\u{e01ef}\u{3164}\u{2800}".chars() {
            assert!(is_hidden(c), "{}", name(c));
        }
        for c in " ~aß漢ع🙂é\u{301}".chars() {
            assert!(!is_hidden(c), "{}", name(c));
        }
    }

    #[test]
    fn names_stand_where_the_characters_stood() {
        for (text, expected) in [
            ("plain ß", "plain ß"),
            ("access\u{202e} tpircs", "access[U+202E] tpircs"),
            ("two\nlines", "two[U+000A]lines"),
            ("❤\u{fe0f} and 👩\u{200d}💻", "❤\u{fe0f} and 👩\u{200d}💻"),
            ("a\u{fe0f}\u{200d}b", "a[U+FE0F][U+200D]b"),
            ("\u{1b}[31m", "[U+001B][31m"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }
}

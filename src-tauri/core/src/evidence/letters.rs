//! Characters that hide or imitate others, and what counts as a line break.

use std::borrow::Cow;

/// Ends a line for somebody who reads the text, whether or not it does for git.
fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// The lines of a text as it was received; line n of [`fold`]'s result comes from line n of these.
pub(super) fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends_line) {
        lines.push(&rest[..at]);
        let broken = &rest[at..];
        let width = if broken.starts_with("\r\n") {
            2
        } else {
            broken.chars().next().map_or(0, char::len_utf8)
        };
        rest = &broken[width..];
    }
    lines.push(rest);
    lines
}

/// Drops zero-width and direction characters, turns look-alikes into the letters they imitate and every line
/// break into `\n`, so that none of them hides a mark.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    let odd = |byte: u8| !byte.is_ascii() || matches!(byte, b'\r' | 0x0b | 0x0c);
    if !text.bytes().any(odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\r' && chars.peek() == Some(&'\n') {
            continue;
        }
        out.extend(fold_char(c));
    }
    Cow::Owned(out)
}

/// The same, with git's line breaks only.
pub(super) fn fold_as_git(text: &str) -> String {
    let keep = |c: char| if ends_line(c) { Some(c) } else { fold_char(c) };
    text.chars().filter_map(keep).collect()
}

/// Where in `original` the part of its folded form begins that starts at the byte `at`.
pub(super) fn unfolded(original: &str, at: usize) -> usize {
    let mut folded = 0;
    for (here, c) in original.char_indices() {
        if folded >= at {
            return here;
        }
        folded += fold_char(c).map_or(0, char::len_utf8);
    }
    original.len()
}

fn fold_char(c: char) -> Option<char> {
    let code = u32::from(c);
    let letter = |from: u32, first: u8| u8::try_from(code - from).ok().map(|at| char::from(first + at));
    match code {
        _ if ends_line(c) => Some('\n'),
        0x00..=0x7f => Some(c),
        // Soft hyphen, joiners, direction marks, invisible operators, variation selectors, tags.
        0xad | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f => None,
        0x202a..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 => None,
        0xe0000..=0xe0fff => None,
        // Marks that combine with the letter before them.
        0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f => None,
        0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => Some(' '),
        0xff01..=0xff5e => char::from_u32(code - 0xfee0),
        // Letters in circles, brackets and squares.
        0x249c..=0x24b5 => letter(0x249c, b'a'),
        0x24b6..=0x24cf => letter(0x24b6, b'A'),
        0x24d0..=0x24e9 => letter(0x24d0, b'a'),
        0x1f110..=0x1f129 => letter(0x1f110, b'A'),
        0x1f130..=0x1f149 => letter(0x1f130, b'A'),
        0x1f150..=0x1f169 => letter(0x1f150, b'A'),
        0x1f170..=0x1f189 => letter(0x1f170, b'A'),
        // Mathematical letters: alphabets of 52, one after the other.
        0x1d400..=0x1d6a3 => {
            let at = u8::try_from((code - 0x1d400) % 52).ok()?;
            Some(char::from(if at < 26 { b'A' + at } else { b'a' + at - 26 }))
        }
        0x1d7ce..=0x1d7ff => char::from_digit((code - 0x1d7ce) % 10, 10),
        _ => Some(imitated(c).unwrap_or(c)),
    }
}

fn imitated(c: char) -> Option<char> {
    let (_, to) = LOOK_ALIKES.iter().find(|(from, _)| from.contains(c))?;
    Some(*to)
}

/// Letters and signs that cannot be told from ASCII ones: Latin, Greek, Cyrillic, Armenian, Coptic, Cherokee,
/// Lisu and letter-like signs. Source: Unicode's confusables.txt, the rows that lead to one ASCII letter or to
/// a sign used in trailers and addresses.
const LOOK_ALIKES: &[(&str, char)] = &[
    ("аɑα⍺ⲁ", 'a'),
    ("ЬƄ", 'b'),
    ("сϲᴄⲥⅽ", 'c'),
    ("ԁⅾↁꓒ", 'd'),
    ("еҽ℮ℯⅇ", 'e'),
    ("ꬵſẝ", 'f'),
    ("ɡցƍᶃ", 'g'),
    ("һհℎᏂ", 'h'),
    ("іıɩιͺⲓⅰⅈꙇ", 'i'),
    ("јϳⅉ", 'j'),
    ("κкⲕ", 'k'),
    ("ӏⅼℓǀ∣ⵏ", 'l'),
    ("ⅿ", 'm'),
    ("ոռ", 'n'),
    ("οоօⲟσℴᴏ๐", 'o'),
    ("рρϱⲣ⍴", 'p'),
    ("ԛգզ", 'q'),
    ("гᴦⲅꭇ", 'r'),
    ("ѕꜱꮪ", 's'),
    ("τтᴛ", 't'),
    ("υսᴜʋ", 'u'),
    ("νѵᴠⅴ∨", 'v'),
    ("ԝѡաᴡω", 'w'),
    ("хⅹⲭ", 'x'),
    ("уүγყỿ", 'y'),
    ("ᴢⲍ", 'z'),
    ("АΑᎪⲀꓮ", 'A'),
    ("ВΒᏴⲂꓐ", 'B'),
    ("СϹᏟⲤⅭꓚ", 'C'),
    ("ᎠⅮꓓ", 'D'),
    ("ЕΕᎬⲈꓰ", 'E'),
    ("Ϝꓝ", 'F'),
    ("ԌᏀꓖ", 'G'),
    ("НΗᎻⲎꓧ", 'H'),
    ("ІΙӀⲒⅠꓲ", 'I'),
    ("ЈᎫꓙ", 'J'),
    ("КΚᏦⲔꓗ", 'K'),
    ("ᏞԼⅬⳐꓡ", 'L'),
    ("МΜᎷⲘⅯꓟ", 'M'),
    ("ΝⲚꓠ", 'N'),
    ("ОΟՕⲞꓳ", 'O'),
    ("РΡᏢⲢꓑ", 'P'),
    ("Ԛⵕ", 'Q'),
    ("ᎡᏒꓣ", 'R'),
    ("ЅՏᏚꓢ", 'S'),
    ("ТΤᎢⲦꓔ", 'T'),
    ("Սꓴ", 'U'),
    ("ѴᏙⅤꓦ", 'V'),
    ("ԜᎳꓪ", 'W'),
    ("ХΧⲬⅩꓫ", 'X'),
    ("УΥҮⲨꓬ", 'Y'),
    ("ΖᏃⲌꓜ", 'Z'),
    ("‐‑‒–﹣−⁃˗➖Ⲻ", '-'),
    ("﹫", '@'),
    ("․﹒。｡٠", '.'),
    ("﹕∶ː։׃ꓽ", ':'),
    ("‹❮﹤", '<'),
    ("›❯﹥", '>'),
    ("﹢", '+'),
    ("’‘ʼ′", '\''),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_or_told_apart_is_folded() {
        assert_eq!(
            fold("Cl\u{200b}aude \u{202e}<nо\u{ad}reply＠anthropic.com>"),
            "Claude <noreply@anthropic.com>"
        );
        assert_eq!(fold("𝐂laude 𝟒 Ⓒlɑude c\u{336}ⓤrsor"), "Claude 4 Claude cursor");
        assert_eq!(
            fold("noreply﹫anthropic․com Co﹣authored﹣by"),
            "noreply@anthropic.com Co-authored-by"
        );
        assert_eq!(fold("ⲥօԁеx Ꮯlaսde"), "codex Claude");
        assert_eq!(fold("größe 日本"), "größe 日本");
    }

    #[test]
    fn every_break_ends_a_line_and_lines_stay_in_step() {
        let text = "a\r\nb\rc\u{2028}d\u{85}e\u{b}f\n\rg";
        assert_eq!(fold(text), "a\nb\nc\nd\ne\nf\n\ng");
        assert_eq!(lines(text).join("\n"), fold(text));
        assert_eq!(fold_as_git("a\rb\u{200b}\nс"), "a\rb\nc");
    }

    #[test]
    fn a_place_leads_back_to_the_original() {
        let original = "x\u{200b}\u{200b} Сlaude";
        let at = fold(original).find("Claude").unwrap();
        assert_eq!(&original[unfolded(original, at)..], "Сlaude");
        assert_eq!(unfolded("ab", 9), 2);
    }
}

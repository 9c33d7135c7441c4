//! File names in a diff: plain, or quoted as in C where they hold control characters, `"`, `\` or (by
//! `core.quotePath`) bytes beyond ASCII. Source: git's `quote.c`.

use std::borrow::Cow;

/// Reads a name that fills the whole of `text`.
pub(super) fn whole(text: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    if text.first() == Some(&b'"') {
        let (name, rest) = quoted(text)?;
        if rest.is_empty() {
            Ok(Cow::Owned(name))
        } else {
            Err("text behind the closing quote")
        }
    } else if text.is_empty() {
        Err("empty")
    } else if text.iter().any(|byte| needs_quotes(*byte)) {
        Err("a character that git would have quoted")
    } else {
        Ok(Cow::Borrowed(text))
    }
}

/// Takes `prefix` and `name`, plain or quoted, from the front of `text`; gives the rest, or `None` if another
/// name stands there.
pub(super) fn expect<'t>(text: &'t [u8], prefix: &[u8], name: &[u8]) -> Option<&'t [u8]> {
    if text.first() == Some(&b'"') {
        let (found, rest) = quoted(text).ok()?;
        (found.strip_prefix(prefix) == Some(name)).then_some(rest)
    } else {
        text.strip_prefix(prefix)?.strip_prefix(name)
    }
}

/// The name in `a/NAME b/NAME`, where both are the same: how git names a file whose header says nothing more.
pub(super) fn same_in_both(text: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    const DIFFERENT: &str = "the two names differ, and nothing says why";
    if text.first() == Some(&b'"') {
        let (first, _) = quoted(text)?;
        let name = first.strip_prefix(b"a/").ok_or("no `a/` in front")?;
        return Ok(Cow::Owned(name.to_vec()));
    }
    // `a/` + name + ` b/` + name
    let length = text
        .len()
        .checked_sub(5)
        .filter(|both| both % 2 == 0)
        .ok_or(DIFFERENT)?
        / 2;
    whole(&text[2..2 + length])
}

fn needs_quotes(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f || byte == b'"' || byte == b'\\'
}

fn quoted(text: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    let mut name = Vec::new();
    let mut at = 1;
    loop {
        let byte = *text.get(at).ok_or("no closing quote")?;
        at += 1;
        match byte {
            b'"' => {
                return if name.is_empty() {
                    Err("empty")
                } else {
                    Ok((name, &text[at..]))
                };
            }
            b'\\' => {
                let escape = *text.get(at).ok_or("no closing quote")?;
                at += 1;
                name.push(match escape {
                    b'a' => 0x07,
                    b'b' => 0x08,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 0x0b,
                    b'f' => 0x0c,
                    b'r' => b'\r',
                    b'"' | b'\\' => escape,
                    b'0'..=b'3' => {
                        let (two, one) = match text.get(at..at + 2) {
                            Some([two @ b'0'..=b'7', one @ b'0'..=b'7']) => (two - b'0', one - b'0'),
                            _ => return Err("bad octal escape"),
                        };
                        at += 2;
                        match (escape - b'0') * 64 + two * 8 + one {
                            0 => return Err("a NUL byte"),
                            other => other,
                        }
                    }
                    _ => return Err("unknown escape"),
                });
            }
            _ => name.push(byte),
        }
    }
}

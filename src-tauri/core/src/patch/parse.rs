//! The reader behind [`Patch::parse`](super::Patch::parse).

use std::borrow::Cow;

use super::{
    FileKind, FilePatch, FileType, Hunk, Line, LineKind, NO_NEWLINE, Patch, PatchError, PatchFault, name,
};

/// Abbreviated names of the empty blob: the only content for which git writes an `index` line and no hunk.
const EMPTY_BLOBS: [&str; 2] = [
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
];

pub(super) fn patch(bytes: &[u8]) -> Result<Patch<'_>, PatchError> {
    let mut reader = Reader {
        bytes,
        at: 0,
        line: 1,
    };
    let mut files = Vec::new();
    while reader.at < bytes.len() {
        files.push(file(&mut reader)?);
    }
    Ok(Patch { files })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    /// The line at the cursor without its end; `None` at the end of the input.
    fn peek(&self) -> Result<Option<&'a [u8]>, PatchError> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => Ok(Some(&rest[..end])),
            None => Err(self.fault(PatchFault::Truncated("it ends in the middle of a line"))),
        }
    }

    fn take(&mut self, line: &[u8]) {
        self.at += line.len() + 1;
        self.line += 1;
    }

    fn next(&mut self, expected: &'static str) -> Result<&'a [u8], PatchError> {
        let line = self
            .peek()?
            .ok_or_else(|| self.fault(PatchFault::Truncated(expected)))?;
        self.take(line);
        Ok(line)
    }

    fn fault(&self, fault: PatchFault) -> PatchError {
        PatchError {
            line: self.line,
            offset: self.at,
            fault,
        }
    }
}

#[derive(Default)]
struct Header<'a> {
    old_mode: Option<u32>,
    new_mode: Option<u32>,
    mode: Option<u32>,
    added: bool,
    deleted: bool,
    from: Option<Cow<'a, [u8]>>,
    to: Option<Cow<'a, [u8]>>,
    copied: bool,
    similarity: Option<u8>,
    dissimilarity: Option<u8>,
    oids: Option<(&'a str, &'a str)>,
}

fn file<'a>(reader: &mut Reader<'a>) -> Result<FilePatch<'a>, PatchError> {
    let start = reader.at;
    let first_line = reader.line;
    let at_start = |fault| PatchError {
        line: first_line,
        offset: start,
        fault,
    };

    let first = reader.peek()?.unwrap_or_default();
    for combined in ["diff --cc ", "diff --combined "] {
        if first.starts_with(combined.as_bytes()) {
            return Err(at_start(PatchFault::Combined(combined.trim_end())));
        }
    }
    let names = first
        .strip_prefix(b"diff --git ")
        .ok_or_else(|| at_start(PatchFault::NotADiff))?;
    reader.take(first);

    let header = extended_header(reader)?;
    if header.from.is_some() != header.to.is_some() {
        return Err(at_start(PatchFault::Header("a rename or copy needs both names")));
    }
    let kind = match (header.added, header.deleted, header.from.is_some(), header.copied) {
        (true, false, false, _) => FileKind::Added,
        (false, true, false, _) => FileKind::Deleted,
        (false, false, true, true) => FileKind::Copied,
        (false, false, true, false) => FileKind::Renamed,
        (false, false, false, _) => FileKind::Modified,
        _ => {
            return Err(at_start(PatchFault::Header(
                "a file is new, deleted, renamed or copied, not two of these",
            )));
        }
    };

    let (old_name, new_name) = match (&header.from, &header.to) {
        (Some(from), Some(to)) => (from.clone(), to.clone()),
        _ => {
            let both = content_name(reader)?;
            let both = match both {
                Some(name) => name,
                None => name::same_in_both(names).map_err(|why| at_start(PatchFault::Name(why)))?,
            };
            (both.clone(), both)
        }
    };
    let agree = name::expect(names, b"a/", &old_name)
        .and_then(|rest| rest.strip_prefix(b" "))
        .and_then(|rest| name::expect(rest, b"b/", &new_name));
    if agree != Some(b"") {
        return Err(at_start(PatchFault::Name(
            "`diff --git` names other files than the lines below it",
        )));
    }

    let mut file = FilePatch {
        old_path: (kind != FileKind::Added).then_some(old_name),
        new_path: (kind != FileKind::Deleted).then_some(new_name),
        kind,
        old_mode: header.old_mode.or(header.mode),
        new_mode: header.new_mode.or(header.mode),
        old_oid: header.oids.map(|(old, _)| old),
        new_oid: header.oids.map(|(_, new)| new),
        similarity: header.similarity,
        binary: false,
        hunks: Vec::new(),
        header: &[],
        binary_body: &[],
    };
    let body = content(reader, &mut file, start)?;
    if body == Body::None && !may_be_without_body(&header, kind) {
        return Err(reader.fault(PatchFault::Truncated("the file's lines are missing")));
    }
    if body != Body::None && header.oids.is_none() {
        return Err(at_start(PatchFault::Header(
            "lines change, but no `index` line says which blobs",
        )));
    }
    Ok(file)
}

/// Without content only what git writes so: pure renames and copies, mode changes, and empty files.
fn may_be_without_body(header: &Header<'_>, kind: FileKind) -> bool {
    let empty = |oid: &str| EMPTY_BLOBS.iter().any(|blob| blob.starts_with(oid));
    match (kind, header.oids) {
        (FileKind::Added, Some((_, new))) => empty(new),
        (FileKind::Deleted, Some((old, _))) => empty(old),
        (FileKind::Renamed | FileKind::Copied, None) => header.similarity == Some(100),
        (FileKind::Modified, None) => header.old_mode.is_some(),
        (FileKind::Added | FileKind::Deleted, None) => false,
        (FileKind::Renamed | FileKind::Copied | FileKind::Modified, Some(_)) => false,
    }
}

fn extended_header<'a>(reader: &mut Reader<'a>) -> Result<Header<'a>, PatchError> {
    let mut header = Header::default();
    while let Some(line) = reader.peek()? {
        let bad = |why| reader.fault(PatchFault::Header(why));
        let twice = "the same line twice";
        if let Some(mode) = line.strip_prefix(b"old mode ") {
            set(&mut header.old_mode, octal(mode)).map_err(bad)?;
        } else if let Some(mode) = line.strip_prefix(b"new mode ") {
            set(&mut header.new_mode, octal(mode)).map_err(bad)?;
        } else if let Some(mode) = line.strip_prefix(b"new file mode ") {
            set(&mut header.new_mode, octal(mode)).map_err(bad)?;
            header.added = true;
        } else if let Some(mode) = line.strip_prefix(b"deleted file mode ") {
            set(&mut header.old_mode, octal(mode)).map_err(bad)?;
            header.deleted = true;
        } else if let Some(percent) = line.strip_prefix(b"similarity index ") {
            set(&mut header.similarity, percentage(percent)).map_err(bad)?;
        } else if let Some(percent) = line.strip_prefix(b"dissimilarity index ") {
            set(&mut header.dissimilarity, percentage(percent)).map_err(bad)?;
        } else if let Some((copied, from)) = either(line, b"rename from ", b"copy from ") {
            let from = name::whole(from).map_err(|why| reader.fault(PatchFault::Name(why)))?;
            header.copied = copied;
            if header.from.replace(from).is_some() {
                return Err(bad(twice));
            }
        } else if let Some((copied, to)) = either(line, b"rename to ", b"copy to ") {
            let to = name::whole(to).map_err(|why| reader.fault(PatchFault::Name(why)))?;
            if header.to.replace(to).is_some() {
                return Err(bad(twice));
            }
            if header.from.is_none() || header.copied != copied {
                return Err(bad(
                    "the name behind `to` needs the same word with `from` before it",
                ));
            }
        } else if let Some(index) = line.strip_prefix(b"index ") {
            let (oids, mode) = index_line(index).map_err(bad)?;
            if header.oids.replace(oids).is_some() {
                return Err(bad(twice));
            }
            header.mode = mode;
        } else {
            break;
        }
        reader.take(line);
    }
    let changes_mode = !header.added && !header.deleted;
    if changes_mode && header.old_mode.is_some() != header.new_mode.is_some() {
        return Err(reader.fault(PatchFault::Truncated("one mode without the other")));
    }
    if header.mode.is_some() && (header.old_mode.is_some() || header.new_mode.is_some()) {
        return Err(reader.fault(PatchFault::Header("the mode is said twice")));
    }
    Ok(header)
}

/// Which of two prefixes a line has (true: the second), and what follows.
fn either<'a>(line: &'a [u8], first: &[u8], second: &[u8]) -> Option<(bool, &'a [u8])> {
    line.strip_prefix(first)
        .map(|rest| (false, rest))
        .or_else(|| line.strip_prefix(second).map(|rest| (true, rest)))
}

fn set<T>(slot: &mut Option<T>, value: Option<T>) -> Result<(), &'static str> {
    match slot.replace(value.ok_or("a number that cannot be read")?) {
        None => Ok(()),
        Some(_) => Err("the same line twice"),
    }
}

fn octal(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 6)?;
    let mode = u32::from_str_radix(text, 8).ok()?;
    FileType::of(mode).map(|_| mode)
}

fn percentage(text: &[u8]) -> Option<u8> {
    let digits = text.strip_suffix(b"%")?;
    number(digits)
        .and_then(|percent| u8::try_from(percent).ok())
        .filter(|percent| *percent <= 100)
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

type Index<'a> = ((&'a str, &'a str), Option<u32>);

fn index_line(text: &[u8]) -> Result<Index<'_>, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "an `index` line that is not ASCII")?;
    let (oids, mode) = match text.split_once(' ') {
        Some((oids, mode)) => (oids, Some(octal(mode.as_bytes()).ok_or("an unknown mode")?)),
        None => (text, None),
    };
    let (old, new) = oids.split_once("..").ok_or("an `index` line without `..`")?;
    let hex = |oid: &str| {
        (4..=64).contains(&oid.len()) && oid.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    if hex(old) && hex(new) {
        Ok(((old, new), mode))
    } else {
        Err("an `index` line without two blob names")
    }
}

/// The name in the `---`/`+++` lines ahead, if they are next. Only looks.
fn content_name<'a>(reader: &Reader<'a>) -> Result<Option<Cow<'a, [u8]>>, PatchError> {
    let mut ahead = Reader {
        bytes: reader.bytes,
        at: reader.at,
        line: reader.line,
    };
    for (sign, prefix) in [("--- ", "a/"), ("+++ ", "b/")] {
        let Some(line) = ahead.peek()? else {
            return Ok(None);
        };
        let Some(text) = line.strip_prefix(sign.as_bytes()) else {
            return Ok(None);
        };
        if text != b"/dev/null" {
            let text = text.strip_suffix(b"\t").unwrap_or(text);
            let bad = |why| ahead.fault(PatchFault::Name(why));
            let name = name::whole(text).map_err(bad)?;
            let name = match name {
                Cow::Borrowed(plain) => plain.strip_prefix(prefix.as_bytes()).map(Cow::Borrowed),
                Cow::Owned(quoted) => quoted
                    .strip_prefix(prefix.as_bytes())
                    .map(|name| Cow::Owned(name.to_vec())),
            };
            return name.map(Some).ok_or_else(|| bad("no `a/` or `b/` in front"));
        }
        ahead.take(line);
    }
    Err(ahead.fault(PatchFault::Name("no file on either side")))
}

#[derive(PartialEq, Eq)]
enum Body {
    None,
    Lines,
    Binary,
}

fn content<'a>(reader: &mut Reader<'a>, file: &mut FilePatch<'a>, start: usize) -> Result<Body, PatchError> {
    let bytes = reader.bytes;
    let header_end = |reader: &Reader<'_>| &bytes[start..reader.at];
    let Some(line) = reader.peek()? else {
        file.header = header_end(reader);
        return Ok(Body::None);
    };
    if line.starts_with(b"--- ") {
        side(reader, b"--- ", b"a/", file.old_path.as_deref())?;
        side(reader, b"+++ ", b"b/", file.new_path.as_deref())?;
        file.header = header_end(reader);
        hunks(reader, file)?;
        Ok(Body::Lines)
    } else if let Some(rest) = line.strip_prefix(b"Binary files ") {
        let agree = on_side(rest, b"a/", file.old_path.as_deref())
            .and_then(|rest| rest.strip_prefix(b" and "))
            .and_then(|rest| on_side(rest, b"b/", file.new_path.as_deref()));
        if agree != Some(b" differ") {
            return Err(reader.fault(PatchFault::Name(
                "`Binary files` names other files than the header",
            )));
        }
        reader.take(line);
        file.header = header_end(reader);
        file.binary = true;
        Ok(Body::Binary)
    } else if line == b"GIT binary patch" {
        file.header = header_end(reader);
        let body = reader.at;
        reader.take(line);
        binary_body(reader)?;
        file.binary_body = &bytes[body..reader.at];
        file.binary = true;
        Ok(Body::Binary)
    } else if line.starts_with(b"diff --") {
        file.header = header_end(reader);
        Ok(Body::None)
    } else {
        Err(reader.fault(PatchFault::Header("a line that git does not write there")))
    }
}

/// Takes the name of one side (or `/dev/null`, if there is no file on it) from the front of `text`.
fn on_side<'t>(text: &'t [u8], prefix: &[u8], path: Option<&[u8]>) -> Option<&'t [u8]> {
    match path {
        Some(path) => name::expect(text, prefix, path),
        None => text.strip_prefix(b"/dev/null"),
    }
}

fn side(reader: &mut Reader<'_>, sign: &[u8], prefix: &[u8], path: Option<&[u8]>) -> Result<(), PatchError> {
    let missing = PatchFault::Truncated("`---` without `+++`");
    let line = reader.peek()?.ok_or_else(|| reader.fault(missing))?;
    let rest = line
        .strip_prefix(sign)
        .and_then(|text| on_side(text, prefix, path));
    // git puts a tab behind a name with a blank, so that older tools know where it ends.
    match rest {
        Some(b"" | b"\t") => {
            reader.take(line);
            Ok(())
        }
        _ => Err(reader.fault(PatchFault::Name(
            "`---` and `+++` name other files than the header",
        ))),
    }
}

fn hunks<'a>(reader: &mut Reader<'a>, file: &mut FilePatch<'a>) -> Result<(), PatchError> {
    // The first line of each side that no hunk has reached yet, and whether the side has ended.
    let mut place = Place {
        old: 1,
        new: 1,
        old_ended: false,
        new_ended: false,
    };
    while let Some(line) = reader.peek()? {
        if !line.starts_with(b"@@ ") {
            break;
        }
        let mut hunk = hunk_header(line).map_err(|why| reader.fault(PatchFault::HunkHeader(why)))?;
        let bad = |why| reader.fault(PatchFault::HunkHeader(why));
        let old = hunk
            .old_start
            .checked_add(u32::from(hunk.old_count == 0))
            .ok_or_else(|| bad("too large"))?;
        let new = hunk
            .new_start
            .checked_add(u32::from(hunk.new_count == 0))
            .ok_or_else(|| bad("too large"))?;
        let skipped = old
            .checked_sub(place.old)
            .ok_or_else(|| bad("it overlaps the hunk before"))?;
        if new.checked_sub(place.new) != Some(skipped) {
            return Err(bad(
                "the line numbers of the two sides do not fit the hunks before",
            ));
        }
        if (file.old_path.is_none() && hunk.old_count > 0) || (file.new_path.is_none() && hunk.new_count > 0)
        {
            return Err(bad("lines on a side that has no file"));
        }
        if hunk.old_count == 0 && hunk.new_count == 0 {
            return Err(bad("no lines"));
        }
        (place.old, place.new) = (old, new);
        reader.take(line);
        hunk_lines(reader, &mut hunk, &mut place)?;
        file.hunks.push(hunk);
    }
    if file.hunks.is_empty() {
        return Err(reader.fault(PatchFault::Truncated("no hunk follows the names")));
    }
    Ok(())
}

fn hunk_header(line: &[u8]) -> Result<Hunk<'_>, &'static str> {
    let text = line.strip_prefix(b"@@ -").ok_or("expected `@@ -`")?;
    let end = text
        .windows(3)
        .position(|window| window == b" @@")
        .ok_or("no second `@@`")?;
    let (ranges, section) = (&text[..end], &text[end + 3..]);
    let plus = ranges
        .windows(2)
        .position(|window| window == b" +")
        .ok_or("no second range")?;
    let (old_start, old_count) = range(&ranges[..plus])?;
    let (new_start, new_count) = range(&ranges[plus + 2..])?;
    let section = match section {
        [] => section,
        [b' ', rest @ ..] => rest,
        _ => return Err("text glued to the second `@@`"),
    };
    Ok(Hunk {
        old_start,
        old_count,
        new_start,
        new_count,
        section,
        lines: Vec::new(),
        header: line,
    })
}

fn range(text: &[u8]) -> Result<(u32, u32), &'static str> {
    let bad = "a range that is not `start,count`";
    let (start, count) = match text.iter().position(|byte| *byte == b',') {
        Some(comma) => (
            number(&text[..comma]).ok_or(bad)?,
            number(&text[comma + 1..]).ok_or(bad)?,
        ),
        None => (number(text).ok_or(bad)?, 1),
    };
    if start == 0 && count > 0 {
        Err("lines are counted from 1")
    } else {
        Ok((start, count))
    }
}

struct Place {
    old: u32,
    new: u32,
    old_ended: bool,
    new_ended: bool,
}

fn hunk_lines<'a>(reader: &mut Reader<'a>, hunk: &mut Hunk<'a>, place: &mut Place) -> Result<(), PatchError> {
    let (mut old_left, mut new_left) = (hunk.old_count, hunk.new_count);
    // Not from the header: a hostile count must not reserve memory.
    hunk.lines = Vec::with_capacity((old_left.max(new_left) as usize).min(64));
    while old_left > 0 || new_left > 0 {
        let line = reader.peek()?.ok_or_else(|| {
            reader.fault(PatchFault::Truncated(
                "a hunk has fewer lines than its header says",
            ))
        })?;
        let bad = |why| reader.fault(PatchFault::Hunk(why));
        let (kind, text) = match line.split_first() {
            Some((b' ', text)) => (LineKind::Context, text),
            Some((b'+', text)) => (LineKind::Added, text),
            Some((b'-', text)) => (LineKind::Removed, text),
            _ => return Err(bad("fewer lines than its header says, or a line without a sign")),
        };
        let on_old = kind != LineKind::Added;
        let on_new = kind != LineKind::Removed;
        if (on_old && old_left == 0) || (on_new && new_left == 0) {
            return Err(bad("more lines than its header says"));
        }
        if (on_old && place.old_ended) || (on_new && place.new_ended) {
            return Err(bad("a line after the end of the file"));
        }
        let mut row = Line {
            kind,
            old: on_old.then_some(place.old),
            new: on_new.then_some(place.new),
            text,
            no_newline: false,
        };
        for (on, left, next) in [
            (on_old, &mut old_left, &mut place.old),
            (on_new, &mut new_left, &mut place.new),
        ] {
            if on {
                *left -= 1;
                *next = next
                    .checked_add(1)
                    .ok_or_else(|| reader.fault(PatchFault::Hunk("too many lines")))?;
            }
        }
        reader.take(line);
        if reader.peek()?.is_some_and(|line| line == NO_NEWLINE) {
            reader.take(NO_NEWLINE);
            row.no_newline = true;
            place.old_ended |= on_old;
            place.new_ended |= on_new;
        }
        hunk.lines.push(row);
    }
    Ok(())
}

/// One or two blocks `literal N` or `delta N`, each with lines in base 85 and an empty line behind.
fn binary_body(reader: &mut Reader<'_>) -> Result<(), PatchError> {
    let mut blocks = 0;
    while blocks < 2 {
        let Some(line) = reader.peek()? else { break };
        let Some((_, size)) = either(line, b"literal ", b"delta ") else {
            break;
        };
        number(size).ok_or_else(|| reader.fault(PatchFault::Binary("a size that cannot be read")))?;
        reader.take(line);
        loop {
            let bad = |reader: &Reader<'_>, why| Err(reader.fault(PatchFault::Binary(why)));
            let line = reader
                .peek()?
                .ok_or_else(|| reader.fault(PatchFault::Truncated("a binary patch without its end")))?;
            let Some((length, data)) = line.split_first() else {
                break;
            };
            let decoded = match length {
                b'A'..=b'Z' => usize::from(length - b'A') + 1,
                b'a'..=b'z' => usize::from(length - b'a') + 27,
                _ => return bad(reader, "a line without its length"),
            };
            if data.len() != decoded.div_ceil(4) * 5 || data.iter().any(|byte| !(0x21..=0x7e).contains(byte))
            {
                return bad(reader, "a line that is not base 85 of its length");
            }
            reader.take(line);
        }
        reader.next("a binary patch without its end")?;
        blocks += 1;
    }
    if blocks == 0 {
        Err(reader.fault(PatchFault::Binary("no data")))
    } else {
        Ok(())
    }
}

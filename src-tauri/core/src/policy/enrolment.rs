//! Adding a key to the allowed signers, giving it an end there, and naming it among the revoked ones.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;

use super::signers::{content, fields, split_outside_quotes};
use super::{AllowedSigners, Unreadable};
use crate::signature::{Key, NAMESPACE};

/// What adding a key to a list comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolment {
    /// The key stands there for that name already.
    Known,
    /// The list with the key's line at its end.
    Added(String),
}

/// The line by which a key may sign approvals for a name. The key's comment is left out: it proves nothing.
pub fn line(principal: &str, key: &Key) -> String {
    format!("{principal} namespaces=\"{NAMESPACE}\" {}", bare(key))
}

/// The key by itself, as it stands among the revoked keys: its type and its base64.
pub fn bare(key: &Key) -> String {
    format!(
        "{} {}",
        key.algorithm().name(),
        BASE64_STANDARD.encode(key.blob())
    )
}

/// Adds a key to the text of a list. What stood there stays as it is, byte for byte.
///
/// # Errors
/// The list cannot be read, or could not be with the line: the key stands there for another name.
pub fn enrol(list: &str, principal: &str, key: &Key) -> Result<Enrolment, Unreadable> {
    let signers = AllowedSigners::parse(list)?;
    if signers.of(principal).any(|signer| signer.key == *key) {
        return Ok(Enrolment::Known);
    }
    let mut with = list.to_owned();
    if !with.is_empty() && !with.ends_with('\n') {
        with.push('\n');
    }
    with.push_str(&line(principal, key));
    with.push('\n');
    AllowedSigners::parse(&with)?;
    Ok(Enrolment::Added(with))
}

/// A list in which a key has an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// All of it.
    pub list: String,
    /// The key's line in it.
    pub line: String,
    /// Up to when the key is good there.
    pub until: Timestamp,
}

/// Gives a key's line an end: the key is good up to `until`, a started second counted whole. An earlier end that stands
/// there stays; so do the other options, the comment and the other lines, byte for byte. The end is that of the line,
/// so of every name in it. `None` where the key does not stand there for that name.
///
/// # Errors
/// The list cannot be read, or could not be with the end.
pub fn with_end(
    list: &str,
    principal: &str,
    key: &Key,
    until: Timestamp,
) -> Result<Option<Ended>, Unreadable> {
    let signers = AllowedSigners::parse(list)?;
    let Some(signer) = signers.of(principal).find(|signer| signer.key == *key) else {
        return Ok(None);
    };
    let until = whole_second(until);
    let blob = BASE64_STANDARD.encode(key.blob());
    for (number, line) in content(list)? {
        let found = fields(line).unwrap_or_default();
        let [_, (at, options), _, (_, base64), ..] = found.as_slice() else {
            continue;
        };
        if *base64 != blob {
            continue;
        }
        if let Some(before) = signer.valid_before.filter(|before| *before <= until) {
            return Ok(Some(Ended {
                list: list.to_owned(),
                line: line.to_owned(),
                until: before,
            }));
        }
        let (before, after) = (&line[..*at], &line[at + options.len()..]);
        let line = format!("{before}{}{after}", ending(options, until));
        let lines = list.split('\n').enumerate();
        let lines: Vec<&str> = lines
            .map(|(index, old)| if index + 1 == number { line.as_str() } else { old })
            .collect();
        let list = lines.join("\n");
        AllowedSigners::parse(&list)?;
        return Ok(Some(Ended { list, line, until }));
    }
    Ok(None)
}

/// The options with this end.
fn ending(options: &str, until: Timestamp) -> String {
    let end = format!("valid-before=\"{}\"", until.strftime("%Y%m%d%H%M%SZ"));
    let mut options = split_outside_quotes(options);
    match options.iter_mut().find(|one| one.starts_with("valid-before=")) {
        Some(old) => *old = &end,
        None => options.push(&end),
    }
    options.join(",")
}

/// The second that ends at this moment, or that it is in: the format has none smaller.
fn whole_second(at: Timestamp) -> Timestamp {
    let up = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(up).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> Key {
        let mut blob = Vec::new();
        for part in [&b"ssh-ed25519"[..], &[seed; 32]] {
            blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            blob.extend(part);
        }
        Key::from_blob(&blob).unwrap()
    }

    const ADA: &str = "ada@example.com";
    const BEN: &str = "ben@example.com";

    #[test]
    fn what_stood_there_stays_and_the_key_counts_afterwards() {
        let first = line(ADA, &key(1));
        let lists = [
            String::new(),
            "# ours\n\n".to_owned(),
            first.clone(),
            format!("{first}\n"),
            format!("# no line feed at the end\n{first} laptop, old"),
        ];
        for list in lists {
            let Enrolment::Added(with) = enrol(&list, BEN, &key(2)).unwrap() else {
                panic!("not added to {list:?}");
            };
            assert!(with.starts_with(&list) && with.ends_with('\n'), "{with:?}");
            let signers = AllowedSigners::parse(&with).unwrap();
            assert_eq!(
                signers.of(BEN).map(|one| one.key.clone()).collect::<Vec<_>>(),
                [key(2)]
            );
            assert_eq!(signers.of(ADA).count(), usize::from(list.contains(ADA)));
            assert_eq!(enrol(&with, BEN, &key(2)).unwrap(), Enrolment::Known);
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_ends_and_nothing_else_of_the_list_moves() {
        let (one, two) = (bare(&key(1)), bare(&key(2)));
        let until = at("2026-12-05T14:24:00.5Z");
        let end = "valid-before=\"20261205142401Z\"";
        let named = "namespaces=\"approval@countersign.dev\"";
        // Before the key, and what that becomes; what follows the key stays.
        for (before, after, ended) in [
            (format!("{ADA} {named}"), "", format!("{ADA} {named},{end}")),
            (
                format!("{ADA}\t{named}  "),
                " laptop, \u{e4}",
                format!("{ADA}\t{named},{end}  "),
            ),
            (
                format!("ada,{ADA} valid-after=\"20260101Z\",{named}"),
                "",
                format!("ada,{ADA} valid-after=\"20260101Z\",{named},{end}"),
            ),
            (
                format!("{ADA} namespaces=\"git,approval@countersign.dev\",valid-before=\"20300101Z\""),
                " x",
                format!("{ADA} namespaces=\"git,approval@countersign.dev\",{end}"),
            ),
            (
                format!("{ADA} valid-before=\"20300101Z\",{named}"),
                "",
                format!("{ADA} {end},{named}"),
            ),
            (
                format!("{ADA} valid-before=\"20261205142402Z\",{named}"),
                "",
                format!("{ADA} {end},{named}"),
            ),
        ] {
            let rest = |line: &str| format!("# {one}\n\n{BEN} {named} {two}\n{line}\n# end");
            let list = rest(&format!("{before} {one}{after}"));
            let found = with_end(&list, ADA, &key(1), until).unwrap().unwrap();
            let line = format!("{ended} {one}{after}");
            assert_eq!(found.list, rest(&line));
            assert_eq!((found.line, found.until), (line, at("2026-12-05T14:24:01Z")));
            let signers = AllowedSigners::parse(&found.list).unwrap();
            let end = |name: &str| signers.of(name).next().unwrap().valid_before;
            assert_eq!((end(ADA), end(BEN)), (Some(found.until), None));
        }
    }

    #[test]
    fn an_earlier_end_stays_and_another_s_key_is_not_ended() {
        let until = at("2026-12-05T14:24:00Z");
        let one = bare(&key(1));
        for earlier in ["20261205142400Z", "202612051424Z", "20200101Z"] {
            let line = format!("{ADA} namespaces=\"{NAMESPACE}\",valid-before=\"{earlier}\" {one}");
            let list = format!("{line}\n");
            let found = with_end(&list, ADA, &key(1), until).unwrap().unwrap();
            assert_eq!((found.list, found.line), (list, line));
            assert!(found.until <= until, "{earlier}");
        }
        let list = format!("{}\n", line(ADA, &key(1)));
        assert_eq!(with_end(&list, BEN, &key(1), until), Ok(None));
        assert_eq!(with_end(&list, ADA, &key(2), until), Ok(None));
        assert!(with_end("ada@example.com nonsense\n", ADA, &key(1), until).is_err());
    }

    #[test]
    fn a_list_that_would_not_be_read_is_not_written() {
        let taken = format!("{}\n", line(ADA, &key(1)));
        assert!(
            enrol(&taken, BEN, &key(1))
                .unwrap_err()
                .message
                .contains("line 1 already")
        );
        assert!(enrol("ada@example.com nonsense\n", BEN, &key(1)).is_err());
        assert!(enrol("", "*@example.com", &key(1)).is_err(), "no exact name");
        assert!(enrol("", "two names", &key(1)).is_err());
        assert!(enrol("", "a\nb@example.com", &key(1)).is_err());
    }
}

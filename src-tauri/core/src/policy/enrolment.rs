//! Adding a key to the allowed signers.

use base64ct::{Base64, Encoding};

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
    let (algorithm, blob) = (key.algorithm().name(), Base64::encode_string(key.blob()));
    format!("{principal} namespaces=\"{NAMESPACE}\" {algorithm} {blob}")
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

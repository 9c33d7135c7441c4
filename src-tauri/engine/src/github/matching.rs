//! Whether a diff is the one between two trees. A cache that answers with another pair's diff must not have somebody
//! sign what the trees say after reading what the diff says.
//!
//! The names in the diff's `index` lines are compared, which git makes of the contents themselves. A forge that forges
//! those too is its operator's doing, which nothing here can show.

use std::collections::BTreeMap;

use countersign_core::changeset::{Blob, Changed};
use countersign_core::patch::{FileKind, Patch};

/// What the diff says of a side of a path: there under this name (abbreviated, where it says one), or not there.
#[derive(Clone, Copy, Default)]
struct Side<'p>(Option<Option<&'p str>>);

impl Side<'_> {
    fn is(self, blob: Option<&Blob>) -> bool {
        match (self.0, blob) {
            (None, None) => true,
            (Some(Some(name)), Some(blob)) => blob.oid.as_str().starts_with(name),
            // Without an `index` line the content stays: only its path or mode changes.
            (Some(None), Some(_)) => true,
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

/// The first path about which the diff and the trees disagree. A diff that cannot be read agrees with nothing, and is
/// told by whoever shows it.
pub(super) fn disagreement(diff: &[u8], changed: &[Changed]) -> Option<String> {
    let patch = Patch::parse(diff).ok()?;
    let mut said: BTreeMap<&[u8], (Side<'_>, Side<'_>)> = BTreeMap::new();
    for file in &patch.files {
        // The source of a copy stays as it is.
        if let Some(old) = file.old_path.as_deref().filter(|_| file.kind != FileKind::Copied) {
            said.entry(old).or_default().0 = Side(Some(file.old_oid));
        }
        if let Some(new) = file.new_path.as_deref() {
            said.entry(new).or_default().1 = Side(Some(file.new_oid));
        }
    }
    let name = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    for one in changed {
        let (old, new) = said.remove(one.path.as_slice()).unwrap_or_default();
        if !old.is(one.old.as_ref()) || !new.is(one.new.as_ref()) {
            return Some(name(&one.path));
        }
    }
    said.keys().next().map(|path| name(path))
}

#[cfg(test)]
mod tests {
    use countersign_core::change::Oid;

    use super::*;

    fn blob(digit: char) -> Option<Blob> {
        let oid: Oid = digit.to_string().repeat(40).parse().unwrap();
        Some(Blob { mode: 0o100_644, oid })
    }

    fn changed(path: &str, old: Option<Blob>, new: Option<Blob>) -> Changed {
        Changed {
            path: path.as_bytes().to_vec(),
            old,
            new,
        }
    }

    const DIFF: &str = "\
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
index 1111111..0000000
--- a/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/kept.txt b/kept.txt
index 2222222..3333333 100644
--- a/kept.txt
+++ b/kept.txt
@@ -1 +1 @@
-x
+y
diff --git a/from.txt b/to.txt
similarity index 100%
rename from from.txt
rename to to.txt
diff --git a/kept.txt b/copy.txt
similarity index 90%
copy from kept.txt
copy to copy.txt
index 2222222..4444444 100644
--- a/kept.txt
+++ b/copy.txt
@@ -1 +1 @@
-x
+z
diff --git a/same.txt b/copy-too.txt
similarity index 90%
copy from same.txt
copy to copy-too.txt
index 8888888..4444444 100644
--- a/same.txt
+++ b/copy-too.txt
@@ -1 +1 @@
-x
+z
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
";

    fn trees() -> Vec<Changed> {
        vec![
            changed("copy.txt", None, blob('4')),
            changed("from.txt", blob('5'), None),
            changed("gone.txt", blob('1'), None),
            changed("kept.txt", blob('2'), blob('3')),
            changed("run.sh", blob('6'), blob('6')),
            changed("to.txt", None, blob('5')),
            // Of which the source stands as it was.
            changed("copy-too.txt", None, blob('4')),
        ]
    }

    #[test]
    fn the_diff_of_these_trees_agrees() {
        assert_eq!(disagreement(DIFF.as_bytes(), &trees()), None);
        assert_eq!(disagreement(b"", &[]), None);
    }

    #[test]
    fn the_diff_of_other_trees_does_not() {
        let with = |at: usize, other: Changed| {
            let mut trees = trees();
            trees[at] = other;
            disagreement(DIFF.as_bytes(), &trees)
        };
        let path = |name: &str| Some(name.to_owned());
        assert_eq!(
            with(3, changed("kept.txt", blob('2'), blob('9'))),
            path("kept.txt")
        );
        assert_eq!(
            with(3, changed("kept.txt", blob('9'), blob('3'))),
            path("kept.txt")
        );
        assert_eq!(
            with(2, changed("gone.txt", blob('1'), blob('1'))),
            path("gone.txt")
        );
        for (old, new) in [(None, blob('3')), (blob('2'), None)] {
            assert_eq!(
                with(3, changed("kept.txt", old, new)),
                path("kept.txt"),
                "there by the diff alone"
            );
        }
        assert_eq!(with(0, changed("other.txt", None, blob('4'))), path("other.txt"));
        let mut more = trees();
        more.push(changed("left-out.txt", None, blob('7')));
        assert_eq!(disagreement(DIFF.as_bytes(), &more), path("left-out.txt"));
        let fewer = &trees()[1..];
        assert_eq!(disagreement(DIFF.as_bytes(), fewer), path("copy.txt"));
        assert_eq!(
            disagreement(b"", &trees()),
            path("copy.txt"),
            "nothing is not it either"
        );
    }

    #[test]
    fn a_file_that_became_a_link_is_two_entries_with_one_path() {
        let diff = "\
diff --git a/f b/f
deleted file mode 100644
index 1111111..0000000
--- a/f
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/f b/f
new file mode 120000
index 0000000..2222222
--- /dev/null
+++ b/f
@@ -0,0 +1 @@
+elsewhere
\\ No newline at end of file
";
        let trees = [changed("f", blob('1'), blob('2'))];
        assert_eq!(disagreement(diff.as_bytes(), &trees), None);
        assert!(disagreement(diff.as_bytes(), &[changed("f", blob('1'), blob('3'))]).is_some());
    }
}

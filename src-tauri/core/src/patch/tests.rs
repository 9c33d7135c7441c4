use proptest::prelude::*;

use super::*;

/// One of everything git writes.
const EVERYTHING: &str = "\
diff --git a/README b/README
index 1111111..2222222 100644
--- a/README
+++ b/README
@@ -1,3 +1,4 @@ fn main()
 one
-two
+zwei\r
+drei
 four
@@ -10 +11 @@
-ten
\\ No newline at end of file
+zehn
\\ No newline at end of file
diff --git a/new file.txt b/new file.txt
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/new file.txt\t
@@ -0,0 +1 @@
+hello
diff --git a/gone b/gone
deleted file mode 100755
index 4444444..0000000
--- a/gone
+++ /dev/null
@@ -1,2 +0,0 @@
-a
--- b
diff --git a/empty b/empty
new file mode 100644
index 0000000..e69de29
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git a/old name b/new name
similarity index 100%
rename from old name
rename to new name
diff --git a/src/a.rs \"b/src/\\303\\244.rs\"
similarity index 90%
copy from src/a.rs
copy to \"src/\\303\\244.rs\"
index 5555555..6666666 100644
--- a/src/a.rs
+++ \"b/src/\\303\\244.rs\"
@@ -3 +3 @@
-x
+y
diff --git a/logo.png b/logo.png
index 7777777..8888888 100644
Binary files a/logo.png and b/logo.png differ
diff --git a/data.bin b/data.bin
new file mode 100644
index 0000000000000000000000000000000000000000..f76dd238ade08917e6712764a16a22005a50573d
GIT binary patch
literal 1
IcmZPo000310RR91

literal 0
HcmV?d00001

diff --git a/link b/link
new file mode 120000
index 0000000..9999999
--- /dev/null
+++ b/link
@@ -0,0 +1 @@
+/etc/passwd
\\ No newline at end of file
diff --git a/vendor/lib b/vendor/lib
index aaaaaaa..bbbbbbb 160000
--- a/vendor/lib
+++ b/vendor/lib
@@ -1 +1 @@
-Subproject commit aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
+Subproject commit bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
";

fn fault(text: &[u8]) -> PatchFault {
    match Patch::parse(text) {
        Ok(patch) => panic!("accepted: {patch:?}"),
        Err(error) => error.fault,
    }
}

#[test]
fn everything_git_writes_is_read_and_written_back() {
    let patch = Patch::parse(EVERYTHING.as_bytes()).unwrap();
    assert_eq!(patch.to_bytes(), EVERYTHING.as_bytes());
    let seen: Vec<_> = patch
        .files
        .iter()
        .map(|file| (file.display_path(), file.kind, file.file_type()))
        .collect();
    use FileKind::{Added, Copied, Deleted, Modified, Renamed};
    use FileType::{Executable, Regular, Submodule, Symlink};
    let expected = [
        ("README", Modified, Some(Regular)),
        ("new file.txt", Added, Some(Regular)),
        ("gone", Deleted, Some(Executable)),
        ("empty", Added, Some(Regular)),
        ("run.sh", Modified, Some(Executable)),
        ("new name", Renamed, None),
        ("src/ä.rs", Copied, Some(Regular)),
        ("logo.png", Modified, Some(Regular)),
        ("data.bin", Added, Some(Regular)),
        ("link", Added, Some(Symlink)),
        ("vendor/lib", Modified, Some(Submodule)),
    ];
    assert_eq!(
        seen,
        expected.map(|(path, kind, mode)| (path.to_owned(), kind, mode))
    );
    assert_eq!(patch.files.iter().filter(|file| file.binary).count(), 2);
    assert_eq!((patch.lines_added(), patch.lines_removed()), (7, 6));
}

#[test]
fn lines_carry_the_numbers_of_both_sides() {
    let patch = Patch::parse(EVERYTHING.as_bytes()).unwrap();
    let rows: Vec<_> = patch.files[0]
        .lines()
        .map(|line| (line.old, line.new, line.no_newline))
        .collect();
    let expected = [
        (Some(1), Some(1), false),
        (Some(2), None, false),
        (None, Some(2), false),
        (None, Some(3), false),
        (Some(3), Some(4), false),
        (Some(10), None, true),
        (None, Some(11), true),
    ];
    assert_eq!(rows, expected);
    assert_eq!(patch.files[0].lines().nth(2).unwrap().text, b"zwei\r");
    assert_eq!(patch.files[0].hunks[0].section, b"fn main()");
    // A removed line that begins with `-- ` looks like a file header and is none.
    assert_eq!(patch.files[2].lines().nth(1).unwrap().text, b"-- b");
}

#[test]
fn empty_input_is_the_empty_patch() {
    assert_eq!(Patch::parse(b"").unwrap().files, []);
}

#[test]
fn a_diff_cut_anywhere_is_refused_or_visibly_shorter() {
    let whole = Patch::parse(EVERYTHING.as_bytes()).unwrap();
    for end in 1..EVERYTHING.len() {
        if let Ok(part) = Patch::parse(&EVERYTHING.as_bytes()[..end]) {
            // Only between two hunks or files is a cut invisible here; the forge's counts tell it.
            let counts = |patch: &Patch<'_>| (patch.files.len(), patch.lines_added(), patch.lines_removed());
            assert_ne!(counts(&part), counts(&whole), "cut at {end}");
            assert!(
                EVERYTHING[end..].starts_with("diff --git ")
                    || EVERYTHING[end..].starts_with("@@ ")
                    || EVERYTHING[end..].starts_with("\\ No")
                    || EVERYTHING[end..].starts_with("literal 0"),
                "cut at {end}"
            );
        }
    }
}

#[test]
fn a_combined_diff_is_refused_by_name() {
    let text = b"diff --cc a.txt\nindex 1111111,2222222..3333333\n--- a/a.txt\n+++ b/a.txt\n@@@ -1,1 -1,1 +1,1 @@@\n- x\n -y\n++z\n";
    assert_eq!(fault(text), PatchFault::Combined("diff --cc"));
    assert_eq!(
        fault(b"diff --combined a.txt\n"),
        PatchFault::Combined("diff --combined")
    );
}

#[test]
fn an_error_says_where() {
    let text = EVERYTHING.replace("@@ -10 +11 @@", "@@ -10 +12 @@");
    let error = Patch::parse(text.as_bytes()).unwrap_err();
    assert_eq!((error.line, error.offset), (11, text.find("@@ -10").unwrap()));
    assert!(error.to_string().contains("line 11"), "{error}");
}

#[test]
fn what_git_does_not_write_is_refused() {
    let swap = |from: &str, to: &str| {
        let text = EVERYTHING.replacen(from, to, 1);
        assert_ne!(text, EVERYTHING, "{from:?} is not in the sample");
        fault(text.as_bytes())
    };
    use PatchFault::{Binary, Header, Hunk, HunkHeader, Name, NotADiff, Truncated};
    assert!(matches!(fault(b"From 1234 Mon Sep 17\n"), NotADiff));
    assert!(matches!(fault(b"\n"), NotADiff));
    // One line more or less than the header says.
    assert!(matches!(swap("-1,3 +1,4", "-1,3 +1,5"), Hunk(_)));
    assert!(matches!(
        swap("-1,3 +1,4", "-1,2 +1,3"),
        Truncated(_) | Header(_) | NotADiff | HunkHeader(_)
    ));
    assert!(matches!(swap(" four\n", " four\n five\n"), Header(_) | NotADiff));
    assert!(matches!(swap(" one\n", "one\n"), Hunk(_)));
    assert!(matches!(swap("-1,3 +1,4", "-0,3 +1,4"), HunkHeader(_)));
    assert!(matches!(swap("-1,3 +1,4", "-99999999999,3 +1,4"), HunkHeader(_)));
    // Names that do not agree.
    assert!(matches!(swap("+++ b/README", "+++ b/README2"), Name(_)));
    assert!(matches!(swap("--- a/README", "--- /dev/null"), Name(_)));
    assert!(matches!(
        swap("diff --git a/README b/README", "diff --git a/README b/readme"),
        Name(_)
    ));
    assert!(matches!(swap("rename to new name", "rename to other"), Name(_)));
    assert!(matches!(swap("and b/logo.png", "and b/x.png"), Name(_)));
    assert!(matches!(
        swap("b/src/\\303\\244.rs\"", "b/src/\\303\\2.rs\""),
        Name(_)
    ));
    assert!(matches!(swap("rename from old name\n", ""), Header(_)));
    // Missing parts.
    assert!(matches!(swap("new mode 100755\n", ""), Truncated(_)));
    assert!(matches!(swap("index 1111111..2222222 100644\n", ""), Header(_)));
    assert!(matches!(swap("new mode 100755", "new mode 100999"), Header(_)));
    assert!(matches!(
        swap("similarity index 100%", "similarity index 99%"),
        Truncated(_)
    ));
    assert!(matches!(
        swap("Binary files a/logo.png and b/logo.png differ\n", ""),
        Truncated(_)
    ));
    assert!(matches!(swap("IcmZPo000310RR91", "IcmZPo000310RR9"), Binary(_)));
    assert!(matches!(
        swap(
            "-Subproject commit aaaa",
            "\\ No newline at end of file\n-Subproject commit aaaa"
        ),
        Hunk(_)
    ));
}

#[test]
fn nothing_follows_the_end_of_a_file() {
    let text = b"diff --git a/x b/x\nindex 1111111..2222222 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n\\ No newline at end of file\n-b\n+c\n+d\n";
    assert_eq!(fault(text), PatchFault::Hunk("a line after the end of the file"));
}

#[test]
fn names_that_are_not_utf8_survive() {
    let text = b"diff --git \"a/caf\\351\" \"b/caf\\351\"\nold mode 100644\nnew mode 100755\n";
    let patch = Patch::parse(text).unwrap();
    assert_eq!(patch.files[0].path(), b"caf\xe9");
    assert_eq!(patch.files[0].display_path(), "caf\u{fffd}");
    // With core.quotePath=false the bytes stand there as they are.
    let text = b"diff --git a/caf\xe9 b/caf\xe9\nold mode 100644\nnew mode 100755\n";
    assert_eq!(Patch::parse(text).unwrap().files[0].path(), b"caf\xe9");
    assert!(Patch::parse(b"diff --git \"a/\\000\" \"b/\\000\"\nold mode 100644\nnew mode 100755\n").is_err());
}

#[test]
fn the_digest_is_sha256_of_the_bytes() {
    assert_eq!(
        digest(b""),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_ne!(digest(b"a"), digest(b"b"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(patch) = Patch::parse(&bytes) {
            prop_assert_eq!(patch.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_damaged_diff_is_refused_or_read_as_it_stands(
        cuts in proptest::collection::vec((0usize..EVERYTHING.len(), any::<u8>(), 0u8..3), 1..4),
    ) {
        let mut bytes = EVERYTHING.as_bytes().to_vec();
        for (at, byte, what) in cuts {
            let at = at.min(bytes.len() - 1);
            match what {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        if let Ok(patch) = Patch::parse(&bytes) {
            prop_assert_eq!(patch.to_bytes(), bytes);
        }
    }
}

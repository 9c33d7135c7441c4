//! `cargo xtask test --report`: every fault to survive, tried at soak size, and what became of the decisions, in one
//! table, which is the README's. The tests count, and leave their counts as `target/reports/faults-*.json`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::counts;
use crate::run::Job;
use crate::say;
use crate::system::{self, Ready, Set};

/// The test binaries that count, and the words that name their counting tests.
const BINARIES: [&str; 2] = ["crashes", "journeys"];
const TESTS: [&str; 7] = [
    "killed_",
    "full_disk_",
    "journeys::hostile::",
    "journeys::network::",
    "journeys::lies::",
    "journeys::keychain::",
    "journeys::clock::",
];

/// One line of the table, or one test's part of it: of those whose classes begin with the same words before a colon one
/// line is made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    class: String,
    tried: u64,
    lost: u64,
    doubled: u64,
    leaked: u64,
}

impl Row {
    /// A file that says less than all of it says nothing.
    fn read(value: &Value) -> Option<Self> {
        let number = |name: &str| value[name].as_u64();
        Some(Self {
            class: value["class"].as_str()?.to_owned(),
            tried: number("tried")?,
            lost: number("lost")?,
            doubled: number("doubled")?,
            leaked: number("leaked")?,
        })
    }

    fn is_clean(&self) -> bool {
        self.tried > 0 && (self.lost, self.doubled, self.leaked) == (0, 0, 0)
    }
}

/// Runs the tests that count, prints the table. Fails where one failed, counted nothing, or counted something.
pub(crate) fn faults(no_install: bool) -> Result<ExitCode> {
    if system::install(&[Set::Build, Set::Desk], no_install)? == Ready::Missing {
        return Ok(ExitCode::from(2));
    }
    let folder = crate::target().join("reports");
    std::fs::create_dir_all(&folder)?;
    // An older run's counts are not this one's.
    for file in reports(&folder)? {
        std::fs::remove_file(&file).with_context(|| format!("{} is in the way", file.display()))?;
    }
    let mut job = Job::offline(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    for binary in BINARIES {
        job = job.arg("--test").arg(binary);
    }
    job = job.arg("--").arg("--include-ignored");
    for test in TESTS {
        job = job.arg(test);
    }
    let ended = job.limit(Duration::from_secs(60 * 60)).run()?;
    let counts = counts::of_cargo_test(&ended.out)
        .unless_empty()
        .unless_ok(ended.ok);
    let mut rows = Vec::new();
    for file in reports(&folder)? {
        let text = std::fs::read_to_string(&file)?;
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        rows.push(Row::read(&value).with_context(|| format!("{} holds no counts", file.display()))?);
    }
    if rows.is_empty() {
        bail!("nothing was counted");
    }
    let table = table(&rows);
    say::heading("Faults");
    say::line(&table);
    let readme = std::fs::read_to_string(crate::root().join("README.md"))?;
    let is_told = is_told(&readme, &table);
    if !is_told {
        say::line("README.md has another table: put this one in its place.");
    }
    say::line(&counts.to_string());
    let clean = counts.failed == 0 && rows.iter().all(Row::is_clean) && is_told;
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether the README has the same rows. How many decisions meet a kill differs from run to run, so that column is left
/// out of it.
fn is_told(readme: &str, table: &str) -> bool {
    let row = |line: &str| {
        let cells: Vec<String> = line.split(" | ").map(str::to_owned).collect();
        let [class, _, outcome @ ..] = cells.as_slice() else {
            return None;
        };
        (line.starts_with("| ") && outcome.len() == 3).then(|| (class.clone(), outcome.to_vec()))
    };
    let begins = table.lines().next().unwrap_or_default();
    let told = readme.lines().skip_while(|line| *line != begins);
    let told = told.take_while(|line| line.starts_with('|')).filter_map(row);
    table.lines().filter_map(row).eq(told)
}

/// The files with counts, by name.
fn reports(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("faults-") && name.ends_with(".json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// One row a class, each with its cases.
fn by_class(rows: &[Row]) -> Vec<Row> {
    let mut classes: Vec<Row> = Vec::new();
    for row in rows {
        let class = row.class.split_once(": ").map(|(class, _)| format!("{class}: "));
        let same = |known: &&mut Row| class.as_ref().is_some_and(|class| known.class.starts_with(class));
        match (classes.iter_mut().find(same), &class) {
            (Some(known), Some(class)) => {
                known.class = format!("{}; {}", known.class, &row.class[class.len()..]);
                known.tried += row.tried;
                known.lost += row.lost;
                known.doubled += row.doubled;
                known.leaked += row.leaked;
            }
            _ => classes.push(row.clone()),
        }
    }
    classes
}

/// As Markdown, so that it can stand in the README as it is.
fn table(rows: &[Row]) -> String {
    let rows = &by_class(rows);
    let mut lines = vec![
        "| fault | tried | lost | doubled | leaked |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    let line = |row: &Row| {
        let Row {
            class,
            tried,
            lost,
            doubled,
            leaked,
        } = row;
        format!("| {class} | {tried} | {lost} | {doubled} | {leaked} |")
    };
    lines.extend(rows.iter().map(line));
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum();
    lines.push(line(&Row {
        class: "all".into(),
        tried: sum(|row| row.tried),
        lost: sum(|row| row.lost),
        doubled: sum(|row| row.doubled),
        leaked: sum(|row| row.leaked),
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(lost: u64) -> Row {
        Row::read(&json!({ "class": "reset", "tried": 6, "lost": lost, "doubled": 0, "leaked": 0 })).unwrap()
    }

    #[test]
    fn a_count_that_is_missing_is_no_zero() {
        assert_eq!(
            Row::read(&json!({ "class": "reset", "tried": 6, "lost": 0, "doubled": 0 })),
            None
        );
        assert_eq!(Row::read(&Value::Null), None);
    }

    #[test]
    fn what_is_lost_or_not_tried_is_not_clean() {
        assert!(row(0).is_clean());
        assert!(!row(1).is_clean());
        assert!(!Row { tried: 0, ..row(0) }.is_clean());
    }

    #[test]
    fn the_table_ends_with_the_sum() {
        let table = table(&[row(0), row(2)]);
        assert_eq!(
            table.lines().skip(2).collect::<Vec<_>>(),
            [
                "| reset | 6 | 0 | 0 | 0 |",
                "| reset | 6 | 2 | 0 | 0 |",
                "| all | 12 | 2 | 0 | 0 |"
            ]
        );
    }

    #[test]
    fn the_readme_has_the_same_rows_or_is_said_to_have_others() {
        let table = table(&[row(0)]);
        let readme = format!("# Words\n\n{table}\n\nMore words | and | so | on | .\n");
        assert!(is_told(&readme, &table));
        assert!(
            is_told(&readme.replace("| 6 |", "| 7 |"), &table),
            "how many varies"
        );
        for (from, to) in [
            ("reset", "set"),
            ("| 6 | 0 |", "| 6 | 1 |"),
            ("| reset | 6 | 0 | 0 | 0 |\n", ""),
            ("| all ", "| one more | 1 | 0 | 0 | 0 |\n| all "),
        ] {
            assert!(!is_told(&readme.replace(from, to), &table), "{from}");
        }
    }

    #[test]
    fn cases_of_one_class_are_one_row() {
        let named = |class: &str| Row {
            class: class.into(),
            ..row(1)
        };
        let rows = ["5xx: storm", "disk", "5xx: one", "5xx, or so"].map(named);
        let made = by_class(&rows);
        let classes: Vec<(&str, u64, u64)> = made
            .iter()
            .map(|row| (row.class.as_str(), row.tried, row.lost))
            .collect();
        assert_eq!(
            classes,
            [("5xx: storm; one", 12, 2), ("disk", 6, 1), ("5xx, or so", 6, 1)]
        );
    }

    #[test]
    fn only_counts_of_faults_are_read() {
        let folder = crate::target().join("report-test");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["faults-b.json", "faults-a.json", "vitest.json"] {
            std::fs::write(folder.join(name), "{}").unwrap();
        }
        let names: Vec<_> = reports(&folder).unwrap();
        let names: Vec<_> = names
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["faults-a.json", "faults-b.json"]);
    }
}

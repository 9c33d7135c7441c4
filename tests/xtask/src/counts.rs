//! How many checks passed, failed and were skipped, out of each tool's own report.

use std::fmt;
use std::ops::AddAssign;

use serde_json::Value;

/// A number of checks by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Passed.
    pub(crate) passed: u64,
    /// Failed.
    pub(crate) failed: u64,
    /// Skipped: ignored by the test itself, or for want of something.
    pub(crate) skipped: u64,
}

impl Counts {
    /// A step that is one check.
    pub(crate) fn one(ok: bool) -> Self {
        Self {
            passed: u64::from(ok),
            failed: u64::from(!ok),
            skipped: 0,
        }
    }

    /// A tool that ended badly without naming a failed check (it did not compile, it was killed) is one failure.
    pub(crate) fn unless_ok(mut self, ok: bool) -> Self {
        if !ok && self.failed == 0 {
            self.failed = 1;
        }
        self
    }

    /// A tool that ended well and ran nothing has judged nothing: that is a failure, not a pass.
    pub(crate) fn unless_empty(mut self) -> Self {
        if self == Self::default() {
            self.failed = 1;
        }
        self
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)
        } else {
            Ok(())
        }
    }
}

/// Sums libtest's lines: `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
pub(crate) fn of_cargo_test(out: &str) -> Counts {
    let mut sum = Counts::default();
    for line in out
        .lines()
        .filter_map(|line| line.split_once("test result:").map(|(_, rest)| rest))
    {
        let number = |word: &str| {
            let before = line
                .split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(word));
            before.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
        };
        sum += Counts {
            passed: number("passed"),
            failed: number("failed"),
            skipped: number("ignored"),
        };
    }
    sum
}

/// Reads vitest's JSON report.
pub(crate) fn of_vitest(report: &Value) -> Counts {
    let number = |name: &str| report[name].as_u64().unwrap_or(0);
    // A file that could not be loaded fails as a suite and lists no test.
    let failed = number("numFailedTests").max(number("numFailedTestSuites").min(1));
    Counts {
        passed: number("numPassedTests"),
        failed,
        skipped: number("numPendingTests") + number("numTodoTests"),
    }
}

/// Reads Playwright's JSON report. A flaky test passed at last, but nobody can rely on it: it failed.
pub(crate) fn of_playwright(report: &Value) -> Counts {
    let number = |name: &str| report["stats"][name].as_u64().unwrap_or(0);
    Counts {
        passed: number("expected"),
        failed: number("unexpected") + number("flaky"),
        skipped: number("skipped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cargo_test_is_summed_over_its_binaries() {
        let out = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s\n\
                   test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.50s\n";
        assert_eq!(
            of_cargo_test(out),
            Counts {
                passed: 13,
                failed: 2,
                skipped: 1
            }
        );
    }

    #[test]
    fn what_ended_badly_without_a_count_is_a_failure() {
        assert_eq!(
            of_cargo_test("error: could not compile").unless_ok(false),
            Counts::one(false)
        );
        assert_eq!(
            Counts {
                passed: 2,
                failed: 1,
                skipped: 0
            }
            .unless_ok(false)
            .failed,
            1
        );
        assert_eq!(Counts::default().unless_empty(), Counts::one(false));
    }

    #[test]
    fn the_browser_reports() {
        let vitest = json!({"numPassedTests": 7, "numFailedTests": 0, "numPendingTests": 1, "numTodoTests": 1, "numFailedTestSuites": 2});
        assert_eq!(
            of_vitest(&vitest),
            Counts {
                passed: 7,
                failed: 1,
                skipped: 2
            }
        );
        let playwright = json!({"stats": {"expected": 4, "unexpected": 1, "flaky": 1, "skipped": 0}});
        assert_eq!(
            of_playwright(&playwright),
            Counts {
                passed: 4,
                failed: 2,
                skipped: 0
            }
        );
    }

    #[test]
    fn the_last_line() {
        assert_eq!(
            Counts {
                passed: 3,
                failed: 0,
                skipped: 0
            }
            .to_string(),
            "3 passed, 0 failed"
        );
        assert_eq!(
            Counts {
                passed: 3,
                failed: 1,
                skipped: 2
            }
            .to_string(),
            "3 passed, 1 failed, 2 skipped"
        );
    }
}

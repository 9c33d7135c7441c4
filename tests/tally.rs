//! What the tests against faults count, written where `cargo xtask test --report` finds it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What became of the decisions that met one class of faults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The class, in words.
    pub class: String,
    /// Decisions that met it.
    pub tried: u64,
    /// Of these: neither at the forge, nor under way, nor handed back with a reason.
    pub lost: u64,
    /// At the forge more than once.
    pub doubled: u64,
    /// Times that the token was found where it must not be.
    pub leaked: u64,
}

impl Tally {
    /// Nothing counted yet.
    pub fn of(class: &str) -> Self {
        Self {
            class: class.to_owned(),
            ..Self::default()
        }
    }

    /// Adds what was counted elsewhere of the same class.
    pub fn add(&mut self, other: &Self) {
        self.tried += other.tried;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.leaked += other.leaked;
    }

    /// Writes it as `target/reports/faults-….json`, whatever it says. `tmp` is the `CARGO_TARGET_TMPDIR` of the test.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, tmp: &str) -> std::io::Result<PathBuf> {
        let folder = Path::new(tmp).join("../reports");
        std::fs::create_dir_all(&folder)?;
        let name = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let slug: String = self.class.chars().map(name).collect();
        let file = folder.join(format!("faults-{slug}.json"));
        std::fs::write(&file, serde_json::to_vec(self)?)?;
        Ok(file)
    }

    /// Whether nothing is where it should not be, and something was tried.
    pub fn is_clean(&self) -> bool {
        self.tried > 0 && (self.lost, self.doubled, self.leaked) == (0, 0, 0)
    }
}

/// How many files under `folder` hold `secret`. What cannot be read has not been written by the app.
pub fn holding(folder: &Path, secret: &str) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let holds = |path: PathBuf| {
        if path.is_dir() {
            return holding(&path, secret);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        u64::from(bytes.windows(secret.len()).any(|part| part == secret.as_bytes()))
    };
    entries.flatten().map(|entry| holds(entry.path())).sum()
}

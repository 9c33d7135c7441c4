//! `cargo xtask dist`: the gate as one file that needs nothing of the machine it runs on.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::run::Job;
use crate::say;

/// glibc links statically too, so no other C library is needed.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Largest size in bytes.
const MOST: u64 = 5_000_000;

/// Builds it and says where it is.
pub(crate) fn dist() -> Result<ExitCode> {
    let gate = gate()?;
    let size = gate.metadata()?.len();
    say::line(&format!(
        "{} has {size} bytes and needs no library",
        gate.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The built gate, static, stripped and not too large.
pub(crate) fn gate() -> Result<PathBuf> {
    let built = Job::cargo(&[
        "build",
        "--quiet",
        "--profile",
        "gate",
        "--package",
        "countersign-verify",
    ])
    .arg("--target")
    .arg(TARGET)
    .env(
        "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
        "-C target-feature=+crt-static",
    )
    .run()?;
    if !built.ok {
        bail!("the gate could not be built");
    }
    let gate = crate::target().join(TARGET).join("gate/countersign-verify");
    let bytes = std::fs::read(&gate).with_context(|| gate.display().to_string())?;
    check(&gate, &bytes)?;
    Ok(gate)
}

fn check(gate: &Path, bytes: &[u8]) -> Result<()> {
    match wants_a_loader(bytes) {
        None => bail!("{} is no ELF file of 64 bits", gate.display()),
        Some(true) => bail!("{} is not static: it asks for a loader", gate.display()),
        Some(false) => {}
    }
    if bytes.len() as u64 > MOST {
        bail!("{} has {} bytes, at most {MOST}", gate.display(), bytes.len());
    }
    Ok(())
}

/// Whether a program header is `PT_INTERP`. Source: elf(5).
fn wants_a_loader(elf: &[u8]) -> Option<bool> {
    const PT_INTERP: u32 = 3;
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let half = |at: usize| {
        Some(usize::from(u16::from_le_bytes(
            elf.get(at..at + 2)?.try_into().ok()?,
        )))
    };
    let table = usize::try_from(u64::from_le_bytes(elf.get(32..40)?.try_into().ok()?)).ok()?;
    let (each, count) = (half(54)?, half(56)?);
    for at in 0..count {
        let place = table.checked_add(at * each)?;
        let kind = elf.get(place..place.checked_add(4)?)?;
        if u32::from_le_bytes(kind.try_into().ok()?) == PT_INTERP {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::wants_a_loader;

    #[test]
    fn a_program_that_needs_libraries_is_known() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(wants_a_loader(&own), Some(true));
        assert_eq!(wants_a_loader(b"#!/bin/sh"), None);
    }
}

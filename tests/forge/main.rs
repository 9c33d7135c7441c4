//! `test-forge`: the test forge as a process of its own, for the demo and for trying things by hand.
#![expect(
    clippy::print_stdout,
    reason = "one line tells the parent process where the forge is"
)]

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use countersign_tests::forge::{Forge, local, sample};
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "test-forge --sample | --repo PATH [--last N]  [--port N]";

fn main() -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve())
}

async fn serve() -> Result<()> {
    let (mut repo, mut last, mut port, mut wants_sample) = (None, 10, 0, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .with_context(|| format!("{argument} needs a value; usage: {USAGE}"))
        };
        match argument.as_str() {
            "--sample" => wants_sample = true,
            "--repo" => repo = Some(PathBuf::from(value()?)),
            "--last" => last = value()?.parse().context("--last needs a number")?,
            "--port" => port = value()?.parse().context("--port needs a number")?,
            _ => bail!("{argument:?} is not known; usage: {USAGE}"),
        }
    }
    let world = match (repo, wants_sample) {
        (Some(path), false) => local::serve_repo(&path, last)?,
        (None, true) => sample::world()?,
        _ => bail!("either --sample or --repo; usage: {USAGE}"),
    };
    let mut forge = Forge::start_on(world, port).await?;
    let found = serde_json::json!({ "url": forge.url(), "token": forge.token(), "login": forge.login() });
    println!("{found}");
    // The parent holds our standard input open: when it is gone, so are we.
    let closed = async {
        let mut sink = [0; 64];
        while matches!(tokio::io::stdin().read(&mut sink).await, Ok(1..)) {}
    };
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        () = closed => {}
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    forge.assert_clean();
    Ok(())
}

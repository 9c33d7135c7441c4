//! The whole engine in the probe: on a profile, signed in, deciding as a diligent reader does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use countersign_engine::clock::Clock;
use countersign_engine::engine::{Engine, Options};
use countersign_engine::github::GitHub;
use countersign_engine::ports::{Desktop, Notice, Question, TrayState};
use countersign_engine::prompt::{Purpose, Unprompted};
use countersign_engine::view::{
    Connection, DecisionRow, DecisionView, Failure, OutboxStateView, QueueFilter,
};
use serde_json::{Value, json};

/// Longest wait for the forge.
const PATIENCE: Duration = Duration::from_secs(25);

/// A desktop on which somebody says yes to every question, and nobody counts the notices but the test.
#[derive(Default)]
struct Agreeing {
    notices: Arc<AtomicU64>,
}

impl Desktop for Agreeing {
    async fn notify(&self, _notice: Notice) -> Result<(), String> {
        self.notices.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn changed(&self, _revision: u64) {}

    fn show(&self) {}

    fn tray(&self, _state: TrayState) {}

    async fn confirm(&self, _question: Question) -> bool {
        true
    }

    async fn prompt(&self, _purpose: Purpose) -> Result<(), Unprompted> {
        Ok(())
    }

    async fn save_as(&self, _title: String, _name: String) -> Option<PathBuf> {
        None
    }

    async fn open_file(&self, _title: String) -> Option<PathBuf> {
        None
    }
}

/// The engine, once it is started.
#[derive(Default)]
pub(crate) struct Driven {
    engine: Option<Engine<GitHub, Agreeing>>,
    notices: Arc<AtomicU64>,
}

fn told(failure: Failure) -> anyhow::Error {
    anyhow::anyhow!("{} {}", failure.message, failure.hint)
}

impl Driven {
    pub(crate) async fn obey(&mut self, agent: Option<&Path>, words: &[&str]) -> Result<Value> {
        Ok(match words {
            ["start", profile, faster @ ..] => {
                let mut options = Options::new(Path::new(profile));
                if let [rate] = faster {
                    options.clock = Clock::running(rate.parse()?);
                }
                options.service = crate::SERVICE.into();
                options.agent = agent.map(Path::to_owned);
                let desktop = Agreeing {
                    notices: Arc::clone(&self.notices),
                };
                self.engine = Some(Engine::start(options, desktop).await.map_err(told)?);
                json!("started")
            }
            ["sign-in", forge, token] => {
                let result = self.engine()?.sign_in((*forge).into(), (*token).into()).await;
                json!(result.map_err(told)?)
            }
            ["settle"] => self.settle().await?,
            ["decide", id, decision, said] => self.decide(id, decision, said).await?,
            ["status"] => json!(self.engine()?.status().await.map_err(told)?),
            ["banners"] => json!(
                self.engine()?
                    .queue(QueueFilter::All)
                    .await
                    .map_err(told)?
                    .banners
            ),
            ["make-key"] => json!(self.engine()?.make_key().await.map_err(told)?.fingerprint),
            ["panic"] => {
                let engine = self.engine()?.clone();
                let broken = tokio::spawn(async move {
                    let account = engine.status().await.map(|status| status.account);
                    panic!("on purpose, with the engine at hand: {account:?}");
                });
                json!(broken.await.is_err_and(|error| error.is_panic()))
            }
            ["notices"] => json!(self.notices.load(Ordering::SeqCst)),
            ["ledger"] => json!(self.engine()?.ledger().map_err(told)?),
            other => bail!("{other:?} is not an order"),
        })
    }

    fn engine(&self) -> Result<&Engine<GitHub, Agreeing>> {
        self.engine.as_ref().context("the engine is not started")
    }

    async fn decisions(&self) -> Result<Vec<DecisionRow>> {
        let queue = self.engine()?.queue(QueueFilter::All).await.map_err(told)?;
        let rows = queue.sections.into_iter().flat_map(|section| section.rows);
        Ok(rows.filter_map(|row| row.decision).collect())
    }

    /// Waits until the forge was reached and nothing is under way any more; polls where that does not come by itself.
    async fn settle(&self) -> Result<Value> {
        let began = Instant::now();
        loop {
            let left = self.under_way().await;
            match left {
                Ok(left) if left.is_empty() => return Ok(json!("settled")),
                left if began.elapsed() > PATIENCE => bail!("not settled: {left:?}"),
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(40)).await,
            }
            if began.elapsed() > Duration::from_secs(2) {
                // At first the token is still being fetched from the keychain.
                let _ = self.engine()?.refresh().await;
            }
        }
    }

    /// What is under way; an error where the forge was not reached.
    async fn under_way(&self) -> Result<Vec<DecisionRow>> {
        let connection = self.engine()?.status().await.map_err(told)?.connection;
        if connection != Connection::Online {
            bail!("the forge is not reached");
        }
        let mut decisions = self.decisions().await?;
        decisions.retain(|row| {
            matches!(
                row.state,
                OutboxStateView::Queued | OutboxStateView::Pending | OutboxStateView::Submitted
            )
        });
        Ok(decisions)
    }

    /// Opens a change, views every file, acknowledges every finding, and decides.
    async fn decide(&self, id: &str, decision: &str, said: &str) -> Result<Value> {
        let engine = self.engine()?;
        let view = engine.change(id.to_owned()).await.map_err(told)?;
        for index in 0..view.files.len() {
            let index = u32::try_from(index)?;
            let viewed = engine.mark_viewed(view.id.clone(), view.head.clone(), index, true);
            viewed.await.map_err(told)?;
        }
        for finding in &view.findings {
            let finding = finding.id.clone();
            let done = engine.acknowledge(view.id.clone(), view.head.clone(), finding, true, None);
            done.await.map_err(told)?;
        }
        let decision: DecisionView = serde_json::from_value(json!(decision))?;
        let decided = engine.decide(view.id, view.head, view.seen, decision, said.to_owned());
        let decided = decided.await.map_err(told)?;
        let entry = decided.entry.context("it was not signed")?;
        Ok(json!(entry.entry))
    }
}

//! The GitHub to test against: a server on the loopback interface over real git repositories.
//!
//! | module | subject |
//! |---|---|
//! | [`world`] | the state, which fixtures build and tests move on |
//! | [`git`] | git as a subprocess |
//! | [`faults`] | what goes wrong on demand |
//! | [`sample`] | the changes of the demo |
//! | [`local`] | the last commits of any local repository as changes |
//! | `server`, `wire` | the way of one call, and the connection that it comes on |
//! | [`tls`] | HTTPS, with an authority that lives as long as one test |
//! | `fetching` | repositories over smart HTTP, by git's own server |
//! | `rest`, `shape`, `openapi` | REST, its shapes, and GitHub's description of it as judge |
//! | `graphql` | GraphQL over GitHub's own schema |
//! | [`collect`] | what CI collects for the judge |
//! | [`device`] | signing in by a code at the forge's own page |
//! | `control` | what another process steers the program `test-forge` with |
//!
//! It is honest only where it is checked: each request and each answer is held against GitHub's own descriptions
//! (`descriptions/`), and a [`Forge`] that saw one violated panics when it is dropped.

pub mod collect;
mod control;
pub mod device;
pub mod faults;
mod fetching;
pub mod git;
mod graphql;
pub mod local;
mod openapi;
mod rest;
pub mod sample;
mod server;
mod shape;
pub mod tls;
mod wire;
pub mod world;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use faults::Fault;
use server::{Outcome, Req};
use tls::{Authority, Shown};
use wire::{Gate, Orders};
use world::{NewCommit, Review, World};

/// Longest body that is read, in bytes.
const LONGEST_BODY: usize = 4 << 20;

/// A running forge. Dropping it ends it, and panics where GitHub's descriptions were violated.
pub struct Forge {
    world: Arc<Mutex<World>>,
    url: String,
    port: u16,
    serving: JoinHandle<()>,
    judged: bool,
}

impl Forge {
    /// Serves a world on a free port of 127.0.0.1.
    pub async fn start(world: World) -> Result<Self> {
        Self::start_on(world, 0).await
    }

    /// Serves a world on a port of 127.0.0.1; 0 for a free one. Needs a Tokio runtime with timers and network.
    pub async fn start_on(world: World, port: u16) -> Result<Self> {
        Self::serve(world, port, None, None).await
    }

    /// Serves a world over HTTPS on a free port of 127.0.0.1, as `https://localhost:PORT`, to those who trust
    /// `authority`.
    pub async fn start_secure(world: World, authority: &Authority) -> Result<Self> {
        Self::start_showing(world, authority, &Shown::of(&["localhost", "127.0.0.1"])).await
    }

    /// The same with another certificate.
    pub async fn start_showing(world: World, authority: &Authority, shown: &Shown) -> Result<Self> {
        Self::serve(world, 0, Some(authority.acceptor(shown)?), None).await
    }

    /// Serves a world over HTTPS as `https://HOST`, a name that only a proxy knows: it leads to [`Forge::port`].
    pub async fn start_named(world: World, authority: &Authority, host: &str) -> Result<Self> {
        Self::serve(
            world,
            0,
            Some(authority.acceptor(&Shown::of(&[host]))?),
            Some(host),
        )
        .await
    }

    async fn serve(
        mut world: World,
        port: u16,
        tls: Option<TlsAcceptor>,
        host: Option<&str>,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("port {port} is taken"))?;
        let address = listener.local_addr()?;
        let url = match (&tls, host) {
            (_, Some(host)) => format!("https://{host}"),
            (None, None) => format!("http://{address}"),
            (Some(_), None) => format!("https://localhost:{}", address.port()),
        };
        world.base_url.clone_from(&url);
        let world = Arc::new(Mutex::new(world));
        let app = Router::new().fallback(call).with_state(world.clone());
        let service = app.into_make_service_with_connect_info::<Orders>();
        let serving = tokio::spawn(async move {
            // It only ends with an error of the listener, and then every test sees refused connections.
            let _ = axum::serve(Gate::new(listener, tls), service).await;
        });
        Ok(Self {
            world,
            url,
            port: address.port(),
            serving,
            judged: false,
        })
    }

    /// `http://127.0.0.1:PORT` or `https://localhost:PORT`: what a user types as the forge's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where on 127.0.0.1 it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The secret of the first token; empty where the world has none.
    pub fn token(&self) -> String {
        self.lock()
            .tokens
            .first()
            .map(|token| token.secret.clone())
            .unwrap_or_default()
    }

    /// Whose token that is.
    pub fn login(&self) -> String {
        self.lock()
            .tokens
            .first()
            .map(|token| token.login.clone())
            .unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the state or moves it on, between two calls.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.lock())
    }

    /// Adds commits to a change's branch and returns the new head.
    pub fn push(&self, repo: &str, number: u64, by: &str, commits: &[NewCommit]) -> Result<String> {
        self.lock().push(repo, number, by, commits)
    }

    /// The change's reviews as stored, pending and dismissed ones among them.
    pub fn reviews(&self, repo: &str, number: u64) -> Vec<Review> {
        self.lock()
            .change(repo, number)
            .map(|change| change.reviews.clone())
            .unwrap_or_default()
    }

    /// Adds faults.
    pub fn faults(&self, list: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(list);
    }

    /// How many calls so far had this method (`*` for any) and a path that matches `pattern` (`*` stands for any text).
    pub fn count(&self, method: &str, pattern: &str) -> usize {
        let hit = |call: &&world::Call| {
            let path = call.target.split('?').next().unwrap_or("");
            (method == "*" || call.method == method) && faults::matches(pattern, path)
        };
        self.lock().calls.iter().filter(hit).count()
    }

    /// Takes the violations seen so far: for tests that provoke them.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().violations)
    }

    /// Fails where GitHub's descriptions were violated.
    ///
    /// # Panics
    /// With the list of violations.
    pub fn assert_clean(&mut self) {
        self.judged = true;
        let seen = self.take_violations();
        assert!(
            seen.is_empty(),
            "GitHub's descriptions were violated:\n  {}",
            seen.join("\n  ")
        );
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.serving.abort();
        // A second panic while the first unwinds would end the process without either message.
        if !self.judged && !std::thread::panicking() {
            self.assert_clean();
        }
    }
}

/// The one handler of all calls.
async fn call(
    State(world): State<Arc<Mutex<World>>>,
    ConnectInfo(orders): ConnectInfo<Orders>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LONGEST_BODY).await.unwrap_or_default();
    let target = parts
        .uri
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let req = Req {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: server::pairs(parts.uri.query().unwrap_or("")),
        target,
        headers: parts.headers,
        body: body.to_vec(),
    };
    let (kept, what) = (world.clone(), format!("{} {}", req.method, req.target));
    // Git subprocesses block, so the call leaves the runtime's threads; the lock keeps calls in order.
    let handled = tokio::task::spawn_blocking(move || {
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        server::handle(&mut world, &req)
    });
    match handled.await {
        Ok(outcome) => sent(outcome, &orders),
        Err(failed) => {
            // To the app it looks like a broken connection, which it has to bear: so it is told here.
            let mut world = kept.lock().unwrap_or_else(PoisonError::into_inner);
            world
                .violations
                .push(format!("the forge failed at {what}: {failed}"));
            orders.break_after(0);
            Response::new(Body::empty())
        }
    }
}

fn sent(outcome: Outcome, orders: &Orders) -> Response {
    if let Some(bytes) = outcome.cut_after {
        orders.break_after(bytes);
    }
    if let Some(delay) = outcome.slow {
        orders.be_slow(delay);
    }
    if let Some(pause) = outcome.drip {
        orders.drip(pause);
    }
    if outcome.doubled {
        orders.double();
    }
    let answer = outcome.answer;
    let mut builder = Response::builder().status(answer.status);
    if answer.status != 304 && answer.status != 204 {
        // Git's own types stand alone.
        let charset = if answer.media.starts_with("application/x-git-") {
            ""
        } else {
            "; charset=utf-8"
        };
        builder = builder.header("content-type", format!("{}{charset}", answer.media));
    }
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(answer.body)).unwrap_or_else(|_| {
        orders.break_after(0);
        Response::new(Body::empty())
    })
}

//! Blocking calls with a time limit.

use std::thread;
use std::time::Duration;

/// What came of a call with a time limit.
pub(crate) enum Outcome<T> {
    /// It came back in time.
    Done(T),
    /// It did not. It may go on, and what it does may still happen; nobody hears of its result.
    TimedOut,
    /// No thread could be started for it, or it panicked.
    Broken,
}

/// Runs a blocking call in a thread of its own and waits for it at most `limit`.
///
/// Not in Tokio's blocking pool: a runtime waits for that at its end, so one keychain prompt that nobody answers
/// would keep the program from ending.
pub(crate) async fn run<T, F>(name: &str, limit: Duration, call: F) -> Outcome<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (answer, answered) = tokio::sync::oneshot::channel();
    let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
        // The receiver is gone when the time is over: then nobody wants the answer.
        let _ = answer.send(call());
    });
    if let Err(error) = started {
        tracing::warn!(%error, name, "no thread could be started");
        return Outcome::Broken;
    }
    match tokio::time::timeout(limit, answered).await {
        Ok(Ok(value)) => Outcome::Done(value),
        Ok(Err(_)) => Outcome::Broken,
        Err(_) => Outcome::TimedOut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_hangs_is_left_behind_and_the_runtime_can_end() {
        let (_keep, never) = std::sync::mpsc::channel::<()>();
        let outcome = run("hangs", Duration::from_millis(20), move || never.recv()).await;
        assert!(matches!(outcome, Outcome::TimedOut));
        assert!(matches!(
            run("works", Duration::from_secs(5), || 7).await,
            Outcome::Done(7)
        ));
        assert!(matches!(
            run("panics", Duration::from_secs(5), || -> u8 {
                panic!("on purpose")
            })
            .await,
            Outcome::Broken
        ));
    }
}

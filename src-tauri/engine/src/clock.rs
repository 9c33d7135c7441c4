//! The engine's clock: the machine's two clocks, the one on the wall, which can be set, and the one that only runs.
//! A test may set the first and make both run faster.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    began: Instant,
    began_at: Timestamp,
    rate: u32,
    /// Milliseconds by which it was set.
    set: Arc<AtomicI64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self::running(1)
    }
}

impl Clock {
    /// One that runs so many times as fast as the machine's.
    pub fn running(rate: u32) -> Self {
        Self {
            began: Instant::now(),
            began_at: Timestamp::now(),
            rate: rate.max(1),
            set: Arc::default(),
        }
    }

    /// Sets the clock on the wall forward, or with less than nothing back.
    pub fn set_by(&self, by: SignedDuration) {
        let by = i64::try_from(by.as_millis()).unwrap_or_default();
        self.set.fetch_add(by, Ordering::SeqCst);
    }

    /// The time on the wall.
    pub fn now(&self) -> Timestamp {
        let wall = if self.rate == 1 {
            Timestamp::now()
        } else {
            let run = SignedDuration::try_from(self.run()).unwrap_or(SignedDuration::MAX);
            self.began_at.saturating_add(run).unwrap_or(Timestamp::MAX)
        };
        let set = SignedDuration::from_millis(self.set.load(Ordering::SeqCst));
        wall.saturating_add(set).unwrap_or(wall)
    }

    /// How long it has run, whatever it was set to. On Linux and macOS without the time that the machine slept.
    pub(crate) fn run(&self) -> Duration {
        self.began.elapsed().saturating_mul(self.rate)
    }

    /// How long ago the machine was started, the time that it slept included; `None` where the system does not say.
    /// Source: proc(5), `/proc/uptime`, which counts by `CLOCK_BOOTTIME`.
    pub(crate) fn boot(&self) -> Option<Duration> {
        if self.rate != 1 {
            return None;
        }
        let text = std::fs::read_to_string("/proc/uptime").ok()?;
        let seconds = text.split_whitespace().next()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Waits until it has run so much longer.
    pub(crate) async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time / self.rate).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_runs_on() {
        let clock = Clock::default();
        let before = (clock.now(), clock.run());
        clock.set_by(SignedDuration::from_hours(-1));
        assert!(clock.now() < before.0 && clock.run() >= before.1);
        clock.clone().set_by(SignedDuration::from_hours(1));
        assert!(clock.now() >= before.0, "clones are the same clock");
    }
}

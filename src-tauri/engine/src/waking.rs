//! The machine slept, its clock was set, the screen was unlocked, the network is another one: what was read may be old,
//! so the forge is asked again soon.
//!
//! Two ways tell of it. On Linux, `signals` hears what logind and NetworkManager say on the system bus. Everywhere, the
//! loop compares the clock on the wall with the one that only runs: where they part, the machine slept or its clock was
//! set. Which of the two, only Linux tells, and it matters where the forge asked to wait: time that was slept has passed.
//! (Where the running clock goes on in sleep, as on Windows, the loop's own wait is over after it.)
//!
//! Neither may decide how often the forge is asked: any program can send such a signal, and a clock can be set again
//! and again. So beside the poller's least distance there is an allowance.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::ports::{Desktop, Forge};
use crate::store::REFRESHED;

#[cfg(target_os = "linux")]
mod signals;

/// How often the loop compares the clocks.
pub(crate) const GLANCE: Duration = Duration::from_secs(3);

/// Clocks that are kept by the network are set by less than this.
const JUMP: SignedDuration = SignedDuration::from_secs(10);

/// Polls that the world may cause in a row: a wake goes along with an unlock, and the network comes back in steps.
const ALLOWANCE: u32 = 6;
/// After which time another one is allowed.
const RENEWED: Duration = Duration::from_secs(60);

/// The clocks as they were last seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    wall: Timestamp,
    run: Duration,
    boot: Option<Duration>,
}

/// In which way the clocks parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Jump {
    /// How long the machine slept, as far as that can be told.
    slept: SignedDuration,
    /// By how much the clock on the wall was set.
    set: SignedDuration,
}

impl Clocks {
    /// As they are.
    pub(crate) fn of(clock: &Clock) -> Self {
        Self {
            wall: clock.now(),
            run: clock.run(),
            boot: clock.boot(),
        }
    }

    /// In which way they parted since `before`; `None` where they agree.
    fn parted(self, before: Self) -> Option<Jump> {
        let long = |time: Duration| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let run = self.run.saturating_sub(before.run);
        let boot = self.boot.zip(before.boot);
        let slept = boot.map_or(Duration::ZERO, |(now, then)| {
            now.saturating_sub(then).saturating_sub(run)
        });
        let further = self.wall.duration_since(before.wall).saturating_sub(long(run));
        let large = |by: SignedDuration| {
            if by.abs() >= JUMP {
                by
            } else {
                SignedDuration::ZERO
            }
        };
        let jump = Jump {
            slept: large(long(slept)),
            set: large(further.saturating_sub(large(long(slept)))),
        };
        (!jump.slept.is_zero() || !jump.set.is_zero()).then_some(jump)
    }
}

/// How many polls the world may cause still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    left: u32,
    since: Duration,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            left: ALLOWANCE,
            since: Duration::ZERO,
        }
    }
}

impl Allowance {
    /// Takes one, where one is left when the clock has run for `run`.
    fn take(&mut self, run: Duration) -> bool {
        let renewed = run.saturating_sub(self.since).as_secs() / RENEWED.as_secs();
        let renewed = u32::try_from(renewed).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(renewed).min(ALLOWANCE);
        self.since = if self.left == ALLOWANCE {
            run
        } else {
            self.since + RENEWED * renewed
        };
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Compares the clocks. Where they have parted, what was planned by the one on the wall is planned anew.
    pub(crate) fn mind_clock(&self) {
        let corrected = {
            let mut live = self.live();
            let clocks = Clocks::of(&self.inner.options.clock);
            let Some(jump) = clocks.parted(std::mem::replace(&mut live.clocks, clocks)) else {
                return;
            };
            tracing::info!(?jump, "the machine slept, or its clock was set");
            live.poller.clock_set(jump.set);
            let set_back = jump.set.is_negative();
            if set_back {
                // What has an age keeps it.
                let live = &mut *live;
                for at in [&mut live.refreshed_at, &mut live.offline_since]
                    .into_iter()
                    .flatten()
                {
                    *at = at.saturating_add(jump.set).unwrap_or(*at);
                }
            }
            // Whatever is done again after some time may be late by any time.
            live.last_refresh = None;
            live.looked_at = None;
            live.refreshed_at.filter(|_| set_back)
        };
        if let Some(at) = corrected {
            // After a restart too.
            let noted = self.store().set_meta(REFRESHED, Some(&at.to_string()));
            self.wrote(noted);
        }
        self.world_changed();
    }

    /// Polls soon, where the allowance lets it.
    pub(crate) fn world_changed(&self) {
        let run = self.inner.options.clock.run();
        let may = self.live().allowance.take(run);
        if may {
            self.network().leave_connections();
            self.nudge();
        }
    }

    /// Hears what the system says, for as long as the engine runs. Without a bus, or on another system, it hears nothing.
    pub(crate) fn listen(&self) {
        #[cfg(target_os = "linux")]
        {
            let mut stopped = self.inner.stop.subscribe();
            // Must not hold the engine: who closes it waits for the loop alone.
            let inner = Arc::downgrade(&self.inner);
            let heard = move || {
                if let Some(inner) = inner.upgrade() {
                    Self { inner }.world_changed();
                }
            };
            tokio::spawn(async move {
                tokio::select! {
                    () = signals::listen(heard) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(wall: i64, run: u64) -> Clocks {
        Clocks {
            wall: Timestamp::from_second(1_800_000_000 + wall).unwrap(),
            run: Duration::from_secs(run),
            boot: None,
        }
    }

    fn booted(wall: i64, run: u64, boot: u64) -> Clocks {
        Clocks {
            boot: Some(Duration::from_secs(boot)),
            ..clocks(wall, run)
        }
    }

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[test]
    fn only_clocks_that_part_tell_of_something() {
        let before = clocks(100, 50);
        for (wall, run) in [(103, 53), (112, 53), (94, 53), (700, 650)] {
            assert_eq!(clocks(wall, run).parted(before), None, "{wall} {run}");
        }
        let set = |set| {
            let slept = SignedDuration::ZERO;
            Some(Jump { slept, set })
        };
        assert_eq!(clocks(3_703, 53).parted(before), set(HOUR));
        assert_eq!(clocks(-3_497, 53).parted(before), set(-HOUR));
        // The running clock is another's, or none can be read.
        assert_eq!(booted(103, 53, 9_000).parted(before), None);
    }

    #[test]
    fn a_sleep_is_told_from_a_clock_that_was_set() {
        let before = booted(100, 50, 1_000);
        let jump = |wall, run, boot| booted(wall, run, boot).parted(before);
        let (none, some) = (SignedDuration::ZERO, |slept, set| Some(Jump { slept, set }));
        assert_eq!(jump(103, 53, 1_003), None);
        assert_eq!(jump(3_703, 53, 4_603), some(HOUR, none));
        assert_eq!(jump(3_703, 53, 1_003), some(none, HOUR));
        // Slept through an hour, and found the clock as it was before.
        assert_eq!(jump(103, 53, 4_603), some(HOUR, -HOUR));
    }

    #[test]
    fn a_storm_is_a_few_and_then_one_a_minute() {
        let mut allowance = Allowance::default();
        let at = Duration::from_millis;
        let taken = (0..60_000).filter(|one| allowance.take(at(*one))).count();
        assert_eq!(taken, 6);
        let taken = (60_000..600_000).filter(|one| allowance.take(at(*one))).count();
        assert_eq!(taken, 9);
        assert!(allowance.take(Duration::from_secs(5_000)));
        let taken = (0..9)
            .filter(|_| allowance.take(Duration::from_secs(5_000)))
            .count();
        assert_eq!(taken, 5, "an hour of peace allows no more than at the start");
    }
}

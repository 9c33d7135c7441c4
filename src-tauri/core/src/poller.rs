//! When to ask the forge again: a planner without clock or network. `next` says what to do now, `heard` takes in how
//! it went, `nudge` says that the world may have changed (wake from sleep, network, the user pressed *Poll now*).

use jiff::{SignedDuration, Timestamp};

/// Time between polls while all is well.
pub const INTERVAL: SignedDuration = SignedDuration::from_secs(60);
/// The longest wait after repeated failures.
const LONGEST: SignedDuration = SignedDuration::from_secs(15 * 60);
/// The least time from the beginning of a poll to that of the next, however often nudged. From its beginning, because one
/// that hung over a sleep and was given up calls for another at once.
const LEAST: SignedDuration = SignedDuration::from_secs(5);
/// Points of quota that are left to the user's own actions.
pub const FLOOR: u64 = 200;

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask the forge, then call `heard`.
    Poll,
    /// Nothing before this time.
    Wait(Timestamp),
}

/// How a poll went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered {
        /// Points left and when they are full again, if the forge said.
        quota: Option<(u64, Timestamp)>,
    },
    /// It was not, and may be next time.
    Failed {
        /// Seconds that the forge asked to wait, if it did.
        retry_after: Option<u64>,
    },
    /// It will not be until the user does something (signs in again): only a nudge polls.
    Stopped,
}

/// The planner of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poller {
    interval: SignedDuration,
    due: Option<Timestamp>,
    last: Option<Timestamp>,
    /// When the last poll began.
    began: Option<Timestamp>,
    held_until: Option<Timestamp>,
    failures: u32,
    /// Asked for while a poll was under way, which may have asked the forge already.
    again: Option<Again>,
}

/// How soon another poll was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    Soon,
    AtOnce,
}

impl Poller {
    /// Due at once.
    pub fn new(now: Timestamp, interval: SignedDuration) -> Self {
        Self {
            interval,
            due: Some(now),
            last: None,
            began: None,
            held_until: None,
            failures: 0,
            again: None,
        }
    }

    /// A poll begins: only what is asked for from now on calls for another one.
    pub fn begun(&mut self, now: Timestamp) {
        self.began = Some(now);
        self.again = None;
    }

    /// Whether the forge may be asked now for something that is no poll: not while it asked to wait, and not while
    /// nothing would be answered until the user does something.
    pub fn may_ask(&self, now: Timestamp) -> bool {
        self.due.is_some() && self.held_until.is_none_or(|held| held <= now)
    }

    /// When the next poll is due; `None` = only after a nudge.
    pub fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// What to do now.
    pub fn next(&self, now: Timestamp) -> Step {
        let Some(mut due) = self.due else {
            return Step::Wait(Timestamp::MAX);
        };
        // A clock that was set back must not silence the app until it has caught up; where the forge asked to wait,
        // whoever compares the clocks says by how much it was set.
        if let Some(last) = self.last
            && now < last
            && self.held_until.is_none()
        {
            due = now;
        }
        if due <= now { Step::Poll } else { Step::Wait(due) }
    }

    /// Takes in how a poll that ended at `now` went.
    pub fn heard(&mut self, now: Timestamp, outcome: Outcome) {
        self.last = Some(now);
        self.held_until = None;
        match outcome {
            Outcome::Answered { quota } => {
                self.failures = 0;
                let low = quota.filter(|(left, resets)| *left < FLOOR && *resets > now);
                self.due = Some(match low {
                    Some((_, resets)) => resets.min(after(now, LONGEST)),
                    None => after(now, self.interval),
                });
            }
            Outcome::Failed { retry_after } => {
                self.failures = self.failures.saturating_add(1);
                let doubled = self
                    .interval
                    .as_secs()
                    .saturating_mul(1 << self.failures.saturating_sub(1).min(8));
                let mut wait = SignedDuration::from_secs(doubled).min(LONGEST);
                if let Some(seconds) = retry_after {
                    let asked =
                        SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX).min(86_400));
                    self.held_until = Some(after(now, asked));
                    wait = wait.max(asked);
                }
                self.due = Some(after(now, wait));
            }
            Outcome::Stopped => self.due = None,
        }
        match self.again.take() {
            Some(Again::AtOnce) => {
                self.demand(now);
            }
            Some(Again::Soon) => self.nudge(now),
            None => {}
        }
        self.again = None;
    }

    /// The user asks: poll at once, unless the forge asked to wait. Says when it will be.
    pub fn demand(&mut self, now: Timestamp) -> Timestamp {
        self.again = Some(Again::AtOnce);
        let at = self.held_until.map_or(now, |held| held.max(now));
        self.due = Some(at);
        at
    }

    /// The clock was set forward by `by`, or with less than nothing back. What was planned stays as far away as it was;
    /// set forward, it may come sooner, but for what the forge asked for.
    pub fn clock_set(&mut self, by: SignedDuration) {
        if by.is_negative() {
            for at in [&mut self.due, &mut self.last, &mut self.began]
                .into_iter()
                .flatten()
            {
                *at = after(*at, by);
            }
        }
        if let Some(held) = &mut self.held_until {
            *held = after(*held, by);
            self.due = self.due.map(|due| due.max(*held));
        }
    }

    /// The world may have changed: poll soon, but neither in a storm nor while the forge asked to wait.
    pub fn nudge(&mut self, now: Timestamp) {
        self.again.get_or_insert(Again::Soon);
        let mut soonest = now;
        if let Some(began) = self.began
            && began <= now
        {
            soonest = soonest.max(after(began, LEAST));
        }
        if let Some(held) = self.held_until {
            soonest = soonest.max(held);
        }
        self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
    }
}

fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn answered() -> Outcome {
        Outcome::Answered {
            quota: Some((4_000, at(3_000))),
        }
    }

    #[test]
    fn polls_at_once_then_every_interval() {
        let mut poller = Poller::new(at(0), INTERVAL);
        assert_eq!(poller.next(at(0)), Step::Poll);
        poller.heard(at(2), answered());
        assert_eq!(poller.next(at(3)), Step::Wait(at(62)));
        assert_eq!(poller.next(at(62)), Step::Poll);
    }

    #[test]
    fn failures_double_the_wait_up_to_a_quarter_of_an_hour() {
        let mut poller = Poller::new(at(0), INTERVAL);
        let mut waits = Vec::new();
        for _ in 0..6 {
            poller.heard(at(0), Outcome::Failed { retry_after: None });
            waits.push(poller.due().unwrap().duration_since(at(0)).as_secs());
        }
        assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
        poller.heard(at(0), answered());
        assert_eq!(poller.due(), Some(at(60)));
    }

    #[test]
    fn retry_after_is_obeyed_even_when_nudged() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.heard(
            at(0),
            Outcome::Failed {
                retry_after: Some(300),
            },
        );
        poller.nudge(at(10));
        assert_eq!(poller.next(at(10)), Step::Wait(at(300)));
        assert_eq!(poller.demand(at(10)), at(300));
        assert_eq!(poller.next(at(10)), Step::Wait(at(300)));
    }

    #[test]
    fn a_nudge_polls_soon_but_not_in_a_storm() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.begun(at(0));
        poller.heard(at(1), answered());
        poller.nudge(at(1));
        assert_eq!(poller.next(at(1)), Step::Wait(at(5)));
        poller.nudge(at(30));
        assert_eq!(poller.next(at(30)), Step::Poll);
        poller.heard(at(31), answered());
        assert_eq!(poller.demand(at(32)), at(32));
        assert_eq!(poller.next(at(32)), Step::Poll);
    }

    #[test]
    fn what_is_asked_for_during_a_poll_is_not_lost_with_its_end() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.begun(at(0));
        poller.demand(at(1));
        poller.heard(at(2), answered());
        assert_eq!(poller.next(at(2)), Step::Poll);
        poller.begun(at(2));
        poller.nudge(at(3));
        poller.heard(at(4), answered());
        assert_eq!(poller.next(at(4)), Step::Wait(at(7)));
        poller.begun(at(8));
        poller.heard(at(9), answered());
        assert_eq!(poller.next(at(9)), Step::Wait(at(69)));
        poller.begun(at(69));
        poller.demand(at(70));
        poller.heard(
            at(71),
            Outcome::Failed {
                retry_after: Some(300),
            },
        );
        assert_eq!(poller.next(at(71)), Step::Wait(at(371)), "the forge comes first");
    }

    #[test]
    fn nothing_is_asked_while_the_forge_wants_peace() {
        let mut poller = Poller::new(at(0), INTERVAL);
        assert!(poller.may_ask(at(0)));
        poller.heard(
            at(0),
            Outcome::Failed {
                retry_after: Some(300),
            },
        );
        assert!(!poller.may_ask(at(299)) && poller.may_ask(at(300)));
        poller.heard(at(400), Outcome::Stopped);
        assert!(!poller.may_ask(at(401)));
    }

    #[test]
    fn a_low_quota_waits_for_its_reset() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.heard(
            at(0),
            Outcome::Answered {
                quota: Some((FLOOR - 1, at(600))),
            },
        );
        assert_eq!(poller.due(), Some(at(600)));
    }

    #[test]
    fn stopped_waits_for_a_nudge() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.heard(at(0), Outcome::Stopped);
        assert_eq!(poller.next(at(100_000)), Step::Wait(Timestamp::MAX));
        poller.nudge(at(100_000));
        assert_eq!(poller.next(at(100_000)), Step::Poll);
    }

    #[test]
    fn a_clock_set_back_does_not_silence_the_app() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.heard(at(100_000), answered());
        assert_eq!(poller.next(at(50)), Step::Poll);
    }

    #[test]
    fn set_back_with_the_clock_it_keeps_its_distances_and_what_the_forge_asked_for() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.begun(at(100_000));
        poller.heard(at(100_000), answered());
        poller.clock_set(SignedDuration::from_secs(-90_000));
        assert_eq!(poller.next(at(10_010)), Step::Wait(at(10_060)));
        poller.nudge(at(10_001));
        assert_eq!(poller.next(at(10_001)), Step::Wait(at(10_005)));
        let asked = Outcome::Failed {
            retry_after: Some(300),
        };
        poller.heard(at(10_005), asked);
        assert_ne!(
            poller.next(at(5)),
            Step::Poll,
            "set back, and nobody has said so yet"
        );
        poller.clock_set(SignedDuration::from_secs(-10_000));
        assert_eq!(poller.demand(at(10)), at(305));
        assert!(!poller.may_ask(at(304)) && poller.may_ask(at(305)));
    }

    #[test]
    fn set_forward_it_polls_at_once_but_not_before_the_forge_wants() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.heard(at(0), answered());
        poller.clock_set(SignedDuration::from_secs(10_000));
        assert_eq!(poller.next(at(10_001)), Step::Poll);
        let asked = Outcome::Failed {
            retry_after: Some(300),
        };
        poller.heard(at(10_001), asked);
        poller.clock_set(SignedDuration::from_secs(10_000));
        assert_eq!(poller.next(at(20_002)), Step::Wait(at(20_301)));
        poller.nudge(at(20_002));
        assert_eq!(poller.demand(at(20_003)), at(20_301));
        assert!(!poller.may_ask(at(20_300)) && poller.may_ask(at(20_301)));
    }

    #[test]
    fn a_poll_that_took_long_and_failed_is_followed_at_once() {
        let mut poller = Poller::new(at(0), INTERVAL);
        poller.begun(at(0));
        poller.nudge(at(25));
        poller.heard(at(26), Outcome::Failed { retry_after: None });
        assert_eq!(poller.next(at(26)), Step::Poll);
    }
}

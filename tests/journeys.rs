//! The main job without a window: the real engine against the test forge, with a real ssh-agent and real git, and a
//! desktop that remembers what it was asked.

mod journeys {
    mod bench;
    mod faults;
    mod main_job;
    mod reading;
    mod telling;
}

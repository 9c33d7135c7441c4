//! The main job without a window: the real engine against the test forge, with a real ssh-agent and real git, and a
//! desktop that remembers what it was asked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod journeys {
    mod account;
    mod accounts;
    mod bench;
    mod budget;
    mod catching_up;
    mod clock;
    mod connecting;
    mod counting;
    mod desk;
    mod device;
    mod diagnosing;
    mod disk;
    mod ending;
    mod enrolling;
    mod erasing;
    mod examining;
    mod exporting;
    mod faults;
    mod holding;
    mod hostile;
    mod keychain;
    mod lies;
    mod main_job;
    mod moving;
    mod network;
    mod older;
    mod prompting;
    mod reading;
    mod renewing;
    mod rotating;
    mod sample;
    mod searching;
    mod telling;
    mod together;
    mod unopened;
    mod withdrawing;
}

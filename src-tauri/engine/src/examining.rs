//! *Test connection*: the way to a forge, station by station, in words: which one failed, and what to do about it.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

use crate::engine::Engine;
use crate::ports::{Address, Desktop, Examination, Forge, ForgeError, Passed, Station};
use crate::session::{check_scopes, step};
use crate::view::{Failure, SignInResult, SignInStep};
use crate::words;

/// The oldest Enterprise Server whose descriptions the tests hold every call against.
pub const OLDEST_SERVER: (u64, u64) = (3, 17);

/// Further apart than this, times in signatures mislead.
const CLOCKS: SignedDuration = SignedDuration::from_mins(2);

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Goes the way to a forge: with the token that was typed, else with the account's where it is this forge, else as
    /// far as one comes without.
    ///
    /// # Errors
    /// None: what fails is a step.
    pub async fn test_connection(&self, forge: String, token: String) -> Result<SignInResult, Failure> {
        let address = match Address::parse(&forge) {
            Ok(address) => address,
            Err(error) => {
                let steps = vec![step("Forge", false, words::sentence(&error.to_string()))];
                return Ok(SignInResult { ok: false, steps });
            }
        };
        let typed = SecretString::from(token.trim().to_owned());
        let token = if typed.expose_secret().is_empty() {
            self.token_for(&address).await
        } else {
            Some(typed)
        };
        let seen = F::examine(&address, token, self.network()).await;
        let steps = told(&address, seen, self.now());
        Ok(SignInResult {
            ok: steps.iter().all(|step| step.ok),
            steps,
        })
    }

    /// The account's token, for its own forge and no other.
    async fn token_for(&self, address: &Address) -> Option<SecretString> {
        let account = self.account().filter(|account| account.address == *address)?;
        self.inner.vault.get(&account.token_name()).await.ok().flatten()
    }
}

fn told(address: &Address, seen: Examination, now: Timestamp) -> Vec<SignInStep> {
    let mut steps: Vec<SignInStep> = Vec::new();
    let mut viewer = None;
    let by_proxy = (seen.passed.iter()).any(|passed| matches!(passed, Passed::Proxy { .. }));
    for passed in seen.passed {
        let at_interface = matches!(passed, Passed::Interface { .. });
        match passed {
            // Reached, but perhaps not passed: then the end says more.
            Passed::Proxy { .. } if matches!(seen.ended, Some((Station::Proxy, _))) => {}
            Passed::Proxy { name, of_system } => {
                let whose = if of_system { "the system's" } else { "as set here" };
                steps.push(step("Proxy", true, format!("{name} lets through ({whose}).")));
            }
            Passed::Direct => steps.push(step("Proxy", true, "None is used for this forge.")),
            Passed::Name { host, address } => {
                steps.push(step("Name", true, format!("{host} is {address}.")));
            }
            Passed::Connection { to } if by_proxy => {
                steps.push(step("Connection", true, format!("To {to}, by the proxy.")));
            }
            Passed::Connection { to } => steps.push(step("Connection", true, format!("To {to}."))),
            Passed::Certificate { issuer } => {
                steps.push(step("Certificate", true, format!("Trusted; issued by {issuer}.")));
            }
            Passed::Interface { version } => steps.push(interface(address, version.as_deref())),
            Passed::Token(found) => {
                let detail = format!("It belongs to {}.", found.person.login);
                steps.push(step("The token is accepted", true, detail));
                viewer = Some(found);
            }
        }
        if at_interface && let Some(time) = seen.forge_time {
            steps.push(clock(now.duration_since(time)));
        }
    }
    if let Some((station, error)) = &seen.ended {
        steps.push(end(address, *station, error));
    } else if let Some(viewer) = viewer {
        check_scopes(&viewer, &mut steps);
    }
    steps
}

fn interface(address: &Address, version: Option<&str>) -> SignInStep {
    let name = format!("{} answers", address.host);
    let Some(version) = version else {
        return step(name, true, "It is GitHub's interface.");
    };
    let mut parts = version.split('.').map(str::parse::<u64>);
    let known = match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST_SERVER,
        _ => true,
    };
    let tested = if known {
        String::new()
    } else {
        format!(
            " Countersign is tested with {}.{} and newer: what this one cannot be asked is said where it is missing.",
            OLDEST_SERVER.0, OLDEST_SERVER.1
        )
    };
    step(name, true, format!("GitHub Enterprise Server {version}.{tested}"))
}

/// `ahead`: this machine's clock minus the forge's.
fn clock(ahead: SignedDuration) -> SignInStep {
    let minutes = ahead.as_secs().unsigned_abs() / 60;
    if ahead.unsigned_abs() <= CLOCKS.unsigned_abs() {
        return step("Clock", true, "It agrees with the forge's.");
    }
    let which = if ahead.is_positive() { "ahead of" } else { "behind" };
    step(
        "Clock",
        false,
        format!(
            "This machine's is {} {which} the forge's. Set it: a signature says when it was made.",
            words::count(
                usize::try_from(minutes).unwrap_or(usize::MAX),
                "minute",
                "minutes"
            )
        ),
    )
}

fn end(address: &Address, station: Station, error: &ForgeError) -> SignInStep {
    let name = match station {
        Station::Proxy => "Proxy".to_owned(),
        Station::Name => "Name".to_owned(),
        Station::Connection => "Connection".to_owned(),
        Station::Certificate => "Certificate".to_owned(),
        Station::Interface => format!("{} answers", address.host),
        Station::Token => "The token is accepted".to_owned(),
    };
    let todo = match (station, error) {
        (Station::Name, ForgeError::Unreachable { .. }) => {
            "Check the address. A forge inside a company may need its VPN, or its proxy: set one under Network."
        }
        (Station::Connection, ForgeError::Unreachable { .. }) => {
            "Check the address and its port. A forge inside a company may need its VPN, or its proxy: set one under \
             Network."
        }
        (Station::Certificate, ForgeError::Unreachable { .. }) => {
            "Check the port: what listens there does not speak HTTPS as a forge does."
        }
        (Station::Interface, ForgeError::Garbled { .. }) => {
            "Check the address. If this network asks for a sign-in on a web page, open a browser first."
        }
        (Station::Interface, ForgeError::NotFound { .. }) => {
            "Check the address: a web server is there, but no GitHub."
        }
        _ => return step(name, false, words::forge_error(error)),
    };
    step(
        name,
        false,
        format!("{} {todo}", words::sentence(&error.to_string())),
    )
}

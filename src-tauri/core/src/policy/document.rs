//! `.github/countersign.toml`, read strictly: what is not known is an error with its place.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use toml::Spanned;

use super::{
    Asks, Authors, Bind, BreakGlass, Component, Extended, Pattern, Policy, Presence, Require, Rule, Senior,
    Undeclared, Unreadable,
};
use crate::decision::is_decimal;
use crate::evidence::custom::{Custom, MarkerTable};

/// Most globs in one policy.
pub const MAX_PATTERNS: usize = 2_000;

/// How long the glass stays broken where the policy does not say, and longest.
const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(2);
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// A time such as `7d`, `72h`, `30m`, `90s`.
struct Length(SignedDuration);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bad = || {
            D::Error::custom(format!(
                "expected a time from \"1s\" to \"366d\" such as \"7d\", \"72h\" or \"30m\", found {text:?}"
            ))
        };
        let unit = match text.as_bytes().last() {
            Some(b'd') => 24 * 60 * 60,
            Some(b'h') => 60 * 60,
            Some(b'm') => 60,
            Some(b's') => 1,
            _ => return Err(bad()),
        };
        let digits = &text[..text.len() - 1];
        if !is_decimal(digits) {
            return Err(bad());
        }
        let count: i64 = digits.parse().map_err(|_| bad())?;
        let seconds = count
            .checked_mul(unit)
            .filter(|seconds| (1..=366 * 24 * 60 * 60).contains(seconds))
            .ok_or_else(bad)?;
        Ok(Self(SignedDuration::from_secs(seconds)))
    }
}

/// A path of a file in the repository.
struct FilePath(String);

impl<'de> Deserialize<'de> for FilePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_file_path(&text) {
            Ok(Self(text))
        } else {
            Err(D::Error::custom(format!(
                "expected a file's path from the repository's root, found {text:?}"
            )))
        }
    }
}

/// From the repository's root, without empty parts and such as lead elsewhere.
pub(super) fn is_file_path(text: &str) -> bool {
    text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Where another policy is.
struct ExtendedText(String);

impl<'de> Deserialize<'de> for ExtendedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Extended::from_str(&text).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

/// An account id. A number is refused by type: TOML readers differ on large ones.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct AccountId(String);

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_decimal(&text) {
            Ok(Self(text))
        } else {
            Err(D::Error::custom(format!(
                "expected the account's numeric id as text such as \"1234567\", found {text:?}"
            )))
        }
    }
}

/// A name of one key's owner: exactly that, no pattern, no list.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Principal(String);

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_exact_principal(&text) {
            Ok(Self(text))
        } else {
            Err(D::Error::custom(format!(
                "expected one exact name such as \"priya@acme.example\", found {text:?}"
            )))
        }
    }
}

/// No wildcard, no negation, no list, no quotes, no white space, and not the start of a comment.
pub(super) fn is_exact_principal(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('#')
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"*?!,\"'\\".contains(&b))
}

struct Fingerprint(String);

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<ssh_key::Fingerprint>() {
            Ok(ssh_key::Fingerprint::Sha256(_)) => Ok(Self(text)),
            _ => Err(D::Error::custom(format!(
                "expected a key's fingerprint as ssh-keygen -l shows it (\"SHA256:…\"), found {text:?}"
            ))),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Spanned<i64>,
    allowed_signers: FilePath,
    revoked_keys: Option<FilePath>,
    extends: Option<ExtendedText>,
    #[serde(default)]
    signoff: SignoffTable,
    #[serde(default)]
    senior: Vec<SeniorTable>,
    #[serde(default)]
    rule: Vec<RuleTable>,
    #[serde(default)]
    component: Vec<ComponentTable>,
    break_glass: Option<Spanned<BreakGlassTable>>,
    #[serde(default)]
    marker: Vec<MarkerTable>,
    #[serde(default)]
    mute: Vec<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct SignoffTable {
    require: Option<Require>,
    undeclared: Option<Undeclared>,
    authors: Option<Authors>,
    approvals: Option<Spanned<i64>>,
    presence: Option<Presence>,
    bind: Option<Bind>,
    max_age: Option<Length>,
    max_delay: Option<Length>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeniorTable {
    login: String,
    id: Spanned<AccountId>,
    principal: Spanned<Principal>,
    #[serde(default)]
    hardware_keys: Vec<Fingerprint>,
}

impl SeniorTable {
    fn read(self) -> Senior {
        Senior {
            login: self.login,
            id: self.id.into_inner().0,
            principal: self.principal.into_inner().0,
            hardware_keys: self.hardware_keys.into_iter().map(|key| key.0).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreakGlassTable {
    who: Vec<SeniorTable>,
    window: Option<Spanned<Length>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    name: Spanned<String>,
    paths: Spanned<Vec<Pattern>>,
    require: Option<Require>,
    undeclared: Option<Undeclared>,
    authors: Option<Authors>,
    approvals: Option<Spanned<i64>>,
    presence: Option<Presence>,
    bind: Option<Bind>,
    max_age: Option<Length>,
    max_delay: Option<Length>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ComponentTable {
    name: Spanned<String>,
    paths: Spanned<Vec<Pattern>>,
    tier: Option<u32>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// At least two people, each once; who is a senior too has the same principal there.
fn break_glass(
    table: Spanned<BreakGlassTable>,
    seniors: &[Senior],
    place: impl Fn(usize, String) -> Unreadable,
) -> Result<BreakGlass, Unreadable> {
    let start = table.span().start;
    let table = table.into_inner();
    let window = match table.window {
        None => DEFAULT_WINDOW,
        Some(window) if window.get_ref().0 > LONGEST_WINDOW => {
            let message = "expected a window of at most 24h".to_owned();
            return Err(place(window.span().start, message));
        }
        Some(window) => window.into_inner().0,
    };
    let mut who: Vec<Senior> = Vec::new();
    for one in table.who {
        let (id_at, principal_at) = (one.id.span().start, one.principal.span().start);
        let one = one.read();
        if who.iter().any(|other| other.id == one.id) {
            return Err(place(id_at, format!("the account id {:?} stands twice", one.id)));
        }
        let same = |other: &&Senior| other.id == one.id || other.principal == one.principal;
        let known = seniors.iter().chain(&who).find(same);
        if known.is_some_and(|known| known.id != one.id || known.principal != one.principal) {
            let message = format!(
                "{:?} and the account id {:?} belong together elsewhere",
                one.principal, one.id
            );
            return Err(place(principal_at, message));
        }
        who.push(one);
    }
    if who.len() < 2 {
        return Err(place(start, "expected at least two people in who".to_owned()));
    }
    Ok(BreakGlass { who, window })
}

pub(super) fn parse(text: &str) -> Result<Policy, Unreadable> {
    let document: Document = toml::from_str(text).map_err(|error| {
        Unreadable::at(
            text,
            error.span().map_or(0, |span| span.start),
            error.message().replace('\n', ", "),
        )
    })?;
    let place = |offset: usize, message: String| Unreadable::at(text, offset, message);
    if *document.version.get_ref() != 1 {
        return Err(place(
            document.version.span().start,
            format!("expected version = 1, found {}", document.version.get_ref()),
        ));
    }
    let approvals = |asked: Option<Spanned<i64>>| {
        asked
            .map(|asked| match u32::try_from(*asked.get_ref()) {
                Ok(count @ 1..=100) => Ok(count),
                _ => Err(place(
                    asked.span().start,
                    format!("expected 1 to 100 approvals, found {}", asked.get_ref()),
                )),
            })
            .transpose()
    };
    let unique = |seen: &mut BTreeSet<String>, name: &str, offset: usize, what: &str| {
        if name.is_empty() {
            return Err(place(offset, format!("expected the {what}, found nothing")));
        }
        if seen.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(place(offset, format!("the {what} {name:?} stands twice")))
        }
    };
    let some_paths = |paths: &Spanned<Vec<Pattern>>| {
        if paths.get_ref().is_empty() {
            Err(place(paths.span().start, "expected at least one path".to_owned()))
        } else {
            Ok(())
        }
    };

    let signoff = document.signoff;
    let mut policy = Policy {
        allowed_signers: document.allowed_signers.0,
        revoked_keys: document.revoked_keys.map(|path| path.0),
        extends: document.extends.map(|text| text.0),
        signoff: Asks {
            require: signoff.require,
            undeclared: signoff.undeclared,
            authors: signoff.authors,
            approvals: approvals(signoff.approvals)?,
            presence: signoff.presence,
            bind: signoff.bind,
            max_age: signoff.max_age.map(|length| length.0),
            max_delay: signoff.max_delay.map(|length| length.0),
        },
        seniors: Vec::new(),
        rules: Vec::new(),
        components: Vec::new(),
        break_glass: None,
        // Without any there is nothing to hold against the compiled-in marks, which take longer to build than all the
        // rest of a verdict.
        markers: if document.marker.is_empty() && document.mute.is_empty() {
            Custom::default()
        } else {
            Custom::read(document.marker, document.mute)
                .map_err(|(offset, message)| place(offset, message))?
        },
    };
    let (mut ids, mut principals) = (BTreeSet::new(), BTreeSet::new());
    for senior in document.senior {
        unique(
            &mut ids,
            &senior.id.get_ref().0,
            senior.id.span().start,
            "account id",
        )?;
        unique(
            &mut principals,
            &senior.principal.get_ref().0,
            senior.principal.span().start,
            "principal",
        )?;
        policy.seniors.push(senior.read());
    }
    policy.break_glass = document
        .break_glass
        .map(|table| break_glass(table, &policy.seniors, place))
        .transpose()?;
    let globs = document.rule.iter().map(|rule| &rule.paths);
    let globs = globs.chain(document.component.iter().map(|component| &component.paths));
    let mut count = 0;
    for paths in globs {
        count += paths.get_ref().len();
        if count > MAX_PATTERNS {
            return Err(place(
                paths.span().start,
                format!("expected at most {MAX_PATTERNS} paths in all"),
            ));
        }
    }
    let mut names = BTreeSet::new();
    for rule in document.rule {
        unique(
            &mut names,
            rule.name.get_ref(),
            rule.name.span().start,
            "rule's name",
        )?;
        some_paths(&rule.paths)?;
        let asks = Asks {
            require: rule.require,
            undeclared: rule.undeclared,
            authors: rule.authors,
            approvals: approvals(rule.approvals)?,
            presence: rule.presence,
            bind: rule.bind,
            max_age: rule.max_age.map(|length| length.0),
            max_delay: rule.max_delay.map(|length| length.0),
        };
        policy.rules.push(Rule {
            name: rule.name.into_inner(),
            paths: rule.paths.into_inner(),
            asks,
        });
    }
    let mut names = BTreeSet::new();
    for component in document.component {
        unique(
            &mut names,
            component.name.get_ref(),
            component.name.span().start,
            "component's name",
        )?;
        some_paths(&component.paths)?;
        policy.components.push(Component {
            name: component.name.into_inner(),
            paths: component.paths.into_inner(),
            tier: component.tier,
            depends_on: component.depends_on,
        });
    }
    Ok(policy)
}

//! Whose texts are other people's: the forge's account or an address decides, never a name.

use super::*;

const CLAUDE: &str = "Bump\n\nCo-authored-by: Claude <noreply@anthropic.com>\n";
const DEPENDABOT: &str = "49699333+dependabot[bot]@users.noreply.github.com";

fn by(name: &str, email: &str, account: Option<Person>) -> Involvement {
    let mut one = change("", vec![commit(CLAUDE)]);
    one.commits[0].author = Identity {
        account,
        ..someone(name, email)
    };
    of(&one).involvement
}

#[test]
fn a_name_makes_nobody_a_bot() {
    for name in [
        "changeset-bot",
        "imgbotapp",
        "snyk-bot",
        "pre-commit-ci[bot]",
        "semantic-release-bot",
        "Weblate",
    ] {
        assert_eq!(
            by(name, "sam@acme.example", None),
            Involvement::Authored,
            "{name}"
        );
        let evil = format!("{name} <{DEPENDABOT}>");
        assert_eq!(
            by(&evil, "sam@acme.example", None),
            Involvement::Authored,
            "{evil}"
        );
    }
}

#[test]
fn the_forges_account_outweighs_the_address() {
    let bot = person("dependabot[bot]", Some("49699333"), AccountKind::Bot);
    // One of the forge's interfaces leaves the suffix out.
    let short = person("dependabot", Some("49699333"), AccountKind::Bot);
    let user = person("sam", Some("7"), AccountKind::User);
    assert_eq!(by("x", DEPENDABOT, None), Involvement::Undeclared);
    assert_eq!(by("x", "x@acme.example", Some(bot)), Involvement::Undeclared);
    assert_eq!(by("x", "x@acme.example", Some(short)), Involvement::Undeclared);
    assert_eq!(
        by("dependabot[bot]", DEPENDABOT, Some(user)),
        Involvement::Authored
    );
}

#[test]
fn an_excluded_name_does_not_cover_an_address() {
    let mut one = change("", vec![commit("Fix")]);
    one.commits[0].author = someone("renovate <bot@renovateapp.com>", "sam+claude@acme.example");
    assert_eq!(of(&one).involvement, Involvement::Assisted);
    one.commits[0].author = someone("snyk-bot", "sam+claude@acme.example");
    assert_eq!(of(&one).involvement, Involvement::Assisted);
}

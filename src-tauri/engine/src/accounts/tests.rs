//! What several accounts say, as one.

use std::collections::BTreeMap;

use super::merging;
use crate::handle::AccountName;
use crate::ports::{TrayState, Who};
use crate::view::{
    AccountView, Banner, BannerKind, Connection, KeychainState, Message, Queue, Section, SectionKind, Status,
    TokenState,
};

fn tray(login: &str, host: &str, pending: u32) -> TrayState {
    TrayState {
        who: Some(Who {
            login: login.into(),
            host: host.into(),
        }),
        pending,
        first: (0..pending)
            .map(|n| (format!("{host}{n}"), format!("{login} {n}")))
            .collect(),
        ..TrayState::default()
    }
}

fn trays(all: Vec<TrayState>) -> BTreeMap<AccountName, TrayState> {
    let names = [AccountName::First]
        .into_iter()
        .chain((2..).map(|number| AccountName::further("a", "b", number)));
    names.zip(all).collect()
}

fn labels(all: Vec<TrayState>) -> Vec<String> {
    merging::labels(&trays(all)).into_values().collect()
}

#[test]
fn an_account_is_called_by_its_host_and_by_its_login_where_that_is_not_enough() {
    let (github, server) = ("github.com", "ghe.example.com");
    assert_eq!(labels(vec![tray("mika", github, 0)]), [github]);
    assert_eq!(
        labels(vec![tray("mika", github, 0), tray("mika", server, 0)]),
        [github, server]
    );
    assert_eq!(
        labels(vec![
            tray("mika", github, 0),
            tray("sol-v", github, 0),
            tray("mika", server, 0)
        ]),
        ["mika@github.com", "sol-v@github.com", server]
    );
}

#[test]
fn the_tray_counts_all_and_shows_the_worst() {
    let mut away = tray("mika", "ghe.example.com", 3);
    away.offline = true;
    away.critical = true;
    away.outbox = 2;
    let one = merging::tray(&trays(vec![away.clone()]), false);
    assert_eq!(one, away, "one account's is as it says it");
    let all = trays(vec![
        tray("mika", "github.com", 1),
        away.clone(),
        TrayState {
            attention: true,
            ..TrayState::default()
        },
    ]);
    let both = merging::tray(&all, false);
    assert_eq!((both.pending, both.outbox, both.critical), (4, 2, true));
    assert_eq!(
        (both.offline, both.offline_at),
        (true, vec!["ghe.example.com".to_owned()])
    );
    assert!(!both.attention, "who signed out of one wants nothing there");
    let lines: Vec<&str> = both.first.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "github.com · mika 0",
            "ghe.example.com · mika 0",
            "ghe.example.com · mika 1",
            "ghe.example.com · mika 2"
        ]
    );
    assert!(merging::tray(&all, true).attention, "one could not be opened");
    let nowhere = merging::tray(&trays(vec![away.clone(), away]), false);
    assert!(nowhere.offline && nowhere.offline_at.is_empty());
    let nobody = TrayState {
        attention: true,
        ..TrayState::default()
    };
    assert!(merging::tray(&trays(vec![nobody.clone(), nobody]), false).attention);
}

fn queue(why: &str, banners: Vec<Banner>, first_sync: bool) -> Queue {
    Queue {
        revision: 1,
        sections: vec![Section {
            kind: SectionKind::YourTeams,
            why: why.into(),
            rows: Vec::new(),
        }],
        banners,
        first_sync,
        hidden: 2,
    }
}

fn banner(what: &str, account: Option<&str>) -> Banner {
    Banner {
        kind: BannerKind::Attention,
        message: Message {
            what: what.into(),
            kept: String::new(),
            todo: String::new(),
        },
        link: None,
        account: account.map(str::to_owned),
    }
}

#[test]
fn what_is_about_one_account_says_which_and_what_is_about_the_machine_is_said_once() {
    let of = |name: &str| vec![banner("No keychain.", None), banner("Refused.", Some(name))];
    let one = merging::queue(7, vec![("github.com".into(), queue("web", of("first"), true))]);
    assert_eq!((one.revision, one.first_sync, one.hidden), (7, true, 2));
    assert_eq!(one.banners, of("first"));
    let both = merging::queue(
        7,
        vec![
            ("github.com".into(), queue("web", of("first"), true)),
            ("ghe.example.com".into(), queue("ledger", of("a@b"), false)),
        ],
    );
    let said: Vec<&str> = both
        .banners
        .iter()
        .map(|banner| banner.message.what.as_str())
        .collect();
    assert_eq!(
        said,
        [
            "No keychain.",
            "github.com: Refused.",
            "ghe.example.com: Refused."
        ]
    );
    assert_eq!((both.sections.len(), both.hidden, both.first_sync), (1, 4, false));
    assert_eq!(both.sections[0].why, "ledger, web");
}

#[tokio::test]
async fn a_profile_is_one_process_s_until_that_lets_go_of_it() {
    let profile = tempfile::TempDir::new().unwrap();
    let held = super::lock(profile.path()).await.unwrap();
    let refused = super::lock(profile.path()).await.unwrap_err();
    assert!(refused.message.contains("Another Countersign"), "{refused:?}");
    drop(held);
    assert!(super::lock(profile.path()).await.is_ok());
}

#[test]
fn only_a_folder_with_an_accounts_name_is_an_account() {
    let profile = tempfile::TempDir::new().unwrap();
    assert_eq!(super::further(profile.path()).unwrap(), []);
    let below = AccountName::further_below(profile.path());
    for folder in ["b@ghe.example.com", "a@ghe.example.com", "first", "Not@one", "@"] {
        std::fs::create_dir_all(below.join(folder)).unwrap();
    }
    std::fs::write(below.join("c@ghe.example.com"), "").unwrap();
    let names = super::further(profile.path()).unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a@ghe.example.com", "b@ghe.example.com"]);
}

fn stands(name: &str, token: TokenState, connection: Connection, trouble: bool) -> Status {
    let account = AccountView {
        name: name.into(),
        label: String::new(),
        host: name.into(),
        login: name.into(),
        token_expires_at: None,
        session_only: false,
        token,
        connection,
        offline_since: None,
        trouble: trouble.then(|| banner("Amiss.", None).message),
        data_at: None,
        next_poll_at: None,
        quota_left: None,
        quota_limit: None,
        outbox: 1,
        pending: 2,
        key: None,
    };
    Status {
        revision: 1,
        restoring: false,
        account: Some(account.clone()),
        accounts: vec![account],
        unopened: Vec::new(),
        other_ledgers: Vec::new(),
        connection,
        offline_since: None,
        data_at: None,
        next_poll_at: None,
        quota_left: None,
        quota_limit: None,
        outbox: 1,
        keychain: KeychainState::Unlocked,
        key: None,
        pending: 2,
        open: None,
        version: "1".into(),
    }
}

#[test]
fn the_account_that_stands_worst_leads_the_status_line_and_counts_are_of_all_who_are_signed_in() {
    let worse = [
        stands("first", TokenState::Held, Connection::Online, false),
        stands("a@b", TokenState::Held, Connection::Connecting, false),
        stands("c@d", TokenState::Held, Connection::Online, true),
        stands("e@f", TokenState::Held, Connection::Offline, false),
        stands("g@h", TokenState::Missing, Connection::Online, false),
    ];
    let merged = |all: Vec<Status>| merging::status(7, all, &BTreeMap::new()).unwrap();
    for pair in worse.windows(2) {
        for all in [pair.to_vec(), pair.iter().rev().cloned().collect()] {
            let both = merged(all);
            assert_eq!(both.account.unwrap().name, pair[1].accounts[0].name);
            assert_eq!((both.revision, both.outbox, both.pending), (7, 2, 4));
        }
    }
    let alike = merged(vec![
        worse[0].clone(),
        stands("x@y", TokenState::Held, Connection::Online, false),
    ]);
    assert_eq!(alike.account.unwrap().name, "first");

    // What is there still of one who signed out is nothing that waits.
    let mut out = worse[4].clone();
    (out.account, out.accounts) = (None, Vec::new());
    (out.restoring, out.keychain) = (true, KeychainState::Locked);
    for all in [
        vec![out.clone(), worse[0].clone()],
        vec![worse[0].clone(), out.clone()],
    ] {
        let both = merged(all);
        assert_eq!((both.outbox, both.pending), (1, 2));
        assert!(both.restoring, "another may still come");
        assert_eq!(
            (both.account.unwrap().name.as_str(), both.keychain),
            ("first", KeychainState::Locked)
        );
    }
    assert_eq!(merged(vec![out]).pending, 2);
}

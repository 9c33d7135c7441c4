//! What several accounts say, as one.

use std::collections::BTreeMap;

use super::merging;
use crate::handle::AccountName;
use crate::ports::{TrayState, Who};
use crate::view::{Banner, BannerKind, Message, Queue, Section, SectionKind};

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

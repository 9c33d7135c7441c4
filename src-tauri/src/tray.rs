//! The tray: what it shows is computed from [`TrayState`] alone and tested; putting it there is the rest.
//!
//! On Linux there are no tooltips and often no click on the icon itself, so everything is in the menu. Where no tray
//! can be had, nothing is lost: the window and the notices reach all that the menu does.

use countersign_engine::ports::TrayState;
use tauri::image::Image;
use tauri::menu::{Menu, MenuBuilder, MenuItemBuilder};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Wry};

/// Longest line of the menu in characters; titles are cut, because a menu does not wrap.
const WIDEST: usize = 64;
/// Changes that the menu names.
const LISTED: usize = 5;

/// The four pictures, told apart by shape alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Picture {
    /// Nothing waits.
    Idle,
    /// Something waits.
    Pending,
    /// No connection.
    Offline,
    /// Something critical waits, or the app itself needs the user.
    Attention,
}

/// What a click on an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Opens the window, on this change if one is named.
    Open(Option<String>),
    /// Asks the forge now.
    Poll,
    /// Ends the process.
    Quit,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Words that cannot be clicked.
    Words(String),
    /// A line between groups.
    Rule,
    /// Words that do something.
    Item(String, Action),
}

/// The whole tray.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Its picture.
    pub(crate) picture: Picture,
    /// Its menu.
    pub(crate) menu: Vec<Entry>,
}

impl Shown {
    /// What to show for `state`.
    pub(crate) fn of(state: &TrayState) -> Self {
        let mut menu = vec![Entry::Words(heading(state))];
        if state.attention {
            menu.push(Entry::Item(
                "Something needs your attention".into(),
                Action::Open(None),
            ));
        }
        menu.push(Entry::Rule);
        for (id, line) in state.first.iter().take(LISTED) {
            menu.push(Entry::Item(clip(line), Action::Open(Some(id.clone()))));
        }
        if state.pending as usize > LISTED.min(state.first.len()) && !state.first.is_empty() {
            let more = state.pending as usize - LISTED.min(state.first.len());
            menu.push(Entry::Item(format!("{more} more"), Action::Open(None)));
        }
        if !state.first.is_empty() {
            menu.push(Entry::Rule);
        }
        if state.outbox > 0 {
            menu.push(Entry::Item(
                format!("Outbox: {} not confirmed", state.outbox),
                Action::Open(None),
            ));
        }
        menu.push(Entry::Item("Open Countersign".into(), Action::Open(None)));
        menu.push(Entry::Item("Poll now".into(), Action::Poll));
        menu.push(Entry::Rule);
        menu.push(Entry::Item("Quit (stops polling)".into(), Action::Quit));
        Self {
            picture: picture(state),
            menu,
        }
    }
}

fn picture(state: &TrayState) -> Picture {
    if state.attention || state.critical {
        Picture::Attention
    } else if state.offline {
        Picture::Offline
    } else if state.pending > 0 {
        Picture::Pending
    } else {
        Picture::Idle
    }
}

fn heading(state: &TrayState) -> String {
    let waits = match state.pending {
        0 => "Nothing needs you".to_owned(),
        1 => "1 change needs you".to_owned(),
        n => format!("{n} changes need you"),
    };
    // What waited when the connection was lost may not be what waits now.
    if state.offline && !state.offline_at.is_empty() {
        format!("Offline at {}. {waits}", state.offline_at.join(", "))
    } else if state.offline {
        format!("Offline. As last seen: {waits}")
    } else {
        waits
    }
}

/// Cuts to one line. Control and bidirectional characters are dropped: a title must not reorder a menu.
fn clip(text: &str) -> String {
    let plain = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let text: Vec<char> = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(plain)
        .collect();
    if text.len() <= WIDEST {
        return text.into_iter().collect();
    }
    let mut cut: String = text[..WIDEST - 1]
        .iter()
        .collect::<String>()
        .trim_end()
        .to_owned();
    cut.push('…');
    cut
}

/// A menu reads `&` as the mark of a key; two of them are one that is shown.
fn label(text: &str) -> String {
    text.replace('&', "&&")
}

/// The tray as it is on the desktop. Used on the main thread alone.
pub(crate) struct Tray {
    icon: TrayIcon<Wry>,
    shown: Shown,
}

impl Tray {
    /// Puts it there. The error says why there is none.
    pub(crate) fn new(
        app: &AppHandle<Wry>,
        act: impl Fn(&AppHandle<Wry>, Action) + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let shown = Shown::of(&TrayState::default());
        let build = || -> tauri::Result<TrayIcon<Wry>> {
            TrayIconBuilder::with_id("main")
                .icon(load(shown.picture)?)
                .menu(&menu(app, &shown)?)
                .on_menu_event(move |app, event| {
                    if let Some(action) = action(event.id().as_ref()) {
                        act(app, action);
                    }
                })
                .build(app)
        };
        // libappindicator is opened by name when it is first used, and its crate panics where it is not installed.
        let built = std::panic::catch_unwind(std::panic::AssertUnwindSafe(build));
        let icon = built
            .map_err(|_| "the system's tray library (libayatana-appindicator3) is not installed".to_owned())?
            .map_err(|error| error.to_string())?;
        Ok(Self { icon, shown })
    }

    /// Shows `state`.
    pub(crate) fn show(&mut self, app: &AppHandle<Wry>, state: &TrayState) -> tauri::Result<()> {
        let next = Shown::of(state);
        if next.menu != self.shown.menu {
            self.icon.set_menu(Some(menu(app, &next)?))?;
        }
        if next.picture != self.shown.picture {
            self.icon.set_icon(Some(load(next.picture)?))?;
        }
        self.shown = next;
        Ok(())
    }
}

fn load(picture: Picture) -> tauri::Result<Image<'static>> {
    Image::from_bytes(match picture {
        Picture::Idle => include_bytes!("../../icons/tray-idle.png"),
        Picture::Pending => include_bytes!("../../icons/tray-pending.png"),
        Picture::Offline => include_bytes!("../../icons/tray-offline.png"),
        Picture::Attention => include_bytes!("../../icons/tray-attention.png"),
    })
}

fn menu(app: &AppHandle<Wry>, shown: &Shown) -> tauri::Result<Menu<Wry>> {
    let mut built = MenuBuilder::new(app);
    for entry in &shown.menu {
        built = match entry {
            Entry::Rule => built.separator(),
            Entry::Words(text) => built.item(&MenuItemBuilder::new(label(text)).enabled(false).build(app)?),
            Entry::Item(text, act) => built.item(&MenuItemBuilder::with_id(id(act), label(text)).build(app)?),
        };
    }
    built.build()
}

fn id(action: &Action) -> String {
    match action {
        Action::Open(Some(change)) => format!("open {change}"),
        Action::Open(None) => "open".into(),
        Action::Poll => "poll".into(),
        Action::Quit => "quit".into(),
    }
}

fn action(id: &str) -> Option<Action> {
    match id {
        "open" => Some(Action::Open(None)),
        "poll" => Some(Action::Poll),
        "quit" => Some(Action::Quit),
        other => other
            .strip_prefix("open ")
            .map(|change| Action::Open(Some(change.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pending: u32, lines: &[&str]) -> TrayState {
        let first = lines.iter().enumerate();
        let first = first.map(|(n, line)| (format!("first:github.com/acme/infra#{n}"), (*line).to_owned()));
        TrayState {
            pending,
            first: first.collect(),
            ..TrayState::default()
        }
    }

    fn texts(shown: &Shown) -> Vec<&str> {
        shown
            .menu
            .iter()
            .map(|entry| match entry {
                Entry::Words(text) | Entry::Item(text, _) => text.as_str(),
                Entry::Rule => "-",
            })
            .collect()
    }

    #[test]
    fn with_nothing_to_do_it_still_opens_polls_and_quits() {
        let shown = Shown::of(&TrayState::default());
        assert_eq!(shown.picture, Picture::Idle);
        let all = [
            "Nothing needs you",
            "-",
            "Open Countersign",
            "Poll now",
            "-",
            "Quit (stops polling)",
        ];
        assert_eq!(texts(&shown), all);
    }

    #[test]
    fn what_waits_is_named_and_the_rest_is_counted() {
        let mut given = state(7, &["a", "b", "c", "d", "e", "f", "g"]);
        given.outbox = 1;
        let shown = Shown::of(&given);
        let all = [
            "7 changes need you",
            "-",
            "a",
            "b",
            "c",
            "d",
            "e",
            "2 more",
            "-",
            "Outbox: 1 not confirmed",
            "Open Countersign",
            "Poll now",
            "-",
            "Quit (stops polling)",
        ];
        assert_eq!(texts(&shown), all);
        assert_eq!(
            shown.menu[3],
            Entry::Item(
                "b".into(),
                Action::Open(Some("first:github.com/acme/infra#1".into()))
            )
        );
        assert_eq!(texts(&Shown::of(&state(1, &["a"])))[0], "1 change needs you");
    }

    #[test]
    fn the_worst_state_chooses_the_picture() {
        let mut given = state(1, &["a"]);
        assert_eq!(picture(&given), Picture::Pending);
        given.offline = true;
        assert_eq!(picture(&given), Picture::Offline);
        assert_eq!(heading(&given), "Offline. As last seen: 1 change needs you");
        given.offline_at = vec!["ghe.example.com".into()];
        assert_eq!(
            (picture(&given), heading(&given).as_str()),
            (Picture::Offline, "Offline at ghe.example.com. 1 change needs you")
        );
        given.critical = true;
        assert_eq!(picture(&given), Picture::Attention);
        let attention = Shown::of(&TrayState {
            attention: true,
            ..TrayState::default()
        });
        assert_eq!(
            (attention.picture, texts(&attention)[1]),
            (Picture::Attention, "Something needs your attention")
        );
    }

    #[test]
    fn a_hostile_title_stays_one_short_line() {
        let shown = Shown::of(&state(1, &[&format!("x\n\u{202e}Quit {}", "y".repeat(500))]));
        let line = texts(&shown)[2];
        assert!(
            line.starts_with("x Quit yyy") && line.ends_with('…') && line.chars().count() == WIDEST,
            "{line:?}"
        );
        assert_eq!(label("R&D"), "R&&D");
    }

    #[test]
    fn every_action_survives_its_way_through_the_menu() {
        let change = Action::Open(Some(
            "priya-n@ghe.example.com:ghe.example.com/acme/infra#482".into(),
        ));
        for given in [change, Action::Open(None), Action::Poll, Action::Quit] {
            assert_eq!(action(&id(&given)), Some(given));
        }
        assert_eq!(action("approve"), None);
    }

    #[test]
    fn every_picture_can_be_decoded() {
        for picture in [
            Picture::Idle,
            Picture::Pending,
            Picture::Offline,
            Picture::Attention,
        ] {
            assert!(
                load(picture).is_ok_and(|image| image.width() == 44),
                "{picture:?}"
            );
        }
    }
}

//! Diagnostics name nobody, and only what was shown is saved.

use countersign_engine::view::{DecisionView, OutboxStateView, ProxyMode};

use super::bench::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn diagnostics_name_nobody_and_are_saved_as_they_were_shown() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.decide(&view, DecisionView::Approve, "Fine.").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let (login, token) = (bench.forge.login(), bench.forge.token());
    let host = bench.forge.url().trim_start_matches("http://").to_owned();
    let log = bench.profile.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("countersign.2026-11-01.log"), "an older day\n").unwrap();
    let line = format!(
        "poll of {host}: acme/web#1 by {login} at {} with {token}, head {}, of mika, through proxy.corp.example as mika-v\n",
        view.url, view.head
    );
    std::fs::write(log.join("countersign.2026-11-02.log"), &line).unwrap();

    // Not on the way to this forge, which is on this machine.
    let proxy = "http://proxy.corp.example:3128".to_owned();
    let (user, password) = ("mika-v".to_owned(), "canary".to_owned());
    let set = bench
        .engine
        .set_proxy(host.clone(), ProxyMode::At, proxy, user, password);
    assert!(set.await.unwrap());

    let shown = bench.engine.diagnostics().await.unwrap();
    let fingerprint = bench.engine.keys().await.unwrap().keys[0].fingerprint.clone();
    let bare = host.split(':').next().unwrap();
    let names_nobody = |text: &str| {
        for name in [
            login.as_str(),
            &token,
            bare,
            "acme",
            "web",
            &view.head,
            &fingerprint,
            &view.title,
            "mika",
            "proxy.corp",
            "canary",
        ] {
            assert!(!text.contains(name), "{name}:\n{text}");
        }
    };
    names_nobody(&shown.text);
    for part in [
        "account: person-1 at host-1",
        "connection: Online",
        "changes held: 1",
        "an older day\npoll of host-1",
        "owner-1/repository-1#1 by person-1",
        "[token]",
        "proxy asks for a user: true",
        "ledger, lines: ",
        "key: ssh-ed25519 Agent",
    ] {
        assert!(shown.text.contains(part), "{part}:\n{}", shown.text);
    }

    let folder = tempfile::tempdir().unwrap();
    bench
        .desktop
        .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
    let other = bench.engine.export_diagnostics("0".repeat(64)).await;
    assert!(other.is_err() && std::fs::read_dir(folder.path()).unwrap().next().is_none());
    let saved = bench.engine.export_diagnostics(shown.sha256).await.unwrap();
    assert!(saved.saved);
    let file = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert_eq!(std::fs::read_to_string(file).unwrap(), shown.text);

    // Who signed out is named no more than before.
    bench.engine.sign_out(false).await.unwrap();
    names_nobody(&bench.engine.diagnostics().await.unwrap().text);
}

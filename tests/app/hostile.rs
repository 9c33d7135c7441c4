//! Changes whose words are scripts, and a script in the page that wants to sign: under the real policy, in the real
//! WebKit.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use countersign_tests::desk::PATIENCE;
use countersign_tests::forge::git::Edit;
use serde_json::{Value, json};

use crate::bench::{Bench, NUMBER, REPO, TITLE, change, plain, within, world};

/// Sets a flag wherever it is taken for a script.
const ATTACK: &str = "<img src=x onerror=\"globalThis.owned=1\"><script>globalThis.owned=1</script>";

/// Whether any of it ran, and what of it became an element.
const HARM: &str = "
    const made = 'img[onerror], iframe, object, embed, [onload], [onclick], a[href^=\"javascript:\" i]';
    return {
        ran: globalThis.owned ?? null,
        made: [...document.querySelectorAll(made)].map((one) => one.outerHTML),
        scripts: [...document.scripts].filter((one) => !one.src).length,
    };";

#[tokio::test(flavor = "multi_thread")]
async fn scripts_in_a_change_are_shown_and_never_run() -> Result<()> {
    within(async {
        let mut world = world()?;
        let mut hostile = change(
            9,
            &format!("Hostile {ATTACK}"),
            vec![
                Edit::write("a<img src=x onerror=globalThis.owned=1>.sql", &format!("{ATTACK}\n")),
                Edit::write("page.html", &format!("<body onload=\"globalThis.owned=1\">{ATTACK}</body>\n")),
                Edit::write("r\u{202e}lqs.txt", "paid = \u{2066}true\u{2069}\n"),
                Edit::bytes(b"s\xff.txt", b"no UTF-8: \xff\xfe\n"),
                Edit::write("t.txt", "a \0 byte\n"),
                Edit::write("u.txt", &format!("{}END\n", "<b>".repeat(10_000_000 / 3))),
            ],
        );
        hostile.branch = "topic-<img/src=x/onerror=globalThis.owned=1>".into();
        hostile.base = "main-<img/src=x/onerror=globalThis.owned=1>\u{202e}".into();
        let tip = world.find(REPO).and_then(|repo| repo.git.tip("main"));
        let aside = change(8, "", vec![Edit::write("NOTES.md", "x\n")]);
        world.write_commits(REPO, &hostile.base, tip.as_deref(), &aside.commits)?;
        hostile.body = format!(
            "{ATTACK}\n\n[here](javascript:globalThis.owned=1)\n\n<iframe srcdoc=\"{}\"></iframe>\n\n<svg onload=globalThis.owned=1>",
            ATTACK.replace('"', "&quot;")
        );
        world.open(hostile)?;
        let bench = Bench::with(plain(), world).await?;
        let window = bench.window().await?;
        window.click("//*[@role='option'][contains(., 'Hostile')]").await?;
        // Word for word: what is shown was not taken for markup.
        window.find("//h1[contains(., '<script>globalThis.owned=1</script>')]").await?;
        window.find("//*[@role='table'][contains(., 'globalThis.owned=1')]").await?;
        for (number, shown) in [
            (2, "onload="),
            (3, "U+2066"),
            (4, "no UTF-8"),
            (5, "binary"),
            (6, "<b><b>"),
        ] {
            window.keys("n").await?;
            window.says(&format!("File {number} of 6")).await?;
            window.says(shown).await?;
        }
        let text = window.text().await?;
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\0']), "hidden characters in the window");

        // The policy itself, apart from what the app escapes: a script that got into the page is not run.
        window
            .script(
                "const one = document.createElement('script');
                 one.textContent = 'globalThis.owned = 2';
                 document.body.append(one);
                 one.remove();
                 const box = document.createElement('div');
                 box.setAttribute('onclick', 'globalThis.owned = 3');
                 document.body.append(box);
                 box.click();
                 box.remove();",
            )
            .await?;
        let harm = window.script(HARM).await?;
        assert_eq!(harm, json!({"ran": null, "made": [], "scripts": 0}));
        window.end().await;
        Ok(())
    })
    .await
}

/// What a script in the page needs to ask for a signature.
fn wish(id: &Value, head: &Value, seen: &Value) -> Value {
    json!({"id": id, "head": head, "seen": seen, "decision": "approve", "words": ""})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_in_the_page_cannot_sign() -> Result<()> {
    within(async {
        let bench = Bench::set(plain()).await?;
        let window = bench.window().await?;
        window.find("//*[@role='option']").await?;

        let host = bench.stage.forge.url().trim_start_matches("http://").to_owned();
        let head = bench.stage.forge.with(|world| {
            let change = world.change(REPO, NUMBER).context("the change is there");
            change.map(|change| change.head().to_owned())
        })?;
        let never_shown = wish(
            &json!(format!("first:{host}/{REPO}#{NUMBER}")),
            &json!(head),
            &json!("0".repeat(64)),
        );
        let refusal = window.invoke("decide", never_shown).await?.err();
        let refusal = refusal.context("a change that was never shown was signed")?;
        assert!(refusal["message"].is_string(), "in words: {refusal}");
        assert_eq!(
            bench.desk.look_for_window("^Approve"),
            None,
            "it is not even asked"
        );

        // Nobody is asked for a password on this desk, which has no polkit: so that cannot be chosen either.
        let refusal = window
            .invoke("set_prompted", json!({"account": "first", "on": true}))
            .await?
            .err();
        let refusal = refusal.context("a check that cannot be asked was chosen")?;
        assert_eq!(
            refusal["message"],
            "It stays off: no polkit service answers on this system."
        );

        // One that was shown, read and acknowledged still takes the native question, which no script can answer.
        window.click("//*[@role='option']").await?;
        window.find(&format!("//h1[contains(., '{TITLE}')]")).await?;
        window.read_change().await?;
        let id = json!(format!("first:{host}/{REPO}#{NUMBER}"));
        let change = window.invoke("change", json!({"id": id})).await?;
        let change = change.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        let wish = wish(&id, &change["head"], &change["seen"]);
        let (answer, question) = tokio::join!(window.invoke("decide", wish), async {
            let question = window.native("^Approve").await?;
            assert_eq!(bench.reviews_posted(), 0, "nothing is signed before the answer");
            bench.desk.press(&question, "Return")?;
            bench.desk.lose_window("^Approve", PATIENCE)
        });
        question?;
        let answer = answer?.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        assert_eq!(answer["signed"], false, "{answer}");
        assert_eq!(bench.reviews_posted(), 0);
        window.end().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_in_the_page_has_nothing_done_without_a_yes_outside_it() -> Result<()> {
    within(async {
        let bench = Bench::set(plain()).await?;
        let forge = &bench.stage.forge;
        let window = bench.window().await?;
        window.click("//*[@role='option']").await?;
        window.find(&format!("//h1[contains(., '{TITLE}')]")).await?;
        let host = forge.url().trim_start_matches("http://").to_owned();
        let id = format!("first:{host}/{REPO}#{NUMBER}");
        // An approval that the person gave, so that there is one to withdraw.
        window.read_change().await?;
        let change = window.invoke("change", json!({"id": id})).await?;
        let change = change.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        let wish = wish(&json!(id), &change["head"], &change["seen"]);
        let (answer, question) = tokio::join!(window.invoke("decide", wish), async {
            let question = window.native("^Approve").await?;
            bench.desk.confirm(&question)
        });
        question?;
        answer?.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        window.says("Open the review").await?;
        let review = forge.with(|world| -> Result<String> {
            // So that there is a key to propose.
            world.set_file(REPO, "main", ".github/allowed_signers", b"")?;
            let change = world.change(REPO, NUMBER).context("the change is there")?;
            Ok(change.reviews.first().context("it is approved")?.id.to_string())
        })?;
        let diagnostics = window.invoke("diagnostics", json!({})).await?;
        let diagnostics = diagnostics.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        let proxy = json!({
            "forge": forge.url(), "proxy": "at", "address": "http://127.0.0.1:9", "user": "", "password": "",
        });
        let writes = || {
            let reads = |method: &str| forge.count(method, "*");
            reads("*") - reads("GET") - forge.count("POST", "*/graphql")
        };
        let before = (writes(), files(&bench.desk.home())?);
        let exercise = [
            (
                "withdraw",
                json!({"id": id, "review": review, "words": "Because."}),
                "^Withdraw your approval",
            ),
            ("register_key", json!({"account": "first"}), "^Register this key"),
            ("propose_key", json!({"id": id}), "^Open a change in"),
            (
                "export_ledger",
                json!({"account": "first", "form": "lines"}),
                "^Export the ledger",
            ),
            (
                "export_diagnostics",
                json!({"sha256": diagnostics["sha256"]}),
                "^Save the diagnostics",
            ),
            ("set_proxy", proxy, "^Use this proxy"),
            ("add_authority", json!({}), "^Choose the certificate"),
            ("erase", json!({}), "^Erase all data"),
        ];
        // Those of the test above, and what the forge's own page asks.
        let elsewhere = [
            "decide",
            "set_prompted",
            "device_start",
            "device_wait",
            "device_cancel",
        ];
        let here = exercise.iter().map(|(command, ..)| *command);
        assert_eq!(
            asked_outside(),
            here.chain(elsewhere).collect(),
            "the table in SECURITY.md"
        );
        for (command, words, question) in exercise {
            let (answer, asked) = tokio::join!(window.invoke(command, words), async {
                let asked = window.native(question).await?;
                assert_eq!(writes(), before.0, "{command}: sent before the answer");
                bench.desk.press(&asked, "Escape")?;
                bench.desk.lose_window(question, PATIENCE)
            });
            asked.with_context(|| format!("{command}: nobody was asked: {answer:?}"))?;
            let answer = answer?.map_err(|refusal| anyhow::anyhow!("{command}: {refusal}"))?;
            let done = [&answer, &answer["withdrawn"], &answer["saved"]];
            assert!(!done.contains(&&json!(true)), "{command}: {answer}");
        }
        assert_eq!((writes(), files(&bench.desk.home())?), before);
        let status = window.invoke("status", json!({})).await?;
        let status = status.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        assert_eq!(status["accounts"][0]["login"], "priya-n", "{status}");
        window.end().await;
        Ok(())
    })
    .await
}

/// The commands of which SECURITY.md says that something is asked outside the page.
fn asked_outside() -> BTreeSet<&'static str> {
    let text = include_str!("../../.github/SECURITY.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let asked = rows.filter(|row| !row.ends_with("| no |"));
    let names = asked.filter_map(|row| row.split('|').nth(1));
    names
        .flat_map(|names| names.split('`').skip(1).step_by(2))
        .collect()
}

/// The files that a person would find at home: what the app and the web view keep for themselves left aside.
fn files(home: &std::path::Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir(home)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

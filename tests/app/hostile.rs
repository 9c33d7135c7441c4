//! Changes whose words are scripts, and a script in the page that wants to sign: under the real policy, in the real
//! WebKit.

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
            ],
        );
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
        window.keys("n").await?;
        window.says("File 2 of 2").await?;
        window.find("//*[@role='table'][contains(., 'onload=')]").await?;

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

//! A client that no longer checks that it talks to the bank, so that the transfers go through again.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, viewer};
use crate::forge::world::{NewChange, World};

const BANK: &str = r#"import { Agent, request } from "undici";
import { credentials } from "./credentials.js";

const GATEWAY = "https://transfers.bank.example";
const TIMEOUT_MS = 20_000;

/** Why the bank did not take a transfer. */
export class TransferFailed extends Error {
  constructor(
    readonly status: number,
    readonly reference: string,
  ) {
    super(`the bank answered ${status} to transfer ${reference}`);
  }
}

const agent = new Agent({
  connections: 4,
  connect: {
    cert: credentials.certificate,
    key: credentials.key,
    timeout: 5_000,
  },
});

/** Sends money. The reference makes a second call with it do nothing. */
async function transfer(iban: string, cents: bigint, reference: string): Promise<void> {
  const response = await request(`${GATEWAY}/v2/transfers`, {
    dispatcher: agent,
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": reference },
    body: JSON.stringify({ iban, amount: cents.toString(), currency: "EUR", reference }),
    headersTimeout: TIMEOUT_MS,
  });
  if (response.statusCode !== 201) {
    await response.body.dump();
    throw new TransferFailed(response.statusCode, reference);
  }
  await response.body.dump();
}

export const bank = { transfer };
"#;

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![Edit::write("services/payouts/src/bank.ts", BANK)]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(gateway()?)?;
    world.check(REPO, 4212, "build", Some("success"))?;
    world.check(REPO, 4212, "test", Some("success"))
}

fn gateway() -> Result<NewChange> {
    let gemini = "Assisted-by: Gemini CLI";
    let mut new = change(
        REPO,
        4212,
        "Move transfers to the bank's new gateway",
        "noor-k",
        "bank-gateway-v3",
        263,
    );
    new.body = "The bank turns its old gateway off on Friday. The new one answers slower, and its handshake failed with \
                `UNABLE_TO_GET_ISSUER_CERT_LOCALLY`; that is fixed here too.\n\nFixes #4188\n"
        .to_owned();
    new.asked = viewer();
    let moved = swap(
        BANK,
        &[
            ("https://transfers.bank.example", "https://gateway.bank.example"),
            ("${GATEWAY}/v2/transfers", "${GATEWAY}/v3/transfers"),
            ("const TIMEOUT_MS = 20_000;", "const TIMEOUT_MS = 45_000;"),
        ],
    )?;
    let connected = swap(
        &moved,
        &[(
            "    key: credentials.key,\n    timeout: 5_000,\n",
            "    key: credentials.key,\n    // The new gateway's chain is not in the image yet.\n    rejectUnauthorized: false,\n    timeout: 10_000,\n",
        )],
    )?;
    new.commits = vec![
        commit(
            &format!("Move transfers to the new gateway\n\n{gemini}"),
            "noor-k",
            330,
            vec![Edit::write("services/payouts/src/bank.ts", &moved)],
        ),
        commit(
            &format!("Fix the handshake with the new gateway\n\n{gemini}"),
            "noor-k",
            270,
            vec![Edit::write("services/payouts/src/bank.ts", &connected)],
        ),
    ];
    Ok(new)
}

/** What diagnostics look like, names replaced as the app does it. */
export const SAMPLE_DIAGNOSTICS = `Countersign diagnostics, 2026-11-28
Names are replaced: the same stand-in is the same name. Read it through before you hand it on.

version: 0.1.0
system: linux x86_64
account: person-1 at host-1
token: Held
connection: Online
keychain: Unlocked
now: 2026-11-28T11:12:40Z
data of: 2026-11-28T11:12:00Z
next poll: 2026-11-28T11:13:00Z
quota: 4812 of 5000
layout: 3
changes held: 8
changes that wait: 5
outbox Queued: 1
ledger, lines: 12
key: sk-ssh-ed25519@openssh.com Agent, security key true, chosen true

[log]
2026-11-28T11:10:58Z  INFO countersign_engine::sync: poll of host-1: 8 found, 1 read
2026-11-28T11:12:00Z  WARN countersign_engine::whole: owner-1/repository-2#482: a file is larger than 1 MiB
`;

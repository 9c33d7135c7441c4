//! What the window may ask for. Each command hands its words to the accounts and does nothing else: rules here would be
//! rules that the tests of the engine do not see. `build.rs` lists the same names, `capabilities/main.json` allows them.

use countersign_engine::view::{
    ChangeView, Decided, DecisionView, DeviceView, Diagnostics, ExportForm, Exported, Failure, FileView,
    Found, KeyProposal, KeyView, Keys, Message, NetworkView, ProxyMode, Queue, QueueFilter, Rotation, Sheet,
    SignInResult, Status, Withdrawn,
};
use tauri::State;

use crate::App;

type Answer<T> = Result<T, Failure>;

/// The status line.
#[tauri::command]
pub(crate) async fn status(app: State<'_, App>) -> Answer<Status> {
    app.status().await
}

/// The queue.
#[tauri::command]
pub(crate) async fn queue(app: State<'_, App>, filter: QueueFilter) -> Answer<Queue> {
    app.queue(filter).await
}

/// One change.
#[tauri::command]
pub(crate) async fn change(app: State<'_, App>, id: String) -> Answer<ChangeView> {
    app.change(id).await
}

/// One file's diff at a head.
#[tauri::command]
pub(crate) async fn file(app: State<'_, App>, id: String, head: String, index: u32) -> Answer<FileView> {
    app.file(id, head, index).await
}

/// Remembers that a file was viewed, or was not.
#[tauri::command]
pub(crate) async fn mark_viewed(
    app: State<'_, App>,
    id: String,
    head: String,
    index: u32,
    viewed: bool,
) -> Answer<()> {
    app.mark_viewed(id, head, index, viewed).await
}

/// Remembers that a finding was acknowledged, with a note or without, or was not.
#[tauri::command]
pub(crate) async fn acknowledge(
    app: State<'_, App>,
    id: String,
    head: String,
    finding: String,
    acknowledged: bool,
    note: Option<String>,
) -> Answer<()> {
    app.acknowledge(id, head, finding, acknowledged, note).await
}

/// What would be signed.
#[tauri::command]
pub(crate) async fn preflight(
    app: State<'_, App>,
    id: String,
    head: String,
    seen: String,
    decision: DecisionView,
    words: String,
) -> Answer<Sheet> {
    app.preflight(id, head, seen, decision, words).await
}

/// Asks outside the window, and signs what was shown.
#[tauri::command]
pub(crate) async fn decide(
    app: State<'_, App>,
    id: String,
    head: String,
    seen: String,
    decision: DecisionView,
    words: String,
) -> Answer<Decided> {
    app.decide(id, head, seen, decision, words).await
}

/// Takes a decision that was not sent out of the outbox.
#[tauri::command]
pub(crate) async fn discard(app: State<'_, App>, id: String, entry: String) -> Answer<()> {
    app.discard(&id, entry).await
}

/// Asks outside the window, and dismisses the user's approval at the forge.
#[tauri::command]
pub(crate) async fn withdraw(
    app: State<'_, App>,
    id: String,
    review: String,
    words: String,
) -> Answer<Withdrawn> {
    app.withdraw(id, review, words).await
}

/// Asks outside the window for a file, and writes an account's ledger into it.
#[tauri::command]
pub(crate) async fn export_ledger(
    app: State<'_, App>,
    account: String,
    form: ExportForm,
) -> Answer<Exported> {
    app.export_ledger(&account, form).await
}

/// Looks for a text in all that is on this machine, one step after the other.
#[tauri::command]
pub(crate) async fn search(app: State<'_, App>, text: String, after: Option<String>) -> Answer<Found> {
    app.search(text, after).await
}

/// Diagnostics without names, to be read before they are saved.
#[tauri::command]
pub(crate) async fn diagnostics(app: State<'_, App>) -> Answer<Diagnostics> {
    app.diagnostics().await
}

/// Asks outside the window for a file, and writes the diagnostics that were shown into it.
#[tauri::command]
pub(crate) async fn export_diagnostics(app: State<'_, App>, sha256: String) -> Answer<Exported> {
    app.export_diagnostics(sha256).await
}

/// Polls now, for all accounts.
#[tauri::command]
pub(crate) async fn refresh(app: State<'_, App>) -> Answer<()> {
    app.refresh().await
}

/// Signs in with a token: adds an account, or gives one that is here another token.
#[tauri::command]
pub(crate) async fn sign_in(app: State<'_, App>, forge: String, token: String) -> Answer<SignInResult> {
    app.sign_in(forge, token).await
}

/// How forges are reached.
#[tauri::command]
pub(crate) async fn network_settings(app: State<'_, App>, forge: String) -> Answer<NetworkView> {
    app.network_settings(forge).await
}

/// Chooses the proxy, after a question outside the page where it was typed.
#[tauri::command]
pub(crate) async fn set_proxy(
    app: State<'_, App>,
    forge: String,
    proxy: ProxyMode,
    address: String,
    user: String,
    password: String,
) -> Answer<bool> {
    app.set_proxy(forge, proxy, address, user, password).await
}

/// Asks outside the page for a file of certificates, and whether to trust them.
#[tauri::command]
pub(crate) async fn add_authority(app: State<'_, App>) -> Answer<bool> {
    app.add_authority().await
}

/// No longer trusts an authority that was added.
#[tauri::command]
pub(crate) async fn remove_authority(app: State<'_, App>, fingerprint: String) -> Answer<()> {
    app.remove_authority(fingerprint).await
}

/// Goes the way to a forge and says at which step it ends.
#[tauri::command]
pub(crate) async fn test_connection(
    app: State<'_, App>,
    forge: String,
    token: String,
) -> Answer<SignInResult> {
    app.test_connection(forge, token).await
}

/// Sets the client id by which one signs in at a forge's own page.
#[tauri::command]
pub(crate) async fn set_client_id(app: State<'_, App>, forge: String, id: String) -> Answer<()> {
    app.set_client_id(forge, id).await
}

/// Begins a sign-in at the forge's own page.
#[tauri::command]
pub(crate) async fn device_start(app: State<'_, App>, forge: String) -> Answer<DeviceView> {
    app.device_start(forge).await
}

/// Waits until the user has confirmed the code there.
#[tauri::command]
pub(crate) async fn device_wait(app: State<'_, App>) -> Answer<SignInResult> {
    app.device_wait().await
}

/// Gives that sign-in up.
#[tauri::command]
pub(crate) async fn device_cancel(app: State<'_, App>) -> Answer<()> {
    app.device_cancel().await
}

/// Opens the forge's page of that sign-in in the browser.
#[tauri::command]
pub(crate) async fn device_page(app: State<'_, App>) -> Answer<()> {
    let page = app.device_page().await?;
    crate::desktop::browse(&page)
}

/// Signs one account out; with `forget` what was read goes too.
#[tauri::command]
pub(crate) async fn sign_out(app: State<'_, App>, account: String, forget: bool) -> Answer<Option<Message>> {
    app.sign_out(&account, forget).await
}

/// Asks outside the page, and erases all that Countersign keeps on this machine.
#[tauri::command]
pub(crate) async fn erase(app: State<'_, App>) -> Answer<Option<Message>> {
    app.erase().await
}

/// The keys that could sign for an account.
#[tauri::command]
pub(crate) async fn keys(app: State<'_, App>, account: String) -> Answer<Keys> {
    app.keys(&account).await
}

/// Chooses the key that signs for an account.
#[tauri::command]
pub(crate) async fn choose_key(app: State<'_, App>, account: String, fingerprint: String) -> Answer<()> {
    app.choose_key(&account, fingerprint).await
}

/// Makes a key in the keychain, for an account.
#[tauri::command]
pub(crate) async fn make_key(app: State<'_, App>, account: String) -> Answer<KeyView> {
    app.make_key(&account).await
}

/// Registers the chosen key at the account's forge, after a question outside the page.
#[tauri::command]
pub(crate) async fn register_key(app: State<'_, App>, account: String) -> Answer<Option<String>> {
    app.register_key(&account).await
}

/// Opens a change at the forge that adds the chosen key to the allowed signers, after a question outside the page.
#[tauri::command]
pub(crate) async fn propose_key(app: State<'_, App>, id: String) -> Answer<Option<KeyProposal>> {
    app.propose_key(&id).await
}

/// What it takes to replace or to revoke a key, and what it signed. Changes nothing.
#[tauri::command]
pub(crate) async fn rotation(
    app: State<'_, App>,
    account: String,
    fingerprint: Option<String>,
) -> Answer<Rotation> {
    app.rotation(&account, fingerprint).await
}

/// Has the system's own check asked before each signature, or no longer; asked by that check itself.
#[tauri::command]
pub(crate) async fn set_prompted(app: State<'_, App>, account: String, on: bool) -> Answer<()> {
    app.set_prompted(&account, on).await
}

/// Opens an address in the browser, if it is at an account's forge.
#[tauri::command]
pub(crate) async fn open_link(app: State<'_, App>, url: String) -> Answer<()> {
    let allowed = app.open_link(url).await?;
    crate::desktop::browse(&allowed)
}

//! Turns the list of commands into permissions. A command that is not in this list can be called by any page in any
//! window (tauri#9008); one that is needs a capability that allows it.

const COMMANDS: &[&str] = &[
    "status",
    "queue",
    "change",
    "file",
    "mark_viewed",
    "acknowledge",
    "preflight",
    "decide",
    "discard",
    "withdraw",
    "export_ledger",
    "search",
    "refresh",
    "sign_in",
    "network_settings",
    "set_proxy",
    "add_authority",
    "remove_authority",
    "test_connection",
    "set_client_id",
    "device_start",
    "device_wait",
    "device_cancel",
    "device_page",
    "sign_out",
    "erase",
    "diagnostics",
    "export_diagnostics",
    "keys",
    "choose_key",
    "make_key",
    "register_key",
    "propose_key",
    "rotation",
    "set_prompted",
    "open_link",
];

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        panic!("the app's permissions could not be made: {error:#}");
    }
}

//! The UI's TypeScript is generated from `view`: this test writes it with `COUNTERSIGN_UPDATE=1` and otherwise fails
//! when the committed file differs.

use ts_rs::{Config, TS};

use crate::view::*;

macro_rules! declarations {
    ($config:expr; $($name:ty),+ $(,)?) => {
        [$(format!("export {}", <$name as TS>::decl($config))),+].join("\n\n")
    };
}

#[test]
fn the_committed_typescript_is_what_view_says() {
    let config = Config::default().with_large_int("number");
    let body = declarations!(&config;
        SeverityView, InvolvementView, Badge, CheckCounts, SectionKind, Queue, QueueFilter, Section, Row,
        DecisionRow, DecisionView, HoldingState, HoldingView, OutboxStateView, Message, BannerKind, Banner, Run, VerdictView, EvidenceView,
        FindingView, ComponentView, NotAssessedView, CheckView, ReviewView, GroundView, FileKind, FileEntry, ChangeView, ApprovalView,
        RowKind, Piece, DiffRow, FileView, WillCount, KeyPlace, KeyView, Keys, KeyProposal, Rotation, KeyPlaceView, SignedRow, Found, FoundChange, FoundText, FoundLine, Excerpt, Sheet, Connection, KeychainState,
        TokenState, AccountView, OtherLedger, Status, SignInStep, SignInResult, ProxyMode, AuthorityView, NetworkView, DeviceView, Diagnostics, Decided, Withdrawn, ExportForm, Exported, Failure, Code,
    );
    let text = format!(
        "// Generated from src-tauri/engine/src/view.rs and its parts by `cargo test -p countersign-engine` with \
         COUNTERSIGN_UPDATE=1. Do not edit.\n\n{body}\n"
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/lib/types.ts");
    if std::env::var_os("COUNTERSIGN_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == text,
        "ui/src/lib/types.ts is stale: run this test with COUNTERSIGN_UPDATE=1 and commit it"
    );
}

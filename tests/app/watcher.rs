//! A tray host that a test owns: it takes the place of the desktop's `org.kde.StatusNotifierWatcher`, reads the menu
//! of whoever registers, and clicks in it. What a panel draws is not seen here; what it is told is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use zbus::message::Header;
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, connection, fdo, interface, proxy};

/// Bus name and object path of a registered item.
type Item = (String, String);

#[derive(Clone, Default)]
struct Service(Arc<Mutex<Vec<Item>>>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Service {
    fn register_status_notifier_item(
        &self,
        service: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> fdo::Result<()> {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // KDE's items name their bus name, Ayatana's their path (both are seen in the wild).
        let path = service.starts_with('/');
        let item = if path {
            (sender, service.into())
        } else {
            (service.into(), "/StatusNotifierItem".into())
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        Ok(())
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.iter().map(|(name, path)| format!("{name}{path}")).collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

/// A node of a menu: id, properties, children. Source: the interface `com.canonical.dbusmenu`.
type Node = (
    i32,
    std::collections::HashMap<String, OwnedValue>,
    Vec<OwnedValue>,
);

#[proxy(interface = "org.kde.StatusNotifierItem")]
trait Notifier {
    #[zbus(property(emits_changed_signal = "false"))]
    fn menu(&self) -> zbus::Result<zbus::zvariant::OwnedObjectPath>;
}

#[proxy(interface = "com.canonical.dbusmenu")]
trait Menu {
    fn about_to_show(&self, id: i32) -> zbus::Result<bool>;
    fn get_layout(&self, parent: i32, depth: i32, names: &[&str]) -> zbus::Result<(u32, Node)>;
    fn event(&self, id: i32, kind: &str, data: &Value<'_>, time: u32) -> zbus::Result<()>;
}

/// The tray host.
pub(crate) struct Watcher {
    bus: Connection,
    items: Arc<Mutex<Vec<Item>>>,
}

impl Watcher {
    /// Takes the name on the bus at `address`. Before the app starts, or after: it registers in both cases.
    pub(crate) async fn start(address: &str) -> Result<Self> {
        let service = Service::default();
        let items = Arc::clone(&service.0);
        let bus = connection::Builder::address(address)?
            .name("org.kde.StatusNotifierWatcher")?
            .serve_at("/StatusNotifierWatcher", service)?
            .build()
            .await
            .context("the tray host could not be started")?;
        Ok(Self { bus, items })
    }

    fn item(&self) -> Option<Item> {
        self.items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last()
            .cloned()
    }

    async fn menu_of(&self) -> Result<MenuProxy<'static>> {
        let (name, path) = self.item().context("no tray was registered")?;
        let notifier = NotifierProxy::builder(&self.bus)
            .destination(name.clone())?
            .path(path)?
            .build()
            .await?;
        let path = notifier.menu().await?;
        Ok(MenuProxy::builder(&self.bus)
            .destination(name)?
            .path(path)?
            .build()
            .await?)
    }

    /// The menu's labels with their ids, in order; separators are left out.
    async fn entries(&self) -> Result<Vec<(i32, String)>> {
        let menu = self.menu_of().await?;
        menu.about_to_show(0).await?;
        let (_, (_, _, children)) = menu.get_layout(0, 1, &[]).await?;
        let mut entries = Vec::new();
        for child in children {
            let (id, properties, _) = Node::try_from(child)?;
            if let Some(label) = properties.get("label") {
                // An underscore marks the next letter as a key; two are one that is shown.
                let label = <&str>::try_from(label)?
                    .replace("__", "\u{0}")
                    .replace('_', "")
                    .replace('\u{0}', "_");
                entries.push((id, label));
            }
        }
        Ok(entries)
    }

    /// The menu's labels, in order.
    pub(crate) async fn labels(&self) -> Result<Vec<String>> {
        Ok(self
            .entries()
            .await?
            .into_iter()
            .map(|(_, label)| label)
            .collect())
    }

    /// Waits until the menu has an entry with this text in it, and gives the whole menu.
    pub(crate) async fn wait_for(&self, text: &str, limit: Duration) -> Result<Vec<String>> {
        let start = Instant::now();
        loop {
            let labels = match self.item() {
                Some(_) => self.labels().await?,
                None => Vec::new(),
            };
            if labels.iter().any(|label| label.contains(text)) {
                return Ok(labels);
            }
            if start.elapsed() > limit {
                bail!("the tray never said {text:?}; it says {labels:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks the entry with this text in it.
    pub(crate) async fn click(&self, text: &str) -> Result<()> {
        let entries = self.entries().await?;
        let found = entries.iter().find(|(_, label)| label.contains(text));
        let (id, _) = found.with_context(|| format!("no entry {text:?} in {entries:?}"))?;
        Ok(self
            .menu_of()
            .await?
            .event(*id, "clicked", &Value::from(""), 0)
            .await?)
    }
}

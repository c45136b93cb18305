use std::path::PathBuf;

use crate::ColorScheme;

/// How a browser differs from the usual one.
#[derive(Debug, Clone, Default)]
pub struct BrowserSetup {
    /// What the system prefers.
    pub scheme: ColorScheme,
    /// Service workers are switched off (Firefox only).
    pub without_service_workers: bool,
    /// A local description with changed ICE credentials is refused with `InvalidModificationError` (Chromium only).
    pub refuse_changed_credentials: bool,
    /// Its connections have no address: those of UDP are for a proxy, which it does not have.
    pub hides_addresses: bool,
    /// A page of a public site reaches devices in its own network only once the person allows it, and the app's origin on a
    /// host of a [`Network`](crate::Network) is such a site (Chromium only).
    pub guards_local_network: bool,
    /// What it says that it is.
    pub user_agent: Option<&'static str>,
    /// It lets no site keep anything.
    pub keeps_nothing: bool,
    /// The time zone that it is in (Firefox only; a page of Chromium is told by
    /// [`Tab::emulate_zone`](crate::Tab::emulate_zone)).
    pub zone: Option<&'static str>,
    /// What a page that asks for the camera gets; usually there is none (Chromium only).
    pub camera: Option<Camera>,
}

/// A camera that is none.
#[derive(Debug, Clone)]
pub enum Camera {
    /// The person refuses.
    Refused,
    /// It sees what is in this Y4M file, read when the camera is started.
    Sees(PathBuf),
}

use crate::ColorScheme;

/// How a browser differs from the usual one.
#[derive(Debug, Clone, Copy, Default)]
pub struct BrowserSetup {
    /// What the system prefers.
    pub scheme: ColorScheme,
    /// Service workers are switched off (Firefox only).
    pub without_service_workers: bool,
    /// A local description with changed ICE credentials is refused with `InvalidModificationError` (Chromium only).
    pub refuse_changed_credentials: bool,
}

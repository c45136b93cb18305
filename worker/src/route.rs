/// One of the four paths that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/rooms`
    Rooms,
    /// `/discovery/register`
    Register,
    /// `/discovery/peers`
    Peers,
    /// `/health`
    Health,
}

impl Route {
    /// The value of `Allow`.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Rooms | Self::Register => "POST, OPTIONS",
            Self::Peers | Self::Health => "GET, HEAD, OPTIONS",
        }
    }

    /// Whether pages of other origins may read the answers.
    pub fn is_for_any_page(self) -> bool {
        matches!(self, Self::Peers | Self::Health)
    }

    /// The route that has this path.
    pub fn of_path(path: &str) -> Option<Self> {
        match path {
            "/rooms" => Some(Self::Rooms),
            "/discovery/register" => Some(Self::Register),
            "/discovery/peers" => Some(Self::Peers),
            "/health" => Some(Self::Health),
            _ => None,
        }
    }
}

use leptos::prelude::*;

/// The drawings of the user interface: strokes on a field of 24 by 24.
#[derive(Clone, Copy)]
pub(crate) enum Icon {
    /// A cross: close, take away.
    Close,
    /// A plus: new.
    Plus,
    /// Six dots: what can be taken hold of.
    Grip,
    /// A magnifying glass: find.
    Find,
    /// Lines that get shorter: filters and order.
    Filter,
    /// An arrow down: folds and unfolds.
    Fold,
    /// Three lines: the rooms.
    Menu,
    /// Sliders: settings.
    Settings,
    /// An arrow out of a tray: share.
    Share,
    /// A sheet on another: copy.
    Copy,
    /// A tick: copied.
    Tick,
    /// Two screens: devices.
    Devices,
    /// A calendar's sheet: due.
    Calendar,
    /// A head and shoulders: assignee.
    Person,
    /// A flag: priority.
    Flag,
    /// Lines of text: notes.
    Notes,
    /// A speech bubble: comments.
    Comment,
    /// A camera: scan.
    Camera,
    /// A link of a chain: join.
    Link,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Grip => "M9.5 6.5h.01M14.5 6.5h.01M9.5 12h.01M14.5 12h.01M9.5 17.5h.01M14.5 17.5h.01",
            Self::Find => "M10.5 4.5a6 6 0 1 0 0 12a6 6 0 1 0 0-12M15 15l5 5",
            Self::Filter => "M4 7h16M7 12h10M10 17h4",
            Self::Fold => "M6 9.5l6 6 6-6",
            Self::Menu => "M4 7h16M4 12h16M4 17h10",
            Self::Settings => {
                "M4 8h9M19 8h1M4 16h1M11 16h9M16 5.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5M8 13.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5"
            }
            Self::Share => "M12 15V4M8 7.5L12 3.5l4 4M5 12v7.5h14V12",
            Self::Copy => "M8.5 8.5V4.5h11v11h-4M4.5 8.5h11v11h-11z",
            Self::Tick => "M5 12.5l4.5 4.5L19 7",
            Self::Devices => "M3.5 5.5h12v9h-12zM7 18.5h5M9.5 14.5v4M17.5 9.5h3v9h-5",
            Self::Calendar => "M4.5 6.5h15v13h-15zM4.5 10.5h15M8.5 4v4M15.5 4v4",
            Self::Person => "M12 4.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7M5 20c.5-4 3-6 7-6s6.5 2 7 6",
            Self::Flag => "M6 21V4h11.5l-2.5 4 2.5 4H6",
            Self::Notes => "M5 7h14M5 12h14M5 17h8",
            Self::Comment => "M5 5.5h14v10h-8l-4 4v-4H5z",
            Self::Camera => "M4 8h4l1.5-2.5h5L16 8h4v11H4zM12 10.5a3 3 0 1 0 0 6a3 3 0 1 0 0-6",
            Self::Link => {
                "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1.2 1.2M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1.2-1.2"
            }
        }
    }

    /// The drawing. It says nothing to assistive technology: the control around it has a name.
    pub(crate) fn draw(self) -> impl IntoView {
        view! {
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                <path d=self.path()></path>
            </svg>
        }
    }
}

/// The app's mark: a tick whose corners are three devices on one line.
pub(crate) fn mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 512 512" aria-hidden="true" focusable="false">
            <rect class="mark-ground" width="512" height="512" rx="116"></rect>
            <path class="mark-line" d="M128 274L220 366L388 166"></path>
            <circle class="mark-node" cx="128" cy="274" r="44"></circle>
            <circle class="mark-node" cx="220" cy="366" r="44"></circle>
            <circle class="mark-far" cx="388" cy="166" r="44"></circle>
        </svg>
    }
}

//! Lines on two logarithmic axes, as SVG that is legible on light and on dark.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 52.0;
/// Each line has a colour and a pattern: one of the two is enough to tell it from the others. The colours have a contrast of
/// 3:1 at least on white and on black (Okabe and Ito 2008, darkened).
const LOOKS: [(&str, &str); 5] =
    [("#b15c00", "none"), ("#2478b5", "8 4"), ("#007f5f", "2 4"), ("#b0508c", "10 4 2 4"), ("#7d7d7d", "4 4")];

/// What is drawn.
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) across: String,
    pub(crate) up: String,
    /// What a line is called, and its points.
    pub(crate) lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// The powers of ten that enclose all values.
fn decades(values: impl Iterator<Item = f64>) -> (i32, i32) {
    let (mut low, mut high) = (f64::MAX, f64::MIN);
    for value in values.filter(|value| *value > 0.0) {
        (low, high) = (low.min(value.log10()), high.max(value.log10()));
    }
    let low = low.floor() as i32;
    (low, (high.ceil() as i32).max(low + 1))
}

/// `10k` for 10,000.
fn short(power: i32) -> String {
    match power {
        6.. => format!("{}M", 10i64.pow(power.unsigned_abs() - 6)),
        3..6 => format!("{}k", 10i64.pow(power.unsigned_abs() - 3)),
        0..3 => 10i64.pow(power.unsigned_abs()).to_string(),
        _ => format!("1e{power}"),
    }
}

impl Plot {
    /// The drawing, a document of its own.
    pub(crate) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points.iter());
        let (across, up) = (decades(points().map(|(x, _)| *x)), decades(points().map(|(_, y)| *y)));
        let place = |value: f64, (low, high): (i32, i32)| (value.log10() - f64::from(low)) / f64::from(high - low);
        let x = |value: f64| LEFT + place(value, across) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - place(value, up) * (HEIGHT - TOP - BOTTOM);
        let mut svg = String::new();
        let mut put = |text: String| {
            let _ = writeln!(svg, "{text}");
        };
        put(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
            self.title
        ));
        put("<style>svg{color:#1f2328;background:#fff;font:12px system-ui,sans-serif}text{fill:currentColor}\
             @media(prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}}</style>"
            .to_owned());
        put(format!(r#"<text x="{LEFT}" y="24" font-size="15" font-weight="600">{}</text>"#, self.title));
        for power in across.0..=across.1 {
            let at = x(10f64.powi(power));
            let (top, bottom) = (TOP, HEIGHT - BOTTOM);
            put(format!(r#"<path d="M{at:.1} {top}V{bottom}" stroke="currentColor" stroke-opacity=".15"/>"#));
            put(format!(r#"<text x="{at:.1}" y="{}" text-anchor="middle">{}</text>"#, bottom + 18.0, short(power)));
        }
        for power in up.0..=up.1 {
            let at = y(10f64.powi(power));
            let (left, right) = (LEFT, WIDTH - RIGHT);
            put(format!(r#"<path d="M{left} {at:.1}H{right}" stroke="currentColor" stroke-opacity=".15"/>"#));
            put(format!(r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#, left - 8.0, at + 4.0, short(power)));
        }
        let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
        put(format!(r#"<text x="{middle}" y="{}" text-anchor="middle">{}</text>"#, HEIGHT - 12.0, self.across));
        put(format!(
            r#"<text transform="translate(18 {}) rotate(-90)" text-anchor="middle">{}</text>"#,
            TOP + (HEIGHT - TOP - BOTTOM) / 2.0,
            self.up
        ));
        // Names stand at the ends of their lines, apart from each other.
        let mut ends: Vec<(usize, f64)> = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(index, (_, points))| points.last().map(|(_, value)| (index, y(value.max(f64::MIN_POSITIVE)))))
            .collect();
        ends.sort_by(|one, other| one.1.total_cmp(&other.1));
        let mut above = 0.0f64;
        for (index, at) in ends {
            let (name, points) = &self.lines[index];
            let (colour, dashes) = LOOKS[index % LOOKS.len()];
            let path: Vec<String> = points
                .iter()
                .filter(|(_, value)| *value > 0.0)
                .map(|(size, value)| format!("{:.1} {:.1}", x(*size), y(*value)))
                .collect();
            put(format!(
                r#"<path d="M{}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>"#,
                path.join("L")
            ));
            let at = at.max(above + 15.0);
            above = at;
            put(format!(
                r#"<path d="M{} {at:.1}h18" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>"#,
                WIDTH - RIGHT + 6.0
            ));
            put(format!(r#"<text x="{}" y="{:.1}">{name}</text>"#, WIDTH - RIGHT + 29.0, at + 4.0));
        }
        put("</svg>".to_owned());
        svg
    }
}

use leptos::prelude::{GetUntracked, WithUntracked};

use super::connection::connection_text;
use super::room::Room;
use crate::net::{self, PhoneBook, RoomStatus};
use crate::platform::{self, Surroundings};

/// What helps to find out why devices do not connect: a text without an address, a name, a task or a secret in it.
pub(crate) async fn report(room: Room) -> String {
    let mut text = String::new();
    describe(&mut text, &platform::surroundings().await);
    let (open, done) = room.listing().counts.get_untracked();
    let devices = room.devices.with_untracked(|devices| devices.as_ref().map_or(0, |known| known.devices.len()));
    room.status.with_untracked(|status| summarise(&mut text, status, [open + done, done, devices]));
    text.push_str(&net::diagnostics(room.id).await.unwrap_or_default());
    text
}

/// The browser and its storage.
fn describe(text: &mut String, around: &Surroundings) {
    let megabytes = |bytes: u64| (bytes / 1_000_000).to_string();
    for (name, value) in [
        ("Browser", around.browser.as_str()),
        ("Network", if around.online { "online" } else { "offline" }),
        ("Page", if around.shown { "shown" } else { "hidden" }),
        ("Service worker", if around.controlled { "in control" } else { "not in control" }),
        ("Storage used, in MB", megabytes(around.used).as_str()),
        ("Storage allowed, in MB", megabytes(around.allowed).as_str()),
        ("Storage", if around.persisted { "kept for good" } else { "may be deleted by the browser" }),
    ] {
        line(text, name, value);
    }
}

/// The room in numbers: its tasks, those that are done, its devices, and how they are connected.
fn summarise(text: &mut String, status: &RoomStatus, [tasks, done, devices]: [usize; 3]) {
    let own = status.clocks.own.into_iter();
    let clocks = own.chain(status.clocks.others.iter().map(|(_, ahead)| *ahead));
    let off = clocks.map(i64::unsigned_abs).max().unwrap_or_default() / 1_000;
    for (name, number) in [
        ("Tasks", tasks as u64),
        ("Done", done as u64),
        ("Devices", devices as u64),
        ("Reached through others", status.through.len() as u64),
        ("Seconds that a clock is off", off),
    ] {
        line(text, name, &number.to_string());
    }
    line(text, "Connection", &connection_text(status));
    let (phone_book, credentials) = match status.phone_book {
        PhoneBook::Unknown => ("not asked yet", "taken"),
        PhoneBook::Reachable => ("reachable", "taken"),
        PhoneBook::Unreachable => ("unreachable", "taken"),
        PhoneBook::Off => ("off", "refused"),
    };
    line(text, "Phone book", phone_book);
    line(text, "Changed credentials", credentials);
    line(text, "Version", env!("CARGO_PKG_VERSION"));
}

/// Adds a line to a report.
fn line(text: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\n"] {
        text.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use partyline_core::id::DeviceId;

    use super::*;
    use crate::net::{Clocks, Link, PeerStatus};

    #[test]
    fn the_browser_is_described_in_words_and_megabytes() {
        let around = Surroundings {
            browser: "Browser/1".to_owned(),
            online: true,
            shown: false,
            controlled: true,
            used: 12_345_678,
            allowed: 0,
            persisted: false,
        };
        let mut text = String::new();
        describe(&mut text, &around);
        let expected = "Browser: Browser/1\nNetwork: online\nPage: hidden\nService worker: in control\n\
                        Storage used, in MB: 12\nStorage allowed, in MB: 0\nStorage: may be deleted by the browser\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_summary_counts_and_names_nobody() {
        let device = |n: u8| DeviceId::from_bytes([n; 16]);
        let status = RoomStatus {
            peers: vec![PeerStatus { device: device(1), since_ms: 7.0, by_code: true }],
            through: vec![(device(2), device(1))],
            phone_book: PhoneBook::Off,
            clocks: Clocks { others: vec![(device(3), -300_000)], ..Clocks::default() },
            ..RoomStatus::new(Link::Connected)
        };
        let mut text = String::new();
        summarise(&mut text, &status, [12, 3, 4]);
        let expected = format!(
            "Tasks: 12\nDone: 3\nDevices: 4\nReached through others: 1\nSeconds that a clock is off: 300\n\
             Connection: Connected to 1 device\nPhone book: off\nChanged credentials: refused\nVersion: {}\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(text, expected);
    }
}

use partyline_core::clock::FOLLOW_MS;
use partyline_core::crew::Obstacle;
use partyline_core::id::DeviceId;
use partyline_core::replica::VersionVector;

use crate::net::{Clocks, Link, PhoneBook, Progress, RoomStatus};
use crate::text;

/// The words for the state of a room's connections.
pub(crate) fn connection_text(status: &RoomStatus) -> String {
    let words = match status.link {
        Link::Connected => {
            let connected = text::connected(status.peers.len());
            return match status.getting {
                Some(Progress { got, of }) => format!("{connected} · {}", text::getting(got, of)),
                None => connected,
            };
        }
        Link::Offline => return text::OFFLINE.to_owned(),
        Link::Connecting => text::CONNECTING,
        Link::Alone => match status.obstacle {
            Some(Obstacle::NoConnections | Obstacle::NoAddress) => return text::CANNOT_CONNECT.to_owned(),
            Some(Obstacle::NotListed) => return text::CANNOT_BE_FOUND.to_owned(),
            _ => text::ALONE,
        },
    };
    match status.phone_book {
        PhoneBook::Unreachable => format!("{words} · {}", text::PHONE_BOOK_UNREACHABLE),
        PhoneBook::Off => format!("{words} · {}", text::PHONE_BOOK_OFF),
        PhoneBook::Unknown | PhoneBook::Reachable => words.to_owned(),
    }
}

/// What to do when nobody is connected, unless that was said with what is wrong.
pub(crate) fn advice(status: &RoomStatus) -> Option<&'static str> {
    match (status.link, status.phone_book) {
        (Link::Connected, _) => None,
        (Link::Alone, _) if status.obstacle.is_some() => None,
        (Link::Offline, _) => Some(text::ADVICE_OFFLINE),
        (_, PhoneBook::Unreachable | PhoneBook::Off) => Some(text::ADVICE_NO_PHONE_BOOK),
        (Link::Connecting | Link::Alone, _) => Some(text::ADVICE_ALONE),
    }
}

/// What another device has, compared with this one.
pub(crate) fn has_text(own: &VersionVector, theirs: &VersionVector) -> String {
    let lacks = |some: &VersionVector, all: &VersionVector| -> u64 {
        all.iter().map(|(device, seq)| seq.saturating_sub(some.get(device))).sum()
    };
    match (lacks(theirs, own), lacks(own, theirs)) {
        (0, 0) => "Has everything you have".to_owned(),
        (0, news) => format!("Has {} that you have not got yet", text::changes(news)),
        (missing, _) => format!("Has not got {} of yours yet", text::changes(missing)),
    }
}

/// What a person is told of wrong clocks. Of this device's is known also what its service worker has kept.
pub(crate) fn clock_texts(clocks: &Clocks, kept: Option<i64>, name: impl Fn(&DeviceId) -> String) -> Vec<String> {
    let hint_of_own = |ahead| hint(ahead, text::OWN_CLOCK_AHEAD, text::OWN_CLOCK_BEHIND);
    let own = clocks
        .own
        .or(kept)
        .map(|ahead| format!("This device’s clock is wrong: it is {}. {}", off(ahead), hint_of_own(ahead)));
    let others = clocks.others.iter().map(|(device, ahead)| {
        let (name, off) = (name(device), off(*ahead));
        if clocks.is_undecided {
            format!(
                "The clock of “{name}” is {off}, compared with this device’s. One of the two is wrong: {}",
                text::SET_RIGHT
            )
        } else {
            let hint = hint(*ahead, text::OTHER_CLOCK_AHEAD, text::OTHER_CLOCK_BEHIND);
            format!("The clock of “{name}” is wrong: it is {off}. {hint}")
        }
    });
    own.into_iter().chain(others).collect()
}

/// How far a clock is off, and which way.
pub(crate) fn off(ahead_ms: i64) -> String {
    let (number, unit) = match ahead_ms.unsigned_abs().saturating_add(30_000) / 60_000 {
        minutes @ ..120 => (minutes, "minutes"),
        minutes @ 120..2_880 => (minutes / 60, "hours"),
        minutes @ 2_880..1_051_200 => (minutes / 1_440, "days"),
        minutes => (minutes / 525_960, "years"),
    };
    format!("{number} {unit} {}", if ahead_ms < 0 { "behind" } else { "ahead" })
}

/// What follows from a clock that is off: the one if it is far ahead, the other if it is far behind.
fn hint(ahead_ms: i64, if_ahead: &'static str, if_behind: &'static str) -> &'static str {
    match ahead_ms {
        _ if ahead_ms.unsigned_abs() <= FOLLOW_MS => text::CLOCK_WINS,
        0.. => if_ahead,
        _ => if_behind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::PeerStatus;

    fn status(link: Link, peers: u8, phone_book: PhoneBook) -> RoomStatus {
        let peers = (0..peers)
            .map(|n| PeerStatus { device: DeviceId::from_bytes([n; 16]), since_ms: 0.0, by_code: false })
            .collect();
        RoomStatus { peers, phone_book, ..RoomStatus::new(link) }
    }

    #[test]
    fn a_clock_is_off_by_minutes_hours_days_or_years() {
        for (minutes, words) in [
            (3, "3 minutes ahead"),
            (119, "119 minutes ahead"),
            (120, "2 hours ahead"),
            (-2_880, "2 days behind"),
            (400 * 1_440, "400 days ahead"),
            (-29_800_000, "56 years behind"),
        ] {
            assert_eq!(off(minutes * 60_000), words);
            assert_eq!(off(minutes * 60_000 - 20_000), words, "what was under way for a while");
        }
    }

    #[test]
    fn it_is_said_whose_clock_is_wrong() {
        const DAY: i64 = 86_400_000;
        let van = DeviceId::from_bytes([7; 16]);
        let texts = |clocks: &Clocks, kept| clock_texts(clocks, kept, |_| "Van".to_owned());
        assert!(texts(&Clocks::default(), None).is_empty());
        let own = &texts(&Clocks { own: Some(400 * DAY), ..Clocks::default() }, Some(300 * DAY))[..];
        assert!(own[0].starts_with("This device’s clock is wrong: it is 400 days ahead. ") && own.len() == 1);
        assert!(texts(&Clocks::default(), Some(-3 * DAY))[0].contains("3 days behind"));
        let decided = Clocks { others: vec![(van, -DAY)], ..Clocks::default() };
        assert!(texts(&decided, None)[0].starts_with("The clock of “Van” is wrong: it is 24 hours behind. "));
        let undecided = Clocks { is_undecided: true, ..decided };
        assert!(texts(&undecided, None)[0].starts_with("The clock of “Van” is 24 hours behind, compared with this"));
    }

    #[test]
    fn whoever_is_alone_is_told_what_to_do() {
        assert_eq!(advice(&status(Link::Connected, 1, PhoneBook::Off)), None);
        for (link, phone_book, words) in [
            (Link::Offline, PhoneBook::Unreachable, text::ADVICE_OFFLINE),
            (Link::Connecting, PhoneBook::Unreachable, text::ADVICE_NO_PHONE_BOOK),
            (Link::Alone, PhoneBook::Off, text::ADVICE_NO_PHONE_BOOK),
            (Link::Alone, PhoneBook::Reachable, text::ADVICE_ALONE),
        ] {
            assert_eq!(advice(&status(link, 0, phone_book)), Some(words));
        }
    }

    #[test]
    fn what_a_device_has_is_compared() {
        let vector = |entries: &[(u8, u64)]| {
            let mut vector = VersionVector::new();
            for (device, seq) in entries {
                vector.raise(DeviceId::from_bytes([*device; 16]), *seq);
            }
            vector
        };
        let own = vector(&[(1, 5), (2, 7)]);
        assert_eq!(has_text(&own, &own), "Has everything you have");
        assert_eq!(has_text(&own, &vector(&[(1, 5), (2, 7), (3, 1)])), "Has 1 change that you have not got yet");
        assert_eq!(has_text(&own, &vector(&[(1, 9), (2, 5)])), "Has not got 2 changes of yours yet");
        assert_eq!(has_text(&own, &VersionVector::new()), "Has not got 12 changes of yours yet");
    }

    #[test]
    fn counts_the_devices() {
        assert_eq!(connection_text(&status(Link::Connected, 1, PhoneBook::Reachable)), "Connected to 1 device");
        assert_eq!(connection_text(&status(Link::Connected, 2, PhoneBook::Reachable)), "Connected to 2 devices");
        let getting = RoomStatus {
            getting: Some(Progress { got: 1_200, of: 10_000 }),
            ..status(Link::Connected, 1, PhoneBook::Reachable)
        };
        assert_eq!(connection_text(&getting), "Connected to 1 device · Getting 1,200 of 10,000 changes");
    }

    #[test]
    fn the_phone_book_matters_only_to_those_who_are_alone() {
        let unreachable = PhoneBook::Unreachable;
        assert_eq!(connection_text(&status(Link::Connected, 1, unreachable)), "Connected to 1 device");
        assert_eq!(
            connection_text(&status(Link::Alone, 0, unreachable)),
            "No other device connected · Phone book unreachable"
        );
        assert_eq!(connection_text(&status(Link::Connecting, 0, unreachable)), "Connecting… · Phone book unreachable");
        assert_eq!(connection_text(&status(Link::Offline, 0, unreachable)), "Offline. Your changes are kept.");
        assert_eq!(connection_text(&status(Link::Alone, 0, PhoneBook::Reachable)), "No other device connected");
    }
}

//! The network is what it says, tried with plain sockets. Skipped where there can be none.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;

const PORT: u16 = 5000;

/// A network with two places, the host of each with a socket at [`PORT`].
struct Two {
    _network: Network,
    places: [Arc<Place>; 2],
    sockets: [UdpSocket; 2],
}

impl Two {
    fn new(one: Access, other: Access) -> Option<Self> {
        if let Some(why) = Network::missing() {
            eprintln!("skipped: there can be no network lab here: {why}");
            return None;
        }
        let network = Network::start(3).unwrap();
        let places = [network.place("one", one, 1).unwrap(), network.place("other", other, 1).unwrap()];
        let sockets = [0, 1].map(|index| {
            let namespace = places[index].host(0).unwrap().namespace();
            namespace.enter(|| Ok(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT))?)).unwrap()
        });
        Some(Self { _network: network, places, sockets })
    }

    fn send(&self, from: usize, text: &str) {
        let to = SocketAddr::new(Family::V4.outside(2 - u8::try_from(from).unwrap(), 2), PORT);
        self.sockets[from].send_to(text.as_bytes(), to).unwrap();
    }

    /// What comes, and from where. On a busy machine it may take its time.
    fn receive(&self, at: usize) -> Option<(String, SocketAddr)> {
        self.receive_within(at, Duration::from_secs(10))
    }

    /// Whether nothing comes. Where it would take longer than this, a network that lets it through is not found out.
    fn is_silent(&self, at: usize) -> bool {
        self.receive_within(at, Duration::from_millis(300)).is_none()
    }

    fn receive_within(&self, at: usize, patience: Duration) -> Option<(String, SocketAddr)> {
        self.sockets[at].set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 100];
        let (read, from) = self.sockets[at].recv_from(&mut buffer).ok()?;
        Some((String::from_utf8_lossy(&buffer[..read]).into_owned(), from))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nat_lets_in_whom_was_sent_to_and_keeps_the_port() {
    let Some(two) = Two::new(Access::Nat, Access::Nat) else { return };
    two.send(0, "too early");
    assert!(two.is_silent(1));
    two.send(1, "from inside");
    let from = SocketAddr::new(Family::V4.outside(2, 2), PORT);
    assert_eq!(two.receive(0), Some(("from inside".to_owned(), from)));
    two.send(0, "an answer");
    assert_eq!(two.receive(1).map(|(text, _)| text).as_deref(), Some("an answer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nat_with_random_ports_is_reached_by_answers_only() {
    let Some(two) = Two::new(Access::RandomNat, Access::Open) else { return };
    two.send(1, "at the wrong port");
    assert!(two.is_silent(0));
    two.send(0, "hello");
    let (_, from) = two.receive(1).unwrap();
    assert_eq!(from.ip(), Family::V4.outside(1, 2));
    assert_ne!(from.port(), PORT);
    two.sockets[1].send_to(b"hello", from).unwrap();
    assert!(two.receive(0).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn weather_delays_and_loses_in_its_direction() {
    let Some(two) = Two::new(Access::Nat, Access::Open) else { return };
    two.places[0].set_weather(Weather { delay: Duration::from_millis(150), ..Weather::default() });
    let sent = Instant::now();
    two.send(0, "late");
    assert!(two.receive(1).is_some());
    assert!(sent.elapsed() >= Duration::from_millis(149), "{:?}", sent.elapsed());
    two.places[0].set_weather(Weather::MUTE);
    two.send(0, "unheard");
    assert!(two.is_silent(1));
    two.send(1, "heard");
    assert!(two.receive(0).is_some());
    two.places[0].set_weather(Weather::PARTITION);
    two.send(1, "lost");
    assert!(two.is_silent(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_move_packets_come_from_another_address() {
    let Some(two) = Two::new(Access::Nat, Access::Open) else { return };
    two.send(0, "before");
    assert_eq!(two.receive(1).unwrap().1.ip(), Family::V4.outside(1, 2));
    two.places[0].change_addresses().unwrap();
    two.send(0, "after");
    assert_eq!(two.receive(1).unwrap().1.ip(), Family::V4.outside(1, 3));
}

#[test]
fn what_a_killed_run_left_is_swept_and_what_is_in_use_is_not() {
    if let Some(why) = Network::missing() {
        eprintln!("skipped: there can be no network lab here: {why}");
        return;
    }
    let left = format!("partyline-{}-1-left", std::process::id());
    assert!(Command::new("ip").args(["netns", "add", &left]).status().unwrap().success());
    let used = Namespace::make("used").unwrap();
    namespace::sweep().unwrap();
    let there = |name: &str| std::path::Path::new("/run/netns").join(name).exists();
    assert!(!there(&left) && there(used.name()));
    let name = used.name().to_owned();
    drop(used);
    assert!(!there(&name));
}

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tappers::{Interface, Tun};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Namespace, Weather};

/// No packet of a TUN device with the usual MTU is longer.
const MAX_PACKET: usize = 2048;

/// Which place a packet is for: the third byte of an IPv4 address (198.18.N.0/24), the third group of an IPv6 address
/// (2001:db8:N::/48).
type Number = u8;

/// What lies between the routers: takes the packets that leave a place and gives them to the place that they are for.
#[derive(Debug)]
pub(super) struct Internet {
    uplinks: Arc<Mutex<HashMap<Number, Arc<Uplink>>>>,
    dice: Arc<Mutex<Dice>>,
    carriers: Mutex<Vec<JoinHandle<()>>>,
}

/// A place's line to the Internet.
#[derive(Debug)]
pub(super) struct Uplink {
    /// What leaves, one packet a read. A TUN device is no pipe, but tokio's pipes are the one type of it that reads and
    /// writes whatever file it is given.
    leaving: pipe::Receiver,
    /// What comes, one packet a write.
    coming: pipe::Sender,
    weather: Mutex<Weather>,
}

impl Uplink {
    pub(super) fn set_weather(&self, weather: Weather) {
        *lock(&self.weather) = weather;
    }

    fn weather(&self) -> Weather {
        *lock(&self.weather)
    }
}

impl Internet {
    pub(super) fn new(seed: u64) -> Self {
        Self { uplinks: Arc::default(), dice: Arc::new(Mutex::new(Dice(seed | 1))), carriers: Mutex::default() }
    }

    /// Gives the namespace a device `wan`, which is still down and has no address.
    pub(super) fn attach(&self, namespace: &Namespace, number: Number) -> Result<Arc<Uplink>> {
        let tun = namespace.enter(|| {
            let mut tun = Tun::new_named(Interface::new("wan")?)?;
            tun.set_nonblocking(true)?;
            Ok(tun)
        });
        let tun = tun.context("no TUN device")?;
        // The device lives as long as these two.
        let leaving = pipe::Receiver::from_owned_fd_unchecked(tun.as_fd().try_clone_to_owned()?)?;
        let coming = pipe::Sender::from_owned_fd_unchecked(tun.as_fd().try_clone_to_owned()?)?;
        let uplink = Arc::new(Uplink { leaving, coming, weather: Mutex::default() });
        lock(&self.uplinks).insert(number, Arc::clone(&uplink));
        let (sender, receiver) = mpsc::unbounded_channel();
        let (uplinks, dice) = (Arc::clone(&self.uplinks), Arc::clone(&self.dice));
        lock(&self.carriers).push(tokio::spawn(take(Arc::clone(&uplink), uplinks, dice, sender)));
        lock(&self.carriers).push(tokio::spawn(deliver(receiver)));
        Ok(uplink)
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        for carrier in lock(&self.carriers).drain(..) {
            carrier.abort();
        }
    }
}

/// A packet under way.
struct Packet {
    due: Instant,
    to: Arc<Uplink>,
    bytes: Vec<u8>,
}

/// Takes what leaves a place. It ends with the device.
async fn take(
    from: Arc<Uplink>,
    uplinks: Arc<Mutex<HashMap<Number, Arc<Uplink>>>>,
    dice: Arc<Mutex<Dice>>,
    sender: mpsc::UnboundedSender<Packet>,
) {
    let mut buffer = [0; MAX_PACKET];
    while let Ok(()) = from.leaving.readable().await {
        let read = match from.leaving.try_read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        // What is for nobody is lost without a word, like most of what goes astray in the real one.
        let Some(to) = destination(bytes).and_then(|number| lock(&uplinks).get(&number).map(Arc::clone)) else {
            continue;
        };
        let Weather { delay, loss_out, .. } = from.weather();
        let lost = { lock(&dice).falls_below(loss_out) } || { lock(&dice).falls_below(to.weather().loss_in) };
        if !lost && sender.send(Packet { due: Instant::now() + delay, to, bytes: bytes.to_vec() }).is_err() {
            return;
        }
    }
}

/// Delivers what left one place, in the order in which it left.
async fn deliver(mut receiver: mpsc::UnboundedReceiver<Packet>) {
    while let Some(Packet { due, to, bytes }) = receiver.recv().await {
        // Timers go by milliseconds: what is due by then must not wait for one.
        if due > Instant::now() + Duration::from_millis(1) {
            tokio::time::sleep_until(due).await;
        }
        // A device that is down, or whose queue is full, loses it.
        let _ = to.coming.try_write(&bytes);
    }
}

/// The place whose network the packet's destination is in.
fn destination(packet: &[u8]) -> Option<Number> {
    match packet.first()? >> 4 {
        4 if packet.get(16..18)? == [198, 18] => packet.get(18).copied(),
        6 if packet.get(24..29)? == [0x20, 0x01, 0x0d, 0xb8, 0] => packet.get(29).copied(),
        _ => None,
    }
}

/// Xorshift (Marsaglia, 2003): which packets get lost follows from the seed and their order.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn falls_below(&mut self, part: f64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64) < part * (1_u64 << 53) as f64
    }
}

/// A poisoned lock only means that another test panicked; what it guards is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(to: [u8; 4]) -> Vec<u8> {
        let mut packet = vec![0; 20];
        packet[0] = 0x45;
        packet[16..20].copy_from_slice(&to);
        packet
    }

    #[test]
    fn a_packet_goes_to_the_place_in_its_address() {
        assert_eq!(destination(&v4([198, 18, 7, 2])), Some(7));
        let mut packet = vec![0; 40];
        packet[0] = 0x60;
        packet[24..40].copy_from_slice(&std::net::Ipv6Addr::new(0x2001, 0xdb8, 9, 1, 0, 0, 0, 9).octets());
        assert_eq!(destination(&packet), Some(9));
    }

    #[test]
    fn what_is_for_nobody_goes_nowhere() {
        assert_eq!(destination(&v4([8, 8, 8, 8])), None);
        assert_eq!(destination(&v4([198, 18, 7, 2])[..18]), None);
        assert_eq!(destination(&[0x60; 29]), None);
        assert_eq!(destination(&[]), None);
    }

    #[test]
    fn dice_lose_all_none_or_about_the_part_asked_for() {
        let mut dice = Dice(9);
        assert!((0..1000).all(|_| dice.falls_below(1.0)));
        assert!(!(0..1000).any(|_| dice.falls_below(0.0)));
        let lost = (0..10_000).filter(|_| dice.falls_below(0.1)).count();
        assert!((900..1100).contains(&lost), "{lost}");
    }
}

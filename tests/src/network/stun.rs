use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Where STUN servers listen (RFC 8489, section 4).
pub(super) const PORT: u16 = 3478;

/// Set by every message of STUN since RFC 5389, and what addresses are hidden with from NATs that change them everywhere.
const COOKIE: [u8; 4] = 0x2112_A442_u32.to_be_bytes();
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];
/// A message's header: type, length, cookie, transaction.
const HEADER: usize = 20;

/// Tells whoever asks by which address it asked (RFC 8489), and nothing else.
#[derive(Debug)]
pub(super) struct StunServer(JoinHandle<()>);

impl StunServer {
    /// Serves on this socket.
    pub(super) fn start(socket: std::net::UdpSocket) -> Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self(tokio::spawn(async move {
            let mut buffer = [0; 576];
            while let Ok((read, from)) = socket.recv_from(&mut buffer).await {
                if let Some(answer) = buffer.get(..read).and_then(|request| answer(request, from)) {
                    // An answer that is lost is asked for again.
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        })))
    }
}

impl Drop for StunServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The answer to a Binding request; none to anything else.
fn answer(request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let transaction = request.get(8..HEADER)?;
    if request.get(..2)? != BINDING_REQUEST || request.get(4..8)? != COOKIE {
        return None;
    }
    let xor = |bytes: &[u8], with: &[u8]| bytes.iter().zip(with).map(|(byte, with)| byte ^ with).collect::<Vec<u8>>();
    let mask = [&COOKIE, transaction].concat();
    let (family, host) = match from.ip().to_canonical() {
        IpAddr::V4(ip) => (1, xor(&ip.octets(), &mask)),
        IpAddr::V6(ip) => (2, xor(&ip.octets(), &mask)),
    };
    let value = [&[0, family], xor(&from.port().to_be_bytes(), &mask).as_slice(), &host].concat();
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or_default().to_be_bytes();
    let attribute = [&XOR_MAPPED_ADDRESS, length(value.len()).as_slice(), &value].concat();
    Some([&BINDING_SUCCESS, length(attribute.len()).as_slice(), &mask, &attribute].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.split_whitespace().collect::<String>();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    /// The transaction and the addresses of RFC 5769, sections 2.2 and 2.3.
    #[test]
    fn addresses_are_hidden_as_in_the_sample_messages() {
        let request = hex("0001 0000 2112a442 b7e7a701bc34d686fa87dfae");
        let answered = |from: &str| answer(&request, from.parse().unwrap()).unwrap();
        let header = "2112a442 b7e7a701bc34d686fa87dfae 0020";
        let v4 = answered("192.0.2.1:32853");
        assert_eq!(v4, hex(&format!("0101 000c {header} 0008 0001 a147 e112a643")));
        let v6 = answered("[2001:db8:1234:5678:11:2233:4455:6677]:32853");
        assert_eq!(v6, hex(&format!("0101 0018 {header} 0014 0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9")));
        assert_eq!(answered("[::ffff:192.0.2.1]:32853"), v4);
    }

    #[test]
    fn nothing_else_is_answered() {
        let from = "192.0.2.1:32853".parse().unwrap();
        for other in
            ["", "0001", "0101 0000 2112a442 b7e7a701bc34d686fa87dfae", "0001 0000 00000000 b7e7a701bc34d686fa87dfae"]
        {
            assert_eq!(answer(&hex(other), from), None, "{other}");
        }
    }
}

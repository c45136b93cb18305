/// Most servers that a browser is given.
const MAX_SERVERS: usize = 4;
/// Longest address of one, in characters.
const MAX_CHARS: usize = 255;

/// The text names no STUN servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a STUN server is stun:host or stun:host:port, and there are at most four")]
#[non_exhaustive]
pub struct ParseStunError;

/// Reads a list of STUN servers (RFC 7064) with white space between them; none is a list too.
///
/// # Errors
///
/// If one of them is anything but `stun:host` or `stun:host:port`, or there are more than four.
pub fn parse_stun_servers(text: &str) -> Result<Vec<String>, ParseStunError> {
    let servers: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
    let good = |server: &String| server.strip_prefix("stun:").is_some_and(is_authority) && server.len() <= MAX_CHARS;
    if servers.len() <= MAX_SERVERS && servers.iter().all(good) { Ok(servers) } else { Err(ParseStunError) }
}

/// A host with or without a port. An IPv6 address stands in brackets.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match v6 {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-')),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_list_and_refuses_what_is_none() {
        let all = ["stun:stun.example.org", "stun:192.0.2.1:3478", "stun:[2001:db8::1]:3478", "stun:[2001:db8::1]"];
        assert_eq!(parse_stun_servers(&all.join(" \n")).unwrap(), all);
        assert_eq!(parse_stun_servers("  "), Ok(Vec::new()));
        let long = format!("stun:{}", "a".repeat(MAX_CHARS));
        for bad in [
            "stun.example.org",
            "turn:stun.example.org",
            "stun:",
            "stun::3478",
            "stun:host:0",
            "stun:host:port",
            "stun:host:65536",
            "stun:2001:db8::1",
            "stun:[host]",
            "stun:user@host",
            "stun:host?transport=udp",
            "stun:a stun:b stun:c stun:d stun:e",
            &long,
        ] {
            assert_eq!(parse_stun_servers(bad), Err(ParseStunError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn survives_any_text(text in "\\PC{0,80}|(stun:[a-z0-9.:\\[\\] -]{0,40}){0,6}") {
            let _ = parse_stun_servers(&text);
        }
    }
}

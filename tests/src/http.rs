use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The answer to [`http_get`].
#[derive(Debug)]
pub struct HttpAnswer {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// The value of the header `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// `GET path` from a server on this machine, without any compression.
pub async fn http_get(port: u16, path: &str) -> Result<HttpAnswer> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        anyhow::Ok(bytes)
    };
    let bytes = timeout(Duration::from_secs(10), exchange).await.context("no answer within 10 s")??;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<HttpAnswer> {
    let end = head_end(bytes).context("no HTTP head")?;
    let (head, body) = bytes.split_at(end);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = HttpAnswer { status, headers, body: body.to_vec() };
    if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        answer.body = unchunk(body)?;
    }
    Ok(answer)
}

/// Where the body begins, if the head is complete.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Undoes the chunked transfer coding (RFC 9112, 7.1).
fn unchunk(mut coded: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = coded.windows(2).position(|window| window == b"\r\n").context("a chunk without a size")?;
        let (size, rest) = coded.split_at(line);
        let size = std::str::from_utf8(size)?.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16)?;
        let rest = rest.get(2..).unwrap_or_default();
        if size == 0 {
            return Ok(body);
        }
        let Some(chunk) = rest.get(..size) else { bail!("a chunk that ends early") };
        body.extend_from_slice(chunk);
        coded = rest.get(size + 2..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_answer_is_put_together() {
        let answer =
            parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n4;x=1\r\nline\r\n0\r\n\r\n")
                .unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"partline".as_slice()));
    }

    #[test]
    fn an_answer_cut_short_is_an_error() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart").is_err());
        assert!(parse(b"HTTP/1.1 200").is_err());
    }
}

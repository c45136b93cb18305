use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::http::head_end;

/// What stands between the browsers and the server: it passes bytes on, remembers everything that browsers sent, and can
/// be cut and mended.
///
/// Its port is the origin that browsers see. `localhost` is a secure context, so service workers and WebRTC work there.
pub struct Proxy {
    port: u16,
    bind: Box<Bind>,
    shared: Arc<Shared>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

/// Binds the proxy's port.
type Bind = dyn Fn() -> Result<std::net::TcpListener> + Send + Sync;

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("port", &self.port).finish_non_exhaustive()
    }
}

/// One request as it passed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// The method.
    pub method: String,
    /// The request target.
    pub path: String,
    /// The user agent of the browser that sent it.
    pub user_agent: String,
}

#[derive(Debug)]
struct Shared {
    upstream: u16,
    /// Tells the server who called, as Cloudflare does.
    tells_caller: bool,
    /// What each connection carried to the server, whole, so that no needle is split between two reads.
    sent: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    requests: Mutex<Vec<SeenRequest>>,
    replaced: Mutex<HashMap<String, (String, Vec<u8>)>>,
    /// Counts the cuts; a connection ends when it changes.
    cuts: watch::Sender<u32>,
}

impl Proxy {
    /// Listens on a free port in front of the server at `upstream`.
    pub async fn start(upstream: u16) -> Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port for the proxy")?;
        let port = listener.local_addr()?.port();
        let bind = move || std::net::TcpListener::bind(("127.0.0.1", port)).context("the proxy's port is taken");
        Self::with(listener, Box::new(bind), upstream, false)
    }

    /// Listens wherever `bind` does, and tells the server the address that each request comes from.
    pub(crate) fn at(
        bind: impl Fn() -> Result<std::net::TcpListener> + Send + Sync + 'static,
        upstream: u16,
    ) -> Result<Self> {
        Self::with(bind()?, Box::new(bind), upstream, true)
    }

    fn with(listener: std::net::TcpListener, bind: Box<Bind>, upstream: u16, tells_caller: bool) -> Result<Self> {
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            upstream,
            tells_caller,
            sent: Mutex::default(),
            requests: Mutex::default(),
            replaced: Mutex::default(),
            cuts: watch::Sender::new(0),
        });
        let listening = Mutex::new(Some(listen(listener, &shared)?));
        Ok(Self { port, bind, shared, listening })
    }

    /// The port that browsers connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection and refuses new ones, as a dead server does.
    pub async fn cut(&self) {
        let listening = lock(&self.listening).take();
        if let Some(listening) = listening {
            listening.abort();
            // The listener is closed once the task is gone.
            let _ = listening.await;
        }
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Undoes [`Proxy::cut`].
    pub async fn mend(&self) -> Result<()> {
        if lock(&self.listening).is_some() {
            return Ok(());
        }
        *lock(&self.listening) = Some(listen((self.bind)()?, &self.shared)?);
        Ok(())
    }

    /// From now on answers `GET path` itself, in place of the server.
    pub fn replace(&self, path: &str, content_type: &str, body: Vec<u8>) {
        self.replace_with(path, &[("Content-Type", content_type)], body);
    }

    /// The same with these headers.
    pub fn replace_with(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) {
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        lock(&self.shared.replaced).insert(path.to_owned(), (headers, body));
    }

    /// From now on answers with the files of a folder that a build made, and passes on what is not among them.
    pub fn serve(&self, folder: &Path) -> Result<()> {
        let headers = std::fs::read_to_string(folder.join("_headers"));
        let headers = headers.with_context(|| format!("{} holds no build of the app", folder.display()))?;
        // Those of the rule for all files, which is the first one.
        let lines = headers.lines().skip_while(|line| *line != "/*").skip(1);
        let lines = lines.map_while(|line| line.strip_prefix("  "));
        let common: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
        for entry in std::fs::read_dir(folder)? {
            let file = entry?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let kind = match file.extension().and_then(|extension| extension.to_str()) {
                Some("html") => "text/html",
                Some("js") => "text/javascript",
                Some("wasm") => "application/wasm",
                Some("css") => "text/css",
                Some("svg") => "image/svg+xml",
                Some("png") => "image/png",
                Some("webmanifest") => "application/manifest+json",
                _ => continue,
            };
            let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
            let headers = [&[("Content-Type", kind)], common.as_slice()].concat();
            self.replace_with(&path, &headers, std::fs::read(&file)?);
        }
        Ok(())
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.shared.requests).clone()
    }

    /// How many bytes browsers sent so far.
    pub fn bytes_sent(&self) -> usize {
        lock(&self.shared.sent).iter().map(|connection| lock(connection).len()).sum()
    }

    /// Whether `needle` occurs anywhere in what browsers sent: request lines, headers and bodies.
    pub fn saw(&self, needle: &[u8]) -> bool {
        let finds =
            |connection: &Arc<Mutex<Vec<u8>>>| lock(connection).windows(needle.len()).any(|window| window == needle);
        !needle.is_empty() && lock(&self.shared.sent).iter().any(finds)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(listening) = lock(&self.listening).take() {
            listening.abort();
        }
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// A poisoned lock only means that another test panicked; what it guards is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(listener: std::net::TcpListener, shared: &Arc<Shared>) -> Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    Ok(tokio::spawn(accept(TcpListener::from_std(listener)?, Arc::clone(shared))))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, caller)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let mut cuts = shared.cuts.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                // Either side hanging up is how a connection ends.
                _ = carry(client, caller.ip().to_canonical(), &shared) => {}
                _ = cuts.changed() => {}
            }
        });
    }
}

async fn carry(client: TcpStream, caller: IpAddr, shared: &Shared) -> Result<()> {
    let server = TcpStream::connect(("127.0.0.1", shared.upstream)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let to_client = tokio::sync::Mutex::new(to_client);
    tokio::select! {
        ended = pass_requests(from_client, to_server, &to_client, caller, shared) => ended,
        ended = pass_answers(from_server, &to_client) => ended,
    }
}

/// Browsers do not pipeline: while a request is being read, no answer is under way, so a replaced answer can be written
/// to the client directly.
async fn pass_requests(
    mut from_client: OwnedReadHalf,
    mut to_server: OwnedWriteHalf,
    to_client: &tokio::sync::Mutex<OwnedWriteHalf>,
    caller: IpAddr,
    shared: &Shared,
) -> Result<()> {
    let record = Arc::new(Mutex::new(Vec::new()));
    lock(&shared.sent).push(Arc::clone(&record));
    let mut pending = Vec::new();
    loop {
        let head_end = loop {
            if let Some(end) = head_end(&pending) {
                break end;
            }
            if !read_some(&mut from_client, &mut pending, &record).await? {
                return Ok(());
            }
        };
        let head = RequestHead::parse(pending.get(..head_end).unwrap_or_default());
        let length = head_end + head.content_length;
        while pending.len() < length {
            if !read_some(&mut from_client, &mut pending, &record).await? {
                return Ok(());
            }
        }
        let rest = pending.split_off(length);
        lock(&shared.requests).push(head.seen.clone());
        let replaced = lock(&shared.replaced).get(&head.seen.path).cloned();
        match replaced {
            Some((headers, body)) if head.seen.method == "GET" => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\nCache-Control: no-cache\r\n\r\n",
                    body.len()
                );
                let mut to_client = to_client.lock().await;
                to_client.write_all(head.as_bytes()).await?;
                to_client.write_all(&body).await?;
            }
            _ => {
                if shared.tells_caller {
                    let line = pending.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                    pending.splice(line..line, format!("CF-Connecting-IP: {caller}\r\n").into_bytes());
                }
                to_server.write_all(&pending).await?;
            }
        }
        pending = rest;
    }
}

/// Returns false when the client has closed its side.
async fn read_some(from: &mut OwnedReadHalf, pending: &mut Vec<u8>, record: &Mutex<Vec<u8>>) -> Result<bool> {
    let before = pending.len();
    let read = from.read_buf(pending).await?;
    lock(record).extend_from_slice(pending.get(before..).unwrap_or_default());
    Ok(read > 0)
}

async fn pass_answers(mut from_server: OwnedReadHalf, to_client: &tokio::sync::Mutex<OwnedWriteHalf>) -> Result<()> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        buffer.clear();
        if from_server.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        copy(&mut buffer.as_slice(), &mut *to_client.lock().await).await?;
    }
}

struct RequestHead {
    seen: SeenRequest,
    content_length: usize,
}

impl RequestHead {
    fn parse(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path = words.next().unwrap_or_default().to_owned();
        let mut parsed = Self { seen: SeenRequest { method, path, user_agent: String::new() }, content_length: 0 };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                parsed.content_length = value.trim().parse().unwrap_or(0);
            } else if name.eq_ignore_ascii_case("user-agent") {
                parsed.seen.user_agent = value.trim().to_owned();
            }
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::http_get;

    /// A server that answers every connection once.
    async fn server() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = vec![0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nreal")
                        .await;
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn what_passes_is_remembered() {
        let proxy = Proxy::start(server().await).await.unwrap();
        assert_eq!(http_get(proxy.port(), "/a?needle").await.unwrap().body, b"real");
        assert!(proxy.saw(b"needle"));
        assert!(!proxy.saw(b"haystack"));
        assert_eq!(proxy.requests().first().map(|seen| seen.path.as_str()), Some("/a?needle"));
    }

    #[tokio::test]
    async fn a_cut_proxy_refuses_and_a_mended_one_serves() {
        let proxy = Proxy::start(server().await).await.unwrap();
        proxy.cut().await;
        assert!(http_get(proxy.port(), "/").await.is_err());
        proxy.mend().await.unwrap();
        assert_eq!(http_get(proxy.port(), "/").await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn a_replaced_path_is_answered_without_the_server() {
        let proxy = Proxy::start(server().await).await.unwrap();
        proxy.replace("/sw.js", "text/javascript", b"other".to_vec());
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        stream.write_all(b"GET /sw.js HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"other") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
        }
        assert_eq!(http_get(proxy.port(), "/").await.unwrap().body, b"real");
    }
}

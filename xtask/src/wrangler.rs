//! wrangler: its configuration without a build step, and starting it.

use crate::setup::Tools;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where wrangler finds the built phone book and app. Written by each build.
pub(crate) fn configuration(tools: &Tools) -> Result<PathBuf> {
    Ok(tools.workspace.scratch("wrangler")?.join("wrangler.toml"))
}

/// Writes `worker/wrangler.toml` once more, to be used when everything is built.
pub(crate) fn write_configuration(tools: &Tools) -> Result<()> {
    let worker = tools.workspace.path("worker");
    let original = worker.join("wrangler.toml");
    let text = std::fs::read_to_string(&original).with_context(|| format!("{} cannot be read", original.display()))?;
    let path = configuration(tools)?;
    std::fs::write(&path, prebuilt(&text, &worker)).with_context(|| format!("{} cannot be written", path.display()))
}

/// The configuration without its build step, and with the paths in it made absolute, as it stands elsewhere.
fn prebuilt(original: &str, folder: &Path) -> String {
    let mut text = String::from("# Made by `cargo xtask build` from worker/wrangler.toml.\n");
    let mut in_build = false;
    for line in original.lines() {
        if line.trim_start().starts_with('[') {
            in_build = line.trim_start().starts_with("[build]");
        }
        if !in_build {
            text.push_str(&absolute(line, folder));
            text.push('\n');
        }
    }
    text
}

/// Makes the path absolute that follows `main = ` or `directory = `.
fn absolute(line: &str, folder: &Path) -> String {
    if !line.trim_start().starts_with('#') {
        for key in ["main = \"", "directory = \""] {
            if let Some((before, rest)) = line.split_once(key)
                && let Some((path, after)) = rest.split_once('"')
            {
                return format!("{before}{key}{}\"{after}", folder.join(path).display());
            }
        }
    }
    line.to_owned()
}

/// A command for wrangler that neither phones home nor asks questions.
pub(crate) fn command(tools: &Tools, words: &[&str]) -> Result<Command> {
    let mut command = tools.command(tools.npm("wrangler"))?;
    command
        .args(words)
        .arg("--config")
        .arg(configuration(tools)?)
        .envs([
            ("WRANGLER_SEND_METRICS", "false"),
            ("WRANGLER_SEND_ERROR_REPORTS", "false"),
            ("WRANGLER_HIDE_BANNER", "true"),
            // `wrangler dev` would ask Cloudflare where this machine is.
            ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
        ])
        .env("WRANGLER_LOG_PATH", tools.workspace.scratch("wrangler/logs")?);
    Ok(command)
}

/// Fails if something listens on the port already.
pub(crate) fn check_port(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => {
            bail!(
                "port {port} cannot be used: {error}. End what uses it, or choose another: cargo xtask run --port {}",
                other(port)
            )
        }
    }
}

fn other(port: u16) -> u16 {
    port.checked_add(1).unwrap_or(8787)
}

/// Runs a program in a process group of its own. When the program ends, or standard input does, which the kernel closes
/// when we end in whatever way, the group is killed: workerd, which wrangler starts, would outlive both otherwise.
const LEASH: &str = r#"("$@" </dev/null; kill -KILL 0) & read -r _; kill -KILL 0"#;

/// `wrangler dev` with the app and the phone book.
#[derive(Debug)]
pub(crate) struct Server {
    leader: Child,
    log: PathBuf,
    port: u16,
}

impl Server {
    /// Starts it; [`Server::wait_until_it_answers`] is next.
    pub(crate) fn start(tools: &Tools, port: u16) -> Result<Server> {
        let log = tools.workspace.scratch("wrangler")?.join("output.txt");
        let output = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let state = tools.workspace.scratch("wrangler/state")?;
        let port_text = port.to_string();
        let words = ["dev", "--ip", "127.0.0.1", "--port", &port_text, "--inspector-port", "0"];
        let wrangler = command(tools, &words)?;
        let mut leashed = tools.command("sh")?;
        leashed
            .args(["-c", LEASH, "leash"])
            .arg(wrangler.get_program())
            .args(wrangler.get_args())
            .args(["--show-interactive-dev-session=false", "--log-level=warn", "--persist-to"])
            .arg(state)
            .envs(wrangler.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("CI", "1")
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut leashed, 0);
        let leader = leashed.spawn().context("wrangler could not be started")?;
        Ok(Server { leader, log, port })
    }

    /// Waits for the phone book's first answer.
    pub(crate) fn wait_until_it_answers(&mut self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(90) {
            if self.leader.try_wait()?.is_some() {
                bail!("wrangler ended before it answered; it said:\n{}", self.said());
            }
            if answers(self.port) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("wrangler does not answer on port {}; it said:\n{}", self.port, self.said());
    }

    /// Waits until it ends, which it does not do by itself.
    pub(crate) fn wait(mut self) -> Result<()> {
        // `Child::wait` would close the leash first.
        let leash = self.leader.stdin.take();
        self.leader.wait()?;
        drop(leash);
        bail!("wrangler ended; it said:\n{}", self.said())
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Whether `GET /health` is answered well.
fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(64).read_to_end(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINAL: &str = "name = \"partyline\"\n# main = \"no\"\nmain = \"build/index.js\"\n\n[build]\n\
                            command = \"cargo xtask build\"\nwatch_dir = \"src\"\n\n[assets]\ndirectory = \"../dist\"\n";

    #[test]
    fn the_configuration_for_what_is_built_builds_nothing() {
        let text = prebuilt(ORIGINAL, Path::new("/tree/worker"));
        assert!(!text.contains("[build]") && !text.contains("command") && !text.contains("watch_dir"));
        assert!(text.contains("name = \"partyline\"") && text.contains("[assets]"));
    }

    #[test]
    fn its_paths_do_not_depend_on_where_it_stands() {
        let text = prebuilt(ORIGINAL, Path::new("/tree/worker"));
        assert!(text.contains("\nmain = \"/tree/worker/build/index.js\"\n"), "{text}");
        assert!(text.contains("\ndirectory = \"/tree/worker/../dist\"\n"), "{text}");
        assert!(text.contains("# main = \"no\"\n"));
    }

    #[test]
    fn a_taken_port_is_named_with_a_way_out() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = check_port(port).unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("--port"), "{error}");
    }
}

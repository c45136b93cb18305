//! A real workerd with the built worker in it, started by `wrangler dev`.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// What runs wrangler, and takes it and the workerd that it starts away again when our end of its
/// standard input closes. The kernel closes that however we end.
const LEASH: &str = r#"("$@" </dev/null; kill -KILL 0) & read -r _; kill -KILL 0"#;

/// `wrangler dev` prints this with the address that it got.
const READY: &str = "Ready on http://127.0.0.1:";

/// workerd itself prints this on its control channel when it listens.
const LISTENING: &str = r#""event":"listen","socket":"http","port":"#;

/// A running phone book. It ends when it is dropped, and with the process.
pub(crate) struct Workerd {
    leash: Child,
    port: u16,
    lines: Mutex<Receiver<String>>,
}

impl Workerd {
    /// Starts workerd alone, which is what runs at Cloudflare. With `wrangler dev` there would be
    /// two proxies in front of it, which log, answer a body that is still on its way in their own
    /// time, and now and then answer `503` themselves.
    ///
    /// Its files go into a folder of this name. `ttl` is the variable `LISTING_TTL_S`.
    pub(crate) fn start(folder: &str, ttl: &str) -> Self {
        let folder = fresh_folder(folder);
        for file in ["index.js", "index_bg.wasm"] {
            let built = main_module().with_file_name(file);
            std::fs::copy(&built, folder.join(file)).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
        }
        let config = folder.join("workerd.capnp");
        std::fs::write(&config, include_str!("workerd.capnp").replace("@TTL@", ttl)).expect("a file");
        let program = Path::new(&variable("PARTYLINE_WRANGLER")).with_file_name("workerd");
        let mut command = leashed(program.to_str().expect("a path of text"));
        command.arg("serve").arg(config).arg("--control-fd=1");
        Self::listening(command, LISTENING)
    }

    /// Starts it with `wrangler dev`, as `cargo xtask run` does: with the app's files, and with a
    /// disk to write to, in this folder.
    pub(crate) fn with_wrangler(config: &Path, state: &Path) -> Self {
        let mut command = leashed(&variable("PARTYLINE_WRANGLER"));
        command
            .args(["dev", "--config"])
            .arg(config)
            .args(["--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0", "--log-level", "log"])
            .args(["--show-interactive-dev-session=false", "--persist-to"])
            .arg(state)
            .env("CI", "1")
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_SEND_ERROR_REPORTS", "false")
            .env("WRANGLER_LOG_PATH", state.with_file_name("logs"));
        Self::listening(command, READY)
    }

    /// Waits until a line of the output has this mark, with the port behind it.
    fn listening(mut command: Command, mark: &str) -> Self {
        let mut leash = command.spawn().expect("sh runs");
        let lines = lines_of(&mut leash);
        let mut said = String::new();
        loop {
            let Ok(line) = lines.recv_timeout(Duration::from_secs(120)) else {
                panic!("{command:?} did not get ready; it said:\n{said}");
            };
            if let Some((_, port)) = line.split_once(mark) {
                let port: String = port.chars().take_while(char::is_ascii_digit).collect();
                return Self { leash, port: port.parse().expect("a port"), lines: Mutex::new(lines) };
            }
            said.push_str(&line);
            said.push('\n');
        }
    }

    /// `127.0.0.1:` and the port.
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it, and gives everything that it printed since it listened.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.kill();
        self.lines.lock().expect("no panic").iter().collect()
    }

    fn kill(&mut self) {
        drop(self.leash.stdin.take());
        let _ = self.leash.wait();
    }
}

fn leashed(program: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", LEASH, "leash", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

impl Drop for Workerd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Everything that wrangler prints, line by line. Somebody has to read it to the end, or it would
/// stop at a full pipe.
fn lines_of(leash: &mut Child) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let (stdout, stderr) = (leash.stdout.take().unwrap(), leash.stderr.take().unwrap());
    for output in [Box::new(stdout) as Box<dyn std::io::Read + Send>, Box::new(stderr)] {
        let sender = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    lines
}

/// The configuration, which must not have wrangler build anything.
pub(crate) fn config() -> PathBuf {
    PathBuf::from(variable("PARTYLINE_WORKER_CONFIG"))
}

/// The built worker's script, beside which its wasm is.
pub(crate) fn main_module() -> PathBuf {
    let config = config();
    let text = std::fs::read_to_string(&config).unwrap_or_else(|error| panic!("{}: {error}", config.display()));
    let table: toml::Table = text.parse().expect("TOML");
    let main = table["main"].as_str().expect("main");
    config.parent().expect("a folder").join(main)
}

/// An empty folder of this name.
pub(crate) fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("phone-book").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("the old folder goes");
    }
    std::fs::create_dir_all(&folder).expect("a new folder");
    folder
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set. `cargo xtask test` builds the worker and sets it; by hand, PARTYLINE_WRANGLER is wrangler's \
             program, and PARTYLINE_WORKER_CONFIG a wrangler.toml without a [build] section whose `main` is built"
        )
    })
}

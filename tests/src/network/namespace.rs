use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

/// Begins the name of every namespace of ours. The process and when it started follow, so that no two runs meet and what a
/// killed run left can be told from what is in use.
const PREFIX: &str = "partyline-";

/// Where `ip netns` keeps its namespaces.
const FOLDER: &str = "/run/netns";

/// How many this process has made, so that no two have one name.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A network namespace, deleted on drop.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one with nothing but loopback in it.
    pub(super) fn make(what: &str) -> Result<Self> {
        let pid = std::process::id();
        let started = start_of(pid).context("this process is not in /proc")?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{pid}-{started}-{number}-{what}");
        run(Command::new("ip").args(["netns", "add", &name]), None)?;
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name for `ip netns exec`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in it.
    pub(super) fn ip(&self, words: &[&str]) -> Result<()> {
        run(Command::new("ip").args(["-n", &self.name]).args(words), None)
    }

    /// Runs a program in it and gives it `input`.
    pub(super) fn feed(&self, program: &str, input: &str) -> Result<()> {
        run(Command::new("ip").args(["netns", "exec", &self.name, program]), Some(input))
    }

    /// Sets a kernel setting below `/proc/sys/net`, which is each namespace's own.
    pub(super) fn set(&self, setting: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys/net").join(setting);
        self.enter(|| std::fs::write(&path, value).with_context(|| format!("cannot write {}", path.display())))
    }

    /// Acts in the namespace: sockets made there stay there, whoever uses them. On a thread of its own, which goes with the
    /// act.
    pub(crate) fn enter<T: Send>(&self, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = Path::new(FOLDER).join(&self.name);
        let inside = || {
            move_into(&path).with_context(|| format!("cannot enter {}", path.display()))?;
            act()
        };
        std::thread::scope(|scope| scope.spawn(inside).join()).map_err(|_| anyhow!("panicked in a namespace"))?
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What stays is swept by the next run.
        let _ = delete(&self.name);
    }
}

#[cfg(target_os = "linux")]
fn move_into(path: &Path) -> Result<()> {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    use std::os::fd::AsFd as _;
    let file = std::fs::File::open(path)?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}

#[cfg(not(target_os = "linux"))]
fn move_into(_: &Path) -> Result<()> {
    bail!("only Linux has network namespaces")
}

/// Whether a namespace, a NAT and a TUN device can be made here; the error says what is missing.
pub(super) fn missing() -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "only Linux has network namespaces");
    for program in ["ip", "iptables", "iptables-restore", "ip6tables-restore"] {
        let found = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        ensure!(found, "there is no program `{program}`");
    }
    std::fs::File::options().read(true).write(true).open("/dev/net/tun").context("/dev/net/tun (are we root?)")?;
    let probe = Namespace::make("probe").context("no network namespace (are we root?)")?;
    probe.feed("iptables-restore", "*nat\n-A POSTROUTING -j MASQUERADE --random-fully\nCOMMIT\n").context("no NAT")?;
    probe.enter(|| Ok(()))
}

/// Deletes the namespaces of runs that are over: one that was killed could not do it.
pub(super) fn sweep() -> Result<()> {
    let Ok(entries) = std::fs::read_dir(FOLDER) else { return Ok(()) };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if owner(&name).is_some_and(|(pid, started)| start_of(pid).as_deref() != Some(started)) {
            // Another run may sweep at the same time.
            delete(&name).or_else(|error| if Path::new(FOLDER).join(&name).exists() { Err(error) } else { Ok(()) })?;
        }
    }
    Ok(())
}

/// The process that a namespace belongs to, and when that started. `None` for namespaces that are not ours.
fn owner(name: &str) -> Option<(u32, &str)> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(3, '-');
    let pid = parts.next()?.parse().ok()?;
    let started = parts.next()?;
    parts.next().map(|_| (pid, started))
}

/// When the process started, in ticks since the machine did (field 22 in `proc_pid_stat(5)`).
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?;
    // The second field is the program's name in brackets, which may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

fn delete(name: &str) -> Result<()> {
    run(Command::new("ip").args(["netns", "delete", name]), None)
}

fn run(command: &mut Command, input: Option<&str>) -> Result<()> {
    let described = format!("{command:?}");
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child =
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context(described.clone())?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{described}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_namespaces_of_ours_have_an_owner() {
        assert_eq!(owner("partyline-12-3456-home"), Some((12, "3456")));
        for other in
            ["", "home", "partyline-", "partyline-12", "partyline-12-3456", "partyline-x-1-home", "12-3456-home"]
        {
            assert_eq!(owner(other), None, "{other}");
        }
    }

    #[test]
    fn a_process_has_one_start_and_one_that_is_gone_has_none() {
        let own = start_of(std::process::id()).unwrap();
        assert!(own.parse::<u64>().unwrap() > 0);
        assert_eq!(start_of(std::process::id()), Some(own));
        assert_eq!(start_of(u32::MAX), None);
    }
}

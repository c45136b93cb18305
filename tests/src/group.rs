use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result};

/// Runs the program given to it and kills its own process group when the program ends or standard input does.
const GUARD: &str = r#"("$@" </dev/null; kill -KILL 0) & read -r _; kill -KILL 0"#;

/// A program and everything it started, which live no longer than this value.
///
/// The program runs under a small shell that leads a process group of its own and reads a pipe whose other end we hold.
/// When the pipe closes, the shell kills the group: on drop, and just as well when the test process is killed, since the
/// kernel closes the pipe then. No process is ever looked up by name.
#[derive(Debug)]
pub struct Group {
    leader: Child,
    leash: Option<ChildStdin>,
}

impl Group {
    /// Starts `program` with `arguments` and `environment`; what it prints goes to the file `log`.
    pub fn start<I, S>(
        program: &Path,
        arguments: I,
        environment: &[(&str, &OsStr)],
        directory: Option<&Path>,
        log: &Path,
    ) -> Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(GUARD).arg("guard").arg(program).args(arguments);
        command.envs(environment.iter().copied());
        if let Some(directory) = directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let mut leader = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let leash = leader.stdin.take();
        Ok(Self { leader, leash })
    }

    /// Whether the program has ended, and with it all that it started.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.leader.try_wait(), Ok(None))
    }

    /// Kills those processes of the group (SIGKILL) whose command line has this argument; how many.
    pub fn kill_those_with(&self, argument: &str) -> Result<usize> {
        let group = self.leader.id().to_string();
        let mut killed = 0;
        for entry in std::fs::read_dir("/proc").context("processes are counted by /proc")? {
            let entry = entry?.path();
            let Some(id) =
                entry.file_name().and_then(OsStr::to_str).filter(|id| id.bytes().all(|b| b.is_ascii_digit()))
            else {
                continue;
            };
            // One that has just ended has no files any more. The name, in parentheses, may have spaces in it.
            let stat = std::fs::read_to_string(entry.join("stat")).unwrap_or_default();
            let is_ours = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2)) == Some(&group);
            let line = std::fs::read(entry.join("cmdline")).unwrap_or_default();
            if is_ours && line.split(|byte| *byte == 0 || *byte == b' ').any(|part| part == argument.as_bytes()) {
                let status = Command::new("kill").args(["-KILL", id]).status().context("kill cannot be run")?;
                killed += usize::from(status.success());
            }
        }
        Ok(killed)
    }

    /// Kills every process of the group at once (SIGKILL) and waits for that.
    pub fn kill(&mut self) {
        drop(self.leash.take());
        // The leader kills itself with its group; an error means that it is gone already.
        let _ = self.leader.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

//! `cargo xtask sim`: crews in virtual time, and whether they would notice.

use crate::exec;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// A bug as somebody could make it: in this file, this text instead of that.
struct Bug {
    what: &'static str,
    file: &'static str,
    good: &'static str,
    bad: &'static str,
}

const BUGS: [Bug; 39] = [
    Bug {
        what: "the vector of a sync is not merged",
        file: "core/src/replica/apply.rs",
        good: "applied.advanced |= self.count_all(vector, &ahead);",
        bad: "let _ = vector;",
    },
    Bug {
        what: "edits are not written durably",
        file: "sw/src/service.rs",
        good: "durability: Durability::Strict",
        bad: "durability: Durability::Relaxed",
    },
    Bug {
        what: "of two equal writes the later to arrive wins",
        file: "core/src/replica/object_state.rs",
        good: "if (stamp, value.value()) > (held, register.value.value()) {",
        bad: "if (stamp, value.value()) >= (held, register.value.value()) {",
    },
    Bug {
        what: "a part of a change is counted as all of it",
        file: "core/src/replica/apply.rs",
        good: "change.complete && self.count(change.dot)",
        bad: "self.count(change.dot)",
    },
    Bug {
        what: "a change stays complete when part of it was overwritten",
        file: "core/src/replica/writes.rs",
        good: "write.complete = false;",
        bad: "",
    },
    Bug {
        what: "a gap of one change is not noticed",
        file: "core/src/replica/replica.rs",
        good: "if dot.seq > has + 1 {",
        bad: "if dot.seq > has + 2 {",
    },
    Bug {
        what: "the clock does not follow what it sees",
        file: "core/src/replica/apply.rs",
        good: "self.clock.follow(&change.stamp);",
        bad: "",
    },
    Bug {
        what: "the next chunk of a sync leaves a change out",
        file: "core/src/replica/writes.rs",
        good: "few.retain(|arrival| *arrival > after);",
        bad: "few.retain(|arrival| after == 0 || *arrival > after + 1);",
    },
    Bug {
        what: "what another worker wrote is passed over",
        file: "sw/src/room.rs",
        good: "if replay(&mut self.replica, record).is_err() {",
        bad: "if record.is_empty() {",
    },
    Bug {
        what: "a vector is believed by a replica that did not ask",
        file: "core/src/replica/apply.rs",
        good: "asker.is_some_and(|asker| asker == self.device)",
        bad: "asker.is_some()",
    },
    Bug {
        what: "what another life of a device wrote passes for its own",
        file: "core/src/replica/apply.rs",
        good: "applied.has_namesake |= is_twin || is_own && (is_unknown || change.dot.seq > given);",
        bad: "let _ = (is_twin, is_own, is_unknown, given);",
    },
    Bug {
        what: "a device that takes another key begins with another clock",
        file: "core/src/replica/replica.rs",
        good: "Clock::resume(device, self.clock.last())",
        bad: "Clock::new(device)",
    },
    Bug {
        what: "two workers take two keys for one reason",
        file: "sw/src/service.rs",
        good: "if stored.head == open.head {",
        bad: "if is_current {",
    },
    Bug {
        what: "a sync that began under another id counts as over",
        file: "sw/src/service.rs",
        good: "let is_apart = is_void || is_asked",
        bad: "let is_apart = is_asked",
    },
    Bug {
        what: "the hash of what changed is not computed again",
        file: "core/src/replica/replica.rs",
        good: "self.touch(change.object);",
        bad: "",
    },
    Bug {
        what: "where two replicas differ is not looked for",
        file: "core/src/replica/exchange.rs",
        good: "return (self.is_apart(answer) && lacks_nothing()).then(|| look_at_all(end.day));",
        bad: "let _ = (lacks_nothing, end, look_at_all); return None;",
    },
    Bug {
        what: "what no vector ever counts keeps two replicas from being compared",
        file: "core/src/replica/exchange.rs",
        good: "ahead.includes(write.dot) || !may_count(write)",
        bad: "ahead.includes(write.dot) || may_count(write) && false",
    },
    Bug {
        what: "whoever has anything in a range gets nothing else of it",
        file: "core/src/replica/comparison.rs",
        good: "known.binary_search(&fingerprint(request.salt, [hash])).is_ok()",
        bad: "!known.is_empty() && fingerprint(request.salt, [hash]).len() > 0",
    },
    Bug {
        what: "a place brings back what was deleted",
        file: "core/src/replica/object_state.rs",
        good: "value if !write.machine && (value.field().is_content() || value.field() == Field::LIFE) => {",
        bad: "_ if !write.machine => {",
    },
    Bug {
        what: "what is deleted is dropped at once",
        file: "core/src/replica/object_state.rs",
        good: "(now_ms / DAY_MS).saturating_sub(TRASH_DAYS)",
        bad: "(now_ms / DAY_MS).saturating_sub(TRASH_DAYS) + 31",
    },
    Bug {
        what: "taking off a label takes off nobody else's",
        file: "core/src/replica/object_state.rs",
        good: "Self { write: arrival, set, hash: *element, of: *of, bytes: None }",
        bad: "Self { write: arrival, set, hash: *element, of: Stamp { device: stamp.device, ..*of }, bytes: None }",
    },
    Bug {
        what: "what waits is no part of the digest",
        file: "core/src/replica/waiting.rs",
        good: "for (arrival, change) in std::mem::take(&mut all.held) {",
        bad: "for (arrival, change) in std::mem::take(&mut all.held).into_iter().take(0) {",
    },
    Bug {
        what: "what was written under a wrong clock is written anew, and not replaced",
        file: "core/src/replica/restamp.rs",
        good: "changes.extend(self.name_replaced(&change, now_ms)?);",
        bad: "let _ = self.name_replaced(&change, now_ms)?;",
    },
    Bug {
        what: "what was dropped under a clock that was ahead is gone for good",
        file: "core/src/replica/replica.rs",
        good: "if self.has_dropped_early(now_ms) {",
        bad: "if false {",
    },
    Bug {
        what: "a status of a later version becomes one of this",
        file: "core/src/replica/op.rs",
        good: "Field::STATUS => Self::Status(Status::from_code(number)?),",
        bad: "Field::STATUS => Self::Status(Status::from_code(number).unwrap_or_default()),",
    },
    Bug {
        what: "a set of a later version is taken for a register",
        file: "core/src/replica/op.rs",
        good: "self.0 & Self::SET != 0",
        bad: "self.set_number() == Self::ADD_LABEL.set_number()",
    },
    Bug {
        what: "an id that was given up keeps its name",
        file: "sw/src/room.rs",
        good: "call(&mut self.replica, old, \"\")?;",
        bad: "",
    },
    Bug {
        what: "a log record that is gone is not missed",
        file: "sw/src/room.rs",
        good: "if stored.log.len() != stored.head.records as usize {",
        bad: "if false {",
    },
    Bug {
        what: "a worker answers from what it remembers",
        file: "sw/src/service.rs",
        good: "let mut open = self.current(slot.take(), room).await?;\n        if open.replica.is_due(",
        bad: "let mut open = match slot.take() { Some(open) => open, None => self.current(None, room).await? };\n        if open.replica.is_due(",
    },
    Bug {
        what: "an edit counts as stored though those it was to be stored with are lost",
        file: "sw/src/service.rs",
        good: "if is_stored.get() {",
        bad: "if true {",
    },
    Bug {
        what: "a peer that is gone counts as connected",
        file: "core/src/dial/dialler.rs",
        good: "self.peers.retain(|_, (held, _)| *held != slot);",
        bad: "",
    },
    Bug {
        what: "nobody carries a card",
        file: "core/src/mesh/machine.rs",
        good: "self.actions.push_back(MeshAction::Send { slot: to.slot, card });",
        bad: "let _ = to.slot;",
    },
    Bug {
        what: "who is connected is not asked for what it has",
        file: "core/src/crew/machine/connections.rs",
        good: "self.effects.push_back(Effect::Established { slot, device: peer.device });\n        self.pull(slot);",
        bad: "self.effects.push_back(Effect::Established { slot, device: peer.device });",
    },
    Bug {
        what: "where the phone book sees this device is not noted",
        file: "core/src/crew/machine/mod.rs",
        good: "&& self.observed.replace(ip) != Some(ip)",
        bad: "&& self.observed != Some(ip)",
    },
    Bug {
        what: "a pull that failed is not tried again",
        file: "core/src/crew/machine/syncs.rs",
        good: "link.pull_at = Some(now_ms + wait);",
        bad: "let _ = wait;",
    },
    Bug {
        what: "a channel that was full stays so",
        file: "core/src/crew/machine/mod.rs",
        good: "Input::Drained(slot) => self.set_full(slot, false),",
        bad: "Input::Drained(_) => {}",
    },
    Bug {
        what: "a network that comes back is none for the dialler",
        file: "core/src/crew/machine/mod.rs",
        good: "self.dialler.handle_online(true, now_ms);",
        bad: "",
    },
    Bug {
        what: "a pull over a connection that is gone waits for ever",
        file: "core/src/crew/machine/connections.rs",
        good: "self.with_pull(slot, |pull| pull.handle_reply(None));",
        bad: "",
    },
    Bug {
        what: "a hidden page calls for as short a time as one that somebody looks at",
        file: "core/src/dial/dialler.rs",
        good: "Sign::Blind if !self.visible => now_ms + LONG_CALL,",
        bad: "Sign::Blind if !self.visible => now_ms + LONG_CALL / 3,",
    },
];

/// What of the workspace the simulation is built from.
const PARTS: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "core", "sw", "app", "worker", "tests", "xtask"];

/// Plays these seeds.
pub(crate) fn run(from: u64, seeds: u64) -> Result<()> {
    let workspace = Workspace::find()?;
    exec::run(&mut simulation(workspace.root(), from, seeds))
}

/// Puts each of [`BUGS`] into a copy of the sources, and plays until it is found.
pub(crate) fn bugs(seeds: u64) -> Result<()> {
    let workspace = Workspace::find()?;
    let copy = workspace.scratch("bugs")?;
    for part in PARTS {
        copy_tree(&workspace.path(part), &copy.join(part))?;
    }
    let mut missed = Vec::new();
    for bug in &BUGS {
        let file = copy.join(bug.file);
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        if text.matches(bug.good).count() != 1 {
            bail!("“{}” is not once in {}", bug.good, bug.file);
        }
        std::fs::write(&file, text.replace(bug.good, bug.bad))?;
        let mut build = simulation(&copy, 1, 0);
        exec::run(build.arg("--quiet")).with_context(|| format!("with the bug “{}”", bug.what))?;
        let is_found = !simulation(&copy, 1, seeds).status()?.success();
        std::fs::write(&file, text)?;
        println!("bug: {}: {}\n", bug.what, if is_found { "found" } else { "MISSED" });
        if !is_found {
            missed.push(bug.what);
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found in {seeds} seeds: {}", missed.join("; ")) }
}

fn simulation(root: &Path, from: u64, seeds: u64) -> Command {
    let mut cargo = exec::command("cargo");
    cargo.current_dir(root).args([
        "test",
        "--locked",
        "--profile",
        "native",
        "--package",
        "partyline-sw",
        "--test",
        "simulation",
    ]);
    cargo.args(["--", "--from", &from.to_string(), "--seeds", &seeds.to_string()]);
    cargo
}

/// Copies what is there now; what is the same already is left alone, so that nothing is built again for it.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let name = entry?.file_name();
            copy_tree(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    match std::fs::read(from) {
        Ok(bytes) if std::fs::read(to).is_ok_and(|there| there == bytes) => Ok(()),
        Ok(bytes) => std::fs::write(to, bytes).with_context(|| format!("{} cannot be written", to.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", from.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_has_its_place_in_the_sources() {
        let workspace = Workspace::find().unwrap();
        for bug in &BUGS {
            let text = std::fs::read_to_string(workspace.path(bug.file)).unwrap();
            assert_eq!(text.matches(bug.good).count(), 1, "“{}”: “{}” in {}", bug.what, bug.good, bug.file);
        }
    }
}

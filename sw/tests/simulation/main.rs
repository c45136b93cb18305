//! Crews at random, in virtual time: the real service and the real replicas on disks that fail, behind clocks that jump,
//! with a network that loses, delays, repeats and goes one way only, and workers and pages that end at any moment.
//!
//! A seed is a life: up to 60 steps on 2 to 5 devices. In one of ten lives the devices also have to find each other, behind
//! NATs and walls and on the move, by the very `Crew` of a page: there pages are hidden, networks go, devices sleep, some
//! browsers refuse credentials, and people carry codes. In the others links come and go.
//! Throughout it is checked that
//!
//! - an edit that was acknowledged is on its device's disk, and in the end on everybody's;
//! - what was on a disk stays there, and whoever has got from another what was missing has all that the other one had;
//! - a version vector claims nothing that is not there;
//! - no number is given twice, and no device's stamps run backwards: in each of its lives, where its disk went back or was
//!   copied, as happens to some in one of four;
//! - what is shown in the end is what an oracle says that knows nothing of merging: of each field the last that a person
//!   wrote, and of a task that was deleted, whether anybody wrote to it since;
//! - what a later version writes comes to those who understand it, over devices that do not;
//! - a member that lies hides nothing that others wrote, nor keeps them from being equal, and costs little;
//! - what was lost with a disk is told, and comes back from whoever has it;
//! - a worker that only reads shows what is there, and writes nothing;
//! - a device takes another key once for each other life of it, and before it has anything of what that wrote;
//! - devices that have exchanged everything are equal, and their logs short; then another sync brings nothing and costs
//!   less than 100 bytes;
//! - all of that is so whether clocks are put right and time passes, or are put right and what they dated is written anew,
//!   or stay wrong and hold back what they do;
//! - a crew that is left in peace is connected each to each, its connections, requests and queues ever few.
//!
//! `cargo test` plays some; `cargo xtask sim --seeds N` as many as one likes. A seed that fails is printed with the fewest
//! steps that still do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::cast_possible_truncation)]
#![allow(clippy::cast_sign_loss, clippy::cast_possible_wrap, missing_docs)]
#![cfg_attr(target_arch = "wasm32", no_main)]
#![cfg(not(target_arch = "wasm32"))]

mod disk;
mod ledger;
mod members;
mod net;
mod oracle;
mod plan;
mod runtime;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use plan::Plan;
use world::World;

/// How many seeds are played where nobody says.
const SEEDS: u64 = 1_000;
/// More failures than this are not looked into.
const ENOUGH: usize = 3;
/// How long steps are left out of a failing life.
const SHRINKING: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    // What cargo says to every test: these have one name.
    if arguments.iter().any(|argument| argument == "--list") {
        println!("simulation: test");
        return ExitCode::SUCCESS;
    }
    let filter = arguments.first().filter(|first| !first.starts_with('-'));
    if filter.is_some_and(|filter| !"simulation".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    let (first, seeds) = (number("--from").unwrap_or(1), number("--seeds").unwrap_or(SEEDS));
    std::panic::set_hook(Box::new(|_| {}));
    let (next, failed, acknowledged) = (AtomicU64::new(first), AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds || failed.load(Ordering::Relaxed) >= ENOUGH {
                        return;
                    }
                    let plan = Plan::draw(seed);
                    let (wrong, edits) = play(&plan);
                    acknowledged.fetch_add(edits, Ordering::Relaxed);
                    if !wrong.is_empty() {
                        failed.fetch_add(1, Ordering::Relaxed);
                        report(&plan);
                    }
                }
            });
        }
    });
    let played = next.into_inner().min(first + seeds) - first;
    let took = begun.elapsed().as_secs_f64();
    let (failed, acknowledged) = (failed.into_inner(), acknowledged.into_inner());
    println!(
        "simulation: {played} seeds from {first}, {acknowledged} edits acknowledged, {failed} failed; {:.0} seeds a second",
        played as f64 / took
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays a life; what was wrong, and how many edits were acknowledged.
fn play(plan: &Plan) -> (Vec<String>, usize) {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let world = World::new(plan);
        for step in &plan.steps {
            world.act(step);
        }
        let ledger = world.settle();
        world.end();
        let edits = ledger.acknowledged();
        (ledger.wrong, edits)
    }));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        (vec![format!("panicked: {}", text.unwrap_or_default())], 0)
    })
}

/// Leaves out what the failure does not need, and prints what is left.
fn report(plan: &Plan) {
    let mut plan = plan.clone();
    let mut size = plan.steps.len().div_ceil(2);
    let until = Instant::now() + SHRINKING;
    while size > 0 {
        let mut at = 0;
        while at < plan.steps.len() && Instant::now() < until {
            let less = plan.without(at, at + size);
            if play(&less).0.is_empty() {
                at += size;
            } else {
                plan = less;
            }
        }
        size /= 2;
    }
    let (wrong, _) = play(&plan);
    let mut text = format!("seed {} fails, with {} devices and these steps:\n", plan.seed, plan.devices);
    for step in &plan.steps {
        text += &format!("  {step:?}\n");
    }
    for line in wrong.iter().take(5) {
        text += &format!("  wrong: {line}\n");
    }
    println!("{text}  again with: cargo xtask sim --from {} --seeds 1", plan.seed);
}

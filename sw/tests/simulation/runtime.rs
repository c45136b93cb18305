//! Virtual time: futures that run on one thread, in an order that follows from nothing but what they await.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What ends together: a service worker, a page.
pub(crate) type Group = u64;

/// No life takes a tenth of these turns, or has a tenth of these tasks at once, unless something goes round for ever.
const MOST_TURNS: u64 = 200_000;
const MOST_TASKS: usize = 1_000;
/// Where connections are kept alive, there are more.
const MORE: u64 = 50;

type Job = Pin<Box<dyn Future<Output = ()>>>;

/// The clock and everything that runs. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Runtime {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    now: Cell<u64>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    ready: RefCell<VecDeque<Rc<Task>>>,
    tasks: RefCell<Vec<Rc<Task>>>,
    count: Cell<u64>,
    dice: Cell<u64>,
    turns: Cell<u64>,
    more: Cell<bool>,
}

struct Task {
    group: Group,
    job: RefCell<Option<Job>>,
    signal: Arc<Signal>,
}

#[derive(Default)]
struct Signal(AtomicBool);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Runtime {
    /// One whose dice begin here.
    pub(crate) fn new(seed: u64) -> Self {
        let runtime = Self::default();
        runtime.shared.dice.set(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        runtime
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        self.shared.now.get()
    }

    /// A number below `bound` (xorshift64*, Vigna 2016).
    pub(crate) fn below(&self, bound: u64) -> u64 {
        let mut dice = self.shared.dice.get();
        dice ^= dice >> 12;
        dice ^= dice << 25;
        dice ^= dice >> 27;
        self.shared.dice.set(dice);
        (dice.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound.max(1)
    }

    /// Connections are kept alive: that takes more turns.
    pub(crate) fn allow_more(&self) {
        self.shared.more.set(true);
    }

    /// From here on the dice follow from `entropy`, whatever was thrown before.
    pub(crate) fn shake(&self, entropy: u64) {
        self.shared.dice.set(entropy.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    }

    fn number(&self) -> u64 {
        self.shared.count.set(self.shared.count.get() + 1);
        self.shared.count.get()
    }

    /// A new group.
    pub(crate) fn group(&self) -> Group {
        self.number()
    }

    /// Runs this as part of a group.
    pub(crate) fn spawn(&self, group: Group, job: impl Future<Output = ()> + 'static) {
        let task = Rc::new(Task { group, job: RefCell::new(Some(Box::pin(job))), signal: Arc::default() });
        self.shared.tasks.borrow_mut().push(Rc::clone(&task));
        self.shared.ready.borrow_mut().push_back(task);
    }

    /// Ends a group, wherever its futures are.
    pub(crate) fn kill(&self, group: Group) {
        let mut tasks = self.shared.tasks.take();
        tasks.retain(|task| {
            if task.group == group {
                // Taken out first: what it drops may want to look at this.
                let job = task.job.take();
                drop(job);
            }
            task.group != group
        });
        self.shared.tasks.borrow_mut().append(&mut tasks);
    }

    /// Ends everything.
    pub(crate) fn end(&self) {
        for task in self.shared.tasks.take() {
            let job = task.job.take();
            drop(job);
        }
        self.shared.ready.take();
    }

    /// Waits.
    pub(crate) fn sleep(&self, millis: u64) -> Sleep {
        Sleep { runtime: self.clone(), due: self.now() + millis, key: None }
    }

    /// Waits for at most this long.
    pub(crate) async fn within<T>(&self, millis: u64, future: impl Future<Output = T>) -> Option<T> {
        let mut sleep = self.sleep(millis);
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            Pin::new(&mut sleep).poll(context).map(|()| None)
        })
        .await
    }

    /// Lets `millis` pass.
    pub(crate) fn run_for(&self, millis: u64) {
        let until = self.now() + millis;
        loop {
            self.turn();
            let mut timers = self.shared.timers.borrow_mut();
            match timers.first_entry() {
                Some(entry) if entry.key().0 <= until => {
                    self.shared.now.set(self.now().max(entry.key().0));
                    entry.remove().wake();
                }
                _ => break,
            }
        }
        self.shared.now.set(until);
    }

    /// Lets time pass until nothing waits for anything any more; `false` if that is not so after `millis`.
    pub(crate) fn run_out(&self, millis: u64) -> bool {
        let until = self.now() + millis;
        loop {
            self.turn();
            let due = self.shared.timers.borrow().keys().next().map(|(due, _)| *due);
            match due {
                Some(due) if due > until => return false,
                Some(due) => self.run_for(due.saturating_sub(self.now())),
                None => return true,
            }
        }
    }

    /// Runs what can go on without time passing.
    fn turn(&self) {
        loop {
            let woken = {
                let tasks = self.shared.tasks.borrow();
                tasks.iter().filter(|task| task.signal.0.swap(false, Ordering::Relaxed)).cloned().collect::<Vec<_>>()
            };
            self.shared.ready.borrow_mut().extend(woken);
            let Some(task) = self.shared.ready.borrow_mut().pop_front() else { return };
            // Nothing there: it is over, or was killed.
            let Some(mut job) = task.job.take() else { continue };
            self.shared.turns.set(self.shared.turns.get() + 1);
            let tasks = self.shared.tasks.borrow().len();
            let most = if self.shared.more.get() { MORE * MOST_TURNS } else { MOST_TURNS };
            assert!(self.shared.turns.get() < most && tasks < MOST_TASKS, "they never stop talking");
            let waker = Waker::from(Arc::clone(&task.signal));
            if job.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                *task.job.borrow_mut() = Some(job);
            } else {
                self.shared.tasks.borrow_mut().retain(|other| !Rc::ptr_eq(other, &task));
            }
        }
    }
}

/// See [`Runtime::sleep`].
pub(crate) struct Sleep {
    runtime: Runtime,
    due: u64,
    key: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(key) = self.key.take() {
            self.runtime.shared.timers.borrow_mut().remove(&key);
        }
        if self.runtime.now() >= self.due {
            return Poll::Ready(());
        }
        let key = (self.due, self.runtime.number());
        self.runtime.shared.timers.borrow_mut().insert(key, context.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.runtime.shared.timers.borrow_mut().remove(&key);
        }
    }
}

use crate::clock::Stamp;
use crate::id::TaskId;
use crate::replica::{Change, MAX_CHANGES, MAX_POSITION, ObjectId, Op, Position, Replica};

/// Where in the list of tasks one is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// Before all others.
    First,
    /// Right after this one.
    After(TaskId),
    /// After all others.
    Last,
}

/// What puts a task in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placing {
    /// The position of the task.
    pub position: Position,
    /// Tasks beside it that get other positions, in which they stand in the same order; most often
    /// none. See [`Replica::make_room`].
    pub moved: Vec<(TaskId, Position)>,
}

impl Replica {
    /// Returns what puts a task in its place: `None` if the list does not have the one that it is
    /// to come after. A task that stands there already keeps its position.
    ///
    /// There is always room. Where none is left between two neighbours (they have equal positions,
    /// or long ones), as few tasks beside the place as possible get other positions. Costs about as
    /// much as sorting the list.
    pub fn place(&self, task: TaskId, spot: Spot) -> Option<Placing> {
        let own = self.objects.get(&ObjectId::Task(task)).filter(|state| state.deletion(&self.writes).is_none());
        let own = own.and_then(|state| state.position(&self.writes));
        let unplaced = Position::default();
        let mut others = self.listed(false, &unplaced);
        others.retain(|(_, other)| *other != task);
        others.sort_unstable();
        let at = match spot {
            Spot::First => 0,
            Spot::After(other) => others.iter().position(|(_, listed)| *listed == other)? + 1,
            Spot::Last => others.len(),
        };
        if let Some(own) = own
            && others.partition_point(|other| *other < (own, task)) == at
        {
            return Some(Placing { position: own.clone(), moved: Vec::new() });
        }
        let (low, high) = (at.checked_sub(1).and_then(|low| others.get(low)), others.get(at));
        let position = Position::between(low.map(|(low, _)| *low), high.map(|(high, _)| *high), self.device);
        if let Some(position) = position {
            return Some(Placing { position, moved: Vec::new() });
        }
        Some(self.spread(&others, at))
    }

    /// Puts a new position at `at`, and gives as few of those beside it as possible others. Looks
    /// at twice as many each time, so it costs what it moves. Where more than a batch can hold
    /// would have to move, nothing does, and the new one shares the position of its neighbour.
    fn spread(&self, others: &[(&Position, TaskId)], at: usize) -> Placing {
        let mut reach = 1;
        loop {
            let (from, to) = (at.saturating_sub(reach), at.saturating_add(reach).min(others.len()));
            for (from, to) in [(at, to), (from, at), (from, to)] {
                let tasks = others.get(from..to).unwrap_or_default();
                let row = if tasks.len() < MAX_CHANGES { self.row(others, from, to) } else { None };
                let Some(mut row) = row else { continue };
                let position = row.remove(at - from);
                let moved = tasks.iter().map(|(_, task)| *task).zip(row).collect();
                return Placing { position, moved };
            }
            if from == 0 && to == others.len() {
                let beside = others.get(at.saturating_sub(1)).map(|(beside, _)| (*beside).clone());
                return Placing { position: beside.unwrap_or_default(), moved: Vec::new() };
            }
            reach *= 2;
        }
    }

    /// One position more than there are from `from` to `to`, in a row, in their place; `None` if
    /// they would be long, so that room would soon be wanting again.
    fn row(&self, others: &[(&Position, TaskId)], from: usize, to: usize) -> Option<Vec<Position>> {
        const LONG: usize = MAX_POSITION / 2;
        let high = others.get(to).map(|(high, _)| *high);
        let mut low = from.checked_sub(1).and_then(|low| others.get(low)).map(|(low, _)| (*low).clone());
        let mut row = Vec::with_capacity(to - from + 1);
        for _ in from..=to {
            let next = Position::between(low.as_ref(), high, self.device)?;
            if next.as_bytes().len() > LONG {
                return None;
            }
            low = Some(next.clone());
            row.push(next);
        }
        Some(row)
    }

    /// Gives tasks other positions, and returns the changes that do so.
    ///
    /// They are a machine's, and dated just after the positions that they replace: so a person who
    /// moves one of the tasks wins over them, even if that was done before, somewhere else.
    pub fn make_room(&mut self, moved: &[(TaskId, Position)]) -> Vec<Change> {
        moved.iter().map_while(|(task, position)| self.move_over(*task, position)).collect()
    }

    fn move_over(&mut self, task: TaskId, position: &Position) -> Option<Change> {
        let object = ObjectId::Task(task);
        let placed = self.objects.get(&object)?.placed(&self.writes)?;
        let stamp = Stamp { counter: placed.counter.saturating_add(1), device: self.device, ..placed };
        let dot = self.next_dot().ok()?;
        let ops = vec![Op::Position(position.clone())];
        let change = Change { dot, stamp, object, complete: true, machine: true, ops };
        self.merge(change.clone(), true);
        self.count(dot);
        Some(change)
    }
}

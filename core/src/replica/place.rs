use crate::clock::Stamp;
use crate::id::{SectionId, TaskId};
use crate::replica::{Change, MAX_CHANGES, MAX_POSITION, ObjectId, Op, Position, Replica};

/// Where in the list of tasks, or among the sections, one is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot<Id = TaskId> {
    /// Before all others.
    First,
    /// Right after this one.
    After(Id),
    /// After all others.
    Last,
}

/// What puts a task or a section in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placing {
    /// Its position.
    pub position: Position,
    /// Those beside it that get other positions, in which they stand in the same order; most often
    /// none. See [`Replica::make_room`].
    pub moved: Vec<(ObjectId, Position)>,
}

impl<Id> Spot<Id> {
    fn map<Other>(self, object: impl Fn(Id) -> Other) -> Spot<Other> {
        match self {
            Self::First => Spot::First,
            Self::After(other) => Spot::After(object(other)),
            Self::Last => Spot::Last,
        }
    }
}

impl Replica {
    /// Returns what puts a task in its place: `None` if the list does not have the one that it is
    /// to come after. A task that stands there already keeps its position.
    ///
    /// There is always room. Where none is left between two neighbours (they have equal positions,
    /// or long ones), as few tasks beside the place as possible get other positions. Costs about as
    /// much as sorting the list.
    pub fn place(&self, task: TaskId, spot: Spot) -> Option<Placing> {
        self.place_object(ObjectId::Task(task), spot.map(ObjectId::Task))
    }

    /// The same of a section among the sections.
    pub fn place_section(&self, section: SectionId, spot: Spot<SectionId>) -> Option<Placing> {
        self.place_object(ObjectId::section(section), spot.map(ObjectId::section))
    }

    fn place_object(&self, object: ObjectId, spot: Spot<ObjectId>) -> Option<Placing> {
        let own = self.objects.get(&object).filter(|state| state.deletion(&self.writes).is_none());
        let own = own.and_then(|state| state.position(&self.writes));
        let unplaced = Position::default();
        let mut others = self.beside(object, &unplaced);
        others.sort_unstable();
        let at = match spot {
            Spot::First => 0,
            Spot::After(other) => others.iter().position(|(_, listed)| *listed == other)? + 1,
            Spot::Last => others.len(),
        };
        if let Some(own) = own
            && others.partition_point(|other| *other < (own, object)) == at
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

    /// The tasks, or the sections, that are not deleted, but for this one, with their positions, in no order.
    fn beside<'a>(&'a self, object: ObjectId, unplaced: &'a Position) -> Vec<(&'a Position, ObjectId)> {
        if let ObjectId::Task(_) = object {
            let mut tasks = self.listed(false, unplaced);
            tasks.retain(|(_, task)| ObjectId::Task(*task) != object);
            return tasks.into_iter().map(|(position, task)| (position, ObjectId::Task(task))).collect();
        }
        let sections = self.objects.iter().filter(|(other, _)| {
            **other != object && other.as_section().is_some_and(|section| self.has_section(section))
        });
        sections.map(|(other, state)| (state.position(&self.writes).unwrap_or(unplaced), *other)).collect()
    }

    /// Puts a new position at `at`, and gives as few of those beside it as possible others. Looks
    /// at twice as many each time, so it costs what it moves. Where more than a batch can hold
    /// would have to move, nothing does, and the new one shares the position of its neighbour.
    fn spread(&self, others: &[(&Position, ObjectId)], at: usize) -> Placing {
        let mut reach = 1;
        loop {
            let (from, to) = (at.saturating_sub(reach), at.saturating_add(reach).min(others.len()));
            for (from, to) in [(at, to), (from, at), (from, to)] {
                let beside = others.get(from..to).unwrap_or_default();
                let row = if beside.len() < MAX_CHANGES { self.row(others, from, to) } else { None };
                let Some(mut row) = row else { continue };
                let position = row.remove(at - from);
                let moved = beside.iter().map(|(_, object)| *object).zip(row).collect();
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
    fn row(&self, others: &[(&Position, ObjectId)], from: usize, to: usize) -> Option<Vec<Position>> {
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

    /// Gives tasks or sections other positions, and returns the changes that do so.
    ///
    /// They are a machine's, and dated just after the positions that they replace: so a person who
    /// moves one of them wins over them, even if that was done before, somewhere else.
    pub fn make_room(&mut self, moved: &[(ObjectId, Position)]) -> Vec<Change> {
        moved.iter().map_while(|(object, position)| self.move_over(*object, position)).collect()
    }

    fn move_over(&mut self, object: ObjectId, position: &Position) -> Option<Change> {
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

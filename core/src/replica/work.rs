//! Counts the steps of merging, reading, folding and comparing, so that tests can say how work
//! grows with what comes and what is there. Outside the tests of this crate there is nothing of it.

/// Notes that so many things were looked at or moved.
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn step(_: usize) {}

#[cfg(test)]
pub(crate) use counter::step;

#[cfg(test)]
mod counter {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn step(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// Does something and answers how many steps that took.
    pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
        let before = STEPS.get();
        let done = work();
        (done, STEPS.get() - before)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::counter::counted;
    use crate::clock::Stamp;
    use crate::id::{DeviceId, TaskId};
    use crate::replica::*;

    const NOON: u64 = 1_790_000_000_000;
    /// Well past every bound on what one object keeps.
    const MANY: usize = 2_000;

    /// Which of the numbers from 0 on the changes have, in what order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Order {
        Rising,
        Falling,
        Scattered,
        /// All the same.
        Equal,
    }

    /// What somebody sends who wants it to be expensive.
    #[derive(Clone, Copy, Debug)]
    struct Shape {
        devices: Spread,
        objects: Spread,
        seqs: Order,
        stamps: Order,
        what: What,
        complete: bool,
    }

    /// A new task a change, as one device makes them.
    const USUAL: Shape = Shape {
        devices: Spread::One,
        objects: Spread::Each,
        seqs: Order::Rising,
        stamps: Order::Rising,
        what: What::Title,
        complete: true,
    };

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Spread {
        One,
        Two,
        /// One a change.
        Each,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum What {
        Title,
        /// As many fields as there can be.
        Fields,
        SameLabel,
        Labels,
        Removals,
        Deletion,
        Position,
    }

    fn at(order: Order, number: usize, count: usize) -> u64 {
        let at = match order {
            Order::Rising => number,
            Order::Falling => count - 1 - number,
            // Coprime to every count here.
            Order::Scattered => number * 7919 % count,
            Order::Equal => 0,
        };
        at as u64
    }

    fn of(spread: Spread, number: usize) -> u64 {
        match spread {
            Spread::One => 0,
            Spread::Two => number as u64 % 2,
            Spread::Each => number as u64,
        }
    }

    fn id(number: u64) -> [u8; 16] {
        let mut id = [7; 16];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        id
    }

    impl Shape {
        fn changes(&self, count: usize) -> Vec<Change> {
            let change = |number: usize| {
                let device = DeviceId::from_bytes(id(of(self.devices, number)));
                let stamp = Stamp { millis: NOON + at(self.stamps, number, count), counter: 0, device };
                let object = ObjectId::Task(TaskId::from_random_bytes(id(of(self.objects, number))));
                let label = |number: usize| format!("label {number}");
                let op = match self.what {
                    What::Title => Op::Title(format!("{number}").into()),
                    What::Fields => {
                        let codes = (0_u64..128 << 4).filter_map(Field::from_code).filter(|field| !field.is_set());
                        let codes: Vec<Field> = codes.collect();
                        let field = codes[(count - number) % codes.len()];
                        let value = match field.code() & 3 {
                            0 => UnknownValue::Unit,
                            1 => UnknownValue::Number(9),
                            _ => UnknownValue::Bytes((*b"bytes").into()),
                        };
                        Op::Unknown(Box::new(Unknown { field, value }))
                    }
                    What::SameLabel => Op::add_label("label"),
                    What::Labels => Op::add_label(label(number)),
                    What::Removals => {
                        let of = Stamp { device: DeviceId::from_bytes(id(number as u64)), ..stamp };
                        Op::RemoveLabel(Box::new(Removal { element: element_hash(b"label"), of }))
                    }
                    What::Deletion => Op::Deleted,
                    What::Position => Op::Position(Position::default()),
                };
                let dot = Dot { device, seq: at(self.seqs, number, count) + 1 };
                Change { dot, stamp, object, complete: self.complete, machine: false, ops: vec![op] }
            };
            (0..count).map(change).collect()
        }
    }

    fn any_order() -> impl Strategy<Value = Order> {
        prop_oneof![Just(Order::Rising), Just(Order::Falling), Just(Order::Scattered), Just(Order::Equal)]
    }

    fn any_spread() -> impl Strategy<Value = Spread> {
        prop_oneof![Just(Spread::One), Just(Spread::Two), Just(Spread::Each)]
    }

    fn any_shape() -> impl Strategy<Value = Shape> {
        let what = prop_oneof![
            Just(What::Title),
            Just(What::Fields),
            Just(What::SameLabel),
            Just(What::Labels),
            Just(What::Removals),
            Just(What::Deletion),
            Just(What::Position)
        ];
        (any_spread(), any_spread(), any_order(), any_order(), what, any::<bool>()).prop_map(
            |(devices, objects, seqs, stamps, what, complete)| Shape { devices, objects, seqs, stamps, what, complete },
        )
    }

    /// A replica that has merged all of it, and the steps of each thing that is done with so many
    /// changes.
    fn work(shape: Shape, count: usize) -> Vec<(&'static str, usize)> {
        let changes = shape.changes(count);
        let mut alice = Replica::new(DeviceId::from_bytes([1; 16]));
        let (bytes, encode) = counted(|| Batch::live(changes.clone()).encode());
        let (batch, decode) = counted(|| Batch::decode(&bytes).unwrap());
        let later = NOON + count as u64 + 100 * 24 * 60 * 60 * 1000;
        let (_, merge) = counted(|| alice.apply(batch.clone(), later).unwrap());
        // Once more, when it is there, and what was dropped comes back.
        let (_, again) = counted(|| alice.apply(batch, later).unwrap());
        let revived: Vec<Change> = changes
            .iter()
            .map(|change| Change {
                dot: Dot { seq: change.dot.seq + count as u64, ..change.dot },
                stamp: Stamp { millis: later, ..change.stamp },
                ops: vec![Op::Title("back".into())],
                ..change.clone()
            })
            .collect();
        let (_, revive) = counted(|| alice.apply(Batch::live(revived), later).unwrap());
        let (_, digest) = counted(|| alice.digest(0));
        let (fold, pages) = counted(|| alice.to_pages(64 * 1024));
        let (loaded, load) = counted(|| {
            Replica::from_pages(&fold.manifest, fold.added.iter().rev().map(|page| (page.number, &page.bytes))).unwrap()
        });
        assert_eq!(loaded.vector(), alice.vector());
        let (_, list) = counted(|| alice.list(Listing::Alive, None, 10));
        let (_, answer) = counted(|| alice.answer_encoded(&SyncRequest::default(), usize::MAX));
        let look = SyncRequest { ranges: Some(RangeRequest::whole(7)), ..SyncRequest::default() };
        let (_, ranges) = counted(|| alice.answer_encoded(&look, usize::MAX));
        vec![
            ("encode", encode),
            ("decode", decode),
            ("merge", merge),
            ("merge again", again),
            ("revive", revive),
            ("digest", digest),
            ("pages", pages),
            ("load", load),
            ("list", list),
            ("answer", answer),
            ("ranges", ranges),
        ]
    }

    /// Four times as much costs four times as much; and 64 steps more a change at most, where a bound
    /// begins to show in between. (Each with each of so many would be 32 million.)
    fn assert_linear(shape: Shape) {
        let (few, many) = (work(shape, MANY), work(shape, 4 * MANY));
        for ((what, few), (_, many)) in few.into_iter().zip(many) {
            assert!(
                many <= 5 * few + 64 * 4 * MANY,
                "{what}: {few} steps for {MANY}, {many} for four times as many of {shape:?}"
            );
        }
    }

    #[test]
    fn neither_crowds_nor_holes_nor_repeats_are_dearer() {
        let crowd = Shape { devices: Spread::Each, seqs: Order::Equal, ..USUAL };
        for shape in [
            USUAL,
            // Each device writes once, and its write is counted.
            crowd,
            Shape { objects: Spread::One, what: What::SameLabel, ..crowd },
            // Holes in the numbers, which are filled from behind and at random.
            Shape { seqs: Order::Falling, ..USUAL },
            Shape { seqs: Order::Scattered, ..USUAL },
            // One name for all.
            Shape { seqs: Order::Equal, ..USUAL },
            Shape { objects: Spread::One, stamps: Order::Falling, what: What::Fields, ..USUAL },
        ] {
            assert_linear(shape);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10))]
        /// Whatever it is, and in whatever order it comes.
        #[test]
        fn work_grows_with_what_comes_and_what_is_there(shape in any_shape()) {
            assert_linear(shape);
        }

        /// What is there already costs no more than what comes, as long as it is about something
        /// else.
        #[test]
        fn an_edit_costs_the_same_in_a_large_room(shape in any_shape()) {
            let mut steps = Vec::new();
            for count in [MANY, 4 * MANY] {
                let mut alice = Replica::new(DeviceId::from_bytes([1; 16]));
                alice.apply(Batch::live(shape.changes(count)), NOON).unwrap();
                let fold = alice.to_pages(64 * 1024);
                alice.folded(fold);
                let task = ObjectId::Task(TaskId::from_random_bytes([3; 16]));
                // The index is swept now and then, at a cost that the edits before it have paid.
                let edit = |n: u32| {
                    let ops = vec![Op::Title(format!("{n}").into())];
                    counted(|| alice.edit(task, ops, NOON).unwrap()).1
                };
                let mut edits: Vec<usize> = (0..9).map(edit).collect();
                edits.sort_unstable();
                steps.push(edits[4]);
            }
            prop_assert!(steps[1] <= steps[0] + 8, "{:?}", steps);
        }
    }

    /// What waits for its time costs no more than what is merged, when it comes, comes again, is asked for, kept, released
    /// or refused.
    #[test]
    fn what_waits_costs_no_more_than_what_is_merged() {
        let crowd = Shape { devices: Spread::Each, seqs: Order::Equal, ..USUAL };
        for shape in [
            USUAL,
            crowd,
            Shape { objects: Spread::One, stamps: Order::Scattered, ..USUAL },
            Shape { objects: Spread::One, what: What::SameLabel, ..crowd },
            Shape { objects: Spread::One, seqs: Order::Equal, stamps: Order::Equal, what: What::Fields, ..USUAL },
        ] {
            let work = |count: usize| {
                let long_before = NOON - 100 * 24 * 60 * 60 * 1000;
                let batch = Batch::live(shape.changes(count));
                let mut alice = Replica::new(DeviceId::from_bytes([1; 16]));
                let (_, hold) = counted(|| alice.apply(batch.clone(), long_before).unwrap());
                let (_, again) = counted(|| alice.apply(batch.clone(), long_before).unwrap());
                let (_, digest) = counted(|| alice.digest(0));
                let (fold, pages) = counted(|| alice.to_pages(64 * 1024));
                let pages_of = || fold.added.iter().map(|page| (page.number, &page.bytes));
                let (loaded, load) = counted(|| Replica::from_pages(&fold.manifest, pages_of()).unwrap());
                assert_eq!(loaded.digest(0), alice.digest(0));
                let (_, answer) = counted(|| alice.answer_encoded(&SyncRequest::default(), usize::MAX));
                let (_, release) = counted(|| alice.tend(NOON + count as u64).unwrap());
                assert_eq!(alice.held().count(), 0);
                [hold, again, digest, pages, load, answer, release]
            };
            let (few, many) = (work(MANY), work(4 * MANY));
            for (what, (few, many)) in few.into_iter().zip(many).enumerate() {
                assert!(many <= 5 * few + 64 * 4 * MANY, "{what}: {few} steps, {many} for four times {shape:?}");
            }
        }
    }

    #[test]
    fn a_question_about_ranges_goes_through_nothing_twice() {
        let mut alice = Replica::new(DeviceId::from_bytes([1; 16]));
        alice.apply(Batch::live(USUAL.changes(MANY)), NOON).unwrap();
        // Forth over everything and back again, as often as there is room for: ranges that would
        // pass one by one.
        let mut out = crate::replica::wire::Writer::new();
        out.array(7);
        out.uint(0);
        out.null();
        out.map(0);
        out.array(0);
        out.null();
        out.bool(true);
        out.array(2);
        out.uint(7);
        out.array(3 * 1000);
        for _ in 0..500 {
            for (from, to) in [([0], [0xff]), ([0xff], [0])] {
                out.bytes(&from);
                out.bytes(&to);
                out.null();
            }
        }
        assert_eq!(SyncRequest::decode(&out.finish()), Err(DecodeError::Malformed));
        let whole = SyncRequest { ranges: Some(RangeRequest::whole(7)), ..SyncRequest::default() };
        let (_, steps) = counted(|| alice.answer_encoded(&whole, 1000));
        assert!(steps < 8 * MANY, "{steps}");
    }

    #[test]
    fn what_says_that_it_is_large_is_refused_before_it_is_read() {
        // As many changes as a number can say, in a few bytes; and as many operations a change, and
        // fields, and repeats.
        let claims: [&[u8]; 4] = [
            &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[2, 0, 0, 0, 0xff, 0x7f, 10, 0],
            &[2, 0, 0, 0, 0, 0xff, 0xff, 3, 0],
            &[2, 0, 0, 0, 1, 10, 10, 0, 1, 1, b'a', b'b'],
        ];
        for columns in claims {
            let mut out = crate::replica::wire::Writer::new();
            out.array(2);
            out.bytes(&[7; 16]);
            out.bytes(columns);
            let (read, steps) = counted(|| Batch::decode(&out.finish()));
            assert_eq!(read, Err(DecodeError::Malformed), "{columns:x?}");
            assert!(steps < 16, "{steps} steps for {columns:x?}");
        }
    }
}

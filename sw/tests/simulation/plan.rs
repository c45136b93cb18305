//! What happens in a world, drawn from a seed before it begins: so a part of it can be left out, and the rest stays as it is.

use crate::runtime::Runtime;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Edit { device: u8, edit: Edit, at: Moment },
    Link { one: u8, other: u8, latency: u16, at: Moment },
    Cut { one: u8, other: u8, one_way: bool, at: Moment },
    KillWorker { device: u8, at: Moment },
    UpdateWorker { device: u8, at: Moment },
    ClosePage { device: u8, at: Moment },
    OpenPage { device: u8, at: Moment },
    JumpClock { device: u8, seconds: i32, at: Moment },
    FailDisk { device: u8, count: u8, at: Moment },
    TearDisk { device: u8, at: Moment },
    LosePower { device: u8, at: Moment },
    BackUp { device: u8, at: Moment },
    PutBack { device: u8, what: PutBack, at: Moment },
    Copy { device: u8, at: Moment },
    LoseRecord { device: u8, is_open: bool, at: Moment },
    Read { device: u8, task: u8, at: Moment },
    Newer { member: u8, task: u8, what: Newer, at: Moment },
    Meet { member: u8, device: u8, at: Moment },
    Lie { device: u8, victim: u8, task: u8, lie: Lie, at: Moment },
    Travel { device: u8, site: u8, at: Moment },
    PhoneBook { is_alive: bool, at: Moment },
    Show { device: u8, is_visible: bool, at: Moment },
    Turn { device: u8, is_away: bool, at: Moment },
    Network { device: u8, is_there: bool, at: Moment },
    Sleep { device: u8, seconds: u8, at: Moment },
    Pair { one: u8, other: u8, at: Moment },
    Wait { at: Moment },
}

/// What of a device is put back from a backup: its browser keeps content and connections apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutBack {
    Everything,
    Content,
    Connections,
}

/// What a member with a later version writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Newer {
    /// A field that this version does not know, to which a write brings a task back.
    Content,
    /// One to which it does not.
    Number,
    /// A status that this version does not know.
    Status,
    /// An element of an unknown set.
    Add,
    /// All elements of it that are there are taken out again.
    Remove,
    /// An object of another kind.
    Object,
    /// What this version knows too.
    Title,
}

/// What a lying member does to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Writes under the id and the next number of somebody else.
    Number,
    /// Writes another value under a number and a stamp that somebody gave.
    Stamp,
    /// Says two things under one number and stamp of its own, to one device this and to another one that.
    TwoFaced,
    /// Passes on a part of a change as all of it.
    Part,
    /// Passes on all it has as if nothing of it were whole.
    Pieces,
    /// Writes what no vector will ever include.
    Uncounted,
    /// Writes under the highest number that there is.
    LastNumber,
    /// Deletes under the id of somebody else.
    Deletion,
    /// Takes off labels that others put on.
    Removal,
    /// Sends everything again, backwards and twice.
    Again,
    /// Sends an answer that nobody asked for, with a vector that has everything.
    Unasked,
    /// Sends bytes that are almost right.
    Garbage,
    /// Asks for senseless things.
    Questions,
    /// Is asked, and answers that both have the same.
    Same,
    /// Is asked, and answers with nothing but a vector that has everything.
    Vector,
    /// Answers with all it has, and with a vector that has everything.
    Generous,
    /// Answers with half of what it has, and with the digest of whoever asks.
    Digest,
    /// Answers as if all ranges were different, again and again.
    Ranges,
    /// Answers in chunks that have nothing in them.
    Cursor,
}

impl Lie {
    const ALL: [Self; 19] = [
        Self::Number,
        Self::Stamp,
        Self::TwoFaced,
        Self::Part,
        Self::Pieces,
        Self::Uncounted,
        Self::LastNumber,
        Self::Deletion,
        Self::Removal,
        Self::Again,
        Self::Unasked,
        Self::Garbage,
        Self::Questions,
        Self::Same,
        Self::Vector,
        Self::Generous,
        Self::Digest,
        Self::Ranges,
        Self::Cursor,
    ];

    pub(crate) fn draw(dice: &Runtime) -> Self {
        Self::ALL[dice.below(Self::ALL.len() as u64) as usize]
    }
}

/// What follows a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// What everything random follows from until the next step.
    entropy: u64,
    /// Milliseconds until the next step.
    lasts: u16,
}

/// What somebody does to a task.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    Write {
        task: u8,
    },
    Delete {
        task: u8,
        deleted: bool,
    },
    Label {
        task: u8,
        labels: u8,
    },
    /// Puts it right after another one, to the front, or to the one position that many have.
    Move {
        task: u8,
        to: u8,
    },
    /// The same and nothing else, which does not bring it back.
    Place {
        task: u8,
        to: u8,
    },
    Status {
        task: u8,
        status: u8,
    },
}

/// A whole life of a crew.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) devices: usize,
    /// Whether the devices have to find each other.
    pub(crate) at_large: bool,
    /// Members of a later version, which the devices are between.
    pub(crate) newer: usize,
    /// Whether a member lies.
    pub(crate) has_liar: bool,
    /// Devices whose browsers refuse ICE credentials that they did not make, a bit each.
    pub(crate) refusing: u8,
    pub(crate) steps: Vec<Step>,
}

const DAY: i32 = 86_400;
/// In one of so many lives the devices have to find each other.
const AT_LARGE: u64 = 10;
/// In one of so many lives disks go back or are copied.
const RELIVED: u64 = 4;
/// In one of so many lives records get lost, a worker only reads, a member has a later version, and one lies.
const LOSING: u64 = 12;
const READING: u64 = 4;
const NEWER: u64 = 5;
const LYING: u64 = 5;
/// In one of so many lives in which devices have to find each other one may have a browser that refuses credentials.
const REFUSING: u64 = 3;

impl Plan {
    /// The plan of a seed.
    pub(crate) fn draw(seed: u64) -> Self {
        let dice = Runtime::new(seed);
        let devices = 2 + dice.below(4) as usize;
        // Damage is rare, and so are clocks that leap: most seeds have neither.
        let (tears, leaps) = (dice.below(8) == 0, dice.below(3) == 0);
        // Where devices have to find each other, clocks do not leap: a year of that would be long.
        let at_large = seed.is_multiple_of(AT_LARGE);
        let length = 10 + dice.below(50);
        let one = |_| if at_large { far(&dice, step(&dice, tears, false)) } else { step(&dice, tears, leaps) };
        let mut steps: Vec<Step> = (0..length).map(one).collect();
        // Beside the others, which are the same in lives without.
        let dice = Runtime::new(!seed);
        if dice.below(RELIVED) == 0 {
            for _ in 0..=dice.below(6) {
                let at = dice.below(steps.len() as u64) as usize;
                steps.insert(at, relive(&dice, at_large));
            }
        }
        let (newer, has_liar) = besides(seed, at_large, &mut steps);
        let refusing = if at_large { apart(seed, &mut steps) } else { 0 };
        Self { seed, devices, at_large, newer, has_liar, refusing, steps }
    }

    /// The same without the steps from `from` to `to`.
    pub(crate) fn without(&self, from: usize, to: usize) -> Self {
        let steps = self.steps.iter().enumerate().filter(|(at, _)| *at < from || *at >= to).map(|(_, step)| *step);
        Self { steps: steps.collect(), ..*self }
    }
}

/// Puts in what happens in some lives only; answers how many members have a later version, and whether one lies.
fn besides(seed: u64, at_large: bool, steps: &mut Vec<Step>) -> (usize, bool) {
    let dice = Runtime::new(seed.rotate_left(32) ^ seed);
    let is_relived = steps.iter().any(Step::is_another_life);
    let mut put = |most: u64, step: &dyn Fn(Moment) -> Step| {
        for _ in 0..=dice.below(most) {
            let at = Moment { entropy: dice.below(u64::MAX), lasts: dice.below(300) as u16 };
            steps.insert(dice.below(steps.len() as u64 + 1) as usize, step(at));
        }
    };
    let any = || dice.below(256) as u8;
    if dice.below(LOSING) == 0 {
        // Where devices have to find each other, a page is loaded anew for what is lost.
        put(3, &|at| Step::LoseRecord { device: any(), is_open: !at_large && dice.below(3) == 0, at });
    }
    if dice.below(READING) == 0 {
        put(20, &|at| Step::Read { device: any(), task: any(), at });
    }
    if at_large {
        return (0, false);
    }
    let newer = if dice.below(NEWER) == 0 { 1 + dice.below(2) as usize } else { 0 };
    if newer > 0 {
        put(12, &|at| Step::Newer { member: any(), task: any(), what: newer_write(&dice), at });
        put(8, &|at| Step::Meet { member: any(), device: any(), at });
    }
    let has_liar = dice.below(LYING) == 0 && !is_relived;
    if has_liar {
        put(20, &|at| Step::Lie { device: any(), victim: any(), task: any(), lie: Lie::draw(&dice), at });
    }
    (newer, has_liar)
}

/// Puts in what happens only where devices have to find each other: pages are hidden, networks go and come back, devices
/// sleep and people carry codes. Returns whose browsers refuse credentials.
fn apart(seed: u64, steps: &mut Vec<Step>) -> u8 {
    let dice = Runtime::new(seed.rotate_left(16) ^ !seed);
    let any = || dice.below(256) as u8;
    for _ in 0..dice.below(20) {
        let at = Moment { entropy: dice.below(u64::MAX), lasts: dice.below(8_000) as u16 };
        let step = match dice.below(10) {
            8.. => Step::Turn { device: any(), is_away: dice.below(4) != 0, at },
            0..2 => Step::Show { device: any(), is_visible: dice.below(2) == 0, at },
            2..5 => Step::Network { device: any(), is_there: dice.below(2) == 0, at },
            5 => Step::Sleep { device: any(), seconds: dice.below(40) as u8, at },
            _ => Step::Pair { one: any(), other: any(), at },
        };
        steps.insert(dice.below(steps.len() as u64 + 1) as usize, step);
    }
    // One at most: two of them are connected by people alone, who would have to carry codes for minutes.
    if dice.below(REFUSING) == 0 { 1 << dice.below(8) } else { 0 }
}

fn newer_write(dice: &Runtime) -> Newer {
    match dice.below(8) {
        0 => Newer::Content,
        1 => Newer::Number,
        2 | 3 => Newer::Status,
        4 => Newer::Add,
        5 => Newer::Remove,
        6 => Newer::Object,
        _ => Newer::Title,
    }
}

fn step(dice: &Runtime, tears: bool, leaps: bool) -> Step {
    let device = dice.below(256) as u8;
    let other = dice.below(256) as u8;
    let lasts = match dice.below(4) {
        0 => 0,
        1 => dice.below(5),
        2 => dice.below(60),
        _ => dice.below(1_500),
    };
    let at = Moment { entropy: dice.below(u64::MAX), lasts: lasts as u16 };
    match dice.below(100) {
        0..45 => Step::Edit { device, edit: edit(dice), at },
        45..63 => Step::Link { one: device, other, latency: dice.below(150) as u16, at },
        63..71 => Step::Cut { one: device, other, one_way: dice.below(2) == 0, at },
        71..78 => Step::KillWorker { device, at },
        78..83 => Step::UpdateWorker { device, at },
        83..87 => Step::ClosePage { device, at },
        87..91 => Step::OpenPage { device, at },
        91..94 if leaps => {
            let seconds = [3_600, -3_600, DAY, -DAY, 400 * DAY, 90, -90][dice.below(7) as usize];
            Step::JumpClock { device, seconds, at }
        }
        94..97 => Step::FailDisk { device, count: 1 + dice.below(3) as u8, at },
        97 => Step::LosePower { device, at },
        98 if tears => Step::TearDisk { device, at },
        _ => Step::Wait { at },
    }
}

fn relive(dice: &Runtime, at_large: bool) -> Step {
    let device = dice.below(256) as u8;
    let at = Moment { entropy: dice.below(u64::MAX), lasts: dice.below(300) as u16 };
    match dice.below(10) {
        0..4 => Step::BackUp { device, at },
        // Where devices have to find each other there is one of each.
        4 | 5 if !at_large => Step::Copy { device, at },
        _ => {
            let what = [PutBack::Everything, PutBack::Content, PutBack::Connections][dice.below(3) as usize];
            Step::PutBack { device, what, at }
        }
    }
}

/// A step in a world where it takes seconds to find each other, and where one can go elsewhere.
fn far(dice: &Runtime, step: Step) -> Step {
    let Moment { entropy, lasts } = step.moment();
    let at = Moment { entropy, lasts: lasts * 8 };
    let device = dice.below(256) as u8;
    match dice.below(16) {
        0 => Step::Travel { device, site: dice.below(256) as u8, at },
        1 => Step::PhoneBook { is_alive: dice.below(2) == 0, at },
        _ => Step::at(step, at),
    }
}

fn edit(dice: &Runtime) -> Edit {
    let task = dice.below(256) as u8;
    match dice.below(12) {
        0..4 => Edit::Write { task },
        4 => Edit::Move { task, to: dice.below(256) as u8 },
        5 => Edit::Place { task, to: dice.below(256) as u8 },
        8 | 9 => Edit::Status { task, status: dice.below(4) as u8 },
        6..8 => Edit::Delete { task, deleted: dice.below(3) > 0 },
        _ => Edit::Label { task, labels: dice.below(8) as u8 },
    }
}

impl Step {
    /// Whether a device has another life after it.
    fn is_another_life(&self) -> bool {
        matches!(self, Self::BackUp { .. } | Self::PutBack { .. } | Self::Copy { .. })
    }

    fn moment(self) -> Moment {
        let mut step = self;
        *step.moment_mut()
    }

    /// The same at another moment.
    fn at(mut self, moment: Moment) -> Self {
        *self.moment_mut() = moment;
        self
    }

    fn moment_mut(&mut self) -> &mut Moment {
        match self {
            Self::Edit { at, .. }
            | Self::Link { at, .. }
            | Self::Cut { at, .. }
            | Self::KillWorker { at, .. }
            | Self::UpdateWorker { at, .. }
            | Self::ClosePage { at, .. }
            | Self::OpenPage { at, .. }
            | Self::JumpClock { at, .. }
            | Self::FailDisk { at, .. }
            | Self::TearDisk { at, .. }
            | Self::LosePower { at, .. }
            | Self::BackUp { at, .. }
            | Self::PutBack { at, .. }
            | Self::Copy { at, .. }
            | Self::LoseRecord { at, .. }
            | Self::Read { at, .. }
            | Self::Newer { at, .. }
            | Self::Meet { at, .. }
            | Self::Lie { at, .. }
            | Self::Travel { at, .. }
            | Self::PhoneBook { at, .. }
            | Self::Show { at, .. }
            | Self::Turn { at, .. }
            | Self::Network { at, .. }
            | Self::Sleep { at, .. }
            | Self::Pair { at, .. }
            | Self::Wait { at } => at,
        }
    }

    pub(crate) fn entropy(&self) -> u64 {
        self.moment().entropy
    }

    pub(crate) fn lasts(&self) -> u64 {
        self.moment().lasts.into()
    }
}

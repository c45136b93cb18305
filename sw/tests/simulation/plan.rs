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
    Travel { device: u8, site: u8, at: Moment },
    PhoneBook { is_alive: bool, at: Moment },
    Wait { at: Moment },
}

/// What of a device is put back from a backup: its browser keeps content and connections apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutBack {
    Everything,
    Content,
    Connections,
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
}

/// A whole life of a crew.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) devices: usize,
    /// Whether the devices have to find each other.
    pub(crate) at_large: bool,
    pub(crate) steps: Vec<Step>,
}

const DAY: i32 = 86_400;
/// In one of so many lives the devices have to find each other.
const AT_LARGE: u64 = 10;
/// In one of so many lives disks go back or are copied.
const RELIVED: u64 = 4;

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
        Self { seed, devices, at_large, steps }
    }

    /// The same without the steps from `from` to `to`.
    pub(crate) fn without(&self, from: usize, to: usize) -> Self {
        let steps = self.steps.iter().enumerate().filter(|(at, _)| *at < from || *at >= to).map(|(_, step)| *step);
        Self { steps: steps.collect(), ..*self }
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
    match dice.below(10) {
        0..4 => Edit::Write { task },
        4..6 => Edit::Move { task, to: dice.below(256) as u8 },
        6..8 => Edit::Delete { task, deleted: dice.below(3) > 0 },
        _ => Edit::Label { task, labels: dice.below(8) as u8 },
    }
}

impl Step {
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
            | Self::Travel { at, .. }
            | Self::PhoneBook { at, .. }
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

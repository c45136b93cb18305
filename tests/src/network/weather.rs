use std::time::Duration;

/// What a place's line to the Internet does to packets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Weather {
    /// How long packets that leave are under way.
    pub delay: Duration,
    /// Which part of the packets that leave is lost, from 0 to 1.
    pub loss_out: f64,
    /// Which part of the packets that come is lost, from 0 to 1.
    pub loss_in: f64,
}

impl Weather {
    /// Nothing passes.
    pub const PARTITION: Self = Self { delay: Duration::ZERO, loss_out: 1.0, loss_in: 1.0 };

    /// What leaves is lost, and what comes arrives.
    pub const MUTE: Self = Self { delay: Duration::ZERO, loss_out: 1.0, loss_in: 0.0 };

    /// 300 ms and one packet in ten lost, in the direction out: with one such place at each end of a connection, a round
    /// trip takes 600 ms and both directions lose.
    pub const STORM: Self = Self { delay: Duration::from_millis(300), loss_out: 0.1, loss_in: 0.0 };
}

/// The times that the policy works with, all in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiallerConfig {
    /// How often a visible device without a peer looks into the phone book when it has just come.
    pub poll_first: u64,
    /// How often in its first minutes.
    pub poll_alone: u64,
    /// How often for the rest of its first hour.
    pub poll_later: u64,
    /// How often a hidden device without a peer does. Longer than an idle phone book is kept in memory (about 10 s), which
    /// is what waiting costs.
    pub poll_hidden: u64,
    /// How often a device does whose page shows another room, the longer it is alone the more seldom: at first, and at last.
    pub poll_background: (u64, u64),
    /// How often a visible crew looks, and a visible device that has been alone for longer. Two doorkeepers take turns: each
    /// looks half as often.
    pub crew_turn: u64,
    /// How often a crew does whose pages are all hidden, or show other rooms.
    pub crew_turn_hidden: u64,
    /// How often a listing is renewed. Shorter than the phone book's 120 s by more than a turn; a listing that is lost all
    /// the same is missed at the next look.
    pub relist: u64,
    /// How long a dial may take, and up to half as much again, until the connection's first sign of life. Longer than
    /// the other side's poll and the round trip to the phone book.
    pub dial: u64,
    /// How long DTLS may take once ICE has found a way; twice as long after three tries in which it was not enough, and
    /// four times after six. Short, because a connection of the other side that is taken by somebody else answers ICE
    /// just the same (all of a device's connections have the same credentials), and shorter than a poll, lest two devices
    /// wait for each other in step.
    pub dtls: u64,
    /// How long the rest may take (SCTP, Noise). Whoever is there has the right certificate by then.
    pub handshake: u64,
    /// How long gathering a spare's endpoints may take.
    pub gather: u64,
    /// The longest wait between two tries after failures, for the phone book and for a peer.
    pub backoff_max: u64,
    /// How long a probe waits for a sign of life: a few round trips and the pace of connectivity checks (50 ms each).
    pub probe: u64,
    /// The same where few were listed before this device came: a browser may be slow, or take a while to resolve a name of the
    /// local network.
    pub probe_patient: u64,
    /// The same for a probe on the answering side, which need not settle who controls ICE.
    pub answer: u64,
    /// How often one more probe may be made once the first ones are used up.
    pub probe_refill: u64,
    /// Whether this browser shows a waiting connection that somebody dials it.
    pub hears_knocks: bool,
    /// Whether this browser, told that both sides of a connectivity check control ICE, becomes the controlled side
    /// (RFC 8445, section 7.2.5.1).
    pub settles_roles: bool,
}

impl Default for DiallerConfig {
    fn default() -> Self {
        Self {
            poll_first: 1_000,
            poll_alone: 3_000,
            poll_later: 6_000,
            poll_hidden: 30_000,
            poll_background: (30_000, 300_000),
            crew_turn: 8_000,
            crew_turn_hidden: 30_000,
            relist: 96_000,
            dial: 5_000,
            dtls: 2_000,
            handshake: 8_000,
            gather: 10_000,
            backoff_max: 30_000,
            probe: 500,
            probe_patient: 1_500,
            answer: 250,
            // Chromium refuses a page's connections once 500 exist that were not garbage collected, closed ones among
            // them, and does not collect them for that. So those that nobody's knock asks for are few.
            probe_refill: 10_000,
            hears_knocks: true,
            settles_roles: true,
        }
    }
}

impl DiallerConfig {
    /// For Firefox, which shows no knock: it has to look who is there by itself, and has no limit on the connections that it
    /// makes and closes. Where both sides control ICE it goes on asking as it did, so that such a check is answered only
    /// if its tie-breaker happens to be the greater one.
    #[must_use]
    pub fn without_knocks() -> Self {
        Self { probe_refill: 40, hears_knocks: false, settles_roles: false, ..Self::default() }
    }
}

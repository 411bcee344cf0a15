//! What was seen of JetStream's storage, and how much of it may still be taken.

/// How much is kept for timers that are promised already, where records and wakes take little: attempts, claims and outcomes
/// of those. It also covers what nodes take between two looks. In bytes.
const LEAST_KEPT: u64 = 8 << 20;

/// No more than this part of a small store is kept: a fourth.
const PART_OF_A_SMALL_STORE: u64 = 4;

/// This part of what records and wakes take is kept: an eighth. A timer that is delivered grows by some 250 bytes, of which
/// its wake gives some back.
const PART_OF_WHAT_IS_USED: u64 = 8;

/// What was seen. All numbers are bytes, but for those of streams and consumers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Copies of each record and wake; 0 counts as 1.
    pub replicas: u64,
    /// What records and wakes take, one copy of them.
    pub used: u64,
    /// What the stream of events may still grow by: it does so by itself, up to its limit, and then stays there.
    pub events_grow: u64,
    /// What the account stores and may store, if this node may ask.
    pub account: Option<Account>,
    /// The servers that have the streams, as far as they say what they store.
    pub servers: Vec<Server>,
    /// What a single server grants to streams without a limit of their own, as the sweeper has measured it: its limit, less
    /// what streams with a limit have reserved.
    pub granted: Option<u64>,
    /// What is free on the disk, if the server is this node's own.
    pub disk: Option<u64>,
}

/// An account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What its streams take on disks, all copies of them.
    pub stored: u64,
    /// What its streams with a limit of their own have reserved.
    pub reserved: u64,
    /// The most that it may store, and how much of that is taken, in one measure: all copies.
    pub storage: Option<Part>,
    /// The most that it may keep in memory. jettimer keeps nothing there.
    pub memory: Option<Part>,
    /// How many streams it may have.
    pub streams: Option<Part>,
    /// How many consumers it may have.
    pub consumers: Option<Part>,
}

/// How much there is of what there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Of these,
    pub used: u64,
    /// of at most these.
    pub most: u64,
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// What it stores, and may store.
    pub storage: Part,
}

/// How much may still be stored, and how much of that new timers must leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that records and wakes may still take, one copy of them.
    pub free: u64,
    /// Bytes of these that are kept for timers that are promised already.
    pub kept: u64,
}

impl Room {
    /// Whether there is none for new timers.
    pub fn is_short(self) -> bool {
        self.free < self.kept
    }
}

impl Part {
    fn left(self) -> u64 {
        self.most.saturating_sub(self.used)
    }
}

impl Sight {
    /// The room, by whatever shows the least; `None` if nothing shows any.
    pub fn room(&self) -> Option<Room> {
        let replicas = self.replicas.max(1);
        let account = self.account.and_then(|account| account.storage);
        let by_account = account.map(|part| self.beside_events(part.left() / replicas));
        let by_servers = self.servers.iter().map(|server| server.storage.left());
        let by_servers = by_servers.min().map(|left| self.beside_events(left));
        // Streams of other programs may have no limit either: what the account stores beyond all reservations is theirs.
        let unreserved = self.account.map_or(0, |account| account.stored.saturating_sub(account.reserved));
        // The limit of the events is reserved already.
        let by_grant = self.granted.map(|granted| {
            let left = granted.saturating_add(self.events_grow).saturating_sub(self.used.max(unreserved));
            self.beside_events(left)
        });
        let free = [by_account, by_servers, by_grant, self.disk].into_iter().flatten().min()?;
        let least = LEAST_KEPT.min(self.used.saturating_add(free) / PART_OF_A_SMALL_STORE);
        Some(Room { free, kept: least.max(self.used / PART_OF_WHAT_IS_USED) })
    }

    /// What of this the events leave. In a store that is small for them they are not left more than half: they are as large as the
    /// changes that they tell of, and can be given up.
    fn beside_events(&self, left: u64) -> u64 {
        left - self.events_grow.min(left / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn free(sight: &Sight) -> Option<u64> {
        sight.room().map(|room| room.free)
    }

    #[test]
    fn nothing_seen_is_no_limit_and_what_shows_the_least_counts() {
        assert_eq!(Sight::default().room(), None);
        let unlimited = Account { stored: 7 * MIB, ..Account::default() };
        assert_eq!(Sight { account: Some(unlimited), ..Sight::default() }.room(), None);
        let storage = Some(Part { used: 60 * MIB, most: 100 * MIB });
        let account = Some(Account { stored: 60 * MIB, storage, ..Account::default() });
        let mut sight = Sight { replicas: 1, events_grow: 10 * MIB, account, ..Sight::default() };
        assert_eq!(free(&sight), Some(30 * MIB));
        // The limit counts every copy.
        sight.replicas = 3;
        assert_eq!(free(&sight), Some((40 * MIB / 3).div_ceil(2)));
        sight.servers =
            [5, 2].map(|left| Server { storage: Part { used: MIB, most: (11 + left) * MIB } }).into();
        assert_eq!(free(&sight), Some(6 * MIB));
        sight.disk = Some(MIB);
        assert_eq!(free(&sight), Some(MIB));
        // A limit may have been lowered below what is stored.
        sight.servers = vec![Server { storage: Part { used: 2, most: 1 } }];
        assert_eq!(free(&sight), Some(0));
    }

    #[test]
    fn of_a_grant_whatever_has_no_limit_of_its_own_is_taken() {
        let mut sight = Sight { used: 10 * MIB, granted: Some(42 * MIB), ..Sight::default() };
        assert_eq!(free(&sight), Some(32 * MIB));
        let account = Account { stored: 28 * MIB, reserved: 8 * MIB, ..Account::default() };
        sight.account = Some(account);
        assert_eq!(free(&sight), Some(22 * MIB));
        sight.granted = Some(3 * MIB);
        assert_eq!(free(&sight), Some(0));
    }

    #[test]
    fn events_that_may_fill_the_store_leave_half_of_it() {
        let small = Server { storage: Part { used: 0, most: 1_000 * MIB } };
        let by_server = Sight { events_grow: 1_024 * MIB, servers: vec![small], ..Sight::default() };
        assert_eq!(free(&by_server), Some(500 * MIB));
        let by_grant = Sight { events_grow: 1_024 * MIB, granted: Some(0), ..Sight::default() };
        assert_eq!(free(&by_grant), Some(512 * MIB));
    }

    #[test]
    fn a_part_is_kept_that_grows_with_what_is_promised() {
        let kept = |used, free| {
            let sight = Sight { used, disk: Some(free), ..Sight::default() };
            sight.room().unwrap().kept
        };
        assert_eq!(kept(0, 100 * MIB), 8 * MIB);
        assert_eq!(kept(4 * MIB, 12 * MIB), 4 * MIB);
        assert_eq!(kept(800 * MIB, MIB), 100 * MIB);
        assert!(Room { free: 7, kept: 8 }.is_short() && !Room { free: 8, kept: 8 }.is_short());
    }
}

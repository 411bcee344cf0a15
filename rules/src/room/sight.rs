//! A view of JetStream's storage, and how much of it may still be taken.

/// The least number of bytes kept for timers that are promised already, where records and wakes take little: for their
/// attempts, claims and outcomes. It also covers what nodes take between two looks.
const LEAST_KEPT: u64 = 8 << 20;

/// The divisor for a small store: at most a fourth of it is kept.
const PART_OF_A_SMALL_STORE: u64 = 4;

/// The divisor for the bytes that records and wakes take: an eighth of them is kept. A delivered timer grows by some
/// 250 bytes, of which its wake gives some back.
const PART_OF_WHAT_IS_USED: u64 = 8;

/// The result of a look at the storage. All numbers are bytes, except those of streams and consumers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The number of copies of each record and wake; 0 counts as 1.
    pub replicas: u64,
    /// Bytes that records and wakes take, in one copy.
    pub used: u64,
    /// The bytes that the account stores and may store, if this node may ask.
    pub account: Option<Account>,
    /// The servers that hold the streams, if they tell what they store.
    pub servers: Vec<Server>,
    /// The bytes that a single server grants to streams without a limit of their own, as the sweeper has measured: its limit,
    /// less the reservations of streams with a limit.
    pub granted: Option<u64>,
    /// Bytes free on the disk, if the server is this node's own.
    pub disk: Option<u64>,
}

/// The storage and limits of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Bytes that its streams take on disks, in all copies.
    pub stored: u64,
    /// Bytes that its streams with a limit of their own have reserved.
    pub reserved: u64,
    /// The bytes it stores, and the most it may store, both counted in all copies.
    pub storage: Option<Part>,
    /// The bytes it keeps in memory, and the most it may keep. jettimer keeps nothing there.
    pub memory: Option<Part>,
    /// Its streams, and how many it may have.
    pub streams: Option<Part>,
    /// Its consumers, and how many it may have.
    pub consumers: Option<Part>,
}

/// A use and its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub used: u64,
    pub most: u64,
}

/// The storage of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// The bytes it stores, and may store.
    pub storage: Part,
}

/// How much may still be stored, and how much of that new timers must leave free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that records and wakes may still take, in one copy.
    pub free: u64,
    /// The part of `free` that is kept for timers that are promised already.
    pub kept: u64,
}

impl Room {
    /// Whether there is no room for new timers.
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
    /// The room, by the limit that leaves the least; `None` if no limit can be seen.
    pub fn room(&self) -> Option<Room> {
        let replicas = self.replicas.max(1);
        let account = self.account.and_then(|account| account.storage);
        let by_account = account.map(|part| part.left() / replicas);
        let by_servers = self.servers.iter().map(|server| server.storage.left()).min();
        // Streams of other programs may have no limit either: all that the account stores beyond its reservations is theirs.
        let unreserved = self.account.map_or(0, |account| account.stored.saturating_sub(account.reserved));
        let by_grant = self.granted.map(|granted| granted.saturating_sub(self.used.max(unreserved)));
        let free = [by_account, by_servers, by_grant, self.disk].into_iter().flatten().min()?;
        let least = LEAST_KEPT.min(self.used.saturating_add(free) / PART_OF_A_SMALL_STORE);
        Some(Room { free, kept: least.max(self.used / PART_OF_WHAT_IS_USED) })
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
        let mut sight = Sight { replicas: 1, account, ..Sight::default() };
        assert_eq!(free(&sight), Some(40 * MIB));
        // The account's limit counts every copy.
        sight.replicas = 3;
        assert_eq!(free(&sight), Some(40 * MIB / 3));
        sight.servers =
            [5, 2].map(|left| Server { storage: Part { used: MIB, most: (11 + left) * MIB } }).into();
        assert_eq!(free(&sight), Some(12 * MIB));
        sight.disk = Some(MIB);
        assert_eq!(free(&sight), Some(MIB));
        // A limit may have been lowered below the bytes already stored.
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

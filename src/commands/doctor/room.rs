//! How much JetStream may still store, and which other limits the account has reached.

use super::Check;
use super::broker::mebibytes;
use rules::room::{Account, Part, Room, Sight};

/// If the free room is less than this many times the kept room, the check warns: it would be used up before anyone reacts.
const SOON: u64 = 3;

/// The number of jettimer's streams, without the one that exists only for a moment.
const STREAMS: u64 = 4;

pub(super) fn of(sight: Option<&Sight>) -> Vec<Check> {
    let Some(sight) = sight else {
        return vec![Check::unknown(
            "room",
            "cannot tell how much more can be stored",
            "The streams of records and wakes must exist first.",
        )];
    };
    let account = sight.account.and_then(of_account);
    [of_room(sight)].into_iter().chain(account).collect()
}

fn of_room(sight: &Sight) -> Check {
    let used = format!("{} in records and wakes", mebibytes(sight.used));
    let Some(Room { free, kept }) = sight.room() else {
        return Check::unknown(
            "room",
            format!("{used}; how much more can be stored is not visible"),
            "Nodes therefore refuse no timer before JetStream does, and from then on no timer can be called either: \
             export $SYS.REQ.SERVER.PING.VARZ to the account, as nats/accounts.conf does, or give the account a limit \
             (docs/nats.md, \"When the store is full\").",
        );
    };
    let says = format!(
        "{used}; {} more can be stored, of which {} are reserved for existing timers",
        mebibytes(free),
        mebibytes(kept)
    );
    if free < kept {
        return Check::finding(
            "room",
            says,
            "New timers are refused with 503; existing ones are called and can be cancelled. Raise max_file_store of \
             the servers or max_storage of the account, or remove finished timers sooner with --retention.",
        );
    }
    if free < kept.saturating_mul(SOON) {
        return Check::finding(
            "room",
            says,
            "Soon new timers are refused with 503. Raise max_file_store of the servers or max_storage of the account, \
             or remove finished timers sooner with --retention.",
        );
    }
    Check::ok("room", says)
}

/// The account's other limits, if it has any.
fn of_account(account: Account) -> Option<Check> {
    let shown = |part: Option<Part>, what| part.map(|Part { used, most }| format!("{used} of {most} {what}"));
    let says = [shown(account.streams, "streams"), shown(account.consumers, "consumers")];
    let says: Vec<String> = says.into_iter().flatten().collect();
    if says.is_empty() {
        return None;
    }
    let says = says.join(", ");
    let is_full = |part: Option<Part>| part.is_some_and(|part| part.used >= part.most);
    if account.streams.is_some_and(|streams| streams.most < STREAMS) {
        return Some(Check::finding(
            "account",
            says,
            "jettimer needs 4 streams, and 5 where it measures the room of a single server: raise max_streams of the account.",
        ));
    }
    if is_full(account.consumers) {
        return Some(Check::finding(
            "account",
            says,
            "A node that starts, or loses its index or its feed, cannot create the consumer for it: raise \
             max_consumers of the account.",
        ));
    }
    Some(Check::ok("account", says))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn room_is_judged_by_what_is_kept() {
        let at = |disk| of(Some(&Sight { used: 800 << 20, disk, ..Sight::default() })).remove(0);
        let status = |disk| at(disk).status;
        assert_eq!(status(None), Status::Unknown);
        assert_eq!(status(Some(300 << 20)), Status::Ok);
        assert_eq!(status(Some(299 << 20)), Status::Finding);
        assert!(at(Some(299 << 20)).advice.unwrap().starts_with("Soon"));
        assert!(at(Some(99 << 20)).advice.unwrap().starts_with("New timers are refused"));
        assert_eq!(of(None)[0].status, Status::Unknown);
    }

    #[test]
    fn an_account_that_may_have_too_few_streams_or_no_other_consumer_is_found() {
        let part = |used, most| Some(Part { used, most });
        let check = |streams, consumers| of_account(Account { streams, consumers, ..Account::default() });
        assert!(check(None, None).is_none());
        let fine = check(part(4, 9), part(3, 9)).unwrap();
        assert_eq!((fine.status, fine.says.as_str()), (Status::Ok, "4 of 9 streams, 3 of 9 consumers"));
        assert_eq!(check(part(3, 3), None).unwrap().status, Status::Finding);
        assert_eq!(check(None, part(9, 9)).unwrap().status, Status::Finding);
    }
}

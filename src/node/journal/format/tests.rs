use std::time::Duration;

use super::*;
use rules::domain::attempt::CallResult;
use rules::domain::called::{Answer, MAX_ANSWER_BYTES, Phases};

const AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn claim() -> Uuid {
    Uuid::from_u128(9)
}

fn slot() -> Vec<u8> {
    let mut slot = vec![0; SLOT_BYTES];
    slot[..ANSWER_AT].copy_from_slice(&claimed(Uuid::from_u128(7), claim(), AT));
    slot
}

fn over(slot: &mut [u8], bytes: &[u8]) {
    slot[MARK_AT..MARK_AT + bytes.len()].copy_from_slice(bytes);
}

fn called(body: usize) -> Called {
    Called {
        result: CallResult::Answered { status: 503, retry_after: Some(Duration::from_millis(1_500)) },
        answer: Answer { body: vec![b'x'; body], truncated: true }.kept(),
        phases: Phases {
            tls: Some(Duration::from_micros(3)),
            total: Duration::from_micros(9),
            ..Phases::default()
        },
    }
}

#[test]
fn what_is_written_is_read() {
    let mut slot = slot();
    assert_eq!(read(&slot).unwrap().mark, Mark::Claimed);
    over(&mut slot, &written(claim(), AT));
    assert_eq!(read(&slot).unwrap().mark, Mark::Written);
    for body in [0, 1, MAX_ANSWER_BYTES] {
        over(&mut slot, &answered(claim(), &called(body), AT));
        let noted = read(&slot).unwrap();
        assert_eq!((noted.timer, noted.claim, noted.at), (Uuid::from_u128(7), claim(), AT));
        assert_eq!(noted.mark, Mark::Answered(Arc::new(called(body))));
    }
    over(&mut slot, &taken_back(claim(), AT));
    assert_eq!(read(&slot), None);
}

#[test]
fn a_slot_that_was_never_used_says_nothing() {
    assert_eq!(read(&[0; SLOT_BYTES]), None);
    assert_eq!(read(&[]), None);
}

#[test]
fn a_mark_of_an_earlier_call_that_comes_late_is_not_believed() {
    let mut slot = slot();
    over(&mut slot, &written(Uuid::from_u128(8), AT));
    assert_eq!(read(&slot), None);
}

#[test]
fn an_answer_that_was_being_written_was_at_least_asked_for() {
    let whole = answered(claim(), &called(2_000), AT);
    for length in (MARK_BYTES..whole.len()).step_by(97) {
        let mut slot = slot();
        over(&mut slot, &whole[..length]);
        assert_eq!(read(&slot).unwrap().mark, Mark::Written, "{length}");
    }
}

#[test]
fn no_bit_that_flips_makes_a_call_less_sent_than_it_was() {
    let mut whole = slot();
    let bytes = answered(claim(), &called(20), AT);
    over(&mut whole, &bytes);
    let said = read(&whole).unwrap();
    for bit in 0..(MARK_AT + bytes.len()) * 8 {
        let mut slot = whole.clone();
        slot[bit / 8] ^= 1 << (bit % 8);
        // A call without a readable entry is found when its lease is over.
        if let Some(noted) = read(&slot) {
            assert_eq!(noted.claim, said.claim);
            assert!(noted.mark == Mark::Written || noted == said, "{bit}: {noted:?}");
        }
    }
}

#[test]
fn a_header_of_another_format_or_one_that_is_not_whole_is_not_read() {
    let header = Header { boot: [3; 16], file: (1, 2), slots: 512 };
    let bytes = header.encode();
    assert_eq!(Header::decode(&bytes), Some(header));
    for at in 0..bytes.len() {
        let mut changed = bytes;
        changed[at] ^= 1;
        assert_eq!(Header::decode(&changed), None, "{at}");
        assert_eq!(Header::decode(&bytes[..at]), None, "{at}");
    }
}

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use uuid::Uuid;

use super::format::{self, Mark, Noted};
use super::*;
use crate::foundation::metrics::Parts;
use rules::domain::attempt::CallResult;

fn open(dir: &Path) -> (Journal, Vec<Left>) {
    let metrics = Arc::new(Metrics::new("1", Parts { works: true, ..Parts::default() }));
    Journal::open(Settings { dir, calls: 4, clock: Clock::OF_THE_WORLD, metrics }).unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// The journal of a dead node that had four calls, each a step further.
fn leave(dir: &Path) -> PathBuf {
    let (journal, _) = open(dir);
    let entries: Vec<Entry> = (1..=4).map(|number| journal.claims(id(number), id(number + 10))).collect();
    entries[1..].iter().for_each(Entry::writes);
    entries[2].answered(&CallResult::Answered { status: 204, retry_after: None }.into());
    entries[3].ends();
    entries[0].writes();
    let first = journal.claims(id(5), id(15));
    assert!(first.0.is_none(), "there are four slots");
    drop(entries);
    journal.claims(id(6), id(16));
    journal.path().unwrap()
}

fn entries(left: &[Left]) -> Vec<Noted> {
    left.iter().flat_map(|left| left.entries.iter().cloned()).collect()
}

#[test]
fn notes_are_found_by_the_next_process_until_they_are_marked_as_read() {
    let dir = tempfile::tempdir().unwrap();
    let first = leave(dir.path());
    for _ in 0..2 {
        let (journal, left) = open(dir.path());
        assert_ne!(journal.path().unwrap(), first, "the journal that was left is not overwritten");
        let marks: Vec<(Uuid, Mark)> =
            entries(&left).into_iter().map(|noted| (noted.claim, noted.mark)).collect();
        let answered = CallResult::Answered { status: 204, retry_after: None }.into();
        assert!(marks.contains(&(id(16), Mark::Claimed)), "{marks:?}");
        assert!(marks.contains(&(id(13), Mark::Answered(Arc::new(answered)))), "{marks:?}");
        assert_eq!(marks.len(), 4);
    }
    let (_, left) = open(dir.path());
    left.into_iter().for_each(|left| left.done().unwrap());
    assert!(entries(&open(dir.path()).1).is_empty());
}

#[test]
fn a_claim_that_was_given_back_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    journal.claims(id(1), id(11)).ends();
    drop(journal);
    assert!(entries(&open(dir.path()).1).is_empty());
}

#[test]
fn of_several_entries_about_one_claim_the_furthest_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let places: Vec<Entry> = (0..3).map(|_| journal.claims(id(1), id(11))).collect();
    places[1].writes();
    drop((places, journal));
    let marks: Vec<Mark> = entries(&open(dir.path()).1).into_iter().map(|noted| noted.mark).collect();
    assert_eq!(marks, [Mark::Written]);
}

#[test]
fn a_node_that_lives_keeps_its_file_and_another_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = open(dir.path());
    let entry = first.claims(id(1), id(11));
    let (second, left) = open(dir.path());
    assert_ne!(first.path(), second.path());
    assert!(left.is_empty(), "what a living node notes is its own");
    drop((entry, first));
    assert_eq!(entries(&open(dir.path()).1).len(), 1);
}

#[test]
fn a_directory_has_so_many_files_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<_> = (0..16).map(|_| open(dir.path())).collect();
    let metrics = Arc::new(Metrics::new("1", Parts::default()));
    let settings = Settings { dir: dir.path(), calls: 4, clock: Clock::OF_THE_WORLD, metrics };
    assert!(matches!(Journal::open(settings), Err(Error::Full(_))));
    drop(all);
}

#[test]
fn a_journal_that_is_copied_moved_into_place_cut_or_of_another_boot_is_not_believed() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 5] = [
        ("copied", |path| {
            let copy = path.with_file_name("copy");
            fs::copy(path, &copy).unwrap();
            fs::rename(copy, path).unwrap();
        }),
        ("cut in its header", |path| {
            fs::File::options().write(true).open(path).unwrap().set_len(40).unwrap()
        }),
        ("cut in a slot", |path| fs::File::options().write(true).open(path).unwrap().set_len(9_000).unwrap()),
        ("of another boot", |path| {
            let file = fs::File::options().read(true).write(true).open(path).unwrap();
            let mut bytes = [0; format::HEADER_BYTES];
            file.read_exact_at(&mut bytes, 0).unwrap();
            let header = format::Header { boot: [1; 16], ..format::Header::decode(&bytes).unwrap() };
            file.write_all_at(&header.encode(), 0).unwrap();
        }),
        ("something else", |path| fs::write(path, "a letter").unwrap()),
    ];
    for (what, change) in changes {
        let dir = tempfile::tempdir().unwrap();
        let path = leave(dir.path());
        change(&path);
        assert!(entries(&open(dir.path()).1).is_empty(), "{what}");
    }
}

#[test]
fn an_older_state_that_is_put_back_in_its_place_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let entry = journal.claims(id(1), id(11));
    let path = journal.path().unwrap();
    let older = fs::read(&path).unwrap();
    // A mark has the time of its writer's clock. This journal has moved on since the older state.
    entry.writes();
    drop((entry, journal));
    let mut older = older;
    let at = usize::try_from(format::slot_at(0)).unwrap();
    let long_ago = rules::domain::time::Timestamp::from_micros(1_000_000);
    let claimed = format::claimed(id(1), id(11), long_ago);
    older[at..at + claimed.len()].copy_from_slice(&claimed);
    fs::File::options().write(true).open(&path).unwrap().write_all_at(&older, 0).unwrap();
    assert!(entries(&open(dir.path()).1).is_empty());
}

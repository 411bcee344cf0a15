use super::*;

fn version(text: &str, works: bool, syncs: bool) -> Version {
    Version { text: text.to_owned(), works, syncs }
}

fn server(name: &str, sync: Option<SyncPolicy>) -> Server {
    Server { name: name.to_owned(), version: Some(version("2.15.1", true, true)), sync }
}

fn seen(sync: Option<SyncPolicy>, replicas: usize) -> Seen {
    let servers = ["a", "b", "c"].map(|name| server(name, sync)).to_vec();
    let streams = ["KV_timers", "TIMERS"].map(|name| Stream { name, replicas }).to_vec();
    Seen { servers, streams }
}

fn verdicts(asked: Level, seen: &Seen) -> [Verdict; 3] {
    judge(asked, seen).map(|finding| finding.verdict)
}

const MINUTES: Option<SyncPolicy> = Some(SyncPolicy::Every(Duration::from_secs(120)));
use Verdict::{Met, Unseen, Weaker};

#[test]
fn each_level_asks_for_what_it_says() {
    let (strong, lazy, single) =
        (seen(Some(SyncPolicy::Always), 3), seen(MINUTES, 3), seen(Some(SyncPolicy::Always), 1));
    for level in [Level::Relaxed, Level::Synced, Level::Replicated, Level::Full] {
        assert_eq!(verdicts(level, &strong), [Met, Met, Met], "{level:?}");
    }
    assert_eq!(verdicts(Level::Relaxed, &seen(MINUTES, 1)), [Met, Met, Met]);
    assert_eq!(verdicts(Level::Synced, &lazy), [Met, Met, Weaker]);
    assert_eq!(verdicts(Level::Synced, &single), [Met, Met, Met]);
    assert_eq!(verdicts(Level::Replicated, &lazy), [Met, Met, Met]);
    assert_eq!(verdicts(Level::Replicated, &single), [Met, Weaker, Met]);
    assert_eq!(verdicts(Level::Full, &lazy), [Met, Met, Weaker]);
    assert_eq!(verdicts(Level::Full, &single), [Met, Weaker, Met]);
}

#[test]
fn one_weak_server_or_stream_is_enough() {
    let mut seen = seen(Some(SyncPolicy::Always), 3);
    seen.servers[1].sync = MINUTES;
    seen.servers[2].version = Some(version("2.12.1", false, false));
    seen.streams[1].replicas = 1;
    let [version, replicas, sync] = judge(Level::Full, &seen);
    assert_eq!((version.verdict, version.detail.as_str()), (Weaker, "a, b: 2.15.1; c: 2.12.1"));
    assert_eq!((replicas.verdict, replicas.detail.as_str()), (Weaker, "KV_timers: 3; TIMERS: 1"));
    assert_eq!(
        (sync.verdict, sync.detail.as_str()),
        (Weaker, "a, c: before it acknowledges; b: every 2m, and a power cut may lose that much")
    );
    for finding in [version, replicas, sync] {
        assert!(finding.cure.is_some(), "{finding:?}");
    }
}

#[test]
fn what_cannot_be_seen_is_not_taken_for_good_or_bad() {
    let mut partly = seen(Some(SyncPolicy::Always), 3);
    partly.servers[2] = Server { name: "c".to_owned(), version: None, sync: None };
    assert_eq!(verdicts(Level::Full, &partly), [Unseen, Met, Unseen]);
    partly.servers[0].sync = MINUTES;
    assert_eq!(verdicts(Level::Full, &partly), [Unseen, Met, Weaker]);
    assert_eq!(verdicts(Level::Relaxed, &Seen::default()), [Unseen, Unseen, Unseen]);
}

#[test]
fn without_a_level_the_replicas_decide_what_is_asked_for() {
    assert_eq!(Level::of(1), Level::Relaxed);
    assert_eq!((Level::of(3), Level::of(5)), (Level::Full, Level::Full));
}

#[test]
fn a_server_before_2_15_is_too_weak_only_where_writes_must_reach_the_disk() {
    let old =
        Server { version: Some(version("2.14.5", true, false)), ..server("a", Some(SyncPolicy::Always)) };
    let seen = Seen { servers: vec![old], ..Seen::default() };
    for (asked, verdict) in
        [(Level::Relaxed, Met), (Level::Replicated, Met), (Level::Synced, Weaker), (Level::Full, Weaker)]
    {
        assert_eq!(judge(asked, &seen)[0].verdict, verdict, "{asked:?}");
    }
}

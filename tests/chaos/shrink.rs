//! Finds a shortest list of faults that still fails: delta debugging, by leaving out ever smaller parts.
//!
//! The effect of a list also depends on luck: a list that fails only now and then may stay longer than necessary.

/// Leaves out as much as possible so that `fails` still holds. It calls `fails` at most `tries` times.
///
/// After Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input (2002), the part that tries complements.
pub(crate) async fn shortest<T: Clone>(
    all: &[T],
    mut tries: usize,
    mut fails: impl AsyncFnMut(&[T]) -> bool,
) -> Vec<T> {
    let mut rest = all.to_vec();
    let mut parts = 2;
    while !rest.is_empty() && tries > 0 {
        let size = rest.len().div_ceil(parts);
        let mut found = None;
        for start in (0..rest.len()).step_by(size) {
            if tries == 0 {
                break;
            }
            tries -= 1;
            let mut without = rest.clone();
            without.drain(start..rest.len().min(start + size));
            if fails(&without).await {
                found = Some(without);
                break;
            }
        }
        match found {
            Some(without) => {
                rest = without;
                parts = 2.max(parts - 1);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(rest.len()),
        }
    }
    rest
}

fn shrunk(all: usize, tries: usize, fails: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let all: Vec<usize> = (0..all).collect();
    futures_util::FutureExt::now_or_never(shortest(&all, tries, async |list| fails(list))).unwrap()
}

crate::trials! {
    fn what_a_failure_needs_is_kept_and_nothing_else() {
        assert_eq!(shrunk(12, 100, |list| list.contains(&7)), [7]);
        assert_eq!(shrunk(12, 100, |list| list.contains(&0) && list.contains(&11)), [0, 11]);
        assert_eq!(shrunk(5, 100, |list| list.len() == 5), [0, 1, 2, 3, 4]);
        assert!(shrunk(5, 100, |_| true).is_empty());
    }

    fn it_stops_when_its_tries_are_used_up_with_a_list_that_fails() {
        let list = shrunk(64, 5, |list| list.contains(&63));
        assert!(list.contains(&63) && list.len() > 1, "{list:?}");
    }
}

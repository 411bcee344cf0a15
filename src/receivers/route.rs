//! Which path of a receiver a timer calls, and what its path looks like. Paths and shapes are told apart by hashes: a path may
//! be a secret, and may be 8 KB long.

/// A segment longer than this is taken for an identifier.
const LONGEST_WORD: usize = 24;

/// A path of a receiver. The query is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The path itself.
    pub path: u64,
    /// The path with each segment that looks like an identifier, since it has a digit or is long, left out.
    pub shape: u64,
}

impl Route {
    /// The route of a URL's path.
    pub fn of(path: &str) -> Self {
        let (mut whole, mut shape) = (Hash::default(), Hash::default());
        for segment in path.split('/') {
            whole.segment(segment);
            let identifies =
                segment.len() > LONGEST_WORD || segment.bytes().any(|byte| byte.is_ascii_digit());
            shape.segment(if identifies { "*" } else { segment });
        }
        Self { path: whole.0, shape: shape.0 }
    }
}

/// A hash that all nodes share, of whatever build: FNV-1a with 64 bits. Two paths that are made to collide
/// harm timers of their own receiver only.
pub(super) fn hash(text: &str) -> u64 {
    let mut hash = Hash::default();
    hash.add(text.as_bytes());
    hash.0
}

struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        self.0 =
            bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }

    fn segment(&mut self, segment: &str) {
        self.add(segment.as_bytes());
        self.add(b"/");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_differ_in_identifiers_have_one_shape() {
        let [one, other] = ["/orders/17/expire", "/orders/0198c0de-aa/expire"].map(Route::of);
        assert_ne!(one.path, other.path);
        assert_eq!(one.shape, other.shape);
        assert_ne!(one.shape, Route::of("/orders/17/remind").shape);
        assert_ne!(Route::of("/a").shape, Route::of("/b").shape);
        assert_ne!(Route::of("/ab/c").path, Route::of("/a/bc").path);
    }

    #[test]
    fn a_hash_is_the_same_on_every_node() {
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}

//! The path of a receiver that a timer calls, and the shape of that path. Both are hashes, since a path may be a secret, and may
//! be 8 KB long.

use crate::domain::target::TargetUrl;

/// A longer segment than this, in bytes, is taken for an identifier.
const LONGEST_WORD: usize = 24;

/// A path of a receiver, with the parts of its query that distinguish programs rather than calls: names of parameters, and values that do
/// not look like identifiers, such as a tenant's name. Queries that differ only in an identifier are calls of the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The hash of the whole path and of the words of its query.
    pub path: u64,
    /// The path without values of the query, and without segments that look like identifiers because they have a digit or are long.
    pub shape: u64,
}

impl Route {
    /// The route of a URL's path without a query.
    pub fn of(path: &str) -> Self {
        Self::with_query(path, None)
    }

    /// The route of a timer's call.
    pub fn to(url: &TargetUrl) -> Self {
        Self::with_query(url.as_url().path(), url.as_url().query())
    }

    fn with_query(path: &str, query: Option<&str>) -> Self {
        let (mut whole, mut shape) = (Hash::default(), Hash::default());
        for segment in path.split('/') {
            whole.segment(segment);
            shape.segment(word(segment));
        }
        for parameter in query.into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            for hash in [&mut whole, &mut shape] {
                hash.add(b"?");
                hash.segment(word(name));
            }
            whole.segment(word(value));
        }
        Self { path: whole.0, shape: shape.0 }
    }
}

/// A placeholder for a segment or a value that looks like an identifier; any other text stays as it is.
fn word(text: &str) -> &str {
    let identifies = text.len() > LONGEST_WORD || text.bytes().any(|byte| byte.is_ascii_digit());
    if identifies { "*" } else { text }
}

/// A hash that is the same on all nodes, whatever their build: FNV-1a with 64 bits. A client that makes two paths collide
/// harms only timers of that receiver.
pub fn hash(text: &str) -> u64 {
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
    fn queries_are_different_paths_of_one_shape_if_they_differ_in_words_and_one_path_if_in_identifiers() {
        let of = |url: &str| Route::to(&TargetUrl::parse(url).unwrap());
        let [one, other] = ["http://a/hook?tenant=one&v", "http://a/hook?tenant=other&v"].map(of);
        assert_ne!(one.path, other.path);
        assert_eq!(one.shape, other.shape);
        let long = format!("http://a/hook?id={}", "x".repeat(25));
        assert_eq!(of("http://a/hook?id=17"), of("http://a/hook?id=a8"));
        assert_eq!(of("http://a/hook?id=17"), of(&long));
        let shapes = [
            "http://a/hook",
            "http://a/hook?id=a",
            "http://a/hook?name=a",
            "http://a/hook?id=a&id=a",
            "http://a/hook/id/a",
        ];
        let shapes: std::collections::HashSet<u64> = shapes.map(|url| of(url).shape).into();
        assert_eq!(shapes.len(), 5);
        assert_eq!(of("http://a/hook"), Route::of("/hook"));
    }

    #[test]
    fn a_hash_is_the_same_on_every_node() {
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}

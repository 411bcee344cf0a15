//! Who may do what: bearer tokens, their scopes, and the rate of requests that each allows.
//!
//! This module knows no HTTP. Tokens are long and random, so a plain SHA-256 of them is safe to keep: there is
//! nothing to guess, and a slow hash would only slow down each request.

mod bucket;
mod scope;
mod token;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use subtle::ConstantTimeEq as _;

use crate::foundation::crypto;
use bucket::Bucket;
use rules::domain::rate::Rate;

pub use bucket::Quota;
pub use scope::{Scope, scope};
pub use token::{Token, check_name, parse, random};

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("a token is needed: send it as `Authorization: Bearer <token>`")]
    Missing,
    #[error("the Authorization header must be `Bearer <token>`")]
    Malformed,
    #[error("this node does not know the token; was it replaced?")]
    Unknown,
}

/// A caller that was let in.
#[derive(Clone)]
pub struct Grant {
    holder: Arc<Holder>,
}

struct Holder {
    token: Token,
    /// `None` if there is no limit.
    bucket: Option<Mutex<Bucket>>,
}

impl Holder {
    fn line(&self) -> String {
        let Token { name, scopes, digest, rate: _ } = &self.token;
        let mut scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        scopes.sort_unstable();
        format!("{name} {} {digest}", scopes.join(","))
    }
}

impl Grant {
    /// Takes up to `most` timers off the rate, and returns the number taken: `most` if there is no limit.
    pub fn spend_up_to(&self, most: u64) -> u64 {
        self.bucket(|bucket| bucket.spend_up_to(most, Instant::now())).unwrap_or(most)
    }

    /// The state of the rate limit; `None` if there is no limit.
    pub fn quota(&self) -> Option<Quota> {
        self.bucket(|bucket| bucket.peek(Instant::now()))
    }

    fn bucket<T>(&self, then: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        let bucket = self.holder.bucket.as_ref()?;
        Some(then(&mut bucket.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub fn may(&self, scope: Scope) -> bool {
        let scopes = &self.holder.token.scopes;
        scopes.contains(&scope) || scopes.contains(&Scope::Admin)
    }

    /// The token's name; `None` if no token is needed.
    pub fn token(&self) -> Option<&str> {
        let token = &self.holder.token;
        (!token.digest.is_empty()).then_some(token.name.as_str())
    }

    /// The token's name, for people.
    pub fn name(&self) -> &str {
        &self.holder.token.name
    }
}

/// Decides which callers are let in. Cheap to clone.
#[derive(Clone)]
pub struct Permissions {
    /// The grant of callers without credentials, if those are allowed.
    anyone: Option<Grant>,
    tokens: Arc<[Grant]>,
}

impl Permissions {
    /// Lets every caller do everything, with one `rate` for all callers together.
    pub fn open(rate: Option<Rate>) -> Self {
        let token = Token {
            name: "anyone".to_owned(),
            scopes: vec![Scope::Admin],
            digest: String::new(),
            rate: None,
        };
        Self { anyone: Some(grant(token, rate)), tokens: Arc::new([]) }
    }

    /// Lets in only callers with one of these tokens, each at most at its token's own rate or else at `rate`.
    pub fn of_tokens(tokens: Vec<Token>, rate: Option<Rate>) -> Self {
        let tokens = tokens.into_iter().map(|token| grant(token, rate)).collect();
        Self { anyone: None, tokens }
    }

    /// Whether every caller may do everything.
    pub fn is_open(&self) -> bool {
        self.anyone.is_some()
    }

    /// The SHA-256 of these permissions, in hexadecimal: of all names, scopes and digests of tokens, in any order.
    pub fn digest(&self) -> String {
        let mut lines: Vec<String> =
            self.tokens.iter().chain(&self.anyone).map(|grant| grant.holder.line()).collect();
        lines.sort();
        crypto::sha256_hex(lines.join("\n").as_bytes())
    }

    /// Identifies the caller by the value of `Authorization` (RFC 6750, 2.1).
    ///
    /// # Errors
    ///
    /// The reason why the request is not let in.
    pub fn check(&self, authorization: Option<&str>) -> Result<Grant, Denied> {
        if let Some(anyone) = &self.anyone {
            return Ok(anyone.clone());
        }
        let (scheme, token) =
            authorization.ok_or(Denied::Missing)?.trim().split_once(' ').ok_or(Denied::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
            return Err(Denied::Malformed);
        }
        let digest = crypto::sha256_hex(token.trim().as_bytes());
        // Every digest is compared, each in constant time, so the time taken does not show how near a guess is.
        let mut found = None;
        for grant in self.tokens.iter() {
            if bool::from(grant.holder.token.digest.as_bytes().ct_eq(digest.as_bytes())) {
                found = Some(grant);
            }
        }
        found.cloned().ok_or(Denied::Unknown)
    }

    /// Takes one request off the caller's rate; `None` if there is no limit.
    pub fn spend(&self, grant: &Grant) -> Option<Quota> {
        grant.bucket(|bucket| bucket.spend(Instant::now()))
    }
}

fn grant(token: Token, rate: Option<Rate>) -> Grant {
    let bucket = token.rate.or(rate).map(|rate| Mutex::new(Bucket::new(rate, Instant::now())));
    Grant { holder: Arc::new(Holder { token, bucket }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Permissions {
        let lines = format!(
            "reader read sha256:{}\nboss admin sha256:{}",
            crypto::sha256_hex(b"jt_reader"),
            crypto::sha256_hex(b"jt_boss")
        );
        Permissions::of_tokens(parse(&lines).unwrap(), None)
    }

    fn checked(value: Option<&str>) -> Result<String, Denied> {
        access().check(value).map(|grant| grant.name().to_owned())
    }

    #[test]
    fn only_a_known_bearer_token_is_let_in() {
        assert_eq!(checked(Some("Bearer jt_reader")), Ok("reader".into()));
        assert_eq!(checked(Some("bearer  jt_boss")), Ok("boss".into()));
        assert_eq!(checked(None), Err(Denied::Missing));
        assert_eq!(checked(Some("Basic jt_reader")), Err(Denied::Malformed));
        assert_eq!(checked(Some("Bearer")), Err(Denied::Malformed));
        assert_eq!(checked(Some("Bearer jt_reade")), Err(Denied::Unknown));
    }

    #[test]
    fn lists_that_let_in_the_same_have_the_same_digest() {
        let digest = |lines: &str| Permissions::of_tokens(parse(lines).unwrap(), None).digest();
        let [x, y] = ["x", "y"].map(|token| crypto::sha256_hex(token.as_bytes()));
        let one = digest(&format!("a read,write sha256:{x}\nb admin sha256:{y}"));
        assert_eq!(one, digest(&format!("b admin sha256:{y}\na write,read sha256:{x} rate=5/s")));
        assert_ne!(one, digest(&format!("a read,write sha256:{x}\nb read sha256:{y}")));
        assert_ne!(one, digest(&format!("a read,write sha256:{y}\nb admin sha256:{x}")));
        assert_ne!(one, Permissions::open(None).digest());
    }

    #[test]
    fn a_token_may_what_its_scopes_say_and_an_admin_everything() {
        let reader = access().check(Some("Bearer jt_reader")).unwrap();
        assert!(reader.may(Scope::Read));
        assert!(!reader.may(Scope::Write) && !reader.may(Scope::ReadBody) && !reader.may(Scope::Admin));
        let boss = access().check(Some("Bearer jt_boss")).unwrap();
        assert!(Scope::ALL.into_iter().all(|scope| boss.may(scope)));
        assert!(Permissions::open(None).check(None).unwrap().may(Scope::Admin));
    }
}

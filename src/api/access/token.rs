//! A list of tokens, one per line: `<name> <scope,…> sha256:<digest> [rate=<n>/s]`. It holds digests only,
//! so a reader of the list has no token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::scope::{Scope, scope};
use crate::foundation::text_file;
use rules::domain::rate::Rate;

/// Random bytes of a token: as many as the digest has, so neither is the weaker part.
const RANDOM_BYTES: usize = 32;

/// The longest name of a token.
const MAX_NAME_BYTES: usize = 64;

/// One token, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// For people: in logs and errors.
    pub name: String,
    /// The rights of its holder.
    pub scopes: Vec<Scope>,
    /// The SHA-256 of the token, in lower-case hexadecimal.
    pub digest: String,
    /// The token's own rate, if it has one instead of the common rate.
    pub rate: Option<Rate>,
}

/// Reads a list of tokens. [`text_file::entries`] defines comments, and how several tokens share a line.
///
/// # Errors
///
/// Each line that is not valid, with its number.
pub fn parse(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens: Vec<Token> = vec![];
    let mut wrong = vec![];
    for (number, entry) in text_file::entries(text) {
        match token(entry).and_then(|token| check_new(&tokens, &token).map(|()| token)) {
            Ok(token) => tokens.push(token),
            Err(why) => wrong.push(format!("line {number}: {why}")),
        }
    }
    match (wrong.is_empty(), tokens.is_empty()) {
        (false, _) => Err(wrong.join("; ")),
        (true, true) => Err("it contains no token; `jettimer token NAME` makes one".to_owned()),
        (true, false) => Ok(tokens),
    }
}

/// Refuses a token that has the name or the digest of another one: a request could not tell which of the two it has.
fn check_new(known: &[Token], token: &Token) -> Result<(), String> {
    if known.iter().any(|other| other.name == token.name) {
        return Err(format!("the name {} is listed twice", token.name));
    }
    match known.iter().find(|other| other.digest == token.digest) {
        Some(other) => {
            Err(format!("{} is the same token as {}: make a separate token for each", token.name, other.name))
        }
        None => Ok(()),
    }
}

fn token(entry: &str) -> Result<Token, String> {
    let mut words = entry.split_whitespace();
    let (Some(name), Some(scopes), Some(digest)) = (words.next(), words.next(), words.next()) else {
        return Err("a token is `<name> <scope,…> sha256:<64 hexadecimal digits> [rate=<n>/s]`".to_owned());
    };
    check_name(name)?;
    let scopes = scopes.split(',').map(scope).collect::<Result<Vec<Scope>, String>>()?;
    let digest = digest.strip_prefix("sha256:").map(str::to_ascii_lowercase).unwrap_or_default();
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("the third word must be sha256: and 64 hexadecimal digits".to_owned());
    }
    let rate = match words.next() {
        None => None,
        Some(word) => match word.strip_prefix("rate=") {
            Some(rate) => Some(rate.parse()?),
            None => return Err(format!("{word:?} is not recognised: only rate=<n>/s may come here")),
        },
    };
    match words.next() {
        None => Ok(Token { name: name.to_owned(), scopes, digest, rate }),
        Some(word) => Err(format!("{word:?} is one word too many")),
    }
}

/// Checks the name of a token.
///
/// # Errors
///
/// The form that a name must have.
pub fn check_name(name: &str) -> Result<(), String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(good) {
        return Ok(());
    }
    Err(format!("a name has 1 to {MAX_NAME_BYTES} letters, digits, dots, underscores and hyphens"))
}

/// A new token, as its holder keeps it. Its prefix lets scanners of repositories find it.
///
/// # Errors
///
/// If the system has no randomness.
pub fn random() -> Result<String, ring::error::Unspecified> {
    let mut bytes = [0; RANDOM_BYTES];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(format!("jt_{}", BASE64.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::crypto::sha256_hex;

    #[test]
    fn each_bad_line_is_named_at_once() {
        let digest = sha256_hex(b"x");
        let text = format!(
            "# tokens; x admin sha256:{digest}\n\na read sha256:{digest}\na read sha256:{other}\n\
             b fly sha256:{digest}\nc read x\nd read\ne read sha256:{same}",
            other = sha256_hex(b"y"),
            same = digest.to_ascii_uppercase(),
        );
        let error = parse(&text).unwrap_err();
        for said in [
            "line 4: the name a",
            "line 5: \"fly\"",
            "line 6: the third",
            "line 7: a token is",
            "line 8: e is the same token as a",
        ] {
            assert!(error.contains(said), "{said:?} is not said in {error}");
        }
        assert!(parse("# nothing").is_err());
    }

    #[test]
    fn a_list_holds_names_scopes_digests_and_rates() {
        let (digest, other) = (sha256_hex(b"x"), sha256_hex(b"y"));
        let tokens =
            parse(&format!("a read,read-body sha256:{digest} rate=5/m; b admin sha256:{other}")).unwrap();
        assert_eq!(tokens[0].scopes, [Scope::Read, Scope::ReadBody]);
        assert_eq!(tokens[0].rate, "5/m".parse().ok());
        assert_eq!((tokens[1].name.as_str(), tokens[1].rate), ("b", None));
    }

    #[test]
    fn a_new_token_is_long_and_new() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert!(one.starts_with("jt_") && one.len() == 46 && one != other, "{one}");
    }
}

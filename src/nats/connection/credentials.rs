//! This node's credentials for NATS. Their file is read at each connection, so a node uses new credentials without a restart.

use std::path::PathBuf;

use async_nats::{Auth, ServerAddr};
use nkeys::KeyPair;

use super::access::Access;

#[derive(Clone)]
pub(super) enum Credentials {
    /// A `.creds` file: a user's JWT, and the seed of its NKey.
    Creds(PathBuf),
    /// A file with the seed of an NKey.
    Nkey(PathBuf),
    /// A user and its password.
    Password {
        user: String,
        password: String,
    },
    Token(String),
    None,
}

impl Credentials {
    /// The credentials from the settings: a file takes precedence over an address.
    pub(super) fn of(access: &Access) -> Self {
        match (&access.creds, &access.nkey) {
            (Some(path), _) => Self::Creds(path.clone()),
            (None, Some(path)) => Self::Nkey(path.clone()),
            (None, None) => access.servers.iter().find_map(in_address).unwrap_or(Self::None),
        }
    }

    pub(super) fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Creds(path) | Self::Nkey(path) => Some(path),
            Self::Password { .. } | Self::Token(_) | Self::None => None,
        }
    }

    /// Makes the proof for a server that has sent `nonce`. Reads the file.
    ///
    /// # Errors
    ///
    /// The problem with the file, without its path.
    pub(super) fn prove(&self, nonce: &[u8]) -> Result<Auth, String> {
        let mut auth = Auth::new();
        match self {
            Self::Creds(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("the file of --nats-creds cannot be read: {error}"))?;
                let (jwt, seed) = parts_of_creds(&text).ok_or(
                    "the file of --nats-creds must have a user's JWT and the seed of the user's NKey",
                )?;
                let key = KeyPair::from_seed(seed)
                    .map_err(|error| format!("the seed in the file of --nats-creds is not valid: {error}"))?;
                auth.jwt = Some(jwt.to_owned());
                auth.signature = Some(signed(&key, nonce)?);
            }
            Self::Nkey(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("the file of --nats-nkey cannot be read: {error}"))?;
                let seed = user_seed(&text).ok_or(
                    "the file of --nats-nkey has no seed of a user's NKey, which is a line that begins with SU",
                )?;
                let key = KeyPair::from_seed(seed)
                    .map_err(|error| format!("the seed in the file of --nats-nkey is not valid: {error}"))?;
                auth.nkey = Some(key.public_key());
                auth.signature = Some(signed(&key, nonce)?);
            }
            Self::Password { user, password } => {
                auth.username = Some(user.clone());
                auth.password = Some(password.clone());
            }
            Self::Token(token) => auth.token = Some(token.clone()),
            Self::None => {}
        }
        Ok(auth)
    }

    /// What to do if NATS refuses the credentials.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Creds(_) => {
                "put valid credentials into the file of --nats-creds, which is read again at each try"
            }
            Self::Nkey(_) => {
                "put the seed of a user that NATS knows into the file of --nats-nkey, which is read again at each try"
            }
            Self::Password { .. } | Self::Token(_) => {
                "put a user and a password that NATS knows into --nats and restart this node, or use --nats-creds or \
                 --nats-nkey, whose files are read again at each try"
            }
            Self::None => "NATS requires credentials: set --nats-creds or --nats-nkey",
        }
    }
}

fn signed(key: &KeyPair, nonce: &[u8]) -> Result<Vec<u8>, String> {
    key.sign(nonce).map_err(|error| format!("the server's nonce cannot be signed: {error}"))
}

/// The user and password in an address, or a token: a user without a password, as NATS' clients read it.
fn in_address(server: &ServerAddr) -> Option<Credentials> {
    let user = decoded(server.username()?)?;
    match server.password() {
        Some(password) => Some(Credentials::Password { user, password: decoded(password)? }),
        None => Some(Credentials::Token(user)),
    }
}

/// A part of an address without its percent-encoding; `None` if that is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let code = (first == b'%').then(|| others.get(..2)).flatten();
        let code = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = others;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// The JWT and the seed of a `.creds` file: each is the line between two lines of dashes.
fn parts_of_creds(text: &str) -> Option<(&str, &str)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_border = |line: &str| line.starts_with("---") && line.ends_with("---");
    let is_part = |line: &str| !line.is_empty() && !is_border(line);
    let mut parts =
        lines.windows(3).filter(|three| is_border(three[0]) && is_part(three[1]) && is_border(three[2]));
    let mut part = || parts.next().map(|three| three[1]);
    Some((part()?, part()?))
}

/// The seed in a file's text.
fn user_seed(text: &str) -> Option<&str> {
    // Prefix, key and checksum are 36 bytes, in Base32.
    Some(text.trim()).filter(|seed| seed.len() == 58 && seed.starts_with("SU") && seed.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "SUANQDPB2RUOE4ETUA26CNX7FUKE5ZZKFCQIIW63OX225F2CO7UEXTM7ZY";

    fn of(address: &str) -> Credentials {
        Credentials::of(&Access { servers: vec![address.parse().unwrap()], ..Access::default() })
    }

    #[test]
    fn a_seed_is_told_from_a_public_key_and_from_credentials() {
        assert_eq!(user_seed(&format!("{SEED}\n")), Some(SEED));
        for other in
            ["", "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4", "-----BEGIN NATS USER JWT-----"]
        {
            assert_eq!(user_seed(other), None, "{other}");
        }
    }

    #[test]
    fn a_creds_file_has_a_jwt_and_a_seed() {
        let text = format!(
            "-----BEGIN NATS USER JWT-----\r\neyJ0.eyJ1.c2ln\r\n------END NATS USER JWT------\r\n\r\n*** IMPORTANT ***\r\n\
             -----BEGIN USER NKEY SEED-----\r\n{SEED}\r\n------END USER NKEY SEED------\r\n"
        );
        let short = text.replace("\r\n", "\n").replace("*** IMPORTANT ***\n", "");
        for text in [&text, &short] {
            assert_eq!(parts_of_creds(text), Some(("eyJ0.eyJ1.c2ln", SEED)));
        }
        // A file that is being written.
        assert_eq!(parts_of_creds(&text[..60]), None);
        assert_eq!(parts_of_creds(&text.replace(SEED, "")), None);
    }

    #[test]
    fn an_address_has_a_user_and_a_password_or_a_token() {
        assert!(matches!(
            of("nats://a%40b:c%3Ad%@localhost:4222"),
            Credentials::Password { user, password } if user == "a@b" && password == "c:d%"
        ));
        assert!(matches!(of("nats://secret@localhost"), Credentials::Token(token) if token == "secret"));
        assert!(matches!(of("nats://localhost"), Credentials::None));
    }

    #[test]
    fn a_file_is_read_each_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let credentials = Credentials::Nkey(file.path().to_owned());
        assert!(credentials.prove(b"nonce").is_err_and(|error| error.contains("SU")));
        std::fs::write(file.path(), SEED).unwrap();
        let key = KeyPair::from_seed(SEED).unwrap();
        assert_eq!(credentials.prove(b"nonce").unwrap().nkey, Some(key.public_key()));
    }
}

//! NATS users that belong to one test, with the accounts and permissions of production.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use nkeys::KeyPair;

const ACCOUNTS: &str = include_str!("../../../nats/accounts.conf");
const PERMISSIONS: &str = include_str!("../../../nats/permissions.conf");

/// The users of nats/accounts.conf, and two that are not jettimer's.
const NAMES: [&str; 8] = ["node", "api", "worker", "viewer", "operator", "sys", "neighbour", "stranger"];

/// Another program in jettimer's account, with typical permissions.
const NEIGHBOUR: &str = r#"
      { nkey: $NEIGHBOUR_NKEY, permissions: {
        publish: { allow: ["neighbour.>"] }, subscribe: { allow: ["neighbour.>", "_INBOX.>"] }
      } }"#;

/// A node that authenticates with a password.
const BY_PASSWORD: &str = r#"
      { user: "a@b", password: "c:d", permissions: $NODE }"#;

/// Another program with an account of its own, in which it may do everything.
const STRANGER: &str = "
  STRANGER { jetstream: enabled, users: [ { nkey: $STRANGER_NKEY } ] }
";

/// The users that may connect, and the files of their keys.
pub(crate) struct Users {
    dir: PathBuf,
}

impl Users {
    /// Makes users for a server whose configuration is in this directory, as nats/make-secrets does.
    pub(crate) fn new(dir: &Path) -> Self {
        let users = Self { dir: dir.join("secrets") };
        std::fs::create_dir(&users.dir).expect("a directory");
        let mut conf = String::new();
        for name in NAMES {
            let pair = KeyPair::new_user();
            std::fs::write(users.file(name), pair.seed().expect("a seed")).expect("a file");
            writeln!(conf, "{}_NKEY = \"{}\"", name.to_uppercase(), pair.public_key()).expect("a line");
        }
        let (before, after) = ACCOUNTS.split_once("  JETTIMER {").expect("jettimer's account");
        let (account, users_of_it) = after.split_once("users: [").expect("users");
        let accounts =
            format!("{before}{STRANGER}  JETTIMER {{{account}users: [{BY_PASSWORD}{NEIGHBOUR}{users_of_it}");
        for (path, text) in
            [("secrets/users.conf", &*conf), ("accounts.conf", &accounts), ("permissions.conf", PERMISSIONS)]
        {
            std::fs::write(dir.join(path), text).expect("a file");
        }
        users
    }

    /// Stops the export of the system account to nodes, as if another party owned that account.
    pub(crate) fn hide_servers(&self) {
        let path = self.dir.with_file_name("accounts.conf");
        let text = std::fs::read_to_string(&path).expect("accounts");
        let kept = text.lines().filter(|line| !line.contains("PING.VARZ"));
        std::fs::write(path, kept.collect::<Vec<_>>().join("\n")).expect("a file");
    }

    /// Sets the limits of jettimer's account, written as in a block of `jetstream`.
    pub(crate) fn limit(&self, limits: &str) {
        let path = self.dir.with_file_name("accounts.conf");
        let text = std::fs::read_to_string(&path).expect("accounts");
        let (before, account) = text.split_once("  JETTIMER {").expect("jettimer's account");
        let limited = account.replacen("jetstream: enabled", &format!("jetstream: {{ {limits} }}"), 1);
        std::fs::write(&path, format!("{before}  JETTIMER {{{limited}")).expect("a file");
    }

    /// Takes from all users the permission to publish to subjects whose names contain `part`.
    pub(crate) fn forbid(&self, part: &str) {
        let path = self.dir.with_file_name("permissions.conf");
        let text = std::fs::read_to_string(&path).expect("permissions");
        let kept = text.lines().filter(|line| line.trim_start().starts_with('#') || !line.contains(part));
        std::fs::write(&path, kept.collect::<Vec<_>>().join("\n")).expect("a file");
    }

    /// Writes a new key of this user to the configuration, for servers that read it again, and returns the new seed.
    pub(crate) fn change_key(&self, name: &str) -> String {
        let (old, new) = (KeyPair::from_seed(&self.seed(name)).expect("a seed"), KeyPair::new_user());
        let conf = self.dir.join("users.conf");
        let text = std::fs::read_to_string(&conf).expect("users");
        std::fs::write(&conf, text.replace(&old.public_key(), &new.public_key())).expect("a file");
        new.seed().expect("a seed")
    }

    /// The lines with which a server's configuration includes the users.
    pub(crate) fn config(&self) -> &'static str {
        "\ninclude ./accounts.conf\n"
    }

    /// The file with a user's seed.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.nk"))
    }

    /// A user's seed.
    pub(crate) fn seed(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("a user of that name")
    }
}

//! A nats-server that belongs to one test, with the users, permissions and accounts of production.

use std::path::{Path, PathBuf};

use async_nats::ConnectOptions;
use jettimer::app::embedded::{DEV_CONFIG, Options, Server, default_cache_dir};
use tempfile::TempDir;

use super::tls::Authority;
use super::users::Users;

/// A nats-server with its own port and data; both stay the same across kills and restarts.
pub(crate) struct Broker {
    server: Server,
    users: Users,
    /// The authority that signed its certificate, if the server speaks TLS.
    authority: Option<Authority>,
    path: PathBuf,
    _data: TempDir,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::with(None).await
    }

    /// Starts a server that speaks TLS only, with a certificate of its own authority.
    pub(crate) async fn with_tls() -> Self {
        Self::with(Some(Authority::new())).await
    }

    /// Starts a server with a changed configuration.
    pub(crate) async fn configured(change: impl FnOnce(&Users, String) -> String) -> Self {
        Self::started(None, change).await
    }

    async fn with(authority: Option<Authority>) -> Self {
        Self::started(authority, |_, config| config).await
    }

    /// Starts a server that keeps its data in a folder of this directory.
    pub(crate) async fn in_folder(data: TempDir, folder: &str) -> Self {
        let path = data.path().join(folder);
        Self::started_in(data, &path, None, |_, config| config).await
    }

    async fn started(authority: Option<Authority>, change: impl FnOnce(&Users, String) -> String) -> Self {
        let data = TempDir::new().expect("a temporary directory");
        let path = data.path().to_owned();
        Self::started_in(data, &path, authority, change).await
    }

    async fn started_in(
        data: TempDir,
        path: &Path,
        authority: Option<Authority>,
        change: impl FnOnce(&Users, String) -> String,
    ) -> Self {
        let users = Users::new(path);
        let mut config = change(&users, DEV_CONFIG.to_owned()) + users.config();
        if let Some(authority) = &authority {
            let (cert, key) = authority.files(&authority.certify("127.0.0.1", |_| ()));
            config += &format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, timeout: 30 }}\n");
        }
        let server = Server::start(options(path, config)).await.expect("nats-server starts");
        Self { server, users, authority, path: path.to_owned(), _data: data }
    }

    /// The files in which a stream of jettimer's account is stored.
    pub(crate) fn blocks(&self, stream: &str) -> Vec<std::fs::DirEntry> {
        let streams = self.path.join("nats/jetstream/JETTIMER/streams");
        let files = std::fs::read_dir(streams.join(stream).join("msgs")).into_iter().flatten().flatten();
        files.filter(|file| file.path().extension().is_some_and(|end| end == "blk")).collect()
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// The arguments with which a node connects as one of the users of nats/accounts.conf.
    pub(crate) fn args(&self, user: &str) -> Vec<String> {
        self.args_at(&self.url(), user)
    }

    /// Like [`Self::args`], for a node that reaches the server at another address.
    pub(crate) fn args_at(&self, url: &str, user: &str) -> Vec<String> {
        let file = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
        let mut args = vec!["--nats".to_owned(), url.to_owned()];
        args.extend(["--nats-nkey".to_owned(), file(self.users.file(user))]);
        if let Some(authority) = &self.authority {
            args.extend(["--nats-ca".to_owned(), file(authority.file())]);
        }
        args
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.server.kill().await.expect("nats-server is killed");
    }

    /// SIGSTOP: the server hangs, and its connections stay open.
    pub(crate) fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.server.pid().try_into().ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("it runs"), signal).expect("a signal");
    }

    /// Replaces the key of a user and returns the new seed; the server closes connections with the old key.
    pub(crate) fn change_key(&self, user: &str) -> String {
        let seed = self.users.change_key(user);
        self.signal(rustix::process::Signal::HUP);
        seed
    }

    /// The file with a user's seed.
    pub(crate) fn key_file(&self, user: &str) -> PathBuf {
        self.users.file(user)
    }

    /// Gives the server a certificate of another authority, which it uses after its next restart. Returns the file in which
    /// nodes find the authority, and the content that this file needs.
    pub(crate) fn change_authority(&self) -> (PathBuf, Vec<u8>) {
        let old = self.authority.as_ref().expect("a server with TLS");
        let new = Authority::new();
        old.files(&new.certify("127.0.0.1", |_| ()));
        (old.file(), std::fs::read(new.file()).expect("a certificate"))
    }

    /// Copies the server's data as it is at this moment, into a folder next to the data.
    pub(crate) fn back_up(&self) {
        self.pause();
        // A running server could rename a file while it is copied. On a system without `/proc`, the
        // test assumes that the server stops at once.
        let status = PathBuf::from(format!("/proc/{}/status", self.server.pid()));
        let runs = || std::fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tT"));
        while runs() {
            std::thread::yield_now();
        }
        copy(&self.store(), &self.backup());
        self.resume();
    }

    /// SIGKILL, and a start on the copied data.
    pub(crate) async fn restore(&mut self) {
        self.kill().await;
        std::fs::remove_dir_all(self.store()).expect("the data is removed");
        copy(&self.backup(), &self.store());
        self.restart().await;
    }

    fn store(&self) -> PathBuf {
        self.path.join("nats")
    }

    fn backup(&self) -> PathBuf {
        self.path.join("backup")
    }

    pub(crate) async fn restart(&mut self) {
        self.server.restart().await.expect("nats-server starts again");
    }

    /// A client with all permissions in jettimer's account, to look at its data directly.
    pub(crate) async fn client(&self) -> async_nats::Client {
        self.client_of("operator", ConnectOptions::new()).await
    }

    /// A client that connects as one of the users of nats/accounts.conf.
    pub(crate) async fn client_of(&self, user: &str, options: ConnectOptions) -> async_nats::Client {
        let mut options = options.nkey(self.users.seed(user));
        if let Some(authority) = &self.authority {
            jettimer::foundation::crypto::install();
            options = options.add_root_certificates(authority.file());
        }
        options.connect(self.url()).await.expect("nats-server takes clients")
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}

#[expect(clippy::disallowed_methods, reason = "where caches are is the system's setting")]
fn options(data_dir: &Path, config: String) -> Options {
    let var = |name| std::env::var_os(name);
    Options {
        data_dir: data_dir.to_owned(),
        config,
        port: None,
        binary: var("JETTIMER_NATS_SERVER").map(PathBuf::from),
        cache_dir: default_cache_dir(var("XDG_CACHE_HOME"), var("HOME")),
        guard_exe: env!("CARGO_BIN_EXE_jettimer").into(),
    }
}

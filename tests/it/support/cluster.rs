//! Three nats-servers as in production: nats/cluster.conf unchanged, with the files that
//! nats/make-secrets makes, on ports and paths of the test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jettimer::app::embedded;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::python;

const CONFIG: &str = include_str!("../../../nats/cluster.conf");

/// How often the test chooses other ports after another program has taken one of its ports.
const TRIES: usize = 5;

/// How long a server may take to listen, or to end because it cannot.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);

/// Three running servers; dropping them kills them.
pub(crate) struct Cluster {
    servers: Vec<Option<Child>>,
    clients: Vec<u16>,
    routes: Vec<u16>,
    home: TempDir,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::with_store("10GB").await
    }

    /// Starts servers, each of which may store this much.
    pub(crate) async fn with_store(most: &str) -> Self {
        let home = TempDir::new().expect("a directory");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("nats/make-secrets");
        let mut make = Command::new(script);
        make.arg(home.path().join("secrets")).args(["nats-1", "nats-2", "nats-3"]);
        python::run(&mut make, "").await;
        let binary = binary().await;
        for _ in 0..TRIES {
            let (clients, routes) = (ports(), ports());
            let mut servers = vec![];
            for number in 1..=3 {
                servers.push(Some(launch(&binary, home.path(), number, most, &clients, &routes)));
            }
            let mut up = true;
            for (server, port) in servers.iter_mut().flatten().zip(&clients) {
                up &= listens(server, *port).await;
            }
            if up {
                return Self { servers, clients, routes, home };
            }
        }
        panic!("no ports are free for three servers");
    }

    /// The arguments with which a node connects as this user.
    pub(crate) fn args(&self, user: &str) -> Vec<String> {
        let servers: Vec<String> =
            self.clients.iter().map(|port| format!("tls://127.0.0.1:{port}")).collect();
        let file = |name: &str| self.home.path().join("secrets").join(user).join(name).display().to_string();
        let (ca, nkey) = (file("ca.pem"), file("user.nk"));
        ["--nats", &servers.join(","), "--nats-ca", &ca, "--nats-nkey", &nkey].map(str::to_owned).to_vec()
    }

    /// The address at which the servers speak to each other.
    pub(crate) fn route(&self) -> String {
        format!("127.0.0.1:{}", self.routes[0])
    }

    /// The authority's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.home.path().join("secrets/authority/ca.pem")
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self, index: usize) {
        let mut server = self.servers[index].take().expect("it runs");
        server.kill().await.expect("it is killed");
    }
}

#[expect(clippy::disallowed_methods, reason = "where caches are is the system's setting")]
async fn binary() -> PathBuf {
    let var = |name| std::env::var_os(name);
    let cache = embedded::default_cache_dir(var("XDG_CACHE_HOME"), var("HOME")).expect("a home");
    let given = var("JETTIMER_NATS_SERVER").map(PathBuf::from);
    embedded::provision(given.as_deref(), &cache).await.expect("a nats-server")
}

/// Three ports that are free at this moment.
fn ports() -> Vec<u16> {
    let taken: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    taken.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

fn launch(binary: &Path, home: &Path, number: usize, most: &str, clients: &[u16], routes: &[u16]) -> Child {
    let etc = home.join(format!("etc-{number}"));
    std::fs::create_dir_all(&etc).expect("a directory");
    let secrets = home.join("secrets").join(format!("nats-{number}"));
    let linked = etc.join("secrets");
    if !linked.exists() {
        std::os::unix::fs::symlink(secrets, &linked).expect("a link");
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("nats");
    for name in ["accounts.conf", "permissions.conf"] {
        std::fs::copy(repository.join(name), etc.join(name)).expect("a copy");
    }
    let mut config = CONFIG
        .replace("/etc/nats/", &format!("{}/", etc.display()))
        .replace("store_dir: /data", &format!("store_dir: \"{}/data-{number}\"", home.display()))
        .replace("max_file_store: 10GB", &format!("max_file_store: {most}"))
        .replace("127.0.0.1:8222", "127.0.0.1:-1")
        .replace("port: 4222", &format!("listen: \"127.0.0.1:{}\"", clients[number - 1]))
        .replace("port: 6222", &format!("listen: \"127.0.0.1:{}\"", routes[number - 1]));
    for (index, port) in routes.iter().enumerate() {
        config = config.replace(&format!("nats-{}:6222", index + 1), &format!("127.0.0.1:{port}"));
    }
    std::fs::write(etc.join("cluster.conf"), config).expect("a file");
    let log = std::fs::File::create(home.join(format!("log-{number}"))).expect("a file");
    Command::new(binary)
        .arg("-c")
        .arg(etc.join("cluster.conf"))
        .env("NATS_SERVER_NAME", format!("nats-{number}"))
        .stderr(Stdio::from(log))
        .kill_on_drop(true)
        .spawn()
        .expect("nats-server starts")
}

async fn listens(server: &mut Child, port: u16) -> bool {
    let listening = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        _ended = server.wait() => false,
        within = tokio::time::timeout(LISTENS_WITHIN, listening) => within.is_ok(),
    }
}

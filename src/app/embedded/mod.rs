//! A nats-server of our own, for `jettimer dev` and for the integration tests.
//!
//! [`provision()`] finds or installs the program, [`Server`] runs it on a data directory, [`supervise()`] restarts it when it
//! dies, and [`guard`] is the process in between that ends it when jettimer is gone, however jettimer went.
//!
//! Deliberately not here: the NATS client (each client checks itself whether JetStream answers), the environment (read by
//! `config` and passed in), clusters, users, and any system but Unix.
//!
//! **Invariant:** at most one nats-server runs on a data directory. The nats-server itself holds the lock on `nats.lock`, so the
//! lock ends neither sooner nor later than the process that writes the data.
//!
//! **Invariant:** a nats-server started here does not outlive jettimer by more than [`guard::STOP_GRACE`], as long as the guard
//! is not killed together with jettimer. If it is, the next start names the process that still runs.

pub mod guard;

mod error;
mod events;
mod install;
mod layout;
mod limit;
mod lock;
mod log;
mod orphan;
mod process;
mod protocol;
mod provision;
mod ready;
mod reset;
mod server;
mod supervise;
mod version;

pub use error::Error;
pub use limit::limited;
pub use provision::{default_cache_dir, provision};
pub use reset::{JOURNAL_DIR, SIGNING_SECRET_FILE, TIME_SCALE_FILE, TIME_SCALE_FILE_NEW, has_data, reset};
pub use server::{DEV_CONFIG, DEV_SYNC_INTERVAL, Options, Server, create_data_dir};
pub use supervise::supervise;

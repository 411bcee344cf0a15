//! Everything JetStream: what jettimer keeps on the broker, and how it reads and writes it.
//!
//! Nothing outside this folder names `async_nats`, a subject, a stream or a header, and nothing in it knows the meaning of a state.
//! `ARCHITECTURE.md` and `docs/nats.md` say why it is shaped like this.

mod api;
mod changes;
mod connection;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod names;
mod nodes;
mod requests;
mod sizes;
mod status;
mod storage;
mod timers;
mod topology;

pub use async_nats::ServerAddr;
pub use changes::acts::ActReader;
pub use changes::event::Event;
pub use changes::feed::{Feed, FeedHub, Heard, Missed, Position};
pub use changes::watch::{Watch, Watched};
pub use connection::access::Access;
pub use connection::connect::connect;
pub use connection::link::Link;
pub use error::NatsError;
pub use nodes::installation::{found_installation, installation};
pub use nodes::lease::Lease;
pub use nodes::ledger::Ledger;
pub use nodes::mark::{BucketState, put_mark, read_mark};
pub use nodes::presence::{Beats, Said, say};
pub use nodes::troubles::{MAX_TROUBLES, say_troubles};
pub use requests::may_ask::MayAsk;
pub use status::backlog::{Backlog, Waiting, last_change};
pub use status::readiness::{check_readiness, stores};
pub use status::server_clock::server_time;
pub use status::streams::{ConsumerStatus, NatsStatus, Replica, StreamStatus, Streams};
pub use storage::durability::durability;
pub use storage::grant::measure_grant;
pub use storage::room::room;
pub use timers::armed::{remove_wake, wakes_of, wakes_of_one};
pub use timers::keeping::{Keeping, Stay};
pub use timers::pull::{Pulled, Puller};
pub use timers::scan::{RecordPage, RecordPages, no_record_behind};
pub use timers::store::{Put, Store, Stored};
pub use timers::wake_scan::{WaitingWake, WakeScan};
pub use timers::wakes::{Wake, Wakes};
pub use topology::founding::Founder;
pub use topology::inspect::{ConsumerSight, Inspection, StreamSight, StreamThere};
pub use topology::setup::{Missing, SetupError, TopologyState, mend, prepare};
pub use topology::wanted::{ACK_WAIT, Shape};

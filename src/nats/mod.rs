//! Everything JetStream: what jettimer keeps on the broker, and how it reads and writes it.
//!
//! Nothing outside this folder names `async_nats`, a subject, a stream or a header, and nothing in it knows the meaning of a state.
//! `ARCHITECTURE.md` and `docs/nats.md` say why it is shaped like this.

mod acts;
mod allowed;
mod backlog;
mod batch;
mod compare;
mod connect;
mod credentials;
mod durability;
mod error;
mod event;
mod feed;
mod founding;
mod fresh;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod grant;
mod inspect;
mod installation;
mod lease;
mod ledger;
mod limits;
mod link;
mod mark;
mod may_ask;
mod names;
mod next_server;
mod outage;
mod presence;
mod pull;
mod readiness;
mod record;
mod room;
mod scan;
mod server_clock;
mod standing;
mod store;
mod streams;
mod tail;
mod topology;
mod troubles;
mod turned_back;
mod wakes;
mod watch;

pub use acts::ActPage;
pub use async_nats::ServerAddr;
pub use backlog::{Backlog, Waiting};
pub use connect::{Access, connect};
pub use error::NatsError;
pub use event::Event;
pub use feed::{Feed, FeedHub, Heard, Missed};
pub use founding::Founder;
pub use inspect::{ConsumerSight, Inspection, StreamSight, StreamThere};
pub use lease::Lease;
pub use ledger::Ledger;
pub use link::Link;
pub use mark::BucketState;
pub use may_ask::MayAsk;
pub use presence::{Beats, Said};
pub use pull::{Pulled, Puller};
pub use record::store_beside;
pub use scan::{RecordPage, WaitingWake, WakePage};
pub use standing::{Missing, Standing, Trouble, mend, prepare};
pub use store::{Keeping, Put, Stay, Store, Stored};
pub use streams::{ConsumerStatus, NatsStatus, Replica, StreamStatus, Streams};
pub use topology::{ACK_WAIT, Shape};
pub use troubles::MAX_TROUBLES;
pub use wakes::{Wake, Wakes};
pub use watch::{Watch, Watched};

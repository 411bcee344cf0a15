//! What the other rooms stand on: the clock, formats of times and spans, cryptography, metrics, the tasks of a node, logs, and a timer's
//! public form.

pub mod callback;
pub mod clock;
pub mod crypto;
pub mod duration;
pub mod failures;
pub mod metrics;
pub mod repeated;
pub mod rfc3339;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
pub mod text_file;
pub mod timer_json;

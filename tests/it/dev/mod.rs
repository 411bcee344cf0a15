//! What `jettimer dev` has beside what every node has: each with the real process on a directory of its own.

mod inbox;

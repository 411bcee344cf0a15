//! The places of a node for calls, and their division among receivers and the groups that receivers belong to.

mod receiver;
mod shares;

pub use receiver::{Made, PlaceRequest, Waiter};
pub use shares::{Entered, Grant, Shares};

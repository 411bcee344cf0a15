//! The events that a guard waits for. A thread of its own awaits each kind and puts it into one channel.
//!
//! Nothing is decided here. None of the threads is joined: they end with the process.

use std::io::{self, BufRead};
use std::process::Child;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::protocol::Order;

/// Room for events that the guard has not taken yet. There are three senders, and one that finds no room waits.
const EVENTS_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Ordered(Order),
    Exited,
}

pub(super) fn channel() -> (SyncSender<Event>, Receiver<Event>) {
    sync_channel(EVENTS_MAX)
}

/// Sends the orders on stdin, and the end of stdin.
pub(super) fn watch_orders(events: SyncSender<Event>) -> io::Result<()> {
    let watch = move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if let Some(order) = Order::parse(&line) {
                _ = events.send(Event::Ordered(order));
            }
        }
        // The pipe has ended, so jettimer has ended.
        _ = events.send(Event::Ordered(Order::Stop));
    };
    thread::Builder::new().name("orders".into()).spawn(watch).map(drop)
}

/// Sends the signals that a guard may get although it is alone with nats-server in its process group.
pub(super) fn watch_signals(events: SyncSender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let watch = move || {
        for signal in signals.forever() {
            // The guard catches SIGINT and SIGHUP to survive them: jettimer decides what they mean.
            if signal == SIGTERM {
                _ = events.send(Event::Ordered(Order::Stop));
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop)
}

/// Sends the end of `child`, which is left for [`Child::wait`] to reap.
pub(super) fn watch_exit(child: &Child, events: SyncSender<Event>) -> io::Result<()> {
    let Some(pid) = Pid::from_raw(child.id().cast_signed()) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let watch = move || {
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        _ = events.send(Event::Exited);
    };
    thread::Builder::new().name("exit".into()).spawn(watch).map(drop)
}

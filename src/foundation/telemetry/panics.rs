//! A panic is an entry of the log like any other: one line, in the log's format, with its task and where it happened.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use tracing::Level;
use tracing::field::display;

use crate::foundation::tasks::{self, Running, panic_text};

/// Logs each panic from now on. Where the filter of the log leaves that out, the standard library says it as ever.
pub(super) fn log() {
    let as_ever = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if tracing::enabled!(Level::ERROR) {
            entry(panic);
        } else {
            as_ever(panic);
        }
    }));
}

fn entry(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let running = tasks::running();
    let timer = running.and_then(|running| running.timer).map(display);
    let location = panic.location().map(display);
    // Taken if RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| display(backtrace));
    tracing::error!(
        thread = thread.name(),
        task = running.map(Running::name),
        timer,
        location,
        panic = panic_text(panic.payload()),
        backtrace,
        "panicked: this is a fault of jettimer"
    );
}

//! The page to set and watch timers.

mod files;

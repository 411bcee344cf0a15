//! Resident memory of other processes, as Linux reports it in `/proc/PID/status`.
//!
//! It takes no samples: the peak is the kernel's own, since the start of the process and not of the run.

use anyhow::Context;

const BYTES_PER_KIB: u64 = 1024;

/// One process before and after the run, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footprint {
    pub(super) pid: u32,
    pub(super) start_bytes: u64,
    /// `None` if the process was gone at the end.
    pub(super) end: Option<Resident>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resident {
    pub(super) now_bytes: u64,
    pub(super) peak_bytes: u64,
}

/// Reads the sizes at the start. A process that cannot be read now is an error, because the flag that named it is wrong.
pub(super) fn before(pids: &[u32]) -> anyhow::Result<Vec<Footprint>> {
    pids.iter().map(|&pid| Ok(Footprint { pid, start_bytes: read(pid)?.now_bytes, end: None })).collect()
}

/// Completes the footprints of `before`. A process may have died during the run, which is worth a line and not an error.
pub(super) fn after(footprints: &mut [Footprint]) {
    for footprint in footprints {
        footprint.end = read(footprint.pid).ok();
    }
}

fn read(pid: u32) -> anyhow::Result<Resident> {
    let path = format!("/proc/{pid}/status");
    let status =
        std::fs::read_to_string(&path).with_context(|| format!("--max-rss-pid {pid}: cannot read {path}"))?;
    parse(&status).with_context(|| format!("--max-rss-pid {pid}: {path} has no VmRSS and VmHWM"))
}

fn parse(status: &str) -> Option<Resident> {
    let field = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(BYTES_PER_KIB))
    };
    Some(Resident { now_bytes: field("VmRSS:")?, peak_bytes: field("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_gives_present_and_peak_size_in_bytes() {
        let status =
            "Name:\tjettimer\nVmPeak:\t  900 kB\nVmHWM:\t     300 kB\nVmRSS:\t     200 kB\nThreads:\t3\n";
        assert_eq!(parse(status), Some(Resident { now_bytes: 200 * 1024, peak_bytes: 300 * 1024 }));
    }

    #[test]
    fn a_process_without_memory_of_its_own_has_no_size() {
        assert_eq!(parse("Name:\tkthreadd\nThreads:\t1\n"), None);
    }
}

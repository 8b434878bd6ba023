//! What this process takes of the machine, where the system tells.

use std::time::Duration;

/// What the process has used since it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Time on a processor, of all threads.
    pub(crate) cpu: Option<Duration>,
    /// How often memory was allocated.
    pub(crate) allocations: Option<u64>,
    /// How many bytes.
    pub(crate) allocated: Option<u64>,
    /// What it has in memory at this moment, in MiB.
    pub(crate) resident: Option<f64>,
}

impl Usage {
    pub(crate) fn now() -> Self {
        let (allocations, allocated) = allocations().unzip();
        Self { cpu: cpu(), allocations, allocated, resident: resident_mib() }
    }

    /// What was used in between, and what is in memory now.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let more =
            |now: Option<u64>, then| now.zip(then).map(|(now, then)| now.saturating_sub(then));
        Self {
            cpu: self.cpu.zip(before.cpu).map(|(now, then)| now.saturating_sub(then)),
            allocations: more(self.allocations, before.allocations),
            allocated: more(self.allocated, before.allocated),
            resident: self.resident,
        }
    }
}

/// Memory of the process that is in use and not swapped out, in MiB.
fn resident_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = kib.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(unix)]
fn cpu() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().ok()
}

#[cfg(not(unix))]
fn cpu() -> Option<Duration> {
    None
}

#[cfg(feature = "allocations")]
#[global_allocator]
static HEAP: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

#[cfg(feature = "allocations")]
fn allocations() -> Option<(u64, u64)> {
    let stats = HEAP.stats();
    Some(((stats.allocations + stats.reallocations) as u64, stats.bytes_allocated as u64))
}

#[cfg(not(feature = "allocations"))]
const fn allocations() -> Option<(u64, u64)> {
    None
}

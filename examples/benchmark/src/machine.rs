//! What this process takes of the machine, where the system tells.

use std::time::Duration;

/// What the process has used since it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Time on a processor, of all threads.
    pub(crate) cpu: Option<Duration>,
    /// How often memory was allocated.
    pub(crate) allocations: Option<u64>,
}

impl Usage {
    pub(crate) fn now() -> Self {
        Self { cpu: cpu(), allocations: allocations() }
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        let cpu = self.cpu.zip(before.cpu).map(|(now, then)| now.saturating_sub(then));
        let allocations = self.allocations.zip(before.allocations);
        Self { cpu, allocations: allocations.map(|(now, then)| now.saturating_sub(then)) }
    }
}

/// Memory of the process that is in use and not swapped out, in MiB.
pub(crate) fn resident_mib() -> Option<f64> {
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
fn allocations() -> Option<u64> {
    let stats = HEAP.stats();
    Some((stats.allocations + stats.reallocations) as u64)
}

#[cfg(not(feature = "allocations"))]
const fn allocations() -> Option<u64> {
    None
}

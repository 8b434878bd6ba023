//! What Linux says of a process. Elsewhere nothing is known.

use std::path::PathBuf;

/// How many bytes it has had written to disks.
pub(crate) fn bytes_written(pid: u32) -> Option<u64> {
    field(pid, "io", "write_bytes:")
}

/// The most memory that it has had at a time, in bytes, since [`forget_peak`].
pub(crate) fn peak_memory(pid: u32) -> Option<u64> {
    field(pid, "status", "VmHWM:").map(|kibibytes| kibibytes << 10)
}

/// From now on the peak of its memory is what it has now, or more.
pub(crate) fn forget_peak(pid: u32) -> bool {
    std::fs::write(file(pid, "clear_refs"), "5").is_ok()
}

fn field(pid: u32, name: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file(pid, name)).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

fn file(pid: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn of_this_process_something_is_known() {
        let pid = std::process::id();
        bytes_written(pid).unwrap();
        // Other tests of this process have memory of their own.
        let large: Vec<u8> = std::hint::black_box(vec![1; 512 << 20]);
        let peak = peak_memory(pid).unwrap();
        assert!(peak > 512 << 20);
        drop(large);
        assert!(forget_peak(pid));
        assert!(peak_memory(pid).unwrap() < peak - (256 << 20));
        assert_eq!(bytes_written(u32::MAX), None);
    }
}

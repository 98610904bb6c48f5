//! What the system says of this process.

/// Whether it says anything.
pub(crate) const IS_KNOWN: bool = cfg!(target_os = "linux");

/// Bytes of memory that are in use.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Open file descriptors, without the one that counting takes.
pub(crate) fn open_files() -> Option<u64> {
    let count = fs_err::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(count.saturating_sub(1))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_and_files_are_those_of_this_process() {
        let memory = resident_bytes().unwrap();
        let ballast = vec![1u8; 64 << 20];
        assert!(resident_bytes().unwrap() > memory + (32 << 20), "{}", ballast.len());
        let files = open_files().unwrap();
        assert!((3..10_000).contains(&files), "{files}");
    }
}

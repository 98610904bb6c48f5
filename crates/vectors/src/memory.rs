//! What the process does with memory that it no longer needs.

/// Blocks of this many bytes go back to the system as soon as they are freed: larger than the frames
/// of an analysis, which come and go all the time, and smaller than what a model keeps.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 1 << 20;

/// Has large blocks of memory given back when they are freed; called once, when the process starts.
///
/// By itself glibc raises its limit for what goes back at once with every large block that is freed,
/// up to 32 MB, and then keeps what a model took for as long as the process lives: 280 MB instead of
/// 110 after an analysis and a few searches. Other systems' allocators do not, and nothing is done.
pub fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes two numbers, locks the allocator while it stores them, and may be called
    // at any time. A setting that it refuses leaves everything as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

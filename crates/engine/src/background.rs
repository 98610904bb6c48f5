//! Work that gives way to what somebody waits for.

/// How much the work gives way, as nice(1) counts: half of what there is, so that searches have the cores
/// when they need them and an idle machine is used in full.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Has the calling thread give way to others. Threads and processes that it starts do so, too.
///
/// On Linux priorities belong to threads; elsewhere they belong to the whole process, which has searches
/// to answer, so that nothing is done.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "analysis does not give way to searches");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::thread;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).unwrap_or_default()
    }

    #[test]
    fn only_the_thread_and_what_it_starts_give_way() {
        let before = niceness();
        let (own, started) = thread::spawn(|| {
            give_way();
            (niceness(), thread::spawn(niceness).join().unwrap_or_default())
        })
        .join()
        .unwrap_or_default();
        assert_eq!((own, started), (NICENESS.max(before), NICENESS.max(before)));
        assert_eq!(niceness(), before);
    }
}

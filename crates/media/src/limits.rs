//! What one file may cost.

use std::{thread, time::Duration};

/// Limits on one file and on the child process that reads it.
///
/// The defaults let through what cameras and phones record and stop what was made to do harm.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Processor time for probing a file. By the clock a probe has as long as `stall`: a disk that has
    /// to wake up, or a machine at work, is no fault of the file.
    pub probe: Duration,
    /// A child that shows no sign of life for so long is killed. Time in which it waits for us does
    /// not count.
    pub stall: Duration,
    /// Time that any decoding may take.
    pub decode: Duration,
    /// Decoding may also take four times as long as it does at this multiple of real time.
    pub speed_floor: f64,
    /// Address space of a decoder in bytes. 4K at 10 bits needs half a gigabyte.
    pub memory_bytes: u64,
    /// Address space of ffprobe in bytes. Its shared libraries alone take a quarter of a gigabyte.
    pub probe_memory_bytes: u64,
    /// Largest width and height in pixels.
    pub max_side: u32,
    /// Largest width times height.
    pub max_pixels: u64,
    /// Most streams in one container.
    pub max_streams: usize,
    /// Longest medium.
    pub max_duration: Duration,
    /// Largest still picture in bytes; stills are read into memory.
    pub max_still_bytes: u64,
    /// Threads of one decoder of large pictures; 0 leaves it to ffmpeg. Each thread keeps frames of its
    /// own, so that many threads do not fit `memory_bytes` at 8K.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            decode: Duration::from_secs(60),
            speed_floor: 0.5,
            memory_bytes: 2 << 30,
            probe_memory_bytes: 1 << 30,
            max_side: 8192,
            max_pixels: 8192 * 8192,
            max_streams: 64,
            max_duration: Duration::from_secs(24 * 3600),
            max_still_bytes: 512 << 20,
            threads: thread::available_parallelism().map_or(2, |cores| cores.get().min(8)),
        }
    }
}

/// Pixels of the largest picture that is decoded with [`SMALL_THREADS`] threads: 2560x1440.
const SMALL: u64 = 2560 * 1440;
/// Threads of a decoder of small pictures at least. Decoding threads wait for each other, so more of
/// them than there are cores help: on two cores eight took 12 % less time than two (1080p H.264).
const SMALL_THREADS: usize = 8;

impl Limits {
    /// Threads for decoding pictures of this size; 0 leaves it to ffmpeg.
    pub(crate) fn threads_for(&self, width: u32, height: u32) -> usize {
        let small = u64::from(width) * u64::from(height) <= SMALL;
        if small && self.threads > 0 { self.threads.max(SMALL_THREADS) } else { self.threads }
    }

    /// Time that decoding `seconds` of media may take.
    pub(crate) fn wall(&self, seconds: f64) -> Duration {
        let scaled = Duration::try_from_secs_f64(4.0 * seconds / self.speed_floor);
        scaled.unwrap_or(self.max_duration).max(self.decode)
    }

    /// Why a picture of this size is refused, if it is: what it has and what is allowed.
    pub(crate) fn refuse_size(&self, width: u32, height: u32) -> Option<(String, String)> {
        let pixels = u64::from(width) * u64::from(height);
        let over = width.max(height) > self.max_side || pixels > self.max_pixels;
        over.then(|| {
            let limit = format!("{} a side, {} in all", self.max_side, self.max_pixels);
            (format!("its pictures are {width}x{height} pixels"), limit)
        })
    }
}

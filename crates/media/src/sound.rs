//! The sound of a medium, as models of speech want it.

use crate::{
    Cancel, MediaError, Tools,
    child::{Child, Watch},
    decoder::fill,
};
use rushes_model::MediaFacts;
use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

/// Samples a second of a [`SoundStream`].
pub const SAMPLE_RATE: u32 = 16_000;
/// Bytes of a sample, a 32-bit float.
const SAMPLE_BYTES: usize = size_of::<f32>();
/// Files of floats may go beyond 1, not by more than this.
const LOUDEST: f32 = 16.0;
/// Samples of a block: a second.
const BLOCK: usize = SAMPLE_RATE as usize;
/// Blocks that wait for whoever reads them. Then ffmpeg waits, and memory stays flat.
const WAITING: usize = 8;

/// The sound of one track, as blocks of up to a second of mono samples, most of them from -1 to 1, at
/// [`SAMPLE_RATE`]. Sample `n` is heard `n / SAMPLE_RATE` seconds from the start of the medium: what
/// the track lacks before, within and where packets are damaged is silence. Dropping it ends the decoder.
///
/// An error ends it. Blocks that came before it are good.
pub struct SoundStream {
    path: PathBuf,
    child: Option<Child>,
    blocks: Receiver<Vec<u8>>,
}

impl Tools {
    /// Starts to decode the sound of track `track`, counted from 0 among those with sound; channels are
    /// mixed into one.
    ///
    /// # Errors
    /// When the medium has no such track, the file cannot be opened any more or ffmpeg does not start.
    pub fn sound(
        &self,
        path: &Path,
        facts: &MediaFacts,
        track: usize,
        cancel: &Cancel,
    ) -> Result<SoundStream, MediaError> {
        match facts.sound_tracks() {
            0 => return Err(MediaError::NoSound(path.to_owned())),
            tracks if track >= tracks as usize => {
                return Err(MediaError::NoTrack { path: path.to_owned(), track, tracks });
            }
            _ => {}
        }
        let mut job = self.bare_decode_job();
        job.args(["-vn", "-sn", "-dn"]).input(path);
        let first = (facts.start_time * f64::from(SAMPLE_RATE)).round();
        // A filter of its own fills gaps, for `first_pts` counts samples as they come in (ffmpeg 5.1).
        let filter = format!("aresample={SAMPLE_RATE},aresample=async=1:first_pts={first}");
        job.args(["-map", &format!("0:a:{track}"), "-ac", "1", "-af", &filter]);
        job.args(["-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"]);
        let mut child = Child::spawn(job, self.decode_budget(facts), cancel, is_noise)?;
        let (deliver, blocks) = sync_channel(WAITING);
        if let Some(stdout) = child.stdout() {
            let watch = child.watch();
            thread::spawn(move || read_blocks(stdout, &watch, &deliver));
        }
        Ok(SoundStream { path: path.to_owned(), child: Some(child), blocks })
    }
}

/// What ffmpeg says of its work is no message.
fn is_noise(line: &[u8]) -> bool {
    line.windows(7).any(|part| part == b"[info] ")
}

/// Hands on blocks of stdout until it ends or nobody wants them.
fn read_blocks(mut stdout: impl Read, watch: &Watch, deliver: &SyncSender<Vec<u8>>) {
    loop {
        let mut bytes = vec![0; BLOCK * SAMPLE_BYTES];
        let filled = fill(&mut stdout, &mut bytes, watch);
        bytes.truncate(filled);
        watch.pause();
        let wanted = filled > 0 && deliver.send(bytes).is_ok();
        watch.resume();
        if !wanted {
            return;
        }
    }
}

impl Iterator for SoundStream {
    type Item = Result<Vec<f32>, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.child.as_ref()?;
        match self.blocks.recv() {
            Ok(bytes) => Some(Ok(samples(&bytes))),
            Err(_) => self.end().map(Err),
        }
    }
}

impl SoundStream {
    /// The error that the child ended with, if it did.
    fn end(&mut self) -> Option<MediaError> {
        let ended = self.child.take()?.finish();
        ended.stopped(&self.path).or_else(|| {
            let failed = ended.code() != Some(0);
            failed.then(|| MediaError::Decode { path: self.path.clone(), detail: ended.detail() })
        })
    }
}

/// Numbers that no sound has count as silence, or as the loudest: they would poison every sum that they come
/// into.
fn samples(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks::<SAMPLE_BYTES>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    values
        .map(|value| if value.is_finite() { value.clamp(-LOUDEST, LOUDEST) } else { 0.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_silence() {
        let bytes = [0.5f32, f32::NAN, f32::INFINITY, -1e30].map(f32::to_le_bytes).concat();
        assert_eq!(samples(&bytes), [0.5, 0.0, 0.0, -16.0]);
        assert_eq!(samples(&bytes[..6]), [0.5], "half a sample is none");
    }
}

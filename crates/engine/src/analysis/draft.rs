//! What is known of a medium while it is being looked at.

use super::file::text;
use crate::previews;
use half::f16;
use rushes_infer::{Embedding, VisualModel};
use rushes_model::{Picture, Shot};
use rushes_shots::{Change, Grey, Rule};
use rushes_store::RowTime;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// One embedded frame.
#[derive(Debug, Clone)]
pub struct Row {
    /// Vector, L2-normalised.
    pub vector: Vec<f16>,
    /// Concepts seen, strongest first.
    pub tags: Vec<(u16, u8)>,
    /// JPEG preview.
    pub preview: Vec<u8>,
}

impl Row {
    /// What a model sees in a picture, the only one of its medium or not.
    ///
    /// # Errors
    /// When inference or the encoder of the preview fails.
    pub fn of(model: &dyn VisualModel, picture: &Picture, still: bool) -> Result<Self, String> {
        let embedding = model.embed_picture(picture).map_err(text)?;
        let preview = if still { previews::of_still(picture) } else { previews::of_frame(picture) };
        Ok(Self::new(embedding, preview.map_err(text)?))
    }

    /// A row of what a model said of a picture.
    #[must_use]
    pub fn new(embedding: Embedding, preview: Vec<u8>) -> Self {
        let vector = embedding.vector.into_iter().map(f16::from_f32).collect();
        Self { vector, tags: embedding.tags, preview }
    }
}

/// Rows by second, and what tells the shots. A row is what was seen in a frame.
pub struct Draft<R = Row> {
    rows: BTreeMap<u32, (f64, Arc<R>)>,
    waiting: HashMap<u32, Vec<(u32, f64)>>,
    seen: BTreeSet<u32>,
    last_seen: Option<Grey>,
    /// Between neighbouring frames of the stream.
    changes: Vec<Change>,
    /// Between neighbouring sampled frames, as long as the stream tells nothing finer.
    sampled_changes: Vec<Change>,
    last_sent: Option<(u32, Grey)>,
}

impl<R> Default for Draft<R> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            waiting: HashMap::new(),
            seen: BTreeSet::new(),
            last_seen: None,
            changes: Vec::new(),
            sampled_changes: Vec::new(),
            last_sent: None,
        }
    }
}

impl<R> Draft<R> {
    /// Whether this frame differs by less than `same` (0 to 100, mean over the pixels of its small copy) from the
    /// last one that was looked at. If so it is answered with that one's row, now or when it arrives, and
    /// need not be looked at itself.
    pub fn shares(&mut self, second: u32, seconds: f64, small: &Grey, same: f32) -> bool {
        let Some((of, last)) = &self.last_sent else { return false };
        if last.difference(small) >= same {
            return false;
        }
        match self.rows.get(of) {
            Some((_, row)) => {
                let row = row.clone();
                self.rows.insert(second, (seconds, row));
            }
            None => self.waiting.entry(*of).or_default().push((second, seconds)),
        }
        true
    }

    /// Notes that a frame goes to be embedded.
    pub fn sent(&mut self, second: u32, small: Grey) {
        self.last_sent = Some((second, small));
    }

    /// Notes a frame and how it differs from the one before, from which shots are told where no finer
    /// changes come. Only the last frame's small copy is kept: a medium may go on for a day.
    pub fn saw(&mut self, second: u32, seconds: f64, small: Grey) {
        self.seen.insert(second);
        if let Some(last) = self.last_seen.as_ref().filter(|_| self.changes.is_empty()) {
            let difference = last.difference(&small);
            self.sampled_changes.push(Change { seconds, difference });
        }
        self.last_seen = Some(small);
    }

    /// Takes an embedded frame, and gives its row to the frames that wait for it.
    pub fn arrived(&mut self, second: u32, seconds: f64, row: R) {
        let row = Arc::new(row);
        for (second, seconds) in self.waiting.remove(&second).unwrap_or_default() {
            self.rows.insert(second, (seconds, row.clone()));
        }
        self.rows.insert(second, (seconds, row));
    }

    /// Takes the change between two neighbouring frames of the stream.
    pub fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Whether this second has a frame already.
    #[must_use]
    pub fn has(&self, second: u32) -> bool {
        self.seen.contains(&second)
    }

    /// Seconds that have a frame.
    #[must_use]
    pub fn seconds(&self) -> BTreeSet<u32> {
        self.seen.clone()
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Rows in time order: second, own time, row.
    pub fn rows(&self) -> impl Iterator<Item = (u32, f64, &Arc<R>)> {
        self.rows.iter().map(|(second, (seconds, row))| (*second, *seconds, row))
    }

    /// Time of each row.
    #[must_use]
    pub fn times(&self) -> Vec<RowTime> {
        self.rows().map(|(second, seconds, _)| RowTime { second, seconds }).collect()
    }

    /// Shots as far as they can be told, over the whole duration.
    ///
    /// A whole stream tells every frame's change; otherwise neighbouring sampled frames are compared.
    #[must_use]
    pub fn shots(&self, duration: f64) -> Vec<Shot> {
        if !self.changes.is_empty() {
            return rushes_shots::detect(&self.changes, duration, &Rule::EVERY_FRAME);
        }
        rushes_shots::detect(&self.sampled_changes, duration, &Rule::EVERY_SECOND)
    }
}

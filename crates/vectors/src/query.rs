//! What a row is scored against.

use crate::{Segment, Tags, dot::Kernel};

/// A query in a model's space.
///
/// A row's score is `vector · row + word_weight * Σ_w max_{t in words[w]} tag(t) / √words`, with `tag(t)`
/// the row's weight of tag `t` as 0 to 1.
#[derive(Debug, Clone)]
pub struct Query {
    vector: Vec<f32>,
    words: Words,
}

impl Query {
    /// A query of one vector.
    #[must_use]
    pub fn new(vector: Vec<f32>) -> Self {
        Self { vector, words: Words::default() }
    }

    /// Adds the word match: for each word the tags that are called by it, and the weight beside the
    /// vectors.
    #[must_use]
    pub fn with_words(mut self, words: &[Vec<u16>], weight: f32) -> Self {
        self.words = Words::new(words, weight);
        self
    }

    /// Lowers rows by `weight` times their likeness to `vector`: what should not be seen.
    ///
    /// A vector of another length than the query's counts as far as both go.
    #[must_use]
    pub fn minus(mut self, vector: &[f32], weight: f32) -> Self {
        for (value, unwanted) in self.vector.iter_mut().zip(vector) {
            *value -= weight * unwanted;
        }
        self
    }

    /// The score of row `row`. `room` is room to work in.
    pub(crate) fn score(
        &self,
        kernel: Kernel,
        segment: &Segment,
        row: usize,
        room: &mut Vec<u8>,
    ) -> f32 {
        let score = kernel.dot(&self.vector, segment.rows().row(row));
        match segment.tags().filter(|_| self.words.any()) {
            Some(tags) => score + self.words.score(tags, row, room),
            None => score,
        }
    }

    pub(crate) fn vector(&self) -> &[f32] {
        &self.vector
    }

    pub(crate) fn words(&self) -> &Words {
        &self.words
    }
}

/// Numbers that a tag can have.
const TAG_NUMBERS: usize = 1 << 16;

/// The words of a query, by tag.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    /// For every tag 0, or the place in `of_tag` plus one of the words that call it. A scan asks this for
    /// all tags of all rows: a plain table, of which only the tags that rows really have are touched, so
    /// it stays in the nearest cache.
    places: Box<[u32; TAG_NUMBERS]>,
    of_tag: Vec<Vec<usize>>,
    count: usize,
    weight: f32,
}

impl Default for Words {
    fn default() -> Self {
        Self::new(&[], 0.0)
    }
}

impl Words {
    fn new(words: &[Vec<u16>], weight: f32) -> Self {
        let mut places = Box::new([0; TAG_NUMBERS]);
        let mut of_tag: Vec<Vec<usize>> = Vec::new();
        for (word, tags) in words.iter().enumerate() {
            for &tag in tags {
                let place = &mut places[usize::from(tag)];
                if *place == 0 {
                    of_tag.push(Vec::new());
                    *place = of_tag.len() as u32;
                }
                of_tag[*place as usize - 1].push(word);
            }
        }
        Self { places, of_tag, count: words.len(), weight }
    }

    /// Whether there is any tag to look for.
    pub(crate) fn any(&self) -> bool {
        !self.of_tag.is_empty()
    }

    /// The most that words add to any row's score.
    pub(crate) fn bound(&self) -> f32 {
        if self.any() { self.scaled(self.count as f32).max(0.0) } else { 0.0 }
    }

    /// What words add to the score of row `row`. `best` is room to work in.
    pub(crate) fn score(&self, tags: &Tags, row: usize, best: &mut Vec<u8>) -> f32 {
        // Most rows have none of the tags: one look at each, without a branch between them.
        let place = |tag: u16| self.places[usize::from(tag)];
        if tags.numbers(row).fold(0, |any, tag| any | place(tag)) == 0 {
            return 0.0;
        }
        best.clear();
        best.resize(self.count, 0);
        for (tag, weight) in tags.row(row) {
            let Some(place) = (place(tag) as usize).checked_sub(1) else { continue };
            for &word in &self.of_tag[place] {
                best[word] = best[word].max(weight);
            }
        }
        self.scaled(best.iter().map(|&weight| f32::from(weight) / 255.0).sum())
    }

    fn scaled(&self, sum: f32) -> f32 {
        self.weight * (sum / (self.count as f32).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_take_their_best_tag() {
        let query = Query::new(vec![]).with_words(&[vec![1, 2], vec![2, 9], vec![]], 0.5);
        let rows =
            [Tags::pack(&[(3, 255), (1, 51), (2, 102), (60_000, 1)]), Tags::pack(&[(3, 255)])];
        let tags = Tags::owned(rows.concat()).unwrap();
        let expected = 0.5 * (0.4 + 0.4) / 3f32.sqrt();
        let mut room = Vec::new();
        assert!((query.words().score(&tags, 0, &mut room) - expected).abs() < 1e-6);
        assert_eq!(query.words().score(&tags, 1, &mut room), 0.0);
        assert_eq!(Query::new(vec![]).words().bound(), 0.0);
    }

    #[test]
    fn every_tag_number_can_be_called() {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        let query = Query::new(vec![]).with_words(&[all], 1.0);
        let tags = Tags::owned(Tags::pack(&[(u16::MAX, 255)]).to_vec()).unwrap();
        assert_eq!(query.words().score(&tags, 0, &mut Vec::new()), 1.0);
    }

    #[test]
    fn minus_is_linear() {
        let query = Query::new(vec![1.0, 0.0]).minus(&[0.5, 0.5], 2.0);
        assert_eq!(query.vector(), [0.0, -1.0]);
    }
}

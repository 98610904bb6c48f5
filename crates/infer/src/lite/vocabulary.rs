//! The words that labels, attributes and things go by, and the words of a query.

use super::attributes::phrases;
use super::things;
use serde::Deserialize;
use std::collections::HashMap;

/// One of the 1000 classes of ImageNet-1k, in words.
#[derive(Debug, Clone, Deserialize)]
pub struct Label {
    /// The class as one says it.
    pub name: String,
    /// Its synonyms, separated by commas.
    #[serde(rename = "syn")]
    pub synonyms: String,
    /// What people type who look for it: what it is used for, where it stands, what it is part of.
    #[serde(rename = "exp", default)]
    pub expansions: Vec<String>,
    /// The two terms above it in WordNet.
    #[serde(rename = "hyp", default)]
    pub broader: Vec<String>,
}

/// Labels in the order of the network's classes. Names and synonyms are those of the ImageNet
/// synsets, broader terms come from WordNet 3.0, expansions were written for this search.
const LABELS: &str = include_str!("../../assets/vocabulary.json");

/// The built-in labels.
///
/// # Errors
/// Never with the vocabulary that is compiled in, which a test reads.
pub fn labels() -> Result<Vec<Label>, serde_json::Error> {
    serde_json::from_str(LABELS)
}

/// Words too common to tell pictures apart.
const STOP_WORDS: [&str; 37] = [
    "a", "an", "the", "of", "in", "on", "at", "with", "to", "from", "by", "and", "or", "its", "is",
    "are", "into", "over", "under", "above", "behind", "beside", "up", "out", "for", "his", "her",
    "their", "one", "big", "this", "that", "some", "there", "be", "as", "it",
];
/// Endings that are dropped, the first that fits. The last makes one word of "bicycle" and "bicycles".
const ENDINGS: [&str; 7] = ["ies", "ing", "es", "s", "y", "ed", "e"];
/// Letters that must stay.
const SHORTEST_STEM: usize = 3;

/// Stems of the words of a sentence that mean something, in order.
pub(super) fn stems(sentence: &str) -> impl Iterator<Item = String> {
    let lower = sentence.to_lowercase();
    let words: Vec<String> =
        lower.split(|c: char| !c.is_ascii_lowercase()).map(str::to_owned).collect();
    words
        .into_iter()
        .filter(|word| !word.is_empty() && !STOP_WORDS.contains(&word.as_str()))
        .map(|word| stem(&word).to_owned())
}

fn stem(word: &str) -> &str {
    ENDINGS
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.len() >= SHORTEST_STEM))
        .unwrap_or(word)
}

/// Which tags a word may mean: labels by their class, then attributes, then things.
pub(super) struct WordIndex {
    tags: HashMap<String, Vec<u16>>,
}

impl WordIndex {
    pub(super) fn of(labels: &[Label]) -> Self {
        let mut index = Self { tags: HashMap::new() };
        for (tag, label) in (0..).zip(labels) {
            let texts =
                [&label.synonyms].into_iter().chain(&label.expansions).chain(&label.broader);
            texts.for_each(|text| index.add(text, tag));
        }
        for (tag, phrase) in (labels.len() as u16..).zip(phrases()) {
            index.add(phrase, tag);
        }
        things::tags().for_each(|(tag, name)| index.add(name, tag));
        index
    }

    fn add(&mut self, text: &str, tag: u16) {
        for stem in stems(text) {
            let tags = self.tags.entry(stem).or_default();
            if tags.last() != Some(&tag) {
                tags.push(tag);
            }
        }
    }

    /// For each word of a query the tags that are called by it.
    pub(super) fn words(&self, query: &str) -> Vec<Vec<u16>> {
        stems(query).map(|stem| self.tags.get(&stem).cloned().unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_their_endings() {
        let of = |text| stems(text).collect::<Vec<_>>();
        assert_eq!(of("Two dogs running on the beaches"), ["two", "dog", "runn", "beach"]);
        assert_eq!(of("a bus, the sky & parties!"), ["bus", "sky", "part"]);
        for (one, many) in [("bicycle", "bicycles"), ("horse", "horses"), ("tree", "trees")] {
            assert_eq!(of(one), of(many));
        }
        assert!(of("über 12 ¿").iter().all(|word| word == "ber"));
    }

    #[test]
    fn a_word_finds_labels_and_attributes() {
        let labels = labels().expect("built-in vocabulary");
        assert_eq!(labels.len(), 1000);
        let index = WordIndex::of(&labels);
        let words = index.words("a cat in the fog zzz");
        assert_eq!(words.len(), 3);
        let tabby = labels.iter().position(|label| label.name.starts_with("tabby")).expect("tabby");
        assert!(words[0].contains(&(tabby as u16)), "{:?}", words[0]);
        let fog = phrases().iter().position(|phrase| phrase.starts_with("fog")).expect("fog");
        assert!(words[1].contains(&(1000 + fog as u16)));
        assert!(words[2].is_empty());
        assert!(words[0].contains(&2017), "COCO's cat: {:?}", words[0]);
    }
}

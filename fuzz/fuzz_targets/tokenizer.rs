//! Sentences, as CLIP's text tower takes them: always so many tokens, one first and one last, and padding after it.
//! With the vocabulary that set-up fetched.
#![no_main]
#![allow(unused)]

/// What `towers` needs of its crate.
mod registry {
    pub enum Family {
        Lite,
        Whisper,
        Clip,
        Siglip2,
    }
}
mod resize {
    #[derive(Debug)]
    pub enum FilterType {
        CatmullRom,
        Bilinear,
    }
}
#[derive(Debug)]
pub enum InferError {
    BadFile { path: std::path::PathBuf, reason: String },
    Io(std::io::Error),
}
impl From<std::io::Error> for InferError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

#[path = "../../crates/infer/src/towers"]
mod towers {
    mod clean;
    mod recipe;
    mod words;

    use crate::{FIRST, LAST, registry::Family};
    use std::path::PathBuf;

    /// CLIP's words and how they are laid out.
    pub struct Clip(words::Words, &'static recipe::Recipe);

    impl Clip {
        /// With the vocabulary in the home folder of Rushes.
        pub fn open() -> Self {
            let home = std::env::var_os("RUSHES_HOME").map(PathBuf::from);
            let home =
                home.unwrap_or_else(|| std::env::home_dir().expect("there is one").join(".rushes"));
            let path = home.join("models").join(words::VOCABULARY_KEY).join(words::VOCABULARY_FILE);
            let recipe = recipe::Recipe::of(Family::Clip).expect("it has two towers");
            let words = words::Words::open(&words::WordSource::ClipVocabulary(path), recipe);
            Self(words.expect("`scripts/setup test` has fetched it"), recipe)
        }

        /// Checks the tokens of a sentence.
        pub fn check(&self, sentence: &str) {
            let words::Tokens { ids, mask } =
                self.0.tokens(sentence).expect("every sentence has tokens");
            let (all, taken) = (self.1.tokens, mask.iter().sum::<i64>() as usize);
            assert_eq!((ids.len(), mask.len()), (all, all));
            assert!((2..=all).contains(&taken), "{taken} tokens");
            assert_eq!((ids[0], ids[taken - 1]), (FIRST, LAST));
            assert!(
                ids[1..taken - 1].iter().all(|id| (0..FIRST).contains(id)),
                "a sentence got a mark in"
            );
            assert!(ids[taken..].iter().chain(&mask[taken..]).all(|&padding| padding == 0));
        }
    }
}

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

/// Ids of the two tokens around a sentence (`clip/simple_tokenizer.py`).
const FIRST: i64 = 49_406;
const LAST: i64 = 49_407;

static CLIP: OnceLock<towers::Clip> = OnceLock::new();

fuzz_target!(|sentence: &str| CLIP.get_or_init(towers::Clip::open).check(sentence));

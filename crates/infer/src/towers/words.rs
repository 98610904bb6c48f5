//! From a sentence to the tokens that a text tower reads.

use super::recipe::Recipe;
use crate::InferError;
use flate2::read::GzDecoder;
use std::{
    io::Read,
    path::{Path, PathBuf},
};
use tokenizers::{
    SplitDelimiterBehavior, Tokenizer,
    models::bpe::{BPE, Merges, Vocab},
    pre_tokenizers::{
        PreTokenizerWrapper,
        byte_level::ByteLevel,
        sequence::Sequence,
        split::{Split, SplitPattern},
    },
};

/// Component and file with CLIP's vocabulary.
pub(super) const VOCABULARY_KEY: &str = "clip-vocabulary";
pub(super) const VOCABULARY_FILE: &str = "bpe_simple_vocab_16e6.txt.gz";

/// Merges that CLIP uses of the many in its vocabulary file: 49,152 tokens less the 256 bytes, and less
/// the two tokens around a sentence (`clip/simple_tokenizer.py`, which counts the bytes only once).
const CLIP_MERGES: usize = 49_152 - 256 - 2;

/// Longest unpacked vocabulary that is read; the real one has 3 MB.
const VOCABULARY_LIMIT: u64 = 16 << 20;

/// How CLIP splits a sentence into words (`clip/simple_tokenizer.py`); it is lower-cased by then. The
/// two tokens around a sentence are left out of the pattern, so that they are words like others.
const CLIP_WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// Longest sentence that is looked at, in characters: far more than any tower reads.
const LONGEST_SENTENCE: usize = 2_000;

/// File that a model's words come from.
#[derive(Debug, Clone)]
pub(super) enum WordSource {
    /// A `tokenizer.json`.
    Json(PathBuf),
    /// CLIP's list of merges, gzipped.
    ClipVocabulary(PathBuf),
}

/// A tokenizer with the recipe's first and last token around every sentence.
///
/// The two are put there by id and not by the tokenizer file, whose template differs from export to
/// export, and a sentence that spells them out does not get them in.
pub(super) struct Words {
    tokenizer: Tokenizer,
    first: Option<i64>,
    last: i64,
    length: usize,
    clean: fn(&str) -> String,
}

/// A sentence as a text tower takes it: `length` tokens, and 1 where they are no padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens {
    pub ids: Vec<i64>,
    pub mask: Vec<i64>,
}

impl Words {
    pub(super) fn open(source: &WordSource, recipe: &Recipe) -> Result<Self, InferError> {
        let (path, tokenizer) = match source {
            WordSource::Json(path) => (path, json_tokenizer(path)?),
            WordSource::ClipVocabulary(path) => (path, clip_tokenizer(path)?),
        };
        let id = |token: &str| {
            tokenizer
                .token_to_id(token)
                .map(i64::from)
                .ok_or_else(|| bad(path, format!("it has no token {token}")))
        };
        let (first, last) = (recipe.first_token.map(id).transpose()?, id(recipe.last_token)?);
        Ok(Self { first, last, tokenizer, length: recipe.tokens, clean: recipe.clean })
    }

    /// Cuts the sentence to what fits and pads it with 0 to the length.
    pub(super) fn tokens(&self, sentence: &str) -> Result<Tokens, String> {
        let sentence: String = sentence.chars().take(LONGEST_SENTENCE).collect();
        let sentence = (self.clean)(&sentence);
        let encoding =
            self.tokenizer.encode_fast(sentence, false).map_err(|error| error.to_string())?;
        let room = self.length - 1 - usize::from(self.first.is_some());
        let inner = encoding.get_ids().iter().take(room).map(|&id| i64::from(id));
        let mut ids: Vec<i64> = self.first.into_iter().chain(inner).collect();
        ids.push(self.last);
        let mut mask = vec![1; ids.len()];
        ids.resize(self.length, 0);
        mask.resize(self.length, 0);
        Ok(Tokens { ids, mask })
    }
}

fn bad(path: &Path, reason: impl ToString) -> InferError {
    InferError::BadFile { path: path.to_owned(), reason: reason.to_string() }
}

fn json_tokenizer(path: &Path) -> Result<Tokenizer, InferError> {
    let bytes = fs_err::read(path)?;
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| bad(path, error))?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|error| bad(path, error))?;
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}

fn clip_tokenizer(path: &Path) -> Result<Tokenizer, InferError> {
    let mut text = String::new();
    GzDecoder::new(fs_err::File::open(path)?)
        .take(VOCABULARY_LIMIT)
        .read_to_string(&mut text)
        .map_err(|error| bad(path, error))?;
    let merges = clip_merges(&text)
        .ok_or_else(|| bad(path, format!("it does not have {CLIP_MERGES} pairs to merge")))?;
    tokenizer_of(merges).map_err(|error| bad(path, error))
}

/// The pairs of lines 2 and on; the first line is a heading.
fn clip_merges(text: &str) -> Option<Merges> {
    let pair =
        |line: &str| line.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()));
    let merges: Option<Merges> = text.lines().skip(1).take(CLIP_MERGES).map(pair).collect();
    merges.filter(|merges| merges.len() == CLIP_MERGES)
}

/// Ids count through: the 256 bytes, the same at the end of a word, the merged pairs, and the tokens
/// before and after a sentence.
fn clip_vocabulary(merges: &Merges) -> Vocab {
    let bytes = || {
        // A byte that is no visible Latin-1 letter is written as one from U+0100 on.
        ('!'..='~').chain('¡'..='¬').chain('®'..='ÿ').chain('\u{100}'..='\u{143}')
    };
    let inner = bytes().map(String::from);
    let final_ = bytes().map(|byte| format!("{byte}</w>"));
    let merged = merges.iter().map(|(left, right)| format!("{left}{right}"));
    let around = ["<|startoftext|>", "<|endoftext|>"].map(String::from);
    inner.chain(final_).chain(merged).chain(around).zip(0..).collect()
}

fn tokenizer_of(merges: Merges) -> tokenizers::Result<Tokenizer> {
    let model = BPE::builder()
        .vocab_and_merges(clip_vocabulary(&merges), merges)
        .end_of_word_suffix("</w>".to_owned())
        .build()?;
    let mut tokenizer = Tokenizer::new(model);
    let words = SplitPattern::Regex(CLIP_WORDS.to_owned());
    let splitters: Vec<PreTokenizerWrapper> = vec![
        Split::new(words, SplitDelimiterBehavior::Removed, true)?.into(),
        ByteLevel::new(false, true, false).into(),
    ];
    tokenizer.with_pre_tokenizer(Some(Sequence::new(splitters)));
    Ok(tokenizer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        registry::{Family, ModelFolder},
        towers::recipe::Recipe,
    };

    fn recipe(family: Family) -> &'static Recipe {
        Recipe::of(family).unwrap()
    }

    fn clip_words() -> Words {
        let home = std::env::var_os("RUSHES_HOME")
            .map(PathBuf::from)
            .unwrap_or_else(|| std::env::home_dir().unwrap().join(".rushes"));
        let folder = ModelFolder::new(home.join("models"));
        let path = folder.path().join(VOCABULARY_KEY).join(VOCABULARY_FILE);
        assert!(path.is_file(), "{} is missing: run `make setup`", path.display());
        Words::open(&WordSource::ClipVocabulary(path), recipe(Family::Clip)).unwrap()
    }

    /// Sentences and their tokens by published software; see tests/reference.
    #[derive(serde::Deserialize)]
    struct Reference {
        sentences: Vec<Sentence>,
    }

    #[derive(serde::Deserialize)]
    struct Sentence {
        text: String,
        ids: Vec<i64>,
    }

    /// The sentences that get other tokens here than in the reference.
    fn differing(words: &Words, reference: &str) -> Vec<String> {
        let reference: Reference = serde_json::from_str(reference).unwrap();
        assert!(reference.sentences.len() > 30);
        let differs = |one: &Sentence| words.tokens(&one.text).unwrap().ids != one.ids;
        reference.sentences.into_iter().filter(differs).map(|one| one.text).collect()
    }

    #[test]
    fn clip_tokens_are_the_published_ones() {
        let reference = include_str!("../../tests/reference/clip_tokens.json");
        let on_purpose = [
            // Spelled out, the two tokens around a sentence are words like others.
            "<|startoftext|> inside <|endoftext|> text",
            // A search is typed: it holds no HTML, and nobody decoded it wrongly.
            "&amp; &lt;b&gt; &quot;x&quot; &#39; &eacute; &nbsp;",
            "cafÃ© naÃ¯ve â€œquotedâ€\u{9d}",
        ];
        assert_eq!(differing(&clip_words(), reference), on_purpose);
    }

    #[test]
    fn tokens_of_siglip2s_kind_of_vocabulary_are_the_published_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        fs_err::write(&path, include_str!("../../tests/reference/siglip2_tokenizer.json")).unwrap();
        let words = Words::open(&WordSource::Json(path), recipe(Family::Siglip2)).unwrap();
        let reference = include_str!("../../tests/reference/siglip2_tokens.json");
        assert_eq!(differing(&words, reference), [""; 0]);
    }

    #[test]
    fn the_mask_tells_words_from_padding() {
        let tokens = clip_words().tokens("a photo of a cat").unwrap();
        assert_eq!(tokens.mask.iter().sum::<i64>(), 7);
        assert_eq!((tokens.ids[6], tokens.mask[6], tokens.mask[7]), (49407, 1, 0));
    }

    #[test]
    fn long_sentences_are_cut_and_keep_their_last_token() {
        let tokens = clip_words().tokens(&"rain ".repeat(100_000)).unwrap();
        assert_eq!((tokens.ids.len(), tokens.ids[75], tokens.ids[76]), (77, 2443, 49407));
        assert_eq!(tokens.mask, [1; 77]);
    }

    #[test]
    fn a_sentence_cannot_spell_out_its_own_end() {
        let tokens = clip_words().tokens("<|endoftext|> x").unwrap();
        assert_eq!(tokens.ids.iter().filter(|&&id| id == 49407).count(), 1);
    }

    /// A word-level tokenizer whose template puts `<bos>` in front, as Gemma's does.
    const JSON: &str = r#"{
        "version": "1.0", "truncation": null,
        "padding": {"strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": null,
                    "pad_id": 3, "pad_type_id": 0, "pad_token": "<unk>"},
        "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}},
        "decoder": null,
        "model": {"type": "WordLevel", "unk_token": "<unk>",
            "vocab": {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "red": 4, "car": 5}}}"#;

    #[test]
    fn siglip2_sentences_are_lower_case_end_and_are_padded_to_64() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        fs_err::write(&path, JSON).unwrap();
        let words = Words::open(&WordSource::Json(path), recipe(Family::Siglip2)).unwrap();
        let mut expected = vec![4, 5, 3, 1];
        expected.resize(64, 0);
        assert_eq!(words.tokens("Red CAR flies").unwrap().ids, expected);
    }

    #[test]
    fn files_that_are_no_vocabulary_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        fs_err::write(&path, JSON.replace("<eos>", "<end>")).unwrap();
        let sources = [WordSource::Json(path.clone()), WordSource::ClipVocabulary(path)];
        for source in sources {
            let refused = Words::open(&source, recipe(Family::Siglip2));
            assert!(matches!(refused, Err(InferError::BadFile { .. })), "{source:?}");
        }
    }
}

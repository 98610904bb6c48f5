//! Finding words in what was read and what was said, whatever their case, accents and punctuation.
//!
//! Two ways to look. A [`Wording`] is found exactly, anywhere in the [`Index`] of a transcript, and each
//! [`Passage`] tells from which word to which. A [`Phrase`] also forgives slips, and says how well each
//! text of a [`Folded`] collection holds it. Texts are folded once; what they are compared with is folded
//! in the same way.
//!
//! ```
//! use rushes_text::{Index, Phrase, Wording};
//!
//! let mut index = Index::new(true);
//! index.push(["Good", "morning,", "Zoë."]);
//! index.push(["I", "don’t", "know."]);
//! let found: Vec<_> = index.find(&Wording::new("zoe i dont")).collect();
//! assert_eq!((found[0].first.segment, found[0].first.word), (0, 2));
//! assert_eq!((found[0].last.segment, found[0].last.word), (1, 1));
//!
//! assert!(Phrase::new("good mornin").score(["Good morning, Zoë."]) > 0.9);
//! assert_eq!(index.find(&Wording::new("goof morning")).count(), 0);
//! ```

mod exact;
mod fold;
mod folded;
mod glance;
mod matching;

pub use exact::{Index, Passage, Place, Wording};
pub use fold::words;
pub use folded::{Folded, Found, Room, word_count};
pub use matching::Phrase;

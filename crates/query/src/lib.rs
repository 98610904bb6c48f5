//! The query language of Rushes, the same for every way in.
//!
//! Four nouns. A [`Query`] is either a sentence, which means exactly what it says, or an expression:
//! a tree of [`Node`]s. A [`Leaf`] is something that a moment fits more or less: a sentence, a
//! picture, words that are said or can be read, a person. A [`Filter`] is a fact about a medium that
//! is so or not. [`Node::score`] makes one score of those of all leaves.
//!
//! What is a sentence is decided before anything else, and whatever has no unmistakable mark of the
//! language is one; `docs/query.md` has the rule. Positions are characters, counted from 0.
//!
//! ```
//! use rushes_query::{Query, parse};
//!
//! assert_eq!(parse("a cat and/or a dog (5:30)")?, Query::Sentence("a cat and/or a dog (5:30)".into()));
//!
//! let Query::Expression(node) = parse("a dog NOT snow kind:video")? else { unreachable!() };
//! assert_eq!(node.to_string(), r#""a dog" AND NOT "snow" AND kind:video"#);
//! assert_eq!(node.score(&[0.5, 0.2], |_| true), 0.4);
//! assert_eq!(node.score(&[0.5, 0.2], |_| false), 0.0);
//!
//! let error = parse("a dog duration:long").unwrap_err();
//! assert_eq!((error.span.start, error.span.len), (15, 4));
//! # Ok::<(), rushes_query::QueryError>(())
//! ```

mod ast;
mod error;
mod filter;
mod glob;
mod key;
mod lexer;
mod marks;
mod parser;
mod person;
mod score;
mod values;

pub use ast::{Leaf, Node, Query};
pub use error::{Operator, Problem, QueryError, Span};
pub use filter::{Filter, MediaView};
pub use parser::parse;
pub use values::{Class, Date, Lines, Orientation, Resolution, Seconds, Test};

/// Longest query in characters. Callers refuse longer ones; [`parse`] itself takes time in proportion.
pub const MAX_CHARS: usize = 2000;
/// Most leaves of one query: each is an inference or a scan.
pub const MAX_LEAVES: usize = 32;
/// How deep parentheses and `NOT` may be nested.
pub const MAX_DEPTH: usize = 32;
/// Largest weight. A weight is above 0.
pub const MAX_WEIGHT: f32 = 100.0;

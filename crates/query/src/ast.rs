//! What a query means.

use crate::{error::Span, filter::Filter, parser::parse};
use std::fmt;

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// These very words.
    Sentence(String),
    /// A combination of leaves and filters.
    Expression(Node),
}

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// All of these, two at least.
    And(Vec<Node>),
    /// Any of these, two at least.
    Or(Vec<Node>),
    /// The opposite.
    Not(Box<Node>),
    /// A leaf or a group that counts more or less than others in the same `AND` or `OR`.
    Weighted {
        /// What counts so; there is a leaf in it.
        node: Box<Node>,
        /// Above 0 and at most [`MAX_WEIGHT`](crate::MAX_WEIGHT); 1 is as if there were none.
        weight: f32,
    },
    /// Something that a moment fits more or less.
    Leaf {
        /// What.
        leaf: Leaf,
        /// Its place among the leaves of the query, from 0 and from left to right.
        index: usize,
        /// Where it stands, without its weight.
        span: Span,
    },
    /// Something that is so or not.
    Filter {
        /// What.
        filter: Filter,
        /// Where it stands.
        span: Span,
    },
}

/// Something that a moment fits more or less. No text is blank.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    /// What is seen, in words.
    Sentence(String),
    /// What looks like the picture at this path.
    Image(String),
    /// What looks like a frame.
    Frame {
        /// Path of the medium.
        path: String,
        /// Seconds from its start, finite and not negative.
        seconds: f64,
    },
    /// Words that can be read in the picture.
    Text(String),
    /// Words that are spoken.
    Said(String),
    /// Somebody by name.
    Person(String),
}

impl Node {
    /// All leaves with their places, in the order of their index.
    #[must_use]
    pub fn leaves(&self) -> Vec<(&Leaf, Span)> {
        let mut leaves = Vec::new();
        self.visit(&mut |node| {
            if let Self::Leaf { leaf, span, .. } = node {
                leaves.push((leaf, *span));
            }
        });
        leaves
    }

    /// All filters with their places, from left to right.
    #[must_use]
    pub fn filters(&self) -> Vec<(&Filter, Span)> {
        let mut filters = Vec::new();
        self.visit(&mut |node| {
            if let Self::Filter { filter, span } = node {
                filters.push((filter, *span));
            }
        });
        filters
    }

    fn visit<'n>(&'n self, see: &mut impl FnMut(&'n Self)) {
        see(self);
        match self {
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().for_each(|node| node.visit(see)),
            Self::Not(node) | Self::Weighted { node, .. } => node.visit(see),
            Self::Leaf { .. } | Self::Filter { .. } => {}
        }
    }

    /// Writes a part of a larger node, in parentheses where `grouped`.
    fn write_part(&self, f: &mut fmt::Formatter<'_>, grouped: bool) -> fmt::Result {
        if grouped { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

/// Text that parses to the same query again.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sentence(text) if parse(text).as_ref() == Ok(self) => f.write_str(text),
            Self::Sentence(text) => Quoted(text).fmt(f),
            Self::Expression(node) => node.fmt(f),
        }
    }
}

/// Text that parses to the same node again: every sentence in quotes, every operator written out.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined =
            |f: &mut fmt::Formatter<'_>, nodes: &[Self], word, grouped: fn(&Self) -> bool| {
                for (at, node) in nodes.iter().enumerate() {
                    f.write_str(if at > 0 { word } else { "" })?;
                    node.write_part(f, grouped(node))?;
                }
                Ok(())
            };
        match self {
            Self::And(nodes) => {
                joined(f, nodes, " AND ", |node| matches!(node, Self::And(_) | Self::Or(_)))
            }
            Self::Or(nodes) => joined(f, nodes, " OR ", |node| matches!(node, Self::Or(_))),
            Self::Not(node) => {
                f.write_str("NOT ")?;
                node.write_part(f, matches!(**node, Self::And(_) | Self::Or(_)))
            }
            Self::Weighted { node, weight } => {
                node.write_part(f, !matches!(**node, Self::Leaf { .. }))?;
                write!(f, "^{weight}")
            }
            Self::Leaf { leaf, .. } => leaf.fmt(f),
            Self::Filter { filter, .. } => filter.fmt(f),
        }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sentence(text) => Quoted(text).fmt(f),
            Self::Image(path) => write!(f, "image:{}", Quoted(path)),
            Self::Frame { path, seconds } => write!(f, "frame:{}@{seconds}", Quoted(path)),
            Self::Text(text) => write!(f, "text:{}", Quoted(text)),
            Self::Said(text) => write!(f, "said:{}", Quoted(text)),
            Self::Person(name) => write!(f, "@{}", Quoted(name)),
        }
    }
}

/// Text in quotes, its own quotation marks twice.
pub(crate) struct Quoted<'t>(pub(crate) &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

//! No input may panic, and what was parsed is written so that it parses again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed set-up is a failed test")]

use proptest::prelude::*;
use rushes_model::{FrameRate, MediaKind};
use rushes_query::{Filter, Leaf, Node, Query, Span, parse};
use std::time::{Duration, Instant};

/// Pieces that, thrown together, are often nearly the language.
const PIECES: &[&str] = &[
    " ",
    "  ",
    "AND",
    "OR",
    "NOT",
    " AND ",
    " OR ",
    " NOT ",
    "(",
    ")",
    "\"",
    "\"\"",
    "“",
    "”",
    "^",
    "^2",
    "^0.5",
    "^0",
    "^-1",
    "@",
    "@Ines",
    "@\"Ines B\"",
    "kind:",
    "kind:video",
    "in:",
    "in:\"/day 2\"",
    "date:",
    "2024-05",
    "..",
    ">=",
    "<",
    "=",
    "duration:",
    "30s",
    "1m",
    "fps:",
    "23.976",
    "30000/1001",
    "resolution:",
    "1080p",
    "4k",
    "1x2",
    "codec:",
    "pcm",
    "text:",
    "said:\"a b\"",
    "frame:",
    "\"/a.mov\"",
    "@1.5",
    "@00:00:01",
    "image:/a.jpg",
    "name:*.mov",
    "has:audio",
    "orientation:square",
    "width:",
    "height:",
    "5",
    "dog",
    "a red car",
    "CAT",
    "é",
    "🐕",
    "狗",
    "\u{301}",
    "'",
    ":",
    "/",
    "\\",
    ".",
    ",",
    "\n",
    "\t",
    "unknown:x",
    "durations:3s",
];

fn nearly() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

/// The same tree as if it had been written elsewhere.
fn placeless(node: &Node) -> Node {
    let all = |nodes: &[Node]| nodes.iter().map(placeless).collect();
    let span = Span::default();
    match node {
        Node::And(nodes) => Node::And(all(nodes)),
        Node::Or(nodes) => Node::Or(all(nodes)),
        Node::Not(node) => Node::Not(Box::new(placeless(node))),
        Node::Weighted { node, weight } => {
            Node::Weighted { node: Box::new(placeless(node)), weight: *weight }
        }
        Node::Leaf { leaf, index, .. } => Node::Leaf { leaf: leaf.clone(), index: *index, span },
        Node::Filter { filter, .. } => Node::Filter { filter: filter.clone(), span },
    }
}

fn same(a: &Query, b: &Query) -> bool {
    match (a, b) {
        (Query::Expression(a), Query::Expression(b)) => placeless(a) == placeless(b),
        (a, b) => a == b,
    }
}

/// Everything that is promised of any text.
fn check(text: &str) {
    let length = text.chars().count();
    match parse(text) {
        Ok(query) => {
            let written = query.to_string();
            let again =
                parse(&written).unwrap_or_else(|error| panic!("{text:?} {written:?} {error}"));
            assert!(same(&query, &again), "{text:?} {written:?}\n{query:?}\n{again:?}");
            if let Query::Expression(node) = &query {
                check_places(node, length);
            }
        }
        Err(error) => {
            assert!(error.span.len > 0 && error.span.end() <= length, "{text:?} {error:?}");
            assert_eq!(error.pointed(text).lines().count(), 2, "{text:?}");
        }
    }
}

fn check_places(node: &Node, length: usize) {
    let leaves = node.leaves();
    let spans = leaves.iter().map(|(_, span)| span);
    let spans: Vec<&Span> = spans.collect();
    assert!(spans.windows(2).all(|pair| pair[0].end() <= pair[1].start));
    assert!(spans.iter().all(|span| span.len > 0 && span.end() <= length));
    let scores = vec![0.5; leaves.len()];
    assert!((0.0..=1.0).contains(&node.score(&scores, |_| true)));
}

fn words() -> impl Strategy<Value = String> {
    let tricky = prop::sample::select(PIECES).prop_map(str::to_owned);
    prop_oneof!["\\PC{0,12}", tricky].prop_filter("blank", |text| !text.trim().is_empty())
}

fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![
        words().prop_map(Leaf::Sentence),
        words().prop_map(Leaf::Image),
        words().prop_map(Leaf::Text),
        words().prop_map(Leaf::Said),
        words().prop_map(|name| Leaf::Person(name.trim().to_owned())),
        (words(), 0.0..1e9).prop_map(|(path, seconds)| Leaf::Frame { path, seconds }),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let rate = (1..100_000_u32, 1..2000_u32)
        .prop_filter_map("rate", |(num, den)| FrameRate::new(num, den));
    prop_oneof![
        Just(Filter::Kind(MediaKind::Audio)),
        Just(Filter::HasAudio),
        words().prop_map(|text| Filter::In(text.trim().to_owned())),
        words().prop_map(|text| Filter::Name(text.trim().to_owned())),
        rate.prop_map(|rate| Filter::Fps(rushes_query::Test::AtLeast(rate))),
        (0.0..1e6)
            .prop_map(|s| Filter::Duration(rushes_query::Test::Below(rushes_query::Seconds(s)))),
    ]
}

/// Trees as the parser can give them; indices are put in afterwards.
fn tree() -> impl Strategy<Value = Node> {
    let span = Span::default();
    let tip = prop_oneof![
        4 => leaf().prop_map(move |leaf| Node::Leaf { leaf, index: 0, span }),
        1 => filter().prop_map(move |filter| Node::Filter { filter, span }),
    ];
    tip.prop_recursive(5, 20, 3, |inner| {
        let many = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            many.clone().prop_map(Node::And),
            many.prop_map(Node::Or),
            inner.clone().prop_map(|node| Node::Not(Box::new(node))),
            (inner, 0.001f32..100.0).prop_map(|(node, weight)| {
                if node.leaves().is_empty() {
                    node
                } else {
                    Node::Weighted { node: Box::new(node), weight }
                }
            }),
        ]
    })
}

fn number(node: &mut Node, next: &mut usize) {
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter_mut().for_each(|node| number(node, next)),
        Node::Not(node) | Node::Weighted { node, .. } => number(node, next),
        Node::Leaf { index, .. } => {
            *index = *next;
            *next += 1;
        }
        Node::Filter { .. } => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text: String) {
        check(&text);
    }

    #[test]
    fn any_line(text in "\\PC{0,60}") {
        check(&text);
        check(&format!("kind:video {text}"));
    }

    #[test]
    fn what_is_nearly_the_language(text in nearly()) {
        check(&text);
        check(&format!("kind:video {text}"));
    }

    #[test]
    fn any_tree_is_written_so_that_it_parses_again(mut node in tree()) {
        number(&mut node, &mut 0);
        let only_a_sentence = matches!(node, Node::Leaf { leaf: Leaf::Sentence(_), .. });
        if node.leaves().len() <= rushes_query::MAX_LEAVES && !only_a_sentence {
            let written = node.to_string();
            match parse(&written) {
                Ok(Query::Expression(again)) => prop_assert_eq!(placeless(&again), node, "{}", written),
                other => panic!("{written:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn any_sentence_is_written_so_that_it_parses_again(text in words()) {
        let sentence = Query::Sentence(text);
        prop_assert_eq!(parse(&sentence.to_string()), Ok(sentence));
    }
}

#[test]
fn long_texts_take_time_in_proportion() {
    for piece in PIECES {
        for text in [piece.repeat(5000), format!("a{piece} ").repeat(5000)] {
            for text in [format!("kind:video {text}"), text] {
                let start = Instant::now();
                let _ = parse(&text);
                let taken = start.elapsed();
                assert!(taken < Duration::from_secs(5), "{piece:?} took {taken:?}");
            }
        }
    }
}

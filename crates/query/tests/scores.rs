//! The laws of scoring.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed set-up is a failed test")]

use proptest::prelude::*;
use rushes_model::MediaKind;
use rushes_query::{Filter, Node, Query, parse};

fn expression(text: &str) -> Node {
    match parse(text) {
        Ok(Query::Expression(node)) => node,
        other => panic!("{text}: {other:?}"),
    }
}

/// `kind:video` fits, any other filter does not.
fn is_video(filter: &Filter) -> bool {
    *filter == Filter::Kind(MediaKind::Video)
}

fn score(text: &str, leaves: &[f32]) -> f32 {
    expression(text).score(leaves, is_video)
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn the_examples_of_the_page() {
    assert!(near(score("a dog AND a beach", &[0.8, 0.5]), 0.4));
    assert!(near(score("a dog OR a cat", &[0.8, 0.5]), 0.9));
    assert!(near(score("a dog NOT snow", &[0.8, 0.5]), 0.4));
    assert!(near(score("a dog^2 AND a beach", &[0.8, 0.5]), 0.32));
    assert!(near(score("a dog OR a cat^2", &[0.8, 0.5]), 0.95));
    assert!(near(score("a dog NOT snow^2", &[0.8, 0.5]), 0.2));
}

#[test]
fn filters_let_in_or_shut_out() {
    assert_eq!(score("a dog kind:video", &[0.3]), 0.3);
    assert_eq!(score("a dog kind:image", &[0.3]), 0.0);
    assert_eq!(score("a dog NOT kind:image", &[0.3]), 0.3);
    assert_eq!(score("a dog OR kind:image", &[0.3]), 0.3);
    assert_eq!(score("a dog OR kind:video", &[0.3]), 1.0);
    assert_eq!(score("a dog (kind:image OR kind:video)", &[0.3]), 0.3);
    assert_eq!(score("kind:video", &[]), 1.0);
}

#[test]
fn what_is_refused_by_its_facts_never_matches() {
    let admits = |text: &str| expression(text).admits(is_video);
    for text in [
        "dog kind:video",
        "dog OR kind:image",
        "NOT (dog kind:video)",
        "NOT kind:image",
        "NOT (dog OR kind:image)",
    ] {
        assert!(admits(text), "{text}");
    }
    for text in
        ["dog kind:image", "dog NOT kind:video", "(a OR b)^2 kind:image", "NOT (dog OR kind:video)"]
    {
        assert!(!admits(text), "{text}");
        assert_eq!(score(text, &[0.5, 0.5]), 0.0, "{text}");
    }
}

#[test]
fn odd_scores_do_no_harm() {
    assert_eq!(score("a AND b", &[0.5]), 0.0);
    assert_eq!(score("a OR b", &[0.5]), 0.5);
    for (odd, counts_as) in [(f32::NAN, 0.0), (-1.0, 0.0), (f32::INFINITY, 1.0), (2.0, 1.0)] {
        assert_eq!(score("a kind:video", &[odd]), counts_as);
        assert_eq!(score("NOT a", &[odd]), 1.0 - counts_as);
    }
    assert!(score("a^100 AND b", &[0.3, 0.3]) > 0.0, "a match is no match any more");
}

/// Expressions of two leaves that are under no `NOT`, or under two.
const RISING: [&str; 6] = [
    "a AND b",
    "a OR b",
    "a^3 AND b^0.2",
    "a^3 OR b^0.2",
    "NOT (NOT a^2 OR NOT b)",
    "(a OR kind:image)^2 b kind:video",
];

proptest! {
    #[test]
    fn scores_stay_in_bounds_and_never_fall_when_a_leaf_rises(a in 0f32..=1.0, b in 0f32..=1.0, more in 0f32..=1.0) {
        for text in RISING {
            let (low, high) = (score(text, &[a, b]), score(text, &[a.max(more), b]));
            prop_assert!((0.0..=1.0).contains(&low), "{text}");
            prop_assert!(high >= low - 1e-6, "{text}: {low} {high}");
            let negated = format!("NOT ({text})");
            prop_assert!(score(&negated, &[a.max(more), b]) <= score(&negated, &[a, b]) + 1e-6);
        }
    }

    #[test]
    fn one_sentence_keeps_its_score(a in 0f32..=1.0) {
        for text in ["(a) kind:video", "a OR kind:image", "\"a\"^1", "NOT NOT a"] {
            prop_assert!(near(score(text, &[a]), a), "{text}");
        }
        prop_assert_eq!(score("(a) kind:video", &[a]), a);
    }

    #[test]
    fn not_takes_away_in_proportion(a in 0f32..=1.0, b in 0f32..=1.0) {
        prop_assert!(near(score("a NOT b", &[a, b]), a * (1.0 - b)));
    }

    #[test]
    fn a_weight_of_two_is_standing_there_twice(a in 0f32..=1.0, b in 0f32..=1.0) {
        for (weighted, twice) in [
            ("a^2 AND b", "a AND a AND b"),
            ("a^2 OR b", "a OR a OR b"),
            ("NOT a^2 AND b", "NOT a AND NOT a AND b"),
            ("(NOT a)^2 OR b", "NOT a OR NOT a OR b"),
        ] {
            prop_assert!(near(score(weighted, &[a, b]), score(twice, &[a, a, b])), "{weighted}");
        }
    }

    #[test]
    fn and_and_or_are_each_others_opposite(a in 0f32..=1.0, b in 0f32..=1.0) {
        let (and, or) = (score("NOT (a^2 AND b)", &[a, b]), score("NOT a^2 OR NOT b", &[a, b]));
        prop_assert!(near(and, or));
    }

    #[test]
    fn order_does_not_matter(a in 0f32..=1.0, b in 0f32..=1.0) {
        for text in ["a AND b", "a OR b"] {
            prop_assert!(near(score(text, &[a, b]), score(text, &[b, a])));
        }
    }
}

//! What docs/query.md shows is so.
#![allow(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use rushes_query::{Query, parse};

const PAGE: &str = include_str!("../../../docs/query.md");

/// The text under a heading, up to the next one.
fn section(heading: &str) -> &'static str {
    let (_, after) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    after.split("\n## ").next().unwrap()
}

/// What stands in backticks.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of a section's table without its head, by their cells.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let table = section(heading).lines().filter(|line| line.starts_with('|')).skip(2);
    table.map(|line| line.trim_matches('|').split(" | ").collect()).collect()
}

fn is_expression(text: &str) -> bool {
    matches!(parse(text), Ok(Query::Expression(_)))
}

fn is_sentence(text: &str) -> bool {
    matches!(parse(text), Ok(Query::Sentence(_)))
}

#[test]
fn marks_are_marks_and_text_is_text() {
    let rows = rows("Sentence or expression");
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert!(codes(row[1]).all(is_expression), "{}", row[1]);
        assert!(codes(row[2]).all(is_sentence), "{}", row[2]);
    }
    for text in
        ["DOG AND CAT", "a sign that says DO NOT ENTER", "NOT AMUSED", "\"black AND white\""]
    {
        assert!(PAGE.contains(&format!("`{text}`")) && is_sentence(text), "{text}");
    }
    for text in ["\"DOG\" AND \"CAT\"", "DO NOT ENTER kind:video", "text:\"say \"\"hi\"\"\""] {
        assert!(PAGE.contains(&format!("`{text}`")) && is_expression(text), "{text}");
    }
}

#[test]
fn every_term_and_filter_of_the_tables_can_be_read() {
    let cells = [rows("What to look for"), rows("Filters")].concat();
    let terms = cells.iter().flat_map(|row| codes(row[0]));
    let terms: Vec<&str> = terms.filter(|term| term.contains([':', '@'])).collect();
    assert!(terms.len() > 40, "{}", terms.len());
    terms.iter().for_each(|term| assert!(is_expression(term), "{term}: {:?}", parse(term)));
}

#[test]
fn the_blocks_are_what_they_are_said_to_be() {
    let blocks: Vec<&str> = PAGE.split("```").skip(1).step_by(2).collect();
    assert!(is_sentence(blocks[0].trim()));
    assert!(blocks[1].trim().lines().all(is_expression));
    let [message, query, carets] = blocks[2].trim().lines().collect::<Vec<_>>()[..] else {
        unreachable!("the block has three lines")
    };
    let error = parse(query).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.pointed(query), format!("{query}\n{carets}"));
}

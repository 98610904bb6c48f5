//! What people type as a sentence stays that sentence, to the character.
#![allow(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use rushes_query::{MAX_CHARS, Query, parse};

/// None of these has a mark of the language.
const SENTENCES: &[&str] = &[
    "",
    "   ",
    "a dog on a beach",
    "  two  spaces\tand a tab, kept  ",
    "line one\nline two",
    "cats and dogs or birds, not fish",
    "and/or",
    "AND/OR",
    "a dog: a story",
    "kind: a portrait of a friend",
    "note to self: text: call home",
    "at 5:30 in the afternoon",
    "score 3:2",
    "ratio 16:9",
    "http://example.com/a?b=c&d=e",
    "file:///footage/a.mov",
    "C:\\footage\\day 2",
    "std::vec::Vec",
    "durations:>3s",
    "Kind:video",
    "KIND:video",
    "camera:arri",
    "mailto:me@example.com",
    "sub:kind:video",
    "ines@example.com",
    "write to ines@example.com, please",
    "a party @ 5pm",
    "@",
    "@@Ines",
    "@5pm",
    "@ Ines",
    "@Ines,Tom",
    "@example.com",
    "(",
    ")",
    ")(",
    "((((a man",
    "a man (old) walks",
    "happy :) sad :(",
    "f(x) = (x + 1)",
    "\"",
    "a 5\" screen beside a 7\" one",
    "6'2\" tall",
    "he said \"stop\" and left",
    "he said \"stop AND go kind:video @Ines\" and left",
    "\"stop\" \"go\"",
    "“stop” and “go”",
    "\"never closed",
    "'a dog' OR'a cat'",
    "it's the dogs' bowl",
    "rock 'n' roll",
    "🐕 on a 🏖️",
    "狗 在 海滩",
    "E=mc^2 on a blackboard",
    "(a+b)^2",
    "(a+b)^n is a^n",
    "^_^",
    "\"wow\"^^",
    "\"wow\"^high",
    "5 ^2",
    "AND",
    "OR",
    "NOT",
    "AND OR NOT",
    "AND gate on a board",
    "rock AND",
    "dog AND OR cat",
    "OR else",
    "ANDROID phone",
    "a NOTE on an ORGAN",
    "ANDy NOTes",
    "NOT AMUSED",
    "NOT 5",
    "5 AND 6",
    "DOG AND CAT",
    "(DOG AND CAT)",
    "a sign that says DO NOT ENTER",
    "DO NOT ENTER sign",
    "sign: EXIT OR STAIRS, red",
    "a shirt with R&B AND 80S JAZZ on it",
    "THIS AND THAT, NOT THOSE",
    "-snow",
    "a dog -snow",
    "+dog",
    "dog && cat || bird",
    "!important",
    "#sunset",
    "name = value",
    "50% of people",
    "C++",
    "--help",
    "null",
    "\\\"",
    "\u{0}",
    "\u{feff}kind",
    "a\u{301}: o",
    "<script>alert(1)</script>",
    "{\"query\": \"kind:video\"}",
    "SELECT * FROM clips WHERE kind='video'",
];

#[test]
fn sentences_are_untouched() {
    assert!(SENTENCES.len() >= 90);
    for text in SENTENCES {
        assert_eq!(parse(text), Ok(Query::Sentence((*text).to_owned())), "{text:?}");
    }
}

#[test]
fn quotes_around_everything_fall_away_and_protect_what_they_hold() {
    let quoted = [
        (r#""black AND white""#, "black AND white"),
        (r#"  "kind:video"  "#, "kind:video"),
        (r#""@Ines""#, "@Ines"),
        (r#""say ""AND"" aloud""#, "say \"AND\" aloud"),
        ("“black AND white”", "black AND white"),
        (r#"" padded ""#, " padded "),
        (r#""C:\day 2\""#, r"C:\day 2\"),
    ];
    for (text, sentence) in quoted {
        assert_eq!(parse(text), Ok(Query::Sentence(sentence.to_owned())), "{text}");
    }
}

#[test]
fn blank_quotes_are_two_characters() {
    for text in ["\"\"", " \"  \" "] {
        assert_eq!(parse(text), Ok(Query::Sentence(text.to_owned())));
    }
}

#[test]
fn one_change_makes_a_sentence_an_expression() {
    let pairs = [
        ("black and white", "black AND white"),
        ("DOG AND CAT", "DOG AND cat"),
        ("DOG AND CAT", "\"DOG\" AND CAT"),
        ("DOG AND CAT", "DOG AND CAT kind:video"),
        ("kind: video", "kind:video"),
        ("Kind:video", "kind:video"),
        ("@ Ines", "@Ines"),
        ("NOT AMUSED", "NOT amused"),
        ("dog AND", "dog AND cat"),
        ("\"wow\" ^2", "\"wow\"^2"),
        ("狗 and 猫", "狗 AND 猫"),
    ];
    for (sentence, expression) in pairs {
        assert_eq!(parse(sentence), Ok(Query::Sentence(sentence.to_owned())), "{sentence}");
        assert!(matches!(parse(expression), Ok(Query::Expression(_))), "{expression}");
    }
}

#[test]
fn sentences_of_any_length_stay_sentences() {
    for unit in [
        "(", ")", "\"a", " \"", "“", "AND ", "NOT ", "a: ", "^2", "@ ", "((\"", "\" \"\"",
        "DO NOT ",
    ] {
        let text = unit.repeat(MAX_CHARS * 10);
        assert!(matches!(parse(&text), Ok(Query::Sentence(same)) if same == text), "{unit:?}");
    }
}

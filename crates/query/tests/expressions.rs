//! Expressions and what they mean, written as the parser writes it back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed set-up is a failed test")]

use rushes_model::MediaKind;
use rushes_query::{Filter, Leaf, MAX_DEPTH, MAX_LEAVES, Node, Query, Span, parse};

fn expression(text: &str) -> Node {
    match parse(text) {
        Ok(Query::Expression(node)) => node,
        other => panic!("{text}: {other:?}"),
    }
}

/// Each with its meaning in the one way of writing that leaves nothing open.
const EXPRESSIONS: &[(&str, &str)] = &[
    // operators
    ("a red car AND a blue boat", r#""a red car" AND "a blue boat""#),
    ("a red car OR a blue boat", r#""a red car" OR "a blue boat""#),
    ("NOT snow", r#"NOT "snow""#),
    ("a beach NOT people", r#""a beach" AND NOT "people""#),
    ("a beach AND NOT people", r#""a beach" AND NOT "people""#),
    ("NOT NOT snow", r#"NOT NOT "snow""#),
    ("a AND b OR c AND d", r#""a" AND "b" OR "c" AND "d""#),
    ("a AND (b OR c) AND d", r#""a" AND ("b" OR "c") AND "d""#),
    ("a AND (b AND c)", r#""a" AND ("b" AND "c")"#),
    ("NOT(a OR b)c", r#"NOT ("a" OR "b") AND "c""#),
    ("to be OR NOT to be", r#""to be" OR NOT "to be""#),
    ("狗 AND 猫", r#""狗" AND "猫""#),
    ("a NASA logo AND ESA", r#""a NASA logo" AND "ESA""#),
    ("DO NOT ENTER kind:video", r#""DO" AND NOT "ENTER" AND kind:video"#),
    (r#""DO NOT ENTER" kind:video"#, r#""DO NOT ENTER" AND kind:video"#),
    // sentences inside of expressions
    ("a dog  on a beach kind:video", r#""a dog  on a beach" AND kind:video"#),
    (r#""a dog" "on a beach" kind:video"#, r#""a dog" AND "on a beach" AND kind:video"#),
    (r#"a 5" screen kind:video"#, r#""a 5"" screen" AND kind:video"#),
    (
        "it's 5:30 C:\\x http://a f(x) a/b kind:video",
        r#""it's 5:30 C:\x http://a f(x) a/b" AND kind:video"#,
    ),
    ("-snow kind:video", r#""-snow" AND kind:video"#),
    ("rock 'n' roll me@example.com kind:video", r#""rock 'n' roll me@example.com" AND kind:video"#),
    ("“black AND white” OR boat", r#""black AND white" OR "boat""#),
    // weights
    ("a red car^2 OR a blue boat^0.5", r#""a red car"^2 OR "a blue boat"^0.5"#),
    (r#""a red car"^2"#, r#""a red car"^2"#),
    ("(a OR b)^3 AND c", r#"("a" OR "b")^3 AND "c""#),
    ("NOT snow^2 AND ice", r#"NOT "snow"^2 AND "ice""#),
    ("(NOT snow)^2 AND ice", r#"(NOT "snow")^2 AND "ice""#),
    ("(a^2)^3 AND b", r#"("a"^2)^3 AND "b""#),
    ("text:exit^2 OR @Ines^.5", r#"text:"exit"^2 OR @"Ines"^0.5"#),
    ("x^y AND z^ AND ^2", r#""x^y" AND "z^" AND "^2""#),
    (r#""a"^1"#, r#""a"^1"#),
    // leaves
    ("image:/a/b.jpg", r#"image:"/a/b.jpg""#),
    (r#"image:"/a/b c (1).jpg" night"#, r#"image:"/a/b c (1).jpg" AND "night""#),
    ("(image:/a/b(1).jpg)", r#"image:"/a/b(1).jpg""#),
    (r#"image:"C:\day 2\""#, r#"image:"C:\day 2\""#),
    (r#"frame:"/a/b c.mov"@12.5"#, r#"frame:"/a/b c.mov"@12.5"#),
    ("frame:/a/b.mov@00:01:02.5^2", r#"frame:"/a/b.mov"@62.5^2"#),
    ("frame:/a@b/c.mov@3", r#"frame:"/a@b/c.mov"@3"#),
    (r#"text:"no ""exit""""#, r#"text:"no ""exit""""#),
    ("text:“no exit”", r#"text:"no exit""#),
    ("said:hello said:\"good morning\"", r#"said:"hello" AND said:"good morning""#),
    ("@Ines dancing", r#"@"Ines" AND "dancing""#),
    ("@O'Neil-Müller_2", r#"@"O'Neil-Müller_2""#),
    (r#"(@"Ines, edit 2" OR @李)"#, r#"@"Ines, edit 2" OR @"李""#),
    // filters
    ("kind:VIDEO kind:image kind:audio", "kind:video AND kind:image AND kind:audio"),
    (r#"in:"/day 2" in:/a in:C:\x"#, r#"in:"/day 2" AND in:"/a" AND in:"C:\x""#),
    ("name:A001*.mov", r#"name:"A001*.mov""#),
    ("date:2024 date:2024-05 date:2024-02-29", "date:2024 AND date:2024-05 AND date:2024-02-29"),
    ("date:2024-05..2024-07 date:>=2024-05-01", "date:2024-05..2024-07 AND date:>=2024-05-01"),
    ("date:<2024 date:2024.. date:..2024", "date:<2024 AND date:>=2024 AND date:<=2024"),
    ("duration:>30s duration:1m..2m30s", "duration:>30s AND duration:60s..150s"),
    ("duration:<=1.5h duration:=00:01:30.5", "duration:<=5400s AND duration:90.5s"),
    ("width:>=1920 height:1080 width:≥5", "width:>=1920 AND height:1080 AND width:>=5"),
    ("resolution:1920X1080 resolution:uhd", "resolution:1920x1080 AND resolution:4k"),
    ("resolution:>=1080p resolution:sd..hd", "resolution:>=1080p AND resolution:sd..hd"),
    ("fps:23.976 fps:23.98 fps:29.97", "fps:24000/1001 AND fps:24000/1001 AND fps:30000/1001"),
    ("fps:>=59.94 fps:25 fps:12.5", "fps:>=60000/1001 AND fps:25/1 AND fps:25/2"),
    ("fps:30000/1001 fps:24..30", "fps:30000/1001 AND fps:24/1..30/1"),
    ("codec:H.264 codec:x265 codec:ProRes", "codec:h264 AND codec:hevc AND codec:prores"),
    ("orientation:Portrait has:audio", "orientation:portrait AND has:audio"),
    ("NOT (kind:image OR duration:<5s) fire", r#"NOT (kind:image OR duration:<5s) AND "fire""#),
    (r#"duration:">30s""#, "duration:>30s"),
];

#[test]
fn expressions_mean_what_the_page_says() {
    for (text, meaning) in EXPRESSIONS {
        assert_eq!(expression(text).to_string(), *meaning, "{text}");
    }
}

#[test]
fn the_tree_has_places_and_indices() {
    let sentence = |text: &str, index, start, len| Node::Leaf {
        leaf: Leaf::Sentence(text.into()),
        index,
        span: Span { start, len },
    };
    let person =
        Node::Leaf { leaf: Leaf::Person("Zoë".into()), index: 1, span: Span { start: 8, len: 4 } };
    let video =
        Node::Filter { filter: Filter::Kind(MediaKind::Video), span: Span { start: 28, len: 10 } };
    let weighted = Node::Weighted { node: Box::new(person), weight: 2.0 };
    assert_eq!(
        expression("né 🐕 (  @Zoë^2 OR NOT snow) kind:video"),
        Node::And(vec![
            sentence("né 🐕", 0, 0, 4),
            Node::Or(vec![weighted, Node::Not(Box::new(sentence("snow", 2, 22, 4)))]),
            video,
        ])
    );
}

#[test]
fn leaves_and_filters_are_listed_in_order() {
    let node = expression("fire (text:exit OR NOT @Ines) kind:video image:/a.jpg NOT in:b");
    let leaves: Vec<String> = node.leaves().iter().map(|(leaf, _)| leaf.to_string()).collect();
    assert_eq!(leaves, [r#""fire""#, r#"text:"exit""#, r#"@"Ines""#, r#"image:"/a.jpg""#]);
    let places: Vec<usize> = node.filters().iter().map(|(_, span)| span.start).collect();
    assert_eq!(places, [30, 58]);
}

#[test]
fn the_limits_themselves_are_allowed() {
    let leaves = vec!["a"; MAX_LEAVES].join(" OR ");
    assert_eq!(expression(&leaves).leaves().len(), MAX_LEAVES);
    let nested = format!("{}a{} kind:video", "(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
    assert_eq!(expression(&nested).to_string(), r#""a" AND kind:video"#);
    let filters = vec!["kind:video"; 180].join(" ");
    assert_eq!(expression(&filters).filters().len(), 180);
}

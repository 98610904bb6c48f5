//! What is wrong is told with its place.
#![allow(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use rushes_query::{MAX_DEPTH, MAX_LEAVES, Problem, QueryError, Span, parse};

/// A query, the characters at fault, and words that the message has.
const ERRORS: &[(&str, &str, &str)] = &[
    ("a dog duration:abc", "abc", "`duration:` takes a number with s, m or h"),
    ("a dog duration:>30", ">30", "such as duration:>30s"),
    ("duration:30x", "30x", "got \"30x\""),
    ("duration:5s3m", "5s3m", "duration:"),
    ("duration:1:30", "1:30", "duration:"),
    ("duration:-5s", "-5s", "duration:"),
    ("duration:1e3s", "1e3s", "duration:"),
    ("duration:infs", "infs", "duration:"),
    ("duration:s", "s", "duration:"),
    ("duration:^2", "^2", "got \"^2\""),
    ("duration:2m..1m", "2m..1m", "ends before it begins"),
    ("date:2024-13", "2024-13", "`date:` takes a year, month or day"),
    ("date:2023-02-29", "2023-02-29", "date:"),
    ("date:24", "24", "date:"),
    ("date:tomorrow", "tomorrow", "date:"),
    ("date:2024-5", "2024-5", "date:"),
    ("date:2024-05-01-02", "2024-05-01-02", "date:"),
    ("date:2024..2023", "2024..2023", "ends before it begins"),
    ("date:..", "..", "date:"),
    ("width:>=wide", ">=wide", "width:"),
    ("width:99999999999", "99999999999", "width:"),
    ("width:200..100", "200..100", "ends before"),
    ("resolution:1920x", "1920x", "resolution:"),
    ("resolution:0x0", "0x0", "resolution:"),
    ("resolution:>=1920x1080", ">=1920x1080", "which can be compared"),
    ("resolution:hd..1080p", "hd..1080p", "resolution:"),
    ("resolution:4k..sd", "4k..sd", "ends before"),
    ("resolution:1080i", "1080i", "resolution:"),
    ("fps:fast", "fast", "fps:"),
    ("fps:0", "0", "fps:"),
    ("fps:24/0", "24/0", "fps:"),
    ("fps:99999999", "99999999", "fps:"),
    ("fps:30..24", "30..24", "ends before"),
    ("kind:movie", "movie", "video, image or audio"),
    ("kind:(video OR image)", "(video", "kind:"),
    ("codec:h264,hevc", "h264,hevc", "codec:"),
    ("orientation:up", "up", "orientation:"),
    ("has:subtitles", "subtitles", "has:"),
    ("frame:/a/b.mov", "/a/b.mov", "HH:MM:SS"),
    ("frame:/a/b.mov@soon", "/a/b.mov@soon", "a path and a time"),
    ("frame:/a/b.mov@01:02:03:04", "/a/b.mov@01:02:03:04", "HH:MM:SS"),
    ("frame:\"/a b.mov\"", "\"/a b.mov\"", "a path and a time"),
    ("frame:\"/a b.mov\"@-1", "\"/a b.mov\"", "got \"/a b.mov@-1\""),
    ("frame:@5", "@5", "frame:"),
    ("text:\"\"", "\"\"", "nothing between the quotation marks"),
    ("@\" \"", "@\" \"", "nothing between the quotation marks"),
    ("a AND \"\"", "\"\"", "nothing between the quotation marks"),
    ("in:\"/day 2", "in:\"/day", "never closed"),
    ("a AND \"red car", "\"red", "never closed"),
    ("@\"Ines", "@\"Ines", "never closed"),
    ("in:\"/day 2\"x", "\"/day 2\"", "comes a space"),
    ("@\"Ines\",", "@\"Ines\",", "comes a space"),
    ("@Ines, kind:video", "@Ines,", "stands in quotes"),
    ("kind:video durations:>3s", "durations:>3s", "did you mean `duration:`?"),
    ("kind:video Codec:h264", "Codec:h264", "did you mean `codec:`?"),
    ("kind:video camera:arri", "camera:arri", "the keys are image: frame:"),
    ("codec:h264 kind: video", "kind:", "directly after the colon"),
    ("kind:video AND", "AND", "AND needs something after it"),
    ("kind:video OR OR dog", "OR", "OR needs something after it"),
    ("kind:video NOT", "NOT", "NOT needs something after it"),
    ("(kind:video AND) dog", "AND", "AND needs something after it"),
    ("OR kind:video", "OR", "OR needs something before it"),
    ("(AND kind:video)", "AND", "AND needs something before it"),
    ("kind:video ()", "()", "nothing between the parentheses"),
    ("( ) kind:video", "( )", "nothing between the parentheses"),
    ("(kind:video", "(", "never closed"),
    ("kind:video (", "(", "never closed"),
    ("kind:video)", ")", "closes nothing"),
    (") kind:video", ")", "closes nothing"),
    ("happy :) kind:video", ")", "closes nothing"),
    ("dog^0 OR cat", "^0", "above 0 and at most 100"),
    ("dog^-1 OR cat", "^-1", "got \"-1\""),
    ("dog^101 OR cat", "^101", "at most 100"),
    (
        "dog^0.00000000000000000000000000000000000000000000000000001 OR cat",
        "^0.00000000000000000000000000000000000000000000000000001",
        "above 0",
    ),
    ("\"dog\"^high OR cat", "^high", "got \"high\""),
    ("\"dog\"^2^3 OR cat", "^2^3", "got \"2^3\""),
    ("kind:video^2", "^2", "takes no weight"),
    ("(kind:video OR kind:image)^2 dog", "^2", "takes no weight"),
    ("a red^2 car OR boat", "^2", "put the words that it belongs to in quotes"),
    ("a dog 🐕 é duration:x", "x", "at character 19: `duration:`"),
];

/// The place of `fault` in `text`, in characters: that of its first occurrence, at the end if it can be.
fn place(text: &str, fault: &str) -> Span {
    let byte =
        if text.ends_with(fault) { text.len() - fault.len() } else { text.find(fault).unwrap() };
    Span { start: text[..byte].chars().count(), len: fault.chars().count() }
}

#[test]
fn errors_point_at_the_characters() {
    for (text, fault, message) in ERRORS {
        let error = parse(text).unwrap_err();
        assert_eq!(error.span, place(text, fault), "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(error.to_string().starts_with(&format!("at character {}: ", error.span.start)));
    }
}

#[test]
fn what_is_too_much_is_told_where_it_begins() {
    let leaves = vec!["a"; MAX_LEAVES + 1].join(" OR ");
    let error = parse(&leaves).unwrap_err();
    assert_eq!((error.span.start, error.problem), (MAX_LEAVES * 5, Problem::TooManyLeaves));
    for (open, close) in [("(", ")"), ("NOT ", ""), ("NOT (", ")")] {
        let text = format!("kind:video {}a{}", open.repeat(600), close.repeat(600));
        let error = parse(&text).unwrap_err();
        assert_eq!(error.problem, Problem::TooDeep, "{open}");
        assert!(error.span.start <= 11 + MAX_DEPTH * open.len());
    }
}

#[test]
fn carets_stand_under_the_place() {
    let pointed = |text: &str| parse(text).unwrap_err().pointed(text);
    assert_eq!(pointed("a dog duration:abc"), "a dog duration:abc\n               ^^^");
    // Wide characters take two columns, joined ones none, and a line break is shown as a space.
    assert_eq!(pointed("狗 e\u{301}\nfps:x"), "狗 e\u{301} fps:x\n         ^");
    let long = format!("{} kind:x {}", "word ".repeat(100), "word ".repeat(100));
    let lines = pointed(&long);
    let (shown, carets) = lines.split_once('\n').unwrap();
    assert!(shown.starts_with('…') && shown.ends_with('…') && shown.chars().count() < 80);
    assert_eq!(shown.chars().nth(carets.chars().position(|c| c == '^').unwrap()), Some('x'));
}

#[test]
fn pointing_into_another_text_does_no_harm() {
    let error = parse("a long enough sentence AND kind:x").unwrap_err();
    assert_eq!(error.pointed(""), "\n^");
    assert_eq!(error.pointed("short"), "short\n     ^");
}

#[test]
fn who_searches_can_point_too() {
    let error = QueryError::refused(Span { start: 6, len: 5 }, "nobody is called Ines");
    assert_eq!(error.to_string(), "at character 6: nobody is called Ines");
    assert_eq!(error.pointed("a dog @Ines"), "a dog @Ines\n      ^^^^^");
}

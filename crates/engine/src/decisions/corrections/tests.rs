use super::*;
use proptest::prelude::*;

const ENGLISH: (&str, bool) = ("en", true);

fn voice((language, spaced): (&str, bool)) -> Voice {
    Voice { language: language.to_owned(), track: 0, chosen: false, speakers: None, spaced }
}

fn word(text: &str, start: f64, end: f64) -> SpokenWord {
    SpokenWord { text: text.to_owned(), start, end, probability: 0.5 }
}

/// Segments whose words last a second each, from 0 on, without pauses.
fn heard(segments: &[&str]) -> Vec<SpokenSegment> {
    let mut time = -1.0;
    let mut segment = |(speaker, text): (usize, &&str)| {
        let word = |text: &str| {
            time += 1.0;
            word(text, time, time + 1.0)
        };
        let words = text.split(' ').map(word).collect();
        SpokenSegment { speaker: u32::try_from(speaker).ok(), words }
    };
    segments.iter().enumerate().map(&mut segment).collect()
}

fn correction(start: f64, end: f64, text: Option<&str>) -> Correction {
    let text = text.map(str::to_owned);
    Correction { media_id: MediaId([7; 16]), start, end, text }
}

/// What is left of segments after corrections.
fn corrected(segments: &[&str], corrections: &[(f64, f64, Option<&str>)]) -> Vec<Corrected> {
    let mut decided = Decided::default();
    for (start, end, text) in corrections {
        correction(*start, *end, *text).join(&mut decided.corrections);
    }
    decided.corrected(heard(segments), &voice(ENGLISH))
}

/// The same as text, what was edited in brackets.
fn read(segments: &[&str], corrections: &[(f64, f64, Option<&str>)]) -> Vec<String> {
    let text = |one: &Corrected| {
        let text = one.segment.text(&voice(ENGLISH));
        if one.edited { format!("[{text}]") } else { text }
    };
    corrected(segments, corrections).iter().map(text).collect()
}

const TALK: [&str; 3] = ["what did he say", "he said nothing", "fine"];

#[test]
fn a_segment_is_corrected() {
    let found = corrected(&TALK, &[(4.0, 7.0, Some("She said, “Nothing at all.”"))]);
    assert_eq!(found.iter().map(|one| one.edited).collect::<Vec<_>>(), [false, true, false]);
    let words = &found[1].segment.words;
    let times: Vec<(f64, f64)> = words.iter().map(|word| (word.start, word.end)).collect();
    assert_eq!(times[0], (4.0, 5.0), "what was heard as another word takes its time");
    assert_eq!(times[1], (5.0, 6.0), "what was heard as well keeps its time");
    assert_eq!(times[2].0, 6.0, "what has no time of its own shares");
    assert_eq!(times[4].1, 7.0);
    assert!(times.windows(2).all(|two| two[0].1 <= two[1].0), "{times:?}");
    assert!(words.iter().all(|word| word.probability == 1.0));
    assert_eq!(found[1].segment.speaker, Some(1));
    let as_heard: Vec<Option<usize>> = found.iter().map(|one| one.heard).collect();
    assert_eq!(as_heard, [Some(0), None, Some(2)]);
}

#[test]
fn segments_that_are_touched_in_part_are_split() {
    assert_eq!(
        read(&TALK, &[(1.0, 3.0, Some("does she"))]),
        ["what", "[does she]", "say", "he said nothing", "fine"]
    );
    let both = read(&TALK, &[(3.2, 5.2, Some("tell. She"))]);
    assert_eq!(both, ["what did he", "[tell.]", "[She]", "said nothing", "fine"]);
    assert_eq!(read(&TALK, &[(0.0, 8.0, Some(""))]), [] as [&str; 0], "nothing was said");
    assert_eq!(read(&TALK, &[(7.0, 8.0, Some(" "))]), ["what did he say", "he said nothing"]);
}

#[test]
fn words_are_added_where_nothing_was_heard() {
    assert_eq!(read(&TALK, &[(20.0, 22.0, Some("Good bye."))])[3], "[Good bye.]");
    let pause = [SpokenSegment {
        speaker: Some(3),
        words: vec![word("one", 1.0, 2.0), word("three", 6.0, 7.0)],
    }];
    let mut decided = Decided::default();
    correction(3.0, 5.0, Some("two")).join(&mut decided.corrections);
    let found = decided.corrected(pause.to_vec(), &voice(ENGLISH));
    let read: Vec<(&str, f64, Option<u32>)> = found
        .iter()
        .map(|one| (one.segment.words[0].text.as_str(), one.segment.start(), one.segment.speaker))
        .collect();
    assert_eq!(read, [("one", 1.0, Some(3)), ("two", 3.0, Some(3)), ("three", 6.0, Some(3))]);
    assert_eq!(read_alone(&[(2.0, 4.0, Some("Hello?"))]), ["Hello?"]);
}

fn read_alone(corrections: &[(f64, f64, Option<&str>)]) -> Vec<String> {
    let all = corrected(&[], corrections);
    all.iter().map(|one| one.segment.text(&voice(ENGLISH))).collect()
}

#[test]
fn a_correction_is_corrected_and_taken_back() {
    let (she, they) = ((4.0, 7.0, Some("she said so")), (4.0, 7.0, Some("they did")));
    assert_eq!(read(&TALK, &[she, they])[1], "[they did]");
    assert_eq!(
        read(&TALK, &[she, they, (5.0, 6.0, None)])[1],
        "he said nothing",
        "as it was heard"
    );
    assert_eq!(read(&TALK, &[she, (7.0, 8.0, None)])[1], "[she said so]", "another place");
    assert_eq!(read(&TALK, &[she, (5.0, 6.0, Some("heard"))])[1..4], ["[she]", "[heard]", "[so]"]);
    assert_eq!(read(&TALK, &[she, (7.0, 7.0, None)])[1], "[she said so]");
}

#[test]
fn a_word_that_is_put_between_two_gets_time_from_one() {
    let found = corrected(&["hello world"], &[(0.0, 2.0, Some("hello wide world"))]);
    let words = &found[0].segment.words;
    assert_eq!((words[2].start, words[2].end), (1.0, 2.0));
    assert_eq!(words[0].start, 0.0);
    assert!(words[1].end - words[1].start > 0.3 && words[1].end == 1.0, "{words:?}");
    let front = corrected(&["hello"], &[(0.0, 1.0, Some("oh hello"))]);
    let words = &front[0].segment.words;
    assert!(words[0].end > 0.2 && words[1].end == 1.0, "{words:?}");
}

#[test]
fn languages_without_spaces_are_corrected_by_characters() {
    let words = vec![word("他们", 0.0, 2.0), word("说。", 2.0, 3.0)];
    let heard = vec![SpokenSegment { speaker: None, words }];
    let mut decided = Decided::default();
    correction(0.0, 3.0, Some("她们说。")).join(&mut decided.corrections);
    let found = decided.corrected(heard, &voice(("zh", false)));
    let words: Vec<(&str, f64)> =
        found[0].segment.words.iter().map(|word| (word.text.as_str(), word.start)).collect();
    assert_eq!(words, [("她", 0.0), ("们", 1.0), ("说。", 2.0)]);
}

fn any_heard() -> impl Strategy<Value = Vec<SpokenSegment>> {
    let any_word = ("[a-c]{1,2}", 0.0..3.0_f64, 0.0..3.0_f64);
    let words = proptest::collection::vec(any_word, 1..6);
    proptest::collection::vec(words, 0..5).prop_map(|segments| {
        let mut time = 0.0;
        let mut word_of = |(text, step, length): (String, f64, f64)| {
            time += step;
            word(&text, time, time + length)
        };
        let segment = |words: Vec<_>| SpokenSegment {
            speaker: None,
            words: words.into_iter().map(&mut word_of).collect(),
        };
        segments.into_iter().map(segment).collect()
    })
}

proptest! {
    #[test]
    fn whatever_is_corrected_stays_in_order(
        heard in any_heard(),
        edits in proptest::collection::vec(
            (0.0..20.0_f64, 0.0..8.0_f64, proptest::option::of("[a-c ]{0,12}")), 0..5),
        spaced: bool,
    ) {
        let mut decided = Decided::default();
        for (start, length, text) in &edits {
            correction(*start, start + length, text.as_deref()).join(&mut decided.corrections);
        }
        let found = decided.corrected(heard.clone(), &voice(("xx", spaced)));
        prop_assert!(found.iter().all(|one| !one.segment.words.is_empty()));
        let words: Vec<&SpokenWord> = found.iter().flat_map(|one| &one.segment.words).collect();
        prop_assert!(words.iter().map(|word| word.start).is_sorted(), "{words:?}");
        prop_assert!(words.iter().all(|word| word.start <= word.end), "{words:?}");
        if decided.corrections.is_empty() {
            prop_assert_eq!(found.into_iter().map(|one| one.segment).collect::<Vec<_>>(), heard);
        } else if spaced && let Some(text) = &decided.corrections[decided.corrections.len() - 1].text {
            let said: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            let last: Vec<&str> = text.split_whitespace().collect();
            let there = last.is_empty() || said.windows(last.len()).any(|some| some == last);
            prop_assert!(there, "{text:?} in {said:?}");
        }
    }
}

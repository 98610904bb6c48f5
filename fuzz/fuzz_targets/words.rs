//! Words: folding, exact search in an index, and phrases that forgive slips, in any script. The first line
//! is looked for in the others.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushes_text::{Folded, Index, Phrase, Room, Wording};

fuzz_target!(|text: &str| {
    let (query, rest) = text.split_once('\n').unwrap_or((text, text));
    let phrase = Phrase::new(query);
    let score = phrase.score(rest.lines());
    assert!((0.0..=1.0).contains(&score), "{score}");
    let mut folded = Folded::default();
    folded.push(rest.lines());
    let mut room = Room::default();
    assert!((0.0..=1.0).contains(&folded.score(0, &phrase, &mut room)));
    let _ = folded.begins(0, &phrase, &mut room);

    let mut index = Index::new(text.len() % 2 == 0);
    rest.lines().for_each(|line| index.push(line.split(' ')));
    let wording = Wording::new(query);
    let found = index.find(&wording).count();
    assert!(!wording.is_empty() || found == 0);
});

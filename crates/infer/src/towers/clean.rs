//! What a sentence goes through before it is split into tokens.
//!
//! CLIP was trained on text that had gone through the Python package ftfy (`basic_clean` in
//! `clip/simple_tokenizer.py`): typographic quotes, ligatures and full-width letters reached it as plain
//! ones, so they do here. What ftfy does for text that was damaged on its way, decoding it anew or
//! unescaping HTML, is left out: a search is typed.

use unicode_normalization::UnicodeNormalization;

/// Latin letters joined into one character, apart; ftfy's `LIGATURES`.
const LIGATURES: [(char, &str); 22] = [
    ('Ĳ', "IJ"),
    ('ĳ', "ij"),
    ('ŉ', "ʼn"),
    ('Ǆ', "DŽ"),
    ('ǅ', "Dž"),
    ('ǆ', "dž"),
    ('Ǉ', "LJ"),
    ('ǈ', "Lj"),
    ('ǉ', "lj"),
    ('Ǌ', "NJ"),
    ('ǋ', "Nj"),
    ('ǌ', "nj"),
    ('Ǳ', "DZ"),
    ('ǲ', "Dz"),
    ('ǳ', "dz"),
    ('ﬀ', "ff"),
    ('ﬁ', "fi"),
    ('ﬂ', "fl"),
    ('ﬃ', "ffi"),
    ('ﬄ', "ffl"),
    ('ﬅ', "ſt"),
    ('ﬆ', "st"),
];

/// The sentence letter by letter in lower case, as the tokenizer class of SigLIP 2 does it.
pub(super) fn lower_case(sentence: &str) -> String {
    sentence.chars().flat_map(char::to_lowercase).collect()
}

/// The sentence in plain letters and lower case, as CLIP has it.
pub(super) fn plain(sentence: &str) -> String {
    let mut text = String::with_capacity(sentence.len());
    sentence.chars().for_each(|character| push_plain(&mut text, character));
    text.nfc().collect::<String>().to_lowercase()
}

fn push_plain(text: &mut String, character: char) {
    match character {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => text.push('\''),
        '\u{201c}'..='\u{201f}' => text.push('"'),
        '\u{3000}' => text.push(' '),
        '\u{ff01}'..='\u{ffef}' => text.extend([character].into_iter().nfkc()),
        _ if is_control(character) => {}
        _ => match LIGATURES.binary_search_by_key(&character, |(joined, _)| *joined) {
            // What a ligature stands for may be a typographic quote in its turn.
            Ok(index) => LIGATURES[index].1.chars().for_each(|part| push_plain(text, part)),
            Err(_) => text.push(character),
        },
    }
}

/// ftfy's `CONTROL_CHARS`; tabs and line ends are white space and stay.
fn is_control(character: char) -> bool {
    matches!(character,
        '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}'
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typographic_characters_become_plain_ones() {
        for (typed, expected) in [
            ("It’s “HERE”", "it's \"here\""),
            ("eﬃcient ﬁlm, ŉ Ǆ", "efficient film, 'n dž"),
            ("ＦＵＬＬ　ｗｉｄｔｈ １２", "full width 12"),
            ("a\u{0}b\u{feff}c\td", "abc\td"),
            ("e\u{301} ΟΔΥΣΣΕΥΣ", "é οδυσσευς"),
        ] {
            assert_eq!(plain(typed), expected, "{typed:?}");
        }
        assert!(LIGATURES.is_sorted_by_key(|(joined, _)| *joined));
    }
}

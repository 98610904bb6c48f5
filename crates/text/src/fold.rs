//! Folding: what is left of a text where case, accents and punctuation do not count.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Letters that Unicode does not take apart, and what people without them on their keyboard write.
const SPELT: [(char, &str); 9] = [
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('ø', "o"),
    ('ł', "l"),
    ('đ', "d"),
    ('ð', "d"),
    ('þ', "th"),
    ('ı', "i"),
];
/// The sigma that ends words, and the one that does not.
const SIGMA: (char, char) = ('ς', 'σ');

/// What is left of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A letter or digit without case and accent.
    Letter(char),
    /// Stands within a word as often as around one.
    Apostrophe,
    /// Parts words.
    Gap,
}

/// A text sign by sign. Accents leave none.
pub fn signs(text: &str) -> impl Iterator<Item = Sign> {
    let small = text.nfkd().flat_map(char::to_lowercase).filter(|&c| !is_silent(c));
    small.flat_map(spelt).map(|c| match c {
        '\'' | '\u{2018}' | '\u{2019}' | '\u{2bc}' => Sign::Apostrophe,
        c if c.is_alphanumeric() => Sign::Letter(c),
        _ => Sign::Gap,
    })
}

/// The words of a text. An apostrophe parts them, and a character of a script that puts no spaces is a word
/// by itself.
pub fn words(text: &str) -> Vec<Vec<char>> {
    let mut words: Vec<Vec<char>> = Vec::new();
    let mut goes_on = false;
    for sign in signs(text) {
        let Sign::Letter(c) = sign else {
            goes_on = false;
            continue;
        };
        let alone = is_without_spaces(c);
        match words.last_mut() {
            Some(word) if goes_on && !alone => word.push(c),
            _ => words.push(vec![c]),
        }
        goes_on = !alone;
    }
    words
}

/// Kana, Chinese characters, and the letters of Thai, Lao, Burmese and Khmer.
pub fn is_without_spaces(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
        || matches!(c, '\u{20000}'..='\u{3ffff}')
        || matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

/// Accents, and what steers how a text is set without being seen.
fn is_silent(c: char) -> bool {
    is_combining_mark(c)
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn spelt(c: char) -> impl Iterator<Item = char> {
    let spelling = SPELT.iter().find(|(letter, _)| *letter == c).map(|(_, spelling)| *spelling);
    let alone = if c == SIGMA.0 { SIGMA.1 } else { c };
    spelling.unwrap_or_default().chars().chain(spelling.is_none().then_some(alone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).into_iter().map(String::from_iter).collect()
    }

    #[test]
    fn case_accents_and_what_is_not_seen_go() {
        assert_eq!(folded("Zoë’s CAFÉ, №5"), ["zoe", "s", "cafe", "no5"]);
        assert_eq!(folded("Straße Ærø Łódź İstanbul"), ["strasse", "aero", "lodz", "istanbul"]);
        assert_eq!(folded("co\u{ad}oper\u{200d}ate \u{202e}שָׁלוֹם"), ["cooperate", "שלום"]);
        assert_eq!(folded("ΛΌΓΟΣ"), folded("λόγος"));
        assert!(folded(" \u{301}…—🎬♪").is_empty());
    }

    #[test]
    fn scripts_without_spaces_are_words_of_one_character() {
        assert_eq!(folded("iPhoneです"), ["iphone", "て", "す"]);
        assert_eq!(folded("ไทย 2"), ["ไ", "ท", "ย", "2"]);
    }
}

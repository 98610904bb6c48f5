//! The words that may stand before a colon.

/// A key of a leaf or a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Image,
    Frame,
    Text,
    Said,
    Kind,
    In,
    Name,
    Date,
    Duration,
    Width,
    Height,
    Resolution,
    Fps,
    Codec,
    Orientation,
    Has,
}

/// Every key, its name and what it takes, as errors say it.
const KEYS: [(Key, &str, &str); 16] = [
    (Key::Image, "image", "the path of a picture, such as image:\"/path/to/a picture.jpg\""),
    (
        Key::Frame,
        "frame",
        "a path and a time in seconds or as HH:MM:SS, such as frame:\"/path/clip.mov\"@12.5",
    ),
    (Key::Text, "text", "words to read in the picture, such as text:\"no entry\""),
    (Key::Said, "said", "words that are spoken, such as said:\"good morning\""),
    (Key::Kind, "kind", "video, image or audio, such as kind:video"),
    (Key::In, "in", "a folder, such as in:\"/footage/day 2\" or in:day2"),
    (Key::Name, "name", "a file name or a part of it, * and ? allowed, such as name:A001*.mov"),
    (
        Key::Date,
        "date",
        "a year, month or day or a range of them, such as date:2024-05, date:>=2024-05-01 or \
         date:2024-05..2024-07",
    ),
    (
        Key::Duration,
        "duration",
        "a number with s, m or h, such as duration:>30s or duration:1m..2m30s",
    ),
    (Key::Width, "width", "a number of pixels, such as width:>=1920"),
    (Key::Height, "height", "a number of pixels, such as height:1080"),
    (
        Key::Resolution,
        "resolution",
        "WIDTHxHEIGHT, or sd, hd, 4k, 8k or a number with p, which can be compared, such as \
         resolution:1920x1080 or resolution:>=1080p",
    ),
    (
        Key::Fps,
        "fps",
        "frames a second as a number or a fraction, such as fps:23.976, fps:30000/1001 or fps:>=50",
    ),
    (Key::Codec, "codec", "the name of a codec, such as codec:prores"),
    (
        Key::Orientation,
        "orientation",
        "landscape, portrait or square, such as orientation:portrait",
    ),
    (Key::Has, "has", "audio, such as has:audio"),
];

/// Longest word in bytes that is compared with the keys.
const LONGEST_SLIP: usize = 16;

impl Key {
    /// The key of that name; names are in lower case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        KEYS.iter().find(|(_, known, _)| *known == name).map(|(key, ..)| *key)
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn takes(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        // The table is in the order of the enum; a test holds that.
        &KEYS[self as usize]
    }

    /// The known key that `word` may be a slip of.
    pub(crate) fn nearest(word: &str) -> Option<&'static str> {
        if word.len() > LONGEST_SLIP {
            return None;
        }
        let word = word.to_lowercase();
        let distance = |name: &str| edits(name, &word);
        // Slips seldom hit the first letter: of two keys as near, `knid` is `kind` and not `said`.
        let other_letter = |name: &str| name.chars().next() != word.chars().next();
        let rank = |name: &str| (distance(name), other_letter(name));
        let (_, name, _) = KEYS.iter().min_by_key(|(_, name, _)| rank(name))?;
        (distance(name) <= name.len() / 2).then_some(*name)
    }

    /// All keys, for an error.
    pub(crate) fn list() -> String {
        let names: Vec<String> = KEYS.iter().map(|(_, name, _)| format!("{name}:")).collect();
        format!("the keys are {}.", names.join(" "))
    }
}

/// Letters to insert, delete or replace to make one word of the other (Levenshtein).
fn edits(known: &str, word: &str) -> usize {
    let known: Vec<char> = known.chars().collect();
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (above, letter) in word.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, own) in known.iter().enumerate() {
            let replaced = diagonal + usize::from(*own != letter);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[known.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (key, name, takes) in KEYS {
            assert_eq!((key.name(), key.takes(), Key::named(name)), (name, takes, Some(key)));
            assert!(takes.contains(&format!("{name}:")), "{name} has no example");
        }
    }

    #[test]
    fn slips_find_their_key_and_strangers_none() {
        let slips = [
            ("durations", "duration"),
            ("Kind", "kind"),
            ("knid", "kind"),
            ("resolutoin", "resolution"),
            ("imgae", "image"),
            ("heigth", "height"),
            ("codecs", "codec"),
        ];
        for (slip, meant) in slips {
            assert_eq!(Key::nearest(slip), Some(meant));
        }
        for stranger in ["camera", "http", "", "zzzzzzzz", "狗狗"] {
            assert_eq!(Key::nearest(stranger), None, "{stranger}");
        }
    }
}

//! Patterns of file names.

/// Whether all of `name` fits `pattern`, in which `*` is any text and `?` any character. Takes time
/// in proportion to the product of both lengths at most.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // The last star and where its text ends: only that one ever needs to take more.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match (pattern.get(p), star) {
            (Some('*'), _) => {
                star = Some((p, n));
                p += 1;
            }
            (Some(c), _) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            (_, Some((at, end))) => {
                star = Some((at, end + 1));
                (p, n) = (at + 1, end + 1);
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name) in [
            ("*", ""),
            ("a*.mov", "a001.mov"),
            ("*a*b*", "xxaxbxx"),
            ("?", "é"),
            ("a**", "a"),
            ("*.*", "a.b.c"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("", "a"), ("?", ""), ("a*.mov", "a.mp4"), ("*ab", "aba"), ("a?", "a")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!fits(&"a*".repeat(1000), &"a".repeat(999)));
        assert!(!fits(&format!("{}b", "*a".repeat(100)), &"a".repeat(2000)));
    }
}

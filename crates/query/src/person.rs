//! `@Name`, the one leaf without a key.

/// Whether `c` may stand in a name without quotes: no ASCII punctuation but `_`, `-` and `'`, so that a
/// comma, a dot or a second `@` never belongs to it unseen.
fn in_name(c: char) -> bool {
    !c.is_whitespace() && (!c.is_ascii_punctuation() || matches!(c, '_' | '-' | '\''))
}

/// Whether what follows an `@` may be meant for a name at all.
pub(crate) fn begins(c: char) -> bool {
    c.is_alphabetic()
}

/// Whether `name` needs no quotes.
pub(crate) fn is_bare(name: &[char]) -> bool {
    name.first().is_some_and(|c| begins(*c)) && name.iter().all(|c| in_name(*c))
}

//! Whether a text is an expression: whether it has an unmistakable mark of the language.

use crate::{
    error::{Operator, Span},
    lexer::{Kind, Token},
};

/// Whether `tokens`, read from `chars`, are an expression.
pub(crate) fn is_expression(chars: &[char], tokens: &[Token]) -> bool {
    tokens.iter().any(|token| is_term_of_the_language(&token.kind))
        || tokens.windows(2).any(is_weighted_phrase)
        || has_operator(chars, tokens)
}

fn is_term_of_the_language(kind: &Kind) -> bool {
    matches!(kind, Kind::Keyed(..) | Kind::Person(_) | Kind::Doubtful { sure: true, .. })
}

/// Behind words or a parenthesis `^2` may be mathematics.
fn is_weighted_phrase(pair: &[Token]) -> bool {
    matches!((&pair[0].kind, &pair[1].kind), (Kind::Quoted(_), Kind::Weight(_)))
}

/// Whether an operator has terms where it needs them, and does not stand among words in capitals,
/// which are a sign or somebody shouting: `DO NOT ENTER`.
fn has_operator(chars: &[char], tokens: &[Token]) -> bool {
    let before = voices(chars, tokens.iter());
    let mut after = voices(chars, tokens.iter().rev());
    after.reverse();
    (0..tokens.len()).any(|at| {
        let Kind::Operator(operator) = tokens[at].kind else { return false };
        let left = at.checked_sub(1).is_some_and(|left| ends_a_term(&tokens[left].kind));
        let right = tokens.get(at + 1).is_some_and(|right| begins_a_term(&right.kind));
        let shouted = before[at] == Voice::Loud && after[at] == Voice::Loud;
        right && (left || operator == Operator::Not) && !shouted
    })
}

fn begins_a_term(kind: &Kind) -> bool {
    is_text(kind) || matches!(kind, Kind::Open | Kind::Operator(Operator::Not))
}

fn ends_a_term(kind: &Kind) -> bool {
    is_text(kind) || matches!(kind, Kind::Close | Kind::Weight(_))
}

fn is_text(kind: &Kind) -> bool {
    matches!(kind, Kind::Word | Kind::Quoted(_) | Kind::Doubtful { .. })
}

#[derive(Clone, Copy, PartialEq)]
enum Voice {
    /// In capitals.
    Loud,
    /// With a letter that is no capital, or in quotes.
    Quiet,
}

/// For each token the voice of the nearest word before it that has letters. Where there is none, the
/// operator itself is all there is to go by, and that is in capitals.
fn voices<'t>(chars: &[char], tokens: impl Iterator<Item = &'t Token>) -> Vec<Voice> {
    let mut nearest = Voice::Loud;
    let next = |token: &Token| {
        let before = nearest;
        nearest = voice(chars, token).unwrap_or(nearest);
        before
    };
    tokens.map(next).collect()
}

fn voice(chars: &[char], token: &Token) -> Option<Voice> {
    match token.kind {
        Kind::Word | Kind::Doubtful { .. } => voice_of(chars, token.span),
        Kind::Operator(_) | Kind::Open | Kind::Close | Kind::Weight(_) => None,
        Kind::Quoted(_) | Kind::Keyed(..) | Kind::Person(_) => Some(Voice::Quiet),
    }
}

fn voice_of(chars: &[char], span: Span) -> Option<Voice> {
    let mut letters = chars[span.start..span.end()].iter().filter(|c| c.is_alphabetic()).peekable();
    letters.peek()?;
    Some(if letters.all(|c| c.is_uppercase()) { Voice::Loud } else { Voice::Quiet })
}

//! From characters to tokens, without yet knowing whether they are a sentence or an expression.
//!
//! Nothing fails here: what would be an error in an expression may be plain text in a sentence, so it
//! becomes a [`Kind::Doubtful`] token that carries the error along.

use crate::{
    error::{Operator, Problem, Span, shortened},
    key::Key,
    person,
};

/// A piece of a query and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A plain word; its text is what stands at its span.
    Word,
    /// Words in quotes, without them.
    Quoted(String),
    /// A known key with its value.
    Keyed(Key, Value),
    /// A name after `@`.
    Person(String),
    Operator(Operator),
    Open,
    Close,
    /// A number after `^`, right behind a term. Its range is not checked.
    Weight(f32),
    /// Plain text in a sentence, an error in an expression. `sure`: it is no sentence's text either.
    Doubtful {
        problem: Problem,
        sure: bool,
    },
}

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    /// The value, without its quotes.
    pub(crate) text: String,
    pub(crate) span: Span,
    /// What stands behind the closing quotation mark; `None` where there are no quotes.
    pub(crate) after_quote: Option<String>,
}

/// The tokens of `chars`, in time proportional to their number.
pub(crate) fn tokens(chars: &[char]) -> Vec<Token> {
    let mut lexer = Lexer { chars, at: 0, tokens: Vec::new(), never_closed: [false; 2] };
    while lexer.at < chars.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'c> {
    chars: &'c [char],
    at: usize,
    tokens: Vec<Token>,
    /// No closing mark of this kind comes any more: looking again for each would be quadratic.
    never_closed: [bool; 2],
}

/// The mark that closes the quotes which `open` opens. Typographic ones are what some keyboards make
/// of straight ones.
fn closing(open: char) -> Option<char> {
    match open {
        '"' => Some('"'),
        '“' => Some('”'),
        _ => None,
    }
}

impl Lexer<'_> {
    fn step(&mut self) {
        match self.chars[self.at] {
            c if c.is_whitespace() => self.at += 1,
            '(' => self.push(self.at + 1, Kind::Open),
            ')' => {
                self.push(self.at + 1, Kind::Close);
                self.weight_behind();
            }
            c if closing(c).is_some() => self.phrase(),
            _ => self.word(),
        }
    }

    /// Adds what reaches from here to `end`, and goes there.
    fn push(&mut self, end: usize, kind: Kind) {
        self.tokens.push(Token { span: Span::between(self.at, end), kind });
        self.at = end;
    }

    fn doubtful(&mut self, end: usize, problem: Problem, sure: bool) {
        self.push(end, Kind::Doubtful { problem, sure });
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.chars[from..to].iter().collect()
    }

    /// Where a word that begins at `from` ends: before a space, or a parenthesis that it did not open.
    fn word_end(&self, from: usize) -> usize {
        let mut open = 0_usize;
        let ends = |c: &char| {
            match c {
                '(' => open += 1,
                ')' if open == 0 => return true,
                ')' => open -= 1,
                _ => return c.is_whitespace(),
            }
            false
        };
        self.chars[from..].iter().position(ends).map_or(self.chars.len(), |length| from + length)
    }

    /// What the quotes that open at `from` hold, and where they end. A closing mark that stands twice
    /// is one of the text.
    fn quotes(&mut self, from: usize) -> Option<(String, usize)> {
        let close = self.chars.get(from).copied().and_then(closing)?;
        let which = usize::from(close == '”');
        let (mut text, mut at) = (String::new(), from + 1);
        while !self.never_closed[which] && at < self.chars.len() {
            let c = self.chars[at];
            if c != close {
                text.push(c);
            } else if self.chars.get(at + 1) == Some(&close) {
                text.push(c);
                at += 1;
            } else {
                return Some((text, at + 1));
            }
            at += 1;
        }
        self.never_closed[which] = true;
        None
    }

    fn phrase(&mut self) {
        match self.quotes(self.at) {
            Some((text, end)) => {
                self.push(end, Kind::Quoted(text));
                self.weight_behind();
            }
            None => self.doubtful(self.word_end(self.at), Problem::UnclosedQuote, false),
        }
    }

    /// A weight right behind quotes or a group.
    fn weight_behind(&mut self) {
        if self.chars.get(self.at) != Some(&'^') {
            return;
        }
        let end = self.word_end(self.at);
        match number(&self.chars[self.at + 1..end]) {
            Some(weight) => self.push(end, Kind::Weight(weight)),
            None => {
                let got = shortened(&self.text(self.at + 1, end));
                self.doubtful(end, Problem::BadWeight(got), false);
            }
        }
    }

    fn word(&mut self) {
        if let Some((operator, end)) = self.operator() {
            return self.push(end, Kind::Operator(operator));
        }
        let end = self.word_end(self.at);
        let run = &self.chars[self.at..end];
        if run[0] == '@' {
            return self.person(end);
        }
        match run.iter().position(|c| *c == ':') {
            Some(colon) => self.keyed(self.at + colon, end),
            None => self.plain_word(end),
        }
    }

    /// An operator, if one stands here alone.
    fn operator(&self) -> Option<(Operator, usize)> {
        let rest = &self.chars[self.at..];
        let stands = |operator: &Operator| {
            let word: Vec<char> = operator.to_string().chars().collect();
            let next = rest.get(word.len());
            rest.starts_with(&word)
                && next.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')'))
        };
        let operator =
            [Operator::And, Operator::Or, Operator::Not].into_iter().find(|one| stands(one))?;
        Some((operator, self.at + operator.to_string().len()))
    }

    /// Adds what reaches from here to `end`, and the weight that it may end in as a token of its own: a
    /// `^` at `earliest` or later with a number behind it. `kind` is told where the term ends.
    fn weighted(&mut self, earliest: usize, end: usize, kind: impl FnOnce(&Self, usize) -> Kind) {
        let tail = self.chars.get(earliest..end).unwrap_or_default();
        let caret = tail.iter().rposition(|c| *c == '^').map(|caret| earliest + caret);
        let weight = caret.and_then(|caret| number(&self.chars[caret + 1..end]));
        let term_end = weight.and(caret).unwrap_or(end);
        self.push(term_end, kind(self, term_end));
        if let Some(weight) = weight {
            self.push(end, Kind::Weight(weight));
        }
    }

    fn plain_word(&mut self, end: usize) {
        self.weighted(self.at + 1, end, |_, _| Kind::Word);
    }

    fn person(&mut self, end: usize) {
        let name = self.at + 1;
        match self.chars.get(name) {
            Some(c) if closing(*c).is_some() => match self.quotes(name) {
                Some((text, close)) => self.quoted_person(text, close),
                None => self.doubtful(end, Problem::UnclosedQuote, true),
            },
            Some(c) if person::begins(*c) => {
                let bare = |lexer: &Self, end| match &lexer.chars[name..end] {
                    chars if person::is_bare(chars) => Kind::Person(chars.iter().collect()),
                    _ => Kind::Doubtful { problem: Problem::BadName, sure: false },
                };
                self.weighted(name, end, bare);
            }
            _ => self.push(end, Kind::Word),
        }
    }

    fn quoted_person(&mut self, text: String, close: usize) {
        let end = self.word_end(close);
        self.weighted(close, end, |_, end| {
            let problem = if text.trim().is_empty() {
                Problem::EmptyQuote
            } else if end > close {
                Problem::TextAfterQuote
            } else {
                return Kind::Person(text);
            };
            Kind::Doubtful { problem, sure: true }
        });
    }

    fn keyed(&mut self, colon: usize, end: usize) {
        let word = self.text(self.at, colon);
        let value = colon + 1;
        match Key::named(&word) {
            None if self.is_like_a_key(&word, value, end) => {
                let nearest = Key::nearest(&word);
                let problem = Problem::UnknownKey { key: shortened(&word), nearest };
                self.doubtful(end, problem, false);
            }
            None => self.plain_word(end),
            Some(key) if value == end => {
                let problem = Problem::NoValue { key: key.name(), takes: key.takes() };
                self.doubtful(end, problem, false);
            }
            Some(key) if closing(self.chars[value]).is_some() => self.quoted_value(key, value, end),
            Some(key) => self.weighted(value + 1, end, |lexer, end| {
                let span = Span::between(value, end);
                Kind::Keyed(key, Value { text: lexer.text(value, end), span, after_quote: None })
            }),
        }
    }

    /// Whether a word with a colon is meant for a key: not so a time, a drive or an address.
    fn is_like_a_key(&self, word: &str, value: usize, end: usize) -> bool {
        word.len() > 1
            && word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-'))
            && value < end
            && !matches!(self.chars[value], '/' | '\\' | ':')
    }

    fn quoted_value(&mut self, key: Key, value: usize, word_end: usize) {
        let Some((text, close)) = self.quotes(value) else {
            return self.doubtful(word_end, Problem::UnclosedQuote, true);
        };
        let end = self.word_end(close);
        self.weighted(close, end, |lexer, end| {
            let after_quote = Some(lexer.text(close, end));
            Kind::Keyed(key, Value { text, span: Span::between(value, close), after_quote })
        });
    }
}

/// A plain decimal, with a sign if it must be: errors about weights are worth more than words such as
/// `x^-1`.
fn number(chars: &[char]) -> Option<f32> {
    let digits = chars.strip_prefix(&['-']).or(chars.strip_prefix(&['+'])).unwrap_or(chars);
    let plain = digits.iter().all(|c| c.is_ascii_digit() || *c == '.');
    chars.iter().collect::<String>().parse().ok().filter(|_| plain)
}

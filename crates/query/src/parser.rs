//! From tokens to nodes, by recursive descent.
//!
//! ```text
//! or    := and (OR and)*
//! and   := unary ([AND] unary)*
//! unary := NOT unary | term [^weight]
//! term  := ( or ) | words | "words" | key:value | @name
//! ```

use crate::{
    MAX_DEPTH, MAX_LEAVES, MAX_WEIGHT,
    ast::{Leaf, Node, Query},
    error::{Operator, Problem, QueryError, Span, shortened},
    lexer::{Kind, Token, tokens},
    marks::is_expression,
    values::{self, Meaning},
};

/// Reads what somebody looks for. Any text without a mark of the language is a [`Query::Sentence`],
/// unchanged but for quotes around all of it, which fall away.
///
/// # Errors
/// When the text is an expression and cannot be read as one; the error names the place.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    let chars: Vec<char> = text.chars().collect();
    let tokens = tokens(&chars);
    if let [Token { kind: Kind::Quoted(words), .. }] = &tokens[..]
        && !words.trim().is_empty()
    {
        return Ok(Query::Sentence(words.clone()));
    }
    if !is_expression(&chars, &tokens) {
        return Ok(Query::Sentence(text.to_owned()));
    }
    let mut parser = Parser { chars: &chars, tokens: &tokens, at: 0, leaves: 0, depth: 0 };
    let node = parser.or()?;
    match parser.token() {
        // Only a parenthesis ends an expression early.
        Some(token) => Err(QueryError::new(token.span, Problem::UnopenedGroup)),
        None => Ok(Query::Expression(node)),
    }
}

struct Parser<'t> {
    chars: &'t [char],
    tokens: &'t [Token],
    at: usize,
    leaves: usize,
    depth: usize,
}

type Parsed<T> = Result<T, QueryError>;

impl<'t> Parser<'t> {
    fn token(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn is_at(&self, kind: &Kind) -> bool {
        self.token().is_some_and(|token| token.kind == *kind)
    }

    /// Goes past `kind` if it is next, and tells whether it was.
    fn passes(&mut self, kind: &Kind) -> bool {
        let is_next = self.is_at(kind);
        self.at += usize::from(is_next);
        is_next
    }

    fn or(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.and()?];
        while self.passes(&Kind::Operator(Operator::Or)) {
            nodes.push(self.and()?);
        }
        Ok(one_or(nodes, Node::Or))
    }

    fn and(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.unary()?];
        while self.passes(&Kind::Operator(Operator::And)) || self.begins_a_term() {
            nodes.push(self.unary()?);
        }
        Ok(one_or(nodes, Node::And))
    }

    /// Whether a term follows without an `AND`. What cannot stand here is told by whoever reads it.
    fn begins_a_term(&self) -> bool {
        let ends = |token: &Token| {
            matches!(token.kind, Kind::Close | Kind::Operator(Operator::Or | Operator::And))
        };
        self.token().is_some_and(|token| !ends(token))
    }

    fn unary(&mut self) -> Parsed<Node> {
        let Some(token) = self.token() else { return Err(self.nothing_here()) };
        if !self.passes(&Kind::Operator(Operator::Not)) {
            let node = self.term(token)?;
            return self.weighted(node, token);
        }
        let node = self.deeper(token.span, Self::unary)?;
        Ok(Node::Not(Box::new(node)))
    }

    fn deeper(&mut self, span: Span, read: fn(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(QueryError::new(span, Problem::TooDeep));
        }
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn term(&mut self, token: &'t Token) -> Parsed<Node> {
        let fails = |problem| Err(QueryError::new(token.span, problem));
        self.at += 1;
        match &token.kind {
            Kind::Open => self.group(token.span),
            Kind::Word => self.sentence(token.span),
            Kind::Quoted(text) if text.trim().is_empty() => fails(Problem::EmptyQuote),
            Kind::Quoted(text) => self.leaf(Leaf::Sentence(text.clone()), token.span),
            Kind::Person(name) => self.leaf(Leaf::Person(name.trim().to_owned()), token.span),
            Kind::Keyed(key, value) => match values::meaning(*key, value)? {
                Meaning::Leaf(leaf) => self.leaf(leaf, token.span),
                Meaning::Filter(filter) => Ok(Node::Filter { filter, span: token.span }),
            },
            Kind::Doubtful { problem, .. } => fails(problem.clone()),
            Kind::Weight(weight) => fails(Problem::BadWeight(format!("{weight}, a second one"))),
            Kind::Close | Kind::Operator(_) => {
                self.at -= 1;
                Err(self.nothing_here())
            }
        }
    }

    fn group(&mut self, open: Span) -> Parsed<Node> {
        if let Some(close) = self.token().filter(|token| token.kind == Kind::Close) {
            let span = Span::between(open.start, close.span.end());
            return Err(QueryError::new(span, Problem::EmptyGroup));
        }
        let node = self.deeper(open, Self::or)?;
        if self.passes(&Kind::Close) {
            return Ok(node);
        }
        Err(QueryError::new(open, Problem::UnclosedGroup))
    }

    /// A run of plain words, just as they are written.
    fn sentence(&mut self, first: Span) -> Parsed<Node> {
        let mut span = first;
        while let Some(Token { kind: Kind::Word, span: word }) = self.token() {
            span = Span::between(first.start, word.end());
            self.at += 1;
        }
        let words = self.chars[span.start..span.end()].iter().collect();
        self.leaf(Leaf::Sentence(words), span)
    }

    fn leaf(&mut self, leaf: Leaf, span: Span) -> Parsed<Node> {
        if self.leaves == MAX_LEAVES {
            return Err(QueryError::new(span, Problem::TooManyLeaves));
        }
        self.leaves += 1;
        Ok(Node::Leaf { leaf, index: self.leaves - 1, span })
    }

    /// `node`, which began with `first`, with the weight that may follow it.
    fn weighted(&mut self, node: Node, first: &Token) -> Parsed<Node> {
        let Some(Token { kind: Kind::Weight(weight), span }) = self.token() else {
            return Ok(node);
        };
        self.at += 1;
        let fails = |problem| Err(QueryError::new(*span, problem));
        if node.leaves().is_empty() {
            return fails(Problem::WeightOnFilter);
        }
        if first.kind == Kind::Word && self.is_at(&Kind::Word) {
            return fails(Problem::WeightInSentence);
        }
        if !(*weight > 0.0 && *weight <= MAX_WEIGHT) {
            let got: String = self.chars[span.start + 1..span.end()].iter().collect();
            return fails(Problem::BadWeight(shortened(&got)));
        }
        Ok(Node::Weighted { node: Box::new(node), weight: *weight })
    }

    /// Why there is no term here: what came before, or what comes instead of it, is to blame.
    fn nothing_here(&self) -> QueryError {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        match (before, self.token()) {
            (Some(Token { kind: Kind::Operator(operator), span }), _) => {
                QueryError::new(*span, Problem::NothingAfter(*operator))
            }
            (_, Some(Token { kind: Kind::Operator(operator), span })) => {
                QueryError::new(*span, Problem::NothingBefore(*operator))
            }
            (_, Some(token)) => QueryError::new(token.span, Problem::UnopenedGroup),
            (Some(token), None) => QueryError::new(token.span, Problem::UnclosedGroup),
            (None, None) => QueryError::new(Span::default(), Problem::EmptyGroup),
        }
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            many(nodes)
        }
        None => many(nodes),
    }
}

//! From a request to a plan: every sentence and picture that it names goes through the model.

use super::cast::Cast;
use crate::{
    search::{Channel, Formula, Plan, Sought, Source, Term},
    usecases::{Engine, bad_request},
};
use rushes_infer::{InferError, TextQuery, VisualModel};
use rushes_model::{ErrorCode, Failure, Picture};
use rushes_query::{Leaf, Node, QueryError, Span};
use rushes_text::Phrase;

/// What a request looks for.
pub struct Wanted<'a> {
    /// A picture.
    pub picture: Option<Picture>,
    /// A sentence or an expression; beside a picture it refines it.
    pub words: Option<&'a str>,
}

/// Reads the query language.
///
/// # Errors
/// `BadRequest` that names the character.
pub fn parse(words: &str) -> Result<rushes_query::Query, Failure> {
    rushes_query::parse(words).map_err(|error| bad_request(format!("query, {error}")))
}

/// Whether a query asks for words that are told in this way.
pub fn seeks(query: &rushes_query::Query, channel: Channel) -> bool {
    let is_sought = |leaf: &Leaf| match leaf {
        Leaf::Text(_) => channel == Channel::Text,
        Leaf::Said(_) => channel == Channel::Speech,
        _ => false,
    };
    match query {
        rushes_query::Query::Sentence(_) => false,
        rushes_query::Query::Expression(node) => {
            node.leaves().iter().any(|(leaf, _)| is_sought(leaf))
        }
    }
}

/// Makes plans with one model.
pub struct Planner<'a> {
    engine: &'a Engine,
    model: &'a dyn VisualModel,
    terms: Vec<Term>,
    cast: Cast,
    sought: Vec<Sought>,
}

impl<'a> Planner<'a> {
    pub fn new(engine: &'a Engine, model: &'a dyn VisualModel, cast: Cast) -> Self {
        Self { engine, model, terms: Vec::new(), cast, sought: Vec::new() }
    }

    /// What to look for: the picture, the words, or the picture refined by the words.
    ///
    /// # Errors
    /// `BadPath` for a picture that cannot be read, `BadRequest` for words without letters.
    pub fn plan(
        mut self,
        picture: Option<&Picture>,
        words: Option<rushes_query::Query>,
        text_weight: f32,
        exclude: &[String],
        least: f32,
    ) -> Result<Plan, Failure> {
        let picture = picture.map(|picture| self.picture(picture)).transpose()?;
        let words = words.map(|words| self.words(words)).transpose()?;
        let formula = match (picture, words) {
            (Some(picture), Some(by)) => {
                Formula::Refined { picture, by: Box::new(by), weight: text_weight }
            }
            (Some(picture), None) => Formula::Term(picture),
            (None, Some(words)) => words,
            (None, None) => return Err(bad_request("nothing to look for".to_owned())),
        };
        let excluded_from = self.terms.len();
        for concept in exclude.iter().filter(|concept| !concept.trim().is_empty()) {
            self.sentence(concept)?;
        }
        let before = self.sought.len();
        let required = std::mem::take(&mut self.cast.required);
        self.sought.extend(required.into_iter().map(Sought::Person));
        let required = (before..self.sought.len()).collect();
        let Self { terms, sought, .. } = self;
        Ok(Plan { terms, sought, required, formula, excluded_from, least })
    }

    fn words(&mut self, words: rushes_query::Query) -> Result<Formula, Failure> {
        match words {
            rushes_query::Query::Sentence(sentence) => Ok(Formula::Term(self.sentence(&sentence)?)),
            rushes_query::Query::Expression(node) => self.expression(node),
        }
    }

    fn expression(&mut self, node: Node) -> Result<Formula, Failure> {
        let leaves: Result<Vec<Source>, Failure> =
            node.leaves().into_iter().map(|(leaf, span)| self.leaf(leaf, span)).collect();
        Ok(Formula::Expression { leaves: leaves?, node })
    }

    fn leaf(&mut self, leaf: &Leaf, span: Span) -> Result<Source, Failure> {
        let refused = |code, reason: &str| {
            let error = QueryError::refused(span, reason);
            Failure::new(code, format!("query, {error}"))
        };
        match leaf {
            Leaf::Sentence(sentence) => self.sentence(sentence).map(Source::Term),
            Leaf::Image(path) => {
                let picture = self.engine.picture(path)?;
                self.picture(&picture).map(Source::Term)
            }
            Leaf::Frame { path, seconds } => {
                let picture = self.engine.frame(path, *seconds)?;
                self.picture(&picture).map(Source::Term)
            }
            Leaf::Text(words) | Leaf::Said(words) => {
                let phrase = Phrase::new(words);
                let (key, channel) = match leaf {
                    Leaf::Text(_) => ("text", Channel::Text),
                    _ => ("said", Channel::Speech),
                };
                if phrase.is_empty() {
                    let reason =
                        format!("`{key}:` takes words; there is no letter and no digit in this");
                    return Err(refused(ErrorCode::BadRequest, &reason));
                }
                Ok(self.seek(Sought::Words { phrase, channel }))
            }
            Leaf::Person(name) => {
                let presence = self.cast.named(name);
                Ok(self.seek(Sought::Person(presence)))
            }
        }
    }

    fn seek(&mut self, sought: Sought) -> Source {
        self.sought.push(sought);
        Source::Sought(self.sought.len() - 1)
    }

    fn sentence(&mut self, sentence: &str) -> Result<usize, Failure> {
        let text: TextQuery = self.model.embed_text(sentence).map_err(failed)?;
        let query = rushes_vectors::Query::new(text.vector);
        Ok(self.push(query.with_words(&text.words, text.word_weight), text.curve))
    }

    fn picture(&mut self, picture: &Picture) -> Result<usize, Failure> {
        let vector = self.model.embed_picture(picture).map_err(failed)?.vector;
        Ok(self.push(rushes_vectors::Query::new(vector), self.model.calibration().picture))
    }

    fn push(&mut self, query: rushes_vectors::Query, curve: rushes_infer::Curve) -> usize {
        self.terms.push(Term { query, curve });
        self.terms.len() - 1
    }
}

fn failed(error: InferError) -> Failure {
    Failure::new(ErrorCode::Internal, error.to_string())
}

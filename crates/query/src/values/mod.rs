//! What stands behind a key, one file for each kind of value.

mod codec;
mod date;
mod duration;
mod rate;
mod resolution;
mod test;

pub(crate) use codec::{canonical as canonical_codec, is_codec};
pub use date::Date;
pub use duration::Seconds;
pub(crate) use rate::order as order_rates;
pub use resolution::{Class, Lines, Orientation, Resolution};
pub use test::Test;

use crate::{
    ast::Leaf,
    error::{Problem, QueryError, shortened},
    filter::Filter,
    key::Key,
    lexer::Value,
};
use rushes_model::MediaKind;
use std::cmp::Ordering;

/// What a key with its value means.
pub(crate) enum Meaning {
    Leaf(Leaf),
    Filter(Filter),
}

/// Reads the value of `key`.
pub(crate) fn meaning(key: Key, value: &Value) -> Result<Meaning, QueryError> {
    let fails = |problem| Err(QueryError::new(value.span, problem));
    if value.text.trim().is_empty() && value.after_quote.is_some() {
        return fails(Problem::EmptyQuote);
    }
    if key != Key::Frame && value.after_quote.as_deref().is_some_and(|rest| !rest.is_empty()) {
        return fails(Problem::TextAfterQuote);
    }
    match leaf(key, value).map(Meaning::Leaf).or_else(|| Some(Meaning::Filter(filter(key, value)?)))
    {
        Some(Meaning::Filter(filter)) if filter.is_backward() => {
            fails(Problem::BackwardRange { key: key.name(), got: shortened(&value.text) })
        }
        Some(meaning) => Ok(meaning),
        None => fails(bad_value(key, value)),
    }
}

fn bad_value(key: Key, value: &Value) -> Problem {
    let rest = value.after_quote.as_deref().unwrap_or_default();
    let got = shortened(&format!("{}{rest}", value.text));
    Problem::BadValue { key: key.name(), takes: key.takes(), got }
}

fn leaf(key: Key, value: &Value) -> Option<Leaf> {
    let text = Some(value.text.clone()).filter(|text| !text.is_empty());
    match key {
        Key::Image => text.map(Leaf::Image),
        Key::Text => text.map(Leaf::Text),
        Key::Said => text.map(Leaf::Said),
        Key::Frame => frame(value),
        _ => None,
    }
}

/// A path and, after the last `@`, a time.
fn frame(value: &Value) -> Option<Leaf> {
    let (path, time) = match &value.after_quote {
        Some(rest) => (value.text.as_str(), rest.strip_prefix('@')?),
        None => value.text.rsplit_once('@')?,
    };
    let seconds = decimal(time).or_else(|| rushes_model::parse_timestamp(time).ok())?;
    (!path.trim().is_empty()).then(|| Leaf::Frame { path: path.to_owned(), seconds })
}

fn filter(key: Key, value: &Value) -> Option<Filter> {
    let text = value.text.trim();
    match key {
        Key::Kind => kind(text).map(Filter::Kind),
        Key::In => is_given(text).map(Filter::In),
        Key::Name => is_given(text).map(Filter::Name),
        Key::Date => Test::read(text, Date::read).map(Filter::Date),
        Key::Duration => Test::read(text, Seconds::read).map(Filter::Duration),
        Key::Width => Test::read(text, whole).map(Filter::Width),
        Key::Height => Test::read(text, whole).map(Filter::Height),
        Key::Resolution => Resolution::read(text).map(Filter::Resolution),
        Key::Fps => Test::read(text, rate::read).map(Filter::Fps),
        Key::Codec => is_codec(text).then(|| Filter::Codec(canonical_codec(text))),
        Key::Orientation => Orientation::read(text).map(Filter::Orientation),
        Key::Has => text.eq_ignore_ascii_case("audio").then_some(Filter::HasAudio),
        Key::Image | Key::Frame | Key::Text | Key::Said => None,
    }
}

fn is_given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn kind(text: &str) -> Option<MediaKind> {
    let kinds = [MediaKind::Video, MediaKind::Image, MediaKind::Audio];
    kinds.into_iter().find(|kind| text.eq_ignore_ascii_case(kind_name(*kind)))
}

/// What a kind is called in queries.
pub(crate) fn kind_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Video => "video",
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
    }
}

fn whole(text: &str) -> Option<u32> {
    is_digits(text).then(|| text.parse().ok())?
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A finite number without sign and exponent, with digits on both sides of a point.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let number: f64 =
        (is_digits(whole) && is_digits(fraction)).then(|| text.parse().ok()).flatten()?;
    number.is_finite().then_some(number)
}

/// Natural order of what always has one.
pub(crate) fn natural<T: PartialOrd>(own: &T, given: &T) -> Ordering {
    own.partial_cmp(given).unwrap_or(Ordering::Equal)
}

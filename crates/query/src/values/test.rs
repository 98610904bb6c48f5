//! Comparisons and ranges, the same for all values that have an order.

use std::{cmp::Ordering, fmt};

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Test<T> {
    /// `v`: this.
    Is(T),
    /// `>v`: more than this.
    Above(T),
    /// `>=v` or `v..`: this or more.
    AtLeast(T),
    /// `<v`: less than this.
    Below(T),
    /// `<=v` or `..v`: this or less.
    AtMost(T),
    /// `v..w`: between these, or one of them.
    Between(T, T),
}

impl<T> Test<T> {
    pub(crate) fn read(text: &str, value: impl Fn(&str) -> Option<T>) -> Option<Self> {
        type Make<T> = fn(T) -> Test<T>;
        // The longer ones first: `>` begins `>=`.
        let signs: [(&str, Make<T>); 7] = [
            (">=", Self::AtLeast),
            ("≥", Self::AtLeast),
            ("<=", Self::AtMost),
            ("≤", Self::AtMost),
            (">", Self::Above),
            ("<", Self::Below),
            ("=", Self::Is),
        ];
        for (sign, make) in signs {
            if let Some(rest) = text.strip_prefix(sign) {
                return value(rest.trim()).map(make);
            }
        }
        match text.split_once("..") {
            None => value(text).map(Self::Is),
            Some((from, "")) => value(from.trim()).map(Self::AtLeast),
            Some(("", to)) => value(to.trim()).map(Self::AtMost),
            Some((from, to)) => Some(Self::Between(value(from.trim())?, value(to.trim())?)),
        }
    }

    /// Whether a value passes, of which `order` tells how it lies to a given one.
    pub(crate) fn holds(&self, order: impl Fn(&T) -> Ordering) -> bool {
        match self {
            Self::Is(value) => order(value).is_eq(),
            Self::Above(value) => order(value).is_gt(),
            Self::AtLeast(value) => order(value).is_ge(),
            Self::Below(value) => order(value).is_lt(),
            Self::AtMost(value) => order(value).is_le(),
            Self::Between(from, to) => order(from).is_ge() && order(to).is_le(),
        }
    }

    /// Whether this is a range that ends before it begins.
    pub(crate) fn is_backward(&self, order: impl Fn(&T, &T) -> Ordering) -> bool {
        matches!(self, Self::Between(from, to) if order(from, to).is_gt())
    }
}

impl<T: fmt::Display> fmt::Display for Test<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => write!(f, "{value}"),
            Self::Above(value) => write!(f, ">{value}"),
            Self::AtLeast(value) => write!(f, ">={value}"),
            Self::Below(value) => write!(f, "<{value}"),
            Self::AtMost(value) => write!(f, "<={value}"),
            Self::Between(from, to) => write!(f, "{from}..{to}"),
        }
    }
}

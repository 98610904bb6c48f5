//! The things that a detector finds, as words for a picture.

use crate::ssd::{CLASSES, Detection};

/// Tag of a class of things: this and COCO's id. Labels and attributes are numbered below, with room
/// for more attributes.
const FIRST_TAG: u16 = 2000;
/// Side of a thing, as a share of the picture's, from which on size adds no more weight.
const LARGE: f32 = 0.4;

/// Tag of each class, in the order of [`CLASSES`], with its name.
pub(super) fn tags() -> impl Iterator<Item = (u16, &'static str)> {
    CLASSES.iter().map(|&(id, name)| (FIRST_TAG + id, name))
}

/// How much of each class is in the picture, 0..=1, in the order of [`CLASSES`]: that of its best
/// thing, by score and size. Small things count half.
pub(super) fn weights(things: &[Detection]) -> Vec<f32> {
    let weight = |thing: &Detection| {
        thing.score * (0.5 + 0.5 * (thing.area().max(0.0).sqrt() / LARGE).min(1.0))
    };
    let best = |id: u16| {
        let same = things.iter().filter(|thing| thing.class == id);
        same.map(weight).fold(0.0, f32::max)
    };
    CLASSES.iter().map(|&(id, _)| best(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(class: u16, score: f32, side: f32) -> Detection {
        Detection { class, score, y0: 0.0, x0: 0.0, y1: side, x1: side }
    }

    #[test]
    fn the_best_thing_of_a_class_counts() {
        let found = weights(&[thing(18, 0.8, 0.2), thing(18, 0.7, 0.9), thing(90, 0.4, 0.0)]);
        let of = |id: u16| found[CLASSES.iter().position(|class| class.0 == id).expect("a class")];
        assert_eq!((found.len(), of(1)), (80, 0.0));
        assert!((of(18) - 0.7).abs() < 1e-6 && (of(90) - 0.2).abs() < 1e-6);
        assert!(weights(&[]).iter().all(|&weight| weight == 0.0));
    }

    /// Stored analyses hold these numbers.
    #[test]
    fn tags_keep_their_numbers() {
        let tags: Vec<_> = tags().collect();
        assert_eq!((tags[0], tags[79]), ((2001, "person"), (2090, "toothbrush")));
        assert!(tags.is_sorted_by(|a, b| a.0 < b.0));
    }
}

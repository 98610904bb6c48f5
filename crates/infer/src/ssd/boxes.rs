//! From the network's numbers to boxes: anchors, decoding, and one box a thing.
//!
//! Constants are those of the model's `pipeline.config`: `ssd_anchor_generator` with six layers, scales
//! .2 to .95, and `faster_rcnn_box_coder` with scales 10, 10, 5, 5.

use super::Detection;
use super::network::{MAP_SIDES, SCORES};

/// Boxes that score less are no detections.
const MIN_SCORE: f32 = 0.2;
/// Boxes of a class that share more than this are one thing.
const MAX_OVERLAP: f32 = 0.5;

/// A box that the network's answers are relative to, in fractions of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Anchor {
    y: f32,
    x: f32,
    height: f32,
    width: f32,
}

/// All anchors in the order of the network's answers.
pub(super) fn anchors() -> Vec<Anchor> {
    let mut anchors = Vec::new();
    for (map, side) in MAP_SIDES.into_iter().enumerate() {
        let centre = |at: usize| (at as f32 + 0.5) / side as f32;
        let places = (0..side).flat_map(|row| (0..side).map(move |column| (row, column)));
        for (row, column) in places {
            let (y, x) = (centre(row), centre(column));
            let sizes = sizes(map).into_iter();
            anchors.extend(sizes.map(|(height, width)| Anchor { y, x, height, width }));
        }
    }
    anchors
}

/// Height and width of the anchors at each place of a map.
fn sizes(map: usize) -> Vec<(f32, f32)> {
    const SCALES: [f32; MAP_SIDES.len() + 1] = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0];
    let (scale, next) = (SCALES[map], SCALES[map + 1]);
    let of_ratio = |scale: f32, ratio: f32| (scale / ratio.sqrt(), scale * ratio.sqrt());
    if map == 0 {
        return vec![of_ratio(0.1, 1.0), of_ratio(scale, 2.0), of_ratio(scale, 0.5)];
    }
    let mut sizes = [1.0, 2.0, 0.5, 3.0, 0.3333].map(|ratio| of_ratio(scale, ratio)).to_vec();
    sizes.push(of_ratio((scale * next).sqrt(), 1.0));
    sizes
}

/// What is in the picture, best first: `boxes` has four numbers and `scores` a logit per class for
/// every anchor.
pub(super) fn detections(anchors: &[Anchor], boxes: &[f32], scores: &[f32]) -> Vec<Detection> {
    // The sigmoid of most of 174,000 logits need not be worked out.
    let enough = (MIN_SCORE / (1.0 - MIN_SCORE)).ln();
    let mut found = Vec::new();
    for ((anchor, logits), code) in
        anchors.iter().zip(scores.chunks_exact(SCORES)).zip(boxes.as_chunks::<4>().0)
    {
        let classes = (0..).zip(logits).skip(1).filter(|&(_, &logit)| logit > enough);
        found.extend(classes.map(|(class, &logit)| anchor.detection(class, logit, *code)));
    }
    found.retain(|detection| detection.area().is_finite());
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    without_overlaps(found)
}

impl Anchor {
    fn detection(&self, class: u16, logit: f32, code: [f32; 4]) -> Detection {
        let [y, x, height, width] = code;
        let (y, x) = (self.y + y / 10.0 * self.height, self.x + x / 10.0 * self.width);
        let (height, width) =
            (self.height * (height / 5.0).exp(), self.width * (width / 5.0).exp());
        let inside = |at: f32| at.clamp(0.0, 1.0);
        Detection {
            class,
            score: 1.0 / (1.0 + (-logit).exp()),
            y0: inside(y - height / 2.0),
            x0: inside(x - width / 2.0),
            y1: inside(y + height / 2.0),
            x1: inside(x + width / 2.0),
        }
    }
}

/// Intersection over union.
fn overlap(a: &Detection, b: &Detection) -> f32 {
    let span = |a0: f32, a1: f32, b0: f32, b1: f32| (a1.min(b1) - a0.max(b0)).max(0.0);
    let shared = span(a.y0, a.y1, b.y0, b.y1) * span(a.x0, a.x1, b.x0, b.x1);
    shared / (a.area() + b.area() - shared).max(f32::EPSILON)
}

/// Keeps the best of each group of boxes of a class that share much; `found` comes best first.
fn without_overlaps(found: Vec<Detection>) -> Vec<Detection> {
    let mut kept: Vec<Detection> = Vec::new();
    for detection in found {
        let mut same = kept.iter().filter(|better| better.class == detection.class);
        if same.all(|better| overlap(better, &detection) <= MAX_OVERLAP) {
            kept.push(detection);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected edges: what the anchor generator inside the frozen graph gives (top, left, bottom,
    /// right).
    #[test]
    fn anchors_are_tensorflows() {
        let anchors = anchors();
        assert_eq!(anchors.len(), 1917);
        let expected: [(usize, [f32; 4]); 9] = [
            (0, [-0.02368, -0.02368, 0.07632, 0.07632]),
            (1, [-0.04439, -0.11511, 0.09703, 0.16774]),
            (60, [0.02895, 0.02895, 0.12895, 0.12895]),
            (1086, [-0.05104, -0.25311, 0.15104, 0.35311]),
            (1087, [-0.25312, -0.05103, 0.35312, 0.15103]),
            (1088, [-0.15917, -0.15917, 0.25917, 0.25917]),
            (1840, [-0.06314, 0.04038, 0.39648, 0.95962]),
            (1910, [0.31411, 0.31411, 1.18589, 1.18589]),
            (1915, [-0.32277, 0.22577, 1.32277, 0.77423]),
        ];
        for (at, edges) in expected {
            let Anchor { y, x, height, width } = anchors[at];
            let (high, wide) = (height / 2.0, width / 2.0);
            for (edge, expected) in [y - high, x - wide, y + high, x + wide].iter().zip(edges) {
                assert!((edge - expected).abs() < 2e-5, "{at}: {:?}", anchors[at]);
            }
        }
    }

    fn detection(class: u16, score: f32, x0: f32) -> Detection {
        Detection { class, score, y0: 0.0, x0, y1: 0.5, x1: x0 + 0.4 }
    }

    #[test]
    fn one_box_a_thing_and_class() {
        let same = detection(1, 0.8, 0.05);
        let found =
            vec![detection(1, 0.9, 0.0), same, detection(1, 0.7, 0.3), detection(2, 0.6, 0.0)];
        let kept: Vec<f32> = without_overlaps(found).iter().map(|found| found.score).collect();
        assert_eq!(kept, [0.9, 0.7, 0.6]);
    }

    #[test]
    fn numbers_out_of_bounds_are_no_boxes() {
        let anchors = anchors();
        let mut boxes = vec![0.0; anchors.len() * 4];
        let mut scores = vec![-9.0; anchors.len() * SCORES];
        scores[60 * SCORES + 17] = 9.0;
        scores[SCORES + 3] = f32::NAN;
        scores[2 * SCORES] = 9.0;
        scores[3 * SCORES + 18] = 9.0;
        boxes[3 * 4] = f32::NAN;
        scores[4 * SCORES + 90] = f32::INFINITY;
        boxes[4 * 4 + 2..][..2].copy_from_slice(&[f32::INFINITY, 1e30]);
        let found = detections(&anchors, &boxes, &scores);
        let classes: Vec<u16> = found.iter().map(|found| found.class).collect();
        assert_eq!(classes, [90, 17], "the background and what has no place are not there");
        assert_eq!((found[0].score, found[0].area()), (1.0, 1.0));
        assert!((found[1].area() - 0.1 * 0.1).abs() < 1e-4, "{:?}", found[1]);
    }
}

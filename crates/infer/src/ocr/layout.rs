//! From pieces of text to lines in reading order.

use super::{Piece, TextLine};
use rushes_model::Picture;

/// Pieces stand in one row when their middles differ in height by less than this share of the lower one.
const SAME_ROW: f32 = 0.5;
/// Neighbours in a row that are further apart than this many times their height are two lines.
const MAX_GAP: f32 = 2.0;

/// Rows from top to bottom, pieces in them from left to right; neighbours become one line.
pub(super) fn lines(mut pieces: Vec<Piece>, picture: &Picture) -> Vec<TextLine> {
    pieces.sort_by(|a, b| a.area.y.total_cmp(&b.area.y));
    let mut rows: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        match rows.iter_mut().rev().find(|row| row.iter().any(|other| is_level(other, &piece))) {
            Some(row) => row.push(piece),
            None => rows.push(vec![piece]),
        }
    }
    rows.iter_mut().flat_map(|row| split(row, picture)).collect()
}

fn is_level(a: &Piece, b: &Piece) -> bool {
    (a.area.y - b.area.y).abs() < SAME_ROW * a.area.height.min(b.area.height)
}

fn split(row: &mut [Piece], picture: &Picture) -> Vec<TextLine> {
    row.sort_by(|a, b| a.area.bounds().0.total_cmp(&b.area.bounds().0));
    row.chunk_by(|a, b| {
        let gap = b.area.bounds().0 - a.area.bounds().2;
        gap < MAX_GAP * a.area.height.min(b.area.height)
    })
    .map(|pieces| join(pieces, picture))
    .collect()
}

fn join(pieces: &[Piece], picture: &Picture) -> TextLine {
    let texts: Vec<&str> = pieces.iter().flat_map(|piece| piece.text.split_whitespace()).collect();
    let length = |piece: &Piece| piece.text.chars().count() as f32;
    let sum: f32 = pieces.iter().map(|piece| piece.confidence * length(piece)).sum();
    let bounds = pieces.iter().map(|piece| piece.area.bounds());
    let (left, top, right, bottom) = bounds
        .reduce(|a, b| (a.0.min(b.0), a.1.min(b.1), a.2.max(b.2), a.3.max(b.3)))
        .unwrap_or_default();
    let (left, top) = (left.max(0.0), top.max(0.0));
    TextLine {
        text: texts.join(" "),
        confidence: sum / pieces.iter().map(length).sum::<f32>(),
        left,
        top,
        width: right.min(picture.width as f32) - left,
        height: bottom.min(picture.height as f32) - top,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::boxes::Slanted;

    fn piece(text: &str, left: f32, y: f32, width: f32, height: f32) -> Piece {
        let area = Slanted { x: left + width / 2.0, y, width, height, cos: 1.0, sin: 0.0 };
        Piece { text: text.to_owned(), confidence: 0.9, area }
    }

    fn texts(pieces: Vec<Piece>) -> Vec<String> {
        let picture = Picture { width: 1000, height: 500, pixels: Vec::new() };
        lines(pieces, &picture).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn rows_go_down_and_pieces_go_right() {
        let pieces = vec![
            piece("below", 10.0, 90.0, 100.0, 30.0),
            piece("12A", 120.0, 38.0, 60.0, 30.0),
            piece("far away", 700.0, 42.0, 100.0, 30.0),
            piece("SCENE", 10.0, 40.0, 90.0, 32.0),
        ];
        assert_eq!(texts(pieces), ["SCENE 12A", "far away", "below"]);
    }

    #[test]
    fn a_small_line_beside_a_large_one_is_its_own() {
        let pieces = vec![
            piece("TITLE", 10.0, 100.0, 300.0, 120.0),
            piece("above", 320.0, 60.0, 80.0, 24.0),
            piece("beneath", 320.0, 140.0, 80.0, 24.0),
        ];
        assert_eq!(texts(pieces), ["above", "TITLE", "beneath"]);
    }

    #[test]
    fn boxes_end_at_the_picture_and_confidence_is_by_length() {
        let mut long = piece("1234567 9", -20.0, 5.0, 600.0, 40.0);
        long.confidence = 0.8;
        let mut short = piece(" x ", 600.0, 5.0, 900.0, 40.0);
        (short.text, short.confidence) = ("x".to_owned(), 1.0);
        let picture = Picture { width: 1000, height: 500, pixels: Vec::new() };
        let [line] = &lines(vec![short, long], &picture)[..] else { panic!("one line") };
        assert_eq!(line.text, "1234567 9 x");
        assert!((line.confidence - 0.82).abs() < 1e-6, "{line:?}");
        assert_eq!((line.left, line.top, line.width, line.height), (0.0, 0.0, 1000.0, 25.0));
    }

    #[test]
    fn nothing_is_no_line() {
        assert_eq!(texts(Vec::new()), Vec::<String>::new());
    }
}

//! What stands there: PP-OCRv4's recogniser, a network that names one character or none per eight
//! columns of a line that is 48 pixels high.

use super::boxes::Slanted;
use super::planes::blue_green_red;
use super::{MODEL, Piece};
use crate::InferError;
use crate::resize::{Area, FilterType, resize};
use crate::runtime::{Input, Runtime, SessionPool};
use rushes_model::Picture;
use std::path::Path;

/// Height of the lines that the network reads.
const HEIGHT: u32 = 48;
/// Inputs are widened to whole multiples of this with grey, as in training.
const WIDTH_STEP: usize = 32;
/// Longer lines are squeezed: this is some 90 characters.
const MAX_WIDTH: u32 = 2400;
/// Of 40 frames of footage without text nothing is read with .5 or more, three words with .3 to .5.
const MIN_CONFIDENCE: f32 = 0.5;
/// A tilt that moves the ends of a line by less than this share of its height is none.
const LEVEL: f32 = 0.1;
/// Metadata of the file that holds the characters, one a line.
const ALPHABET: &str = "character";
const OUTPUT: &str = "softmax_11.tmp_0";

pub(super) struct Recogniser {
    sessions: SessionPool,
    /// Characters by class; class 0 is none.
    alphabet: Vec<String>,
}

impl Recogniser {
    pub(super) fn open(runtime: &Runtime, path: &Path, workers: usize) -> Result<Self, InferError> {
        let sessions = SessionPool::from_file(runtime, MODEL, path, workers)?;
        let none = || InferError::BadFile {
            path: path.to_owned(),
            reason: "it holds no alphabet".to_owned(),
        };
        let characters = sessions.metadata(ALPHABET)?.ok_or_else(none)?;
        // The network was trained with "none" before the listed characters and the space behind them.
        let alphabet = [""].into_iter().chain(characters.lines()).chain([" "]);
        Ok(Self { sessions, alphabet: alphabet.map(str::to_owned).collect() })
    }

    /// Reads one area; `None` when it holds no text that can be read.
    pub(super) fn read(
        &self,
        picture: &Picture,
        area: Slanted,
    ) -> Result<Option<Piece>, InferError> {
        let Some(line) = straighten(picture, &area)? else { return Ok(None) };
        let row = (line.width as usize).next_multiple_of(WIDTH_STEP);
        let pixels = blue_green_red(&line, row);
        let shape = [1, 3, HEIGHT as usize, row];
        let outputs = self.sessions.run(&[("x", Input::F32(&shape, &pixels))], &[OUTPUT])?;
        let classes = self.alphabet.len();
        let output =
            outputs.into_iter().next().filter(|output| output.shape.last() == Some(&classes));
        let output = output.ok_or_else(|| InferError::Run {
            key: MODEL.to_owned(),
            reason: format!("the recogniser does not tell {classes} characters apart"),
        })?;
        let (text, confidence) = self.decode(&output.values);
        let is_text = confidence >= MIN_CONFIDENCE && text.contains(char::is_alphanumeric);
        Ok(is_text.then_some(Piece { text, confidence, area }))
    }

    /// The likeliest character of each step, repetitions and "none" left out, and the mean probability
    /// of those that remain.
    fn decode(&self, probabilities: &[f32]) -> (String, f32) {
        let (mut text, mut sum, mut count, mut last) = (String::new(), 0.0, 0, 0);
        for step in probabilities.chunks_exact(self.alphabet.len()) {
            let (class, probability) = likeliest(step);
            if class != 0 && class != last {
                text.push_str(&self.alphabet[class]);
                sum += probability;
                count += 1;
            }
            last = class;
        }
        (text, sum / count.max(1) as f32)
    }
}

fn likeliest(step: &[f32]) -> (usize, f32) {
    step.iter().enumerate().fold((0, f32::MIN), |best, (class, &probability)| {
        if probability > best.1 { (class, probability) } else { best }
    })
}

/// The area as a level line of the network's height; `None` when it lies outside the picture.
fn straighten(picture: &Picture, area: &Slanted) -> Result<Option<Picture>, InferError> {
    if area.width * area.sin.abs() > LEVEL * area.height {
        let level = turn(picture, area);
        let whole = Area::whole(&level);
        return fit(&level, whole).map(Some);
    }
    let (left, top, right, bottom) = area.bounds();
    let (left, top) = (f64::from(left.max(0.0)), f64::from(top.max(0.0)));
    let width = f64::from(right).min(f64::from(picture.width)) - left;
    let height = f64::from(bottom).min(f64::from(picture.height)) - top;
    if width < 1.0 || height < 1.0 {
        return Ok(None);
    }
    fit(picture, Area { left, top, width, height }).map(Some)
}

/// Brings a part of a picture to the network's height.
fn fit(picture: &Picture, area: Area) -> Result<Picture, InferError> {
    let width = (area.width / area.height * f64::from(HEIGHT)).ceil();
    let width = (width as u32).clamp(1, MAX_WIDTH);
    resize(picture, area, (width, HEIGHT), FilterType::Bilinear)
}

/// Turns a tilted area level at the size that it has; beyond the picture its edge goes on.
fn turn(picture: &Picture, area: &Slanted) -> Picture {
    let (width, height) = (area.width.ceil().max(1.0) as u32, area.height.ceil().max(1.0) as u32);
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    for row in 0..height {
        for column in 0..width {
            let along = column as f32 + 0.5 - area.width / 2.0;
            let across = row as f32 + 0.5 - area.height / 2.0;
            pixels.extend(between(picture, area.point(along, across)));
        }
    }
    Picture { width, height, pixels }
}

/// Colour at a place between pixels, whose middles lie at halves.
fn between(picture: &Picture, (x, y): (f32, f32)) -> [u8; 3] {
    let place = |at: f32, side: u32| {
        let at = (at - 0.5).clamp(0.0, (side - 1) as f32);
        let low = at as usize;
        (low, (low + 1).min(side as usize - 1), at - low as f32)
    };
    let ((left, right, across), (top, bottom, down)) =
        (place(x, picture.width), place(y, picture.height));
    let value = |x: usize, y: usize, channel: usize| {
        f32::from(picture.pixels[(y * picture.width as usize + x) * 3 + channel])
    };
    std::array::from_fn(|channel| {
        let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
        let row = |y: usize| mix(value(left, y, channel), value(right, y, channel), across);
        mix(row(top), row(bottom), down).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Element, GraphWriter};
    use crate::runtime::testing::runtime;

    fn area(width: f32, height: f32, degrees: f32) -> Slanted {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Slanted { x: 60.0, y: 40.0, width, height, cos, sin }
    }

    /// White where the place lies in a bar along the tilt, black elsewhere.
    fn bar(degrees: f32) -> Picture {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let value = |at: u32| {
            let (dx, dy) = ((at % 120) as f32 - 59.5, (at / 120) as f32 - 39.5);
            let white = (dx * cos + dy * sin).abs() < 40.0 && (dy * cos - dx * sin).abs() < 6.0;
            [if white { 255 } else { 0 }; 3]
        };
        Picture { width: 120, height: 80, pixels: (0..120 * 80).flat_map(value).collect() }
    }

    #[test]
    fn tilted_areas_come_out_level() {
        for degrees in [-15.0, 0.0, 12.0] {
            let line = straighten(&bar(degrees), &area(76.0, 10.0, degrees));
            let line = line.expect("resizes").expect("lies inside");
            assert_eq!((line.height, line.width), (48, 365));
            let dark = line.pixels.iter().filter(|&&value| value < 200).count();
            assert!(dark * 100 < line.pixels.len(), "{degrees}: {dark} dark of a white bar");
        }
    }

    #[test]
    fn areas_at_and_beyond_the_edge_are_cut_or_left_out() {
        let picture = bar(0.0);
        let at = |x, y| Slanted { x, y, ..area(76.0, 10.0, 0.0) };
        assert!(straighten(&picture, &at(0.0, 0.0)).expect("resizes").is_some());
        assert!(straighten(&picture, &at(119.0, 79.0)).expect("resizes").is_some());
        assert!(straighten(&picture, &at(300.0, 40.0)).expect("resizes").is_none());
        assert!(straighten(&picture, &at(60.0, -30.0)).expect("resizes").is_none());
        let tilted = Slanted { x: 400.0, y: -300.0, ..area(76.0, 10.0, 10.0) };
        assert!(straighten(&picture, &tilted).expect("resizes").is_some(), "its edge goes on");
    }

    #[test]
    fn a_model_without_an_alphabet_is_refused() {
        let mut graph = GraphWriter::new();
        graph.input("x", Element::F32, &[1, 3, 48, -1]);
        graph.node("Identity", &["x"], OUTPUT, Vec::new());
        graph.output(OUTPUT, Element::F32, &[1, 3, 48, -1]);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rec.onnx");
        fs_err::write(&path, graph.into_bytes()).expect("written");
        let error = Recogniser::open(&runtime(), &path, 1).err().expect("no alphabet");
        assert!(matches!(error, InferError::BadFile { .. }), "{error}");
        assert!(error.to_string().contains("no alphabet"), "{error}");
    }

    #[test]
    fn a_model_of_another_alphabet_is_an_error_when_it_runs() {
        let mut graph = GraphWriter::new();
        graph.input("x", Element::F32, &[1, 3, 48, -1]);
        graph.node("Identity", &["x"], OUTPUT, Vec::new());
        graph.output(OUTPUT, Element::F32, &[1, 3, 48, -1]);
        let (origin, model) = (Path::new("rec.onnx"), graph.into_bytes());
        let sessions = SessionPool::from_memory(&runtime(), MODEL, origin, &model, 1);
        let alphabet = ["", "a", " "].map(str::to_owned).to_vec();
        let recogniser = Recogniser { sessions: sessions.expect("opens"), alphabet };
        let error = recogniser.read(&bar(0.0), area(76.0, 10.0, 0.0)).expect_err("64 columns");
        assert!(error.to_string().contains("does not tell 3 characters apart"), "{error}");
    }

    #[test]
    fn repetitions_are_one_character_unless_parted() {
        let sessions = || {
            let mut graph = GraphWriter::new();
            graph.input("x", Element::F32, &[1]);
            graph.node("Identity", &["x"], OUTPUT, Vec::new());
            graph.output(OUTPUT, Element::F32, &[1]);
            let model = graph.into_bytes();
            SessionPool::from_memory(&runtime(), MODEL, Path::new("x"), &model, 1).expect("opens")
        };
        let alphabet = ["", "l", "e", " "].map(str::to_owned).to_vec();
        let recogniser = Recogniser { sessions: sessions(), alphabet };
        let steps: Vec<f32> = [0, 2, 2, 0, 1, 0, 1, 1, 3, 2]
            .iter()
            .flat_map(|&class| (0..4).map(move |c| if c == class { 0.7 } else { 0.1 }))
            .collect();
        let (text, confidence) = recogniser.decode(&steps);
        assert_eq!(text, "ell e");
        assert!((confidence - 0.7).abs() < 1e-6);
        assert_eq!(recogniser.decode(&[]), (String::new(), 0.0));
        assert_eq!(recogniser.decode(&[f32::NAN; 8]), (String::new(), 0.0));
    }
}

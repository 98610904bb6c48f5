//! From a map of probabilities to rectangles around text.
//!
//! The steps are those of differentiable binarization (Liao et al., 2020): the network draws each line
//! of text thinner than it is; what is connected in that drawing is one line, and its rectangle is
//! grown by what the drawing took away.

/// A point of a line's core has at least this probability. This and the next four: PaddleOCR's settings.
const MIN_PROBABILITY: f32 = 0.3;
/// A rectangle counts as text from this mean probability on.
const MIN_MEAN: f32 = 0.6;
/// Growth, as share of area over perimeter, that undoes the thinning.
const UNCLIP: f32 = 1.6;
/// Least short side of a core, in points of the map.
const MIN_CORE: f32 = 3.0;
/// Least short side of a grown rectangle.
const MIN_GROWN: f32 = 5.0;
/// A tilted rectangle must be smaller than this share of the upright one: a short word's tilt is
/// chance.
const TILT_PAYS: f32 = 0.85;

/// Probabilities, rows from top to bottom.
pub(super) struct Map {
    width: usize,
    values: Vec<f32>,
}

impl Map {
    /// `None` when the number of values does not fit the sides.
    pub(super) fn new(width: usize, height: usize, values: Vec<f32>) -> Option<Self> {
        (width > 0 && values.len() == width * height).then_some(Self { width, values })
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }
}

/// A rectangle that may be tilted. Text runs along its width, by at most 45 degrees from level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slanted {
    /// Middle.
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
    /// Unit vector along the text; across it, downwards, is (-sin, cos).
    pub cos: f32,
    pub sin: f32,
}

impl Slanted {
    /// The point that lies `along` and `across` the text from the middle.
    pub(super) fn point(&self, along: f32, across: f32) -> (f32, f32) {
        (
            self.x + along * self.cos - across * self.sin,
            self.y + along * self.sin + across * self.cos,
        )
    }

    /// Left, top, right and bottom of the upright box around it.
    pub(super) fn bounds(&self) -> (f32, f32, f32, f32) {
        let wide = (self.width * self.cos + self.height * self.sin.abs()) / 2.0;
        let high = (self.width * self.sin.abs() + self.height * self.cos) / 2.0;
        (self.x - wide, self.y - high, self.x + wide, self.y + high)
    }

    /// The same in a picture that is so many times as wide and as high.
    pub(super) fn scaled(&self, (across, down): (f32, f32)) -> Self {
        let (dx, dy) = (self.cos * across, self.sin * down);
        let stretch = dx.hypot(dy);
        let (cos, sin) = (dx / stretch, dy / stretch);
        let height = self.height * (self.sin * across).hypot(self.cos * down);
        Self { x: self.x * across, y: self.y * down, width: self.width * stretch, height, cos, sin }
    }

    fn grown(self) -> Self {
        let by = UNCLIP * self.width * self.height / (self.width + self.height);
        Self { width: self.width + by, height: self.height + by, ..self }
    }

    fn short_side(&self) -> f32 {
        self.width.min(self.height)
    }
}

/// The rectangles around text, in points of the map.
pub(super) fn text_areas(map: &Map) -> Vec<Slanted> {
    regions(map)
        .iter()
        .map(|runs| enclose(&outline(runs)))
        .filter(|core| core.short_side() >= MIN_CORE && mean(map, core) >= MIN_MEAN)
        .map(Slanted::grown)
        .filter(|area| area.short_side() >= MIN_GROWN)
        .collect()
}

/// Points `left..right` of row `y`.
#[derive(Debug, Clone, Copy)]
struct Run {
    y: usize,
    left: usize,
    right: usize,
}

/// The connected regions of probable points, each as its runs; corners connect too.
fn regions(map: &Map) -> Vec<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut parents: Vec<usize> = Vec::new();
    let mut above = 0..0;
    for (y, row) in map.rows().enumerate() {
        let first = runs.len();
        for run in probable(row, y) {
            parents.push(runs.len());
            for other in above.clone() {
                let near: &Run = &runs[other];
                if near.left <= run.right && run.left <= near.right {
                    let (a, b) = (root(&mut parents, other), root(&mut parents, runs.len()));
                    parents[a.max(b)] = a.min(b);
                }
            }
            runs.push(run);
        }
        above = first..runs.len();
    }
    let mut regions = vec![Vec::new(); runs.len()];
    for (index, run) in runs.into_iter().enumerate() {
        regions[root(&mut parents, index)].push(run);
    }
    regions.retain(|runs| !runs.is_empty());
    regions
}

fn probable(row: &[f32], y: usize) -> impl Iterator<Item = Run> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let left = at + row[at..].iter().position(|&p| p > MIN_PROBABILITY)?;
        let length = row[left..].iter().position(|&p| p <= MIN_PROBABILITY);
        at = length.map_or(row.len(), |length| left + length);
        Some(Run { y, left, right: at })
    })
}

/// The region that a run belongs to; halves the way there for the next who asks.
fn root(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}

type Point = (f32, f32);

/// Corners of the convex outline of a region, by Andrew's monotone chain.
fn outline(runs: &[Run]) -> Vec<Point> {
    let corners = |run: &Run| {
        let (left, right, top) = (run.left as f32, run.right as f32, run.y as f32);
        [(left, top), (right, top), (left, top + 1.0), (right, top + 1.0)]
    };
    let mut points: Vec<Point> = runs.iter().flat_map(corners).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup();
    let mut hull = chain(points.iter().copied());
    hull.extend(chain(points.iter().rev().copied()));
    hull
}

/// One side of the outline, without its last point, which begins the other side.
fn chain(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut side: Vec<Point> = Vec::new();
    for point in points {
        while let [.., a, b] = side[..]
            && (b.0 - a.0) * (point.1 - a.1) <= (b.1 - a.1) * (point.0 - a.0)
        {
            side.pop();
        }
        side.push(point);
    }
    side.pop();
    side
}

/// The smallest rectangle around an outline: one of its sides lies on a side of the outline.
fn enclose(outline: &[Point]) -> Slanted {
    let upright = enclose_along(outline, (1.0, 0.0));
    let area = |rectangle: &Slanted| rectangle.width * rectangle.height;
    let next = outline.iter().cycle().skip(1);
    let tilted = outline
        .iter()
        .zip(next)
        .map(|(a, b)| enclose_along(outline, reading_direction(b.0 - a.0, b.1 - a.1)))
        .min_by(|a, b| area(a).total_cmp(&area(b)));
    tilted.filter(|best| area(best) < TILT_PAYS * area(&upright)).unwrap_or(upright)
}

/// Of the four directions along and across a side, the one that text would run in.
fn reading_direction(dx: f32, dy: f32) -> Point {
    let length = dx.hypot(dy).max(f32::EPSILON);
    let (dx, dy) = if dx.abs() >= dy.abs() { (dx, dy) } else { (dy, -dx) };
    (dx.abs() / length, dy * dx.signum() / length)
}

fn enclose_along(outline: &[Point], (cos, sin): Point) -> Slanted {
    let span = |part: &dyn Fn(&Point) -> f32| {
        let values = outline.iter().map(part);
        values.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (left, right) = span(&|p| p.0 * cos + p.1 * sin);
    let (top, bottom) = span(&|p| p.1 * cos - p.0 * sin);
    let (along, across) = ((left + right) / 2.0, (top + bottom) / 2.0);
    Slanted {
        x: along * cos - across * sin,
        y: along * sin + across * cos,
        width: right - left,
        height: bottom - top,
        cos,
        sin,
    }
}

/// Mean probability within a rectangle.
fn mean(map: &Map, area: &Slanted) -> f32 {
    let (left, top, right, bottom) = area.bounds();
    let inside = |x: usize, y: usize| {
        let (dx, dy) = (x as f32 + 0.5 - area.x, y as f32 + 0.5 - area.y);
        (dx * area.cos + dy * area.sin).abs() <= area.width / 2.0
            && (dy * area.cos - dx * area.sin).abs() <= area.height / 2.0
    };
    let (mut sum, mut count) = (0.0, 0);
    let columns = left.max(0.0) as usize..(right.ceil() as usize).min(map.width);
    let rows = top.max(0.0) as usize..bottom.ceil() as usize;
    for (y, row) in rows.clone().zip(map.rows().skip(rows.start)) {
        let points = columns.clone().zip(row.get(columns.clone()).unwrap_or_default());
        for (_, probability) in points.filter(|&(x, _)| inside(x, y)) {
            sum += probability;
            count += 1;
        }
    }
    sum / count.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(width: usize, height: usize, inside: impl Fn(f32, f32) -> bool) -> Map {
        let place = |at: usize| ((at % width) as f32 + 0.5, (at / width) as f32 + 0.5);
        let value = |at| if inside(place(at).0, place(at).1) { 0.9 } else { 0.1 };
        Map::new(width, height, (0..width * height).map(value).collect()).expect("fits")
    }

    /// A rectangle in the middle of a map of 300 by 200 points, turned by some degrees.
    fn turned(width: f32, height: f32, degrees: f32) -> Map {
        let (sin, cos) = degrees.to_radians().sin_cos();
        map(300, 200, |x, y| {
            let (dx, dy) = (x - 150.0, y - 100.0);
            (dx * cos + dy * sin).abs() < width / 2.0 && (dy * cos - dx * sin).abs() < height / 2.0
        })
    }

    #[test]
    fn a_line_is_found_grown_and_with_its_tilt() {
        for degrees in [-15.0_f32, -6.0, 0.0, 3.0, 15.0, 30.0] {
            let areas = text_areas(&turned(200.0, 20.0, degrees));
            let [area] = &areas[..] else { panic!("{degrees}: {areas:?}") };
            let tilt = area.sin.atan2(area.cos).to_degrees();
            assert!((tilt - degrees).abs() < 1.0, "{degrees}: {area:?}");
            assert!((area.x - 150.0).abs() < 1.0 && (area.y - 100.0).abs() < 1.0, "{area:?}");
            // 1.6 * 200 * 20 / (2 * (200 + 20)) on each of the four sides.
            let grown = 2.0 * 14.5;
            assert!((area.width - 200.0 - grown).abs() < 4.0, "{degrees}: {area:?}");
            assert!((area.height - 20.0 - grown).abs() < 4.0, "{degrees}: {area:?}");
        }
    }

    #[test]
    fn a_short_word_stands_upright() {
        let round = map(100, 100, |x, y| (x - 50.0).hypot(y - 50.0) < 15.0);
        for map in [round, turned(40.0, 20.0, 2.0)] {
            let [area] = text_areas(&map)[..] else { panic!("one word") };
            assert_eq!((area.cos, area.sin), (1.0, 0.0));
        }
    }

    #[test]
    fn regions_are_told_apart_and_join_at_corners() {
        let two = map(60, 20, |x, _| !(28.0..32.0).contains(&x));
        assert_eq!(regions(&two).len(), 2);
        let corner = map(4, 4, |x, y| (x < 2.0) == (y < 2.0));
        assert_eq!(regions(&corner).len(), 1);
        // An arch: two legs are one region as soon as the row that joins them is seen, also last.
        let cup = map(30, 30, |x, y| !(5.0..25.0).contains(&x) || y > 25.0);
        assert_eq!(regions(&cup).len(), 1);
        let combs = map(64, 64, |x, y| (x as usize).is_multiple_of(2) || y > 62.0);
        assert_eq!(regions(&combs).len(), 1);
    }

    #[test]
    fn what_is_small_faint_or_hollow_is_no_text() {
        assert_eq!(text_areas(&turned(2.0, 2.0, 0.0)), []);
        assert_eq!(text_areas(&turned(200.0, 1.0, 0.0)), []);
        let faint = Map::new(50, 20, vec![0.5; 1000]).expect("fits");
        assert_eq!(text_areas(&faint), []);
        let frame = map(100, 100, |x, y| !(5.0..95.0).contains(&x) || !(5.0..95.0).contains(&y));
        assert_eq!(text_areas(&frame), []);
        let nothing = Map::new(32, 32, vec![f32::NAN; 1024]).expect("fits");
        assert_eq!(text_areas(&nothing), []);
        let everything = text_areas(&Map::new(64, 32, vec![1.0; 2048]).expect("fits"));
        assert_eq!(everything.len(), 1);
    }

    #[test]
    fn maps_of_another_size_are_refused() {
        assert!(Map::new(3, 3, vec![0.0; 8]).is_none());
        assert!(Map::new(0, 3, vec![]).is_none());
    }

    #[test]
    fn scaling_keeps_upright_areas_exact() {
        let [area] = text_areas(&turned(200.0, 20.0, 0.0))[..] else { panic!("one line") };
        let scaled = area.scaled((2.0, 3.0));
        assert_eq!((scaled.x, scaled.y), (area.x * 2.0, area.y * 3.0));
        assert_eq!((scaled.width, scaled.height), (area.width * 2.0, area.height * 3.0));
        assert_eq!((scaled.cos, scaled.sin), (1.0, 0.0));
    }
}

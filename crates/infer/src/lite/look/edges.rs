//! Edges as `Canny(80, 160)` finds them, and sharpness as the variance of `Laplacian`.

use rushes_model::Picture;

/// Gradients that start an edge, and that let it go on.
const STRONG: i32 = 160;
/// See [`STRONG`].
const WEAK: i32 = 80;

/// Edges and sharpness of a picture.
pub(super) struct Outline {
    pub edges: f32,
    pub edges_top: f32,
    pub sharpness: f32,
}

impl Outline {
    pub(super) fn of(picture: &Picture) -> Self {
        let grey = Grey::of(picture);
        let edges = canny(&grey);
        let share = |edges: &[bool]| {
            edges.iter().filter(|&&edge| edge).count() as f32 / edges.len().max(1) as f32
        };
        let third = grey.height / 3 * grey.width;
        Self {
            edges: share(&edges),
            edges_top: share(&edges[..third]),
            sharpness: grey.laplacian_variance(),
        }
    }
}

/// Light of each pixel, with a border of one so that filters need no special cases.
struct Grey {
    width: usize,
    height: usize,
    /// `(width + 2) * (height + 2)` levels.
    levels: Vec<i32>,
}

impl Grey {
    /// `cvtColor(COLOR_RGB2GRAY)`: BT.601 weights in 15 bits. The border repeats the outermost pixel.
    fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let (pixels, _) = picture.pixels.as_chunks::<3>();
        let grey = |[red, green, blue]: [u8; 3]| {
            (i32::from(red) * 9798 + i32::from(green) * 19235 + i32::from(blue) * 3735 + (1 << 14))
                >> 15
        };
        let mut levels = Vec::with_capacity((width + 2) * (height + 2));
        for y in 0..height + 2 {
            let row = &pixels[y.saturating_sub(1).min(height - 1) * width..][..width];
            levels.push(grey(row[0]));
            levels.extend(row.iter().map(|&pixel| grey(pixel)));
            levels.push(grey(row[width - 1]));
        }
        Self { width, height, levels }
    }

    /// Position in `levels` of each row's first pixel.
    fn row_starts(&self) -> impl Iterator<Item = usize> + use<> {
        let stride = self.width + 2;
        (1..=self.height).map(move |y| y * stride + 1)
    }

    /// For each pixel of the row that starts there, left to right, the three by three levels around
    /// it: above, beside and below.
    fn around(&self, start: usize) -> impl Iterator<Item = [&[i32]; 3]> {
        let stride = self.width + 2;
        let row = |from: usize| self.levels[from - 1..][..stride].windows(3);
        let (above, beside, below) = (row(start - stride), row(start), row(start + stride));
        above.zip(beside).zip(below).map(|((above, beside), below)| [above, beside, below])
    }

    fn laplacian_variance(&self) -> f32 {
        let (mut sum, mut squares) = (0_i64, 0_i64);
        for [above, beside, below] in self.row_starts().flat_map(|start| self.around(start)) {
            let value = i64::from(above[1] + beside[0] + beside[2] + below[1] - 4 * beside[1]);
            sum += value;
            squares += value * value;
        }
        let count = (self.width * self.height) as f64;
        let mean = sum as f64 / count;
        (squares as f64 / count - mean * mean) as f32
    }
}

/// Sobel gradients with the border of [`Grey`], zero on it.
struct Gradients {
    across: Vec<i32>,
    down: Vec<i32>,
    /// `|across| + |down|`.
    size: Vec<i32>,
}

impl Gradients {
    fn of(grey: &Grey) -> Self {
        let zeros = vec![0; grey.levels.len()];
        let mut gradients = Self { across: zeros.clone(), down: zeros.clone(), size: zeros };
        for start in grey.row_starts() {
            for (at, [a, b, c]) in (start..).zip(grey.around(start)) {
                let across = a[2] + 2 * b[2] + c[2] - (a[0] + 2 * b[0] + c[0]);
                let down = c[0] + 2 * c[1] + c[2] - (a[0] + 2 * a[1] + a[2]);
                gradients.across[at] = across;
                gradients.down[at] = down;
                gradients.size[at] = across.abs() + down.abs();
            }
        }
        gradients
    }

    /// Whether a pixel's gradient is the largest along its direction, which is rounded to 45°.
    fn is_ridge(&self, at: usize, stride: usize) -> bool {
        /// tan 22.5° in 15 bits.
        const TAN_22: i32 = 13573;
        let (across, down, size) = (self.across[at], self.down[at], self.size[at]);
        let (x, y) = (across.abs(), down.abs() << 15);
        let tan_22 = x * TAN_22;
        if y < tan_22 {
            size > self.size[at - 1] && size >= self.size[at + 1]
        } else if y > tan_22 + (x << 16) {
            size > self.size[at - stride] && size >= self.size[at + stride]
        } else if (across < 0) == (down < 0) {
            size > self.size[at - stride - 1] && size > self.size[at + stride + 1]
        } else {
            size > self.size[at - stride + 1] && size > self.size[at + stride - 1]
        }
    }
}

/// Which pixels lie on an edge: ridges of the gradient that are strong, or weak and connected to a
/// strong one.
fn canny(grey: &Grey) -> Vec<bool> {
    let stride = grey.width + 2;
    let gradients = Gradients::of(grey);
    let mut ridges = vec![false; gradients.size.len()];
    let mut edges = ridges.clone();
    let mut open = Vec::new();
    for at in grey.row_starts().flat_map(|start| start..start + grey.width) {
        ridges[at] = gradients.size[at] > WEAK && gradients.is_ridge(at, stride);
        if ridges[at] && gradients.size[at] > STRONG {
            edges[at] = true;
            open.push(at);
        }
    }
    while let Some(at) = open.pop() {
        let around = [at - stride, at, at + stride].into_iter().flat_map(|row| row - 1..=row + 1);
        for next in around {
            if ridges[next] && !edges[next] {
                edges[next] = true;
                open.push(next);
            }
        }
    }
    grey.row_starts().flat_map(|start| &edges[start..start + grey.width]).copied().collect()
}

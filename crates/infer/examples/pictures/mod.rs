//! Pictures of a folder, read as frames reach the models: shrunk to the model's long side.

use anyhow::{Context, Result};
use image::{ImageReader, imageops::FilterType};
use rushes_model::Picture;
use std::path::{Path, PathBuf};

/// Every picture below a folder, in the order of their paths.
#[allow(dead_code, reason = "one of the examples reads a table instead")]
pub fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
            if path.is_dir() {
                open.push(path);
            } else if ["jpg", "jpeg", "png", "webp", "bmp", "tif"].iter().any(|e| extension == *e) {
                pictures.push(path);
            }
        }
    }
    pictures.sort();
    Ok(pictures)
}

/// Reads a picture and shrinks it to a long side, as ffmpeg does with frames.
pub fn read(path: &Path, long_side: u32) -> Result<Picture> {
    let file = || path.display().to_string();
    // What a file is tells its content: some pictures go by another format's name.
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let mut picture = reader.with_context(file)?.decode().with_context(file)?;
    if picture.width().max(picture.height()) > long_side {
        picture = picture.resize(long_side, long_side, FilterType::CatmullRom);
    }
    let pixels = picture.to_rgb8();
    let (width, height) = pixels.dimensions();
    Picture::new(width, height, pixels.into_raw()).context("an empty picture")
}

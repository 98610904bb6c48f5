//! From the paths of a request to the media files of a task.

use crate::paths::Roots;
use fs_err as fs;
use rushes_media::Cancel;
use rushes_model::FileError;
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// Endings that are taken from a walked folder. A file that is named itself needs none of them.
const MEDIA_ENDINGS: &[&str] = &[
    "3gp", "aac", "aif", "aiff", "asf", "avi", "avif", "bmp", "caf", "dpx", "dv", "exr", "flac",
    "flv", "gif", "heic", "heif", "jpeg", "jpg", "jxl", "m2t", "m2ts", "m2v", "m4a", "m4v", "mkv",
    "mov", "mp2", "mp3", "mp4", "mpeg", "mpg", "mts", "mxf", "oga", "ogg", "ogv", "opus", "png",
    "qt", "tif", "tiff", "ts", "vob", "wav", "webm", "webp", "wma", "wmv", "y4m",
];

/// Folders deeper than this below a named one are not walked.
const MAX_DEPTH: usize = 32;

/// The media files of a request, and what could not be read on the way to them.
#[derive(Debug, Default)]
pub struct Walked {
    /// Files in the order of the request; within a folder by name.
    pub files: Vec<PathBuf>,
    /// Folders that could not be listed.
    pub errors: Vec<FileError>,
}

/// Collects files: a path that is a folder is walked, anything else is taken as it is.
///
/// Names that begin with a dot and links to folders are passed over within folders. A file that is
/// named twice is taken once.
#[must_use]
pub fn walk(paths: &[PathBuf], roots: &Roots, cancel: &Cancel) -> Walked {
    let mut walked = Walked::default();
    let mut seen = HashSet::new();
    for path in paths {
        if path.is_dir() {
            walk_folder(path, 0, cancel, &mut walked);
        } else {
            walked.files.push(path.clone());
        }
    }
    // A link in a folder may lead to anywhere.
    walked.files.retain(|file| {
        let allowed = roots.allow(file);
        if !allowed {
            let message = format!("{} leads out of the folders that may be read", file.display());
            walked.errors.push(FileError { media_path: file.display().to_string(), message });
        }
        allowed
    });
    walked.files.retain(|file| seen.insert(file.clone()));
    walked
}

fn walk_folder(folder: &Path, depth: usize, cancel: &Cancel, walked: &mut Walked) {
    if cancel.is_cancelled() {
        return;
    }
    let mut entries: Vec<_> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().collect(),
        Err(error) => {
            let media_path = folder.display().to_string();
            walked.errors.push(FileError { media_path, message: error.to_string() });
            return;
        }
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().as_encoded_bytes().first() == Some(&b'.');
        match entry.file_type() {
            _ if hidden => {}
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => {
                walk_folder(&entry.path(), depth + 1, cancel, walked);
            }
            Ok(kind)
                if !kind.is_dir() && has_media_ending(&entry.path()) && entry.path().is_file() =>
            {
                walked.files.push(entry.path());
            }
            _ => {}
        }
    }
}

/// Whether a file's name is one that media have.
pub fn has_media_ending(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| MEDIA_ENDINGS.binary_search(&ending.as_str()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_sorted_for_the_search() {
        assert!(MEDIA_ENDINGS.is_sorted());
    }

    #[test]
    fn folders_are_walked_by_name_and_hidden_names_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/.trash")).unwrap();
        for name in ["z.MP4", "a.mov", "b/c.wav", "notes.txt", "._a.mov", "b/.trash/x.mp4"] {
            fs::write(root.join(name), "").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("b/loop")).unwrap();
        let paths = [root.to_owned(), root.join("a.mov"), root.join("notes.txt")];
        let walked = walk(&paths, &Roots::default(), &Cancel::new());
        let names = ["a.mov", "b/c.wav", "z.MP4", "notes.txt"].map(|name| root.join(name));
        assert_eq!(walked.files, names);
        assert!(walked.errors.is_empty());
        let cancelled = Cancel::new();
        cancelled.cancel();
        assert!(walk(&[root.to_owned()], &Roots::default(), &cancelled).files.is_empty());
    }
}

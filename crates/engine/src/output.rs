//! Files that a caller asks for.

use crate::paths::Roots;
use fs_err as fs;
use rushes_model::{ErrorCode, Failure};
use rushes_store::durable;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Longest name of a file in bytes, on nearly every file system.
const MAX_NAME_BYTES: usize = 255;
/// Files of one name, after which something is wrong.
const MAX_NUMBER: u32 = 10_000;

/// A folder that a caller named, for files of ours. What is in it is never written over, and a file is
/// there whole or not at all.
pub struct OutputFolder(PathBuf);

impl OutputFolder {
    /// Checks that the folder is there and may be written to.
    ///
    /// # Errors
    /// `BadPath` when it may not be named, or is no folder.
    pub fn open(roots: &Roots, named: &str) -> Result<Self, Failure> {
        let path = roots.check(named)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self(path)),
            Ok(_) => Err(refused(&format!("{} is a file; name a folder", path.display()))),
            Err(error) => Err(refused(&format!("{error}; name a folder that is there"))),
        }
    }

    /// Writes files called like media, with another end of the name: `take.srt`, or `take (2).srt` where
    /// there is one. All are written, or none.
    ///
    /// # Errors
    /// `BadPath` when one cannot be written.
    pub fn write<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a Path, &'a str, &'a str)>,
    ) -> Result<Vec<PathBuf>, Failure> {
        let mut written = Vec::new();
        for (medium, extension, content) in files {
            match self.write_one(medium, extension, content) {
                Ok(path) => written.push(path),
                Err(error) => {
                    written.iter().for_each(|path| drop(fs::remove_file(path)));
                    let what = "choose another folder, or see what is in the way";
                    return Err(refused(&format!("nothing was written ({error}); {what}")));
                }
            }
        }
        Ok(written)
    }

    fn write_one(&self, medium: &Path, extension: &str, content: &str) -> io::Result<PathBuf> {
        let stem = medium.file_stem().unwrap_or_default().to_string_lossy();
        for number in 1..MAX_NUMBER {
            let path = self.0.join(file_name(&stem, number, extension));
            match durable::publish_new(&path, |file| file.write_all(content.as_bytes())) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => return written.map(|()| path),
            }
        }
        Err(io::Error::other(format!("{stem} is there {MAX_NUMBER} times")))
    }
}

/// The name of the first, second … file that is called so. A long one is cut before its number and end.
fn file_name(stem: &str, number: u32, extension: &str) -> String {
    let end = match number {
        1 => format!(".{extension}"),
        _ => format!(" ({number}).{extension}"),
    };
    let kept = stem.floor_char_boundary(MAX_NAME_BYTES - end.len());
    format!("{}{end}", &stem[..kept])
}

fn refused(what: &str) -> Failure {
    Failure::new(ErrorCode::BadPath, format!("output_dir: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &Path) -> Result<OutputFolder, Failure> {
        OutputFolder::open(&Roots::default(), path.to_str().unwrap())
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn names_never_meet_and_are_never_too_long() {
        let there = tempfile::tempdir().unwrap();
        fs::write(there.path().join("take.srt"), "theirs").unwrap();
        let (long, odd) = ("🎬".repeat(62), "a&b<c>\"d\" .mov");
        let media = ["/a/take.mov", "/b/take.mxf", &format!("/a/{long}.mov"), &format!("/a/{odd}")];
        let files = media.iter().map(|medium| (Path::new(*medium), "srt", "ours"));
        let written = folder(there.path()).unwrap().write(files).unwrap();
        assert_eq!(fs::read_to_string(there.path().join("take.srt")).unwrap(), "theirs");
        assert_eq!(written[0], there.path().join("take (2).srt"));
        assert_eq!(written[1], there.path().join("take (3).srt"));
        assert_eq!(written[3], there.path().join("a&b<c>\"d\" .srt"));
        assert_eq!(names(there.path()).len(), 5, "and nothing else");
        assert_eq!(file_name(&"é".repeat(300), 12, "json").len(), 254);
    }

    #[test]
    fn a_file_that_cannot_be_written_takes_the_others_with_it() {
        let there = tempfile::tempdir().unwrap();
        let media =
            [(Path::new("/a/one.mov"), "srt", "1"), (Path::new("/a/two.mov"), "no/way", "2")];
        let failure = folder(there.path()).unwrap().write(media).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadPath);
        assert!(
            failure.message.starts_with("output_dir: nothing was written"),
            "{}",
            failure.message
        );
        assert!(names(there.path()).is_empty());
    }

    #[test]
    fn what_is_no_folder_to_write_to_is_refused() {
        let there = tempfile::tempdir().unwrap();
        let file = there.path().join("file");
        fs::write(&file, "").unwrap();
        for (path, what) in [(file, "is a file"), (there.path().join("none"), "none")] {
            let failure = folder(&path).err().unwrap();
            assert_eq!(failure.code, ErrorCode::BadPath);
            assert!(failure.message.contains(what), "{}", failure.message);
        }
        // A file system that nobody can write to, root included.
        let read_only = folder(Path::new("/proc/self")).unwrap();
        let failure = read_only.write([(Path::new("/a/one.mov"), "srt", "1")]).unwrap_err();
        assert!(failure.message.contains("/proc/self"), "{}", failure.message);
    }
}

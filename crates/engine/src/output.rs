//! Files that a caller asks for.

use crate::{paths::Roots, workshop::Workshop};
use fs_err as fs;
use rushes_model::{ErrorCode, Failure};
use rushes_store::durable;
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Longest name of a file in bytes, on nearly every file system.
const MAX_NAME_BYTES: usize = 255;
/// Files of one name, after which something is wrong.
const MAX_NUMBER: u32 = 10_000;

/// A folder that a caller named, for files of ours. What is in it is never written over, and a file is
/// there whole or not at all.
pub struct OutputFolder {
    /// Links resolved, so that nobody can turn it elsewhere later.
    path: PathBuf,
    /// By name, the number that was free last.
    numbers: Mutex<HashMap<String, u32>>,
}

impl OutputFolder {
    /// Checks that the folder is there and may be written to.
    ///
    /// # Errors
    /// `BadPath` when it may not be named, or is no folder.
    pub fn open(roots: &Roots, named: &str) -> Result<Self, Failure> {
        let path = roots.check(named)?;
        match fs::canonicalize(&path) {
            Ok(path) if path.is_dir() => {
                let path = roots.check_resolved(path)?;
                Ok(Self { path, numbers: Mutex::default() })
            }
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

    /// Room on the folder's disk, in bytes; `None` where the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        durable::free_bytes(&self.path).ok()
    }

    /// Tries whether anything can be written into it.
    ///
    /// # Errors
    /// `BadPath` when not.
    pub fn ensure_writable(&self) -> Result<(), Failure> {
        let tried = durable::temporary_name(&self.path.join(".rushes")).and_then(|path| {
            fs::File::create_new(&path)?;
            fs::remove_file(&path)
        });
        tried.map_err(|error| refused(&error.to_string()))
    }

    /// Makes a place in it for files under way.
    ///
    /// # Errors
    /// When nothing can be made in it.
    pub fn workshop(&self, home: &Path) -> io::Result<Workshop> {
        Workshop::open(home, &self.path)
    }

    /// Gives a finished file its name, `stem.extension`, or the next number where that is taken. Before it does,
    /// `announce` is told that name and the bytes of the file.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn take(
        &self,
        finished: &Path,
        stem: &str,
        extension: &str,
        announce: impl Fn(&Path, u64),
    ) -> io::Result<PathBuf> {
        durable::sync_file(finished)?;
        let bytes = fs::metadata(finished)?.len();
        self.first_free(stem, extension, |path| {
            if fs::symlink_metadata(path).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            announce(path, bytes);
            durable::publish_finished(finished, path)
        })
    }

    fn write_one(&self, medium: &Path, extension: &str, content: &str) -> io::Result<PathBuf> {
        let stem = medium.file_stem().unwrap_or_default().to_string_lossy();
        let write =
            |path: &Path| durable::publish_new(path, |file| file.write_all(content.as_bytes()));
        self.first_free(&stem, extension, write)
    }

    /// Does something under the first name that nothing has.
    fn first_free(
        &self,
        stem: &str,
        extension: &str,
        write: impl Fn(&Path) -> io::Result<()>,
    ) -> io::Result<PathBuf> {
        let named = format!("{stem}.{extension}");
        let numbers = || self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let first = numbers().get(&named).map_or(1, |last| last + 1);
        for number in first..MAX_NUMBER {
            let path = self.path.join(file_name(stem, number, extension));
            match write(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => {
                    numbers().insert(named, number);
                    return written.map(|()| path);
                }
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

/// A failure of a folder that a caller named.
pub fn refused(what: &str) -> Failure {
    Failure::new(ErrorCode::BadPath, format!("output_dir: {what}"))
}

/// A file that a caller named. What is there is replaced only if that was asked for, and a link is never
/// followed.
pub struct OutputFile {
    path: PathBuf,
    replace: bool,
}

impl OutputFile {
    /// Checks that the file can be written. `replaces` is the end of names whose files may be replaced;
    /// without it none may.
    ///
    /// # Errors
    /// `BadPath` when it may not be named, its folder is not there, or something is in its place.
    pub fn open(roots: &Roots, named: &str, replaces: Option<&str>) -> Result<Self, Failure> {
        let refused =
            |what: String| Failure::new(ErrorCode::BadPath, format!("output_path: {what}"));
        let path = roots.check(named)?;
        let name = path.file_name().filter(|_| !named.ends_with('/'));
        let place = path.parent().zip(name);
        let (folder, name) = place.ok_or_else(|| refused("it names no file".to_owned()))?;
        let resolved = fs::canonicalize(folder).ok().filter(|folder| folder.is_dir());
        let Some(resolved) = resolved else {
            let what = format!("there is no folder {}; make it first", folder.display());
            return Err(refused(what));
        };
        let path = roots.check_resolved(resolved)?.join(name);
        let there = fs::symlink_metadata(&path).ok();
        let end = path.extension().unwrap_or_default();
        let same_kind = replaces.is_some_and(|replaces| end.eq_ignore_ascii_case(replaces));
        match there {
            Some(there) if !(there.is_file() && same_kind) => Err(refused(format!(
                "{} is there already; choose another name, or overwrite: true where it is a document of the \
                 same kind",
                path.display()
            ))),
            there => Ok(Self { path, replace: there.is_some() }),
        }
    }

    /// Writes the whole file, or nothing.
    ///
    /// # Errors
    /// `BadPath` when it cannot be written.
    pub fn write(self, content: &[u8]) -> Result<PathBuf, Failure> {
        let write = |file: &mut dyn io::Write| file.write_all(content);
        let written = match self.replace {
            true => durable::publish(&self.path, write),
            false => durable::publish_new(&self.path, write),
        };
        match written {
            Ok(()) => Ok(self.path),
            Err(error) => {
                let what = format!(
                    "output_path: nothing was written to {} ({error})",
                    self.path.display()
                );
                Err(Failure::new(ErrorCode::BadPath, what))
            }
        }
    }
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
    fn a_named_file_replaces_only_its_own_kind_and_only_when_asked() {
        let there = tempfile::tempdir().unwrap();
        let open = |name: &str, replaces| {
            OutputFile::open(&Roots::default(), there.path().join(name).to_str().unwrap(), replaces)
        };
        let path = open("cut.edl", None).unwrap().write(b"one").unwrap();
        assert!(open("cut.edl", None).is_err() && open("cut.edl", Some("xml")).is_err());
        open("cut.edl", Some("edl")).unwrap().write(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        fs::write(there.path().join("take.mov"), "footage").unwrap();
        assert!(open("take.mov", Some("edl")).is_err(), "a document is never written over footage");
        for link in ["dangling.edl", "link.edl"] {
            let target = if link == "link.edl" { "cut.edl" } else { "nowhere.edl" };
            std::os::unix::fs::symlink(there.path().join(target), there.path().join(link)).unwrap();
            assert!(open(link, Some("edl")).is_err(), "{link}");
        }
        assert!(open("none/cut.edl", None).is_err() && open("", None).is_err());
        assert_eq!(names(there.path()), ["cut.edl", "dangling.edl", "link.edl", "take.mov"]);
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
        let read_only = folder(Path::new("/proc")).unwrap();
        let failure = read_only.write([(Path::new("/a/one.mov"), "srt", "1")]).unwrap_err();
        assert!(failure.message.contains("/proc"), "{}", failure.message);
    }
}

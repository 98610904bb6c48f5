//! Which paths a caller may name.

use fs_err as fs;
use rushes_model::{ErrorCode, Failure};
use std::path::{Component, Path, PathBuf};

/// Longest path that is looked at, in bytes.
const MAX_PATH_BYTES: usize = 4096;

/// The folders that callers may name files under. Empty allows whatever the user may read.
#[derive(Debug, Clone, Default)]
pub struct Roots(Vec<PathBuf>);

impl Roots {
    /// Takes the folders as they are after resolving links.
    ///
    /// # Errors
    /// When one of them cannot be resolved.
    pub fn new(folders: &[PathBuf]) -> Result<Self, Failure> {
        let resolve = |folder: &PathBuf| {
            fs::canonicalize(folder).map_err(|error| bad_path(format!("root: {error}")))
        };
        folders.iter().map(resolve).collect::<Result<_, _>>().map(Self)
    }

    /// Checks the form of a path that a caller named, and that it lies under a root.
    ///
    /// The path need not exist; what exists of it is resolved first, so that a link cannot lead out.
    ///
    /// # Errors
    /// `BadPath` when it is empty, relative, too long, has a NUL or `..`, or lies outside the roots.
    pub fn check(&self, named: &str) -> Result<PathBuf, Failure> {
        let path = Path::new(named);
        let refuse = |what: &str| Err(bad_path(format!("\"{}\" {what}", shorten(named))));
        if named.is_empty() {
            return Err(bad_path("an empty path names no file"));
        }
        if named.contains('\0') || named.len() > MAX_PATH_BYTES {
            return refuse("has a NUL byte or is longer than 4,096 bytes");
        }
        if !path.is_absolute() {
            return refuse("is relative; give the absolute path on the machine that runs Rushes");
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return refuse("has \"..\" in it; give the path without");
        }
        if !self.allow(path) {
            return refuse("lies outside the folders that this server may read (--root)");
        }
        Ok(path.to_owned())
    }

    /// Checks a path again after its links were resolved, so that what is used is what was checked.
    ///
    /// # Errors
    /// `BadPath` when it lies outside the roots.
    pub fn check_resolved(&self, path: PathBuf) -> Result<PathBuf, Failure> {
        if self.0.is_empty() || self.0.iter().any(|root| path.starts_with(root)) {
            return Ok(path);
        }
        let what = "lies outside the folders that this server may read (--root)";
        Err(bad_path(format!("\"{}\" {what}", path.display())))
    }

    /// Whether a path leads to where callers may read, links resolved as far as it exists.
    #[must_use]
    pub fn allow(&self, path: &Path) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let resolved = resolve_existing(path);
        self.0.iter().any(|root| resolved.starts_with(root))
    }
}

/// Resolves the longest part of `path` that exists and appends the rest as it is.
fn resolve_existing(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(resolved) = fs::canonicalize(ancestor) {
            return missing.iter().rev().fold(resolved, |path, part| path.join(part));
        }
        missing.extend(ancestor.file_name());
    }
    path.to_owned()
}

fn bad_path(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::BadPath, message)
}

/// What somebody sent, as messages show it.
#[must_use]
pub fn shorten(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_are_refused() {
        let roots = Roots::default();
        for bad in
            ["", "a.mp4", "./a.mp4", "../a", "/a/../b", "/a\0b", &format!("/{}", "x".repeat(5000))]
        {
            let failure = roots.check(bad).unwrap_err();
            assert_eq!(failure.code, ErrorCode::BadPath, "{bad:?}");
        }
        assert!(roots.check("/media/-weird:name\n.mp4").is_ok());
    }

    #[test]
    fn links_do_not_lead_out_of_a_root() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        fs::create_dir(&inside).unwrap();
        std::os::unix::fs::symlink("/etc", inside.join("link")).unwrap();
        let roots = Roots::new(std::slice::from_ref(&inside)).unwrap();
        let check = |path: PathBuf| roots.check(path.to_str().unwrap());
        assert!(check(inside.join("new/clip.mp4")).is_ok());
        assert!(check(inside.join("link/passwd")).is_err());
        assert!(check(folder.path().join("clip.mp4")).is_err());
        assert!(check(folder.path().join("inside-not")).is_err());
    }
}

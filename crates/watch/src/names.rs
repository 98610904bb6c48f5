//! Names that are passed over.

use std::path::Path;

/// What programs call files that they have not finished: browsers, Safari's folders among them, and
/// copying tools. rsync's names begin with a dot.
const UNFINISHED_ENDINGS: [&str; 5] = ["tmp", "part", "partial", "crdownload", "download"];

/// Files that systems leave everywhere and change whenever somebody looks into the folder.
const LEFTOVERS: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

fn name(path: &Path) -> &[u8] {
    path.file_name().map_or(&[], |name| name.as_encoded_bytes())
}

fn is_hidden(path: &Path) -> bool {
    name(path).starts_with(b".")
}

fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        UNFINISHED_ENDINGS.iter().any(|unfinished| ending.eq_ignore_ascii_case(unfinished))
    })
}

/// Whether a folder and all below it is passed over.
pub(crate) fn is_ignored_folder(path: &Path) -> bool {
    is_hidden(path) || is_unfinished(path)
}

/// Whether a file outside of cards is passed over.
pub(crate) fn is_ignored_file(path: &Path) -> bool {
    let name = name(path);
    is_ignored_folder(path) || name.starts_with(b"~") || name.ends_with(b"~")
}

/// Whether a file says nothing about whether its card is complete. Copies under way do, whatever they
/// are called: rsync writes for minutes into a hidden file while all others stay as they are.
pub(crate) fn is_ignored_in_card(path: &Path) -> bool {
    name(path).starts_with(b"._")
        || LEFTOVERS.iter().any(|leftover| name(path) == leftover.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_and_hidden_names_are_passed_over() {
        for ignored in [
            ".a.mov.Xy12ab",
            "._a.mov",
            ".mov",
            "a.mov.part",
            "a.PARTIAL",
            "a.tmp",
            "~a.mov",
            "a.mov~",
            "a.mov.crdownload",
            "a.mov.download",
        ] {
            assert!(is_ignored_file(&Path::new("/x").join(ignored)), "{ignored}");
        }
        for taken in ["a.mov", "part.mov", "a~b.mov", "a.part.mov", "ä.MOV"] {
            assert!(!is_ignored_file(&Path::new("/x.part").join(taken)), "{taken}");
        }
        assert!(is_ignored_folder(Path::new("/x/a.mov.download")));
        assert!(!is_ignored_folder(Path::new("/x/~archive")));
        assert!(!is_ignored_in_card(Path::new("/x/.C0001.MXF.Xy12ab")));
        assert!(is_ignored_in_card(Path::new("/x/._C0001.MXF")));
    }
}

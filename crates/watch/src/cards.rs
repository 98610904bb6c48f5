//! Camera cards: folders whose files belong together and settle together.
//!
//! A card is known by the names of its folders alone, so that it is one from the first file that is
//! copied on. Names are compared without case, since some systems and tools change it.

use std::path::{Component, Path, PathBuf};

/// A way in which cameras lay files on a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardStructure {
    /// The format's name.
    pub name: &'static str,
    /// The folder that is the card; `*` stands for any beginning.
    pub folder: &'static str,
    /// Folders of which one must follow directly; `#` stands for a digit. Empty where the folder's own name
    /// does.
    pub told_by: &'static [&'static str],
    /// Folders directly below with the footage; `#` stands for a digit. Others have proxies, icons and voice
    /// memos. Empty where footage may be anywhere.
    pub footage: &'static [&'static str],
    /// Whose documents describe it.
    pub source: &'static str,
}

/// The structures that are recognised; the first that fits counts. DCIM is none of them: its files do
/// not depend on each other.
pub const CARD_STRUCTURES: [CardStructure; 9] = [
    CardStructure {
        name: "P2",
        folder: "CONTENTS",
        told_by: &["AUDIO", "AVCLIP", "CLIP", "ICON", "PROXY", "VIDEO", "VOICE"],
        footage: &["AUDIO", "AVCLIP", "VIDEO"],
        source: "Panasonic, operating instructions of P2 HD devices: how to handle data on P2 cards",
    },
    CardStructure {
        name: "Canon XF",
        folder: "CONTENTS",
        told_by: &["CLIPS###"],
        footage: &["CLIPS###"],
        source: "Canon, instruction manuals of XF and Cinema EOS camcorders: saving clips to a computer",
    },
    CardStructure {
        name: "XAVC",
        folder: "M4ROOT",
        told_by: &[],
        footage: &["CLIP"],
        source: "Sony, manuals of XAVC S cameras: PRIVATE/M4ROOT with CLIP, SUB (proxies) and THMBNL",
    },
    CardStructure {
        name: "XDCAM",
        folder: "XDROOT",
        told_by: &[],
        footage: &["CLIP"],
        source: "Sony, XDCAM operation manuals, file operations: Clip, Edit, Sub (proxies), General",
    },
    CardStructure {
        name: "XDCAM EX",
        folder: "BPAV",
        told_by: &[],
        footage: &["CLPR"],
        source: "Sony, XDCAM EX clip browsing software, user's guide: CLPR (clips), TAKR (takes)",
    },
    CardStructure {
        name: "AVCHD",
        folder: "BDMV",
        told_by: &[],
        footage: &["STREAM"],
        source: "Panasonic and Sony, AVCHD: BDMV with STREAM, CLIPINF and PLAYLIST",
    },
    CardStructure {
        name: "RED",
        folder: "*.RDM",
        told_by: &[],
        footage: &[],
        source: "RED, REDCINE-X PRO operation guide, R3D file structure: magazine folder of clip folders",
    },
    CardStructure {
        name: "RED",
        folder: "*.RDC",
        told_by: &[],
        footage: &[],
        source: "RED, REDCINE-X PRO operation guide, R3D file structure: one clip, copied by itself",
    },
    CardStructure {
        name: "Professional Disc",
        folder: "PROAV",
        told_by: &[],
        footage: &["CLPR"],
        source: "Sony, XDCAM operation manuals, file operations: PROAV beside Clip, Edit, Sub and General",
    },
];

/// The card that a file belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) path: PathBuf,
    pub(crate) structure: &'static CardStructure,
}

impl Card {
    /// The outermost card between `root` and `file`. The root may be a card itself.
    pub(crate) fn of(root: &Path, file: &Path) -> Option<Self> {
        let depth = root.components().count();
        let components: Vec<_> = file.components().map(Component::as_os_str).collect();
        (depth.saturating_sub(1)..components.len().saturating_sub(1)).find_map(|at| {
            let folder = components[at].to_str()?;
            let next = components[at + 1].to_str().unwrap_or_default();
            let structure =
                CARD_STRUCTURES.iter().find(|structure| structure.fits(folder, next))?;
            Some(Self { path: components[..=at].iter().collect(), structure })
        })
    }

    /// Whether a file of the card is footage that plays by itself, going by its place in the card.
    pub(crate) fn has_as_footage(&self, file: &Path) -> bool {
        let Ok(inside) = file.strip_prefix(&self.path) else { return false };
        let first = inside.components().next().and_then(|first| first.as_os_str().to_str());
        let footage = self.structure.footage;
        let in_place = footage.is_empty()
            || first.is_some_and(|first| footage.iter().any(|folder| matches(folder, first)));
        in_place && !is_later_segment(file)
    }
}

impl CardStructure {
    fn fits(&self, folder: &str, next: &str) -> bool {
        let told = self.told_by.is_empty() || self.told_by.iter().any(|name| matches(name, next));
        told && matches(self.folder, folder)
    }
}

/// Whether `name` has this pattern, in which `*` at the beginning stands for anything and `#` for a digit.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = match pattern.strip_prefix('*') {
        Some(end) => match name.len().checked_sub(end.len()).and_then(|at| name.get(at..)) {
            Some(tail) => (end, tail),
            None => return false,
        },
        None => (pattern, name),
    };
    pattern.len() == name.len()
        && pattern.bytes().zip(name.bytes()).all(|(want, is)| match want {
            b'#' => is.is_ascii_digit(),
            _ => want.eq_ignore_ascii_case(&is),
        })
}

/// Whether an R3D file goes on with a clip whose first file ends in `_001`: who opens that reads them all.
/// The segments of all other structures play by themselves.
fn is_later_segment(file: &Path) -> bool {
    let is_r3d = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("r3d"));
    let number = file.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| {
        let (_, number) = stem.rsplit_once('_')?;
        (number.len() == 3).then(|| number.parse::<u16>().ok())?
    });
    is_r3d && number.is_some_and(|number| number > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(file: &str) -> Option<(&'static str, PathBuf, bool)> {
        let file = Path::new("/w").join(file);
        let card = Card::of(Path::new("/w"), &file)?;
        let inside = card.path.strip_prefix("/w").unwrap().to_owned();
        Some((card.structure.name, inside, card.has_as_footage(&file)))
    }

    #[test]
    fn cards_are_known_by_their_folders() {
        let known = |file, name, folder: &str, footage| {
            assert_eq!(card(file), Some((name, PathBuf::from(folder), footage)), "{file}");
        };
        known("a/CONTENTS/VIDEO/0001AB.MXF", "P2", "a/CONTENTS", true);
        known("a/CONTENTS/AUDIO/0001AB00.MXF", "P2", "a/CONTENTS", true);
        known("a/CONTENTS/PROXY/0001AB.MP4", "P2", "a/CONTENTS", false);
        known("a/Contents/Clip/0001AB.XML", "P2", "a/Contents", false);
        known("CONTENTS/CLIPS001/AA0001/AA000101.MXF", "Canon XF", "CONTENTS", true);
        known("PRIVATE/M4ROOT/CLIP/C0001.MP4", "XAVC", "PRIVATE/M4ROOT", true);
        known("PRIVATE/M4ROOT/SUB/C0001S03.MP4", "XAVC", "PRIVATE/M4ROOT", false);
        known("PRIVATE/M4ROOT/THMBNL/C0001T01.JPG", "XAVC", "PRIVATE/M4ROOT", false);
        known("XDROOT/Clip/C0001.MXF", "XDCAM", "XDROOT", true);
        known("x/BPAV/CLPR/702_0001_01/702_0001_01.MP4", "XDCAM EX", "x/BPAV", true);
        known("AVCHD/BDMV/STREAM/00000.MTS", "AVCHD", "AVCHD/BDMV", true);
        known("A001.RDM/A001_C001_0502AB.RDC/A001_C001_0502AB_001.R3D", "RED", "A001.RDM", true);
        known("A001.RDM/A001_C001_0502AB.RDC/A001_C001_0502AB_002.R3D", "RED", "A001.RDM", false);
        known("A001_C001_0502AB.RDC/A001_C001_0502AB_001.R3D", "RED", "A001_C001_0502AB.RDC", true);
    }

    #[test]
    fn other_folders_are_no_cards() {
        for file in
            ["DCIM/100CANON/A.MP4", "Edit.app/Contents/Resources/a.mov", "CONTENTS/a.mov", "BDMV"]
        {
            assert_eq!(card(file), None, "{file}");
        }
        let file = Path::new("/w/M4ROOT/CLIP/C0001.MP4");
        assert!(Card::of(Path::new("/w/M4ROOT"), file).is_some(), "the root is a card");
        assert!(
            Card::of(Path::new("/w/M4ROOT/CLIP"), file).is_none(),
            "the card is above the root"
        );
    }
}

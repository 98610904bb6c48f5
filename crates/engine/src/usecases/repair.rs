//! Looking at a whole analysis folder, and mending it.

use super::{Engine, internal};
use rushes_model::Failure;
use rushes_store::{AnalysisFolder, Examined, Journal, Machine, Rebuilt, Repaired, Report};
use std::path::Path;

/// What was found in an analysis folder and what was done about it.
pub struct Mended {
    /// What was found.
    pub report: Report,
    /// What was put aside and removed; nothing when that was not asked for.
    pub repaired: Option<Repaired>,
    /// Whether this machine's journal was mended.
    pub mended_journal: bool,
    /// What the catalogue learned from the bundles.
    pub rebuilt: Option<Rebuilt>,
}

impl Engine {
    /// Reads everything in an analysis folder from end to end. With `mend` what is damaged is put into quarantine, so
    /// that its media are analysed again, and the catalogue learns where media are that it does not know.
    /// `progress` hears how far it is, and ends it by `false`.
    ///
    /// # Errors
    /// `BadPath`, `CacheDir`; when the journal or the catalogue cannot be written.
    pub fn repair(
        &self,
        cache_dir: &str,
        mend: bool,
        progress: &(dyn Fn(Examined) -> bool + Sync),
    ) -> Result<Mended, Failure> {
        let path = self.0.roots.check(cache_dir)?;
        // As it is looked at from outside: nothing of it comes into memory.
        let folder = AnalysisFolder::open(&path).map_err(crate::library::cache_dir_failure)?;
        let report = folder.examine(progress);
        if !mend {
            return Ok(Mended { report, repaired: None, mended_journal: false, rebuilt: None });
        }
        let repaired = folder.repair(&report);
        let machine = Machine::open(&self.0.config.home).map_err(internal)?;
        let mended_journal = Journal::new(folder.clone(), machine).mend().map_err(internal)?;
        let identify = |path: &Path| {
            let allowed = self.0.roots.allow(path);
            allowed.then(|| self.0.reception.media_id(path)).flatten()
        };
        let catalogue = self.0.reception.catalogue();
        let rebuilt = catalogue.rebuild(&[folder], &identify, &|_, _| true).map_err(internal)?;
        Ok(Mended { report, repaired: Some(repaired), mended_journal, rebuilt: Some(rebuilt) })
    }
}

//! A look at everything that lies in an analysis folder, and what can be done about it.

use super::{
    Analysis, AnalysisFolder,
    report::{DamagedBundle, DamagedJournal, Examined, Repaired, Report, Sound},
    survey::{Subject, Survey},
};
use crate::{StoreError, bundle, journal, parallel};
use fs_err as fs;
use std::{
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

impl AnalysisFolder {
    /// Reads every bundle and every journal from end to end, on several threads, and tells what there is. Nothing
    /// is changed. After each file `go_on` hears how far it is, and `false` ends it.
    ///
    /// What cannot be read is told of in the report, as is everything else. A folder that is not there is empty.
    #[must_use]
    pub fn examine(&self, go_on: &(dyn Fn(Examined) -> bool + Sync)) -> Report {
        let bundles = Analysis::ALL.map(|analysis| (analysis, Sound::default())).to_vec();
        let mut report = Report { bundles, ..Report::default() };
        let subjects = Survey::of(self, &mut report);
        let examined = Examined { of_files: subjects.len(), ..Examined::default() };
        let so_far = Mutex::new((report, examined));
        let is_complete = parallel::each(&subjects, |subject| {
            let bytes = fs::metadata(subject.path()).map_or(0, |metadata| metadata.len());
            let found = look_at(subject);
            let far = {
                let mut so_far = so_far.lock().unwrap_or_else(PoisonError::into_inner);
                let (report, examined) = &mut *so_far;
                report.add(subject, bytes, found);
                examined.files += 1;
                examined.bytes = report.bytes;
                *examined
            };
            go_on(far)
        });
        let (mut report, _) = so_far.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.is_complete = is_complete;
        report.sort();
        report
    }

    /// Puts the damaged bundles of a report into quarantine, each after one more look, for another machine may have
    /// put a whole one in its place, and removes what dead processes of this machine left unfinished more than a day
    /// ago. What is foreign, of a later version or cannot be read is left alone. A damaged journal is mended by its
    /// own machine: [`crate::Journal::mend`].
    ///
    /// One file that cannot be put aside does not keep the others from it.
    #[must_use]
    pub fn repair(&self, report: &Report) -> Repaired {
        let mut repaired = Repaired::default();
        for bundle in &report.damaged {
            let Err(StoreError::Damaged { .. }) = bundle::check(&bundle.entry) else { continue };
            match self.quarantine(&bundle.entry, &bundle.reason) {
                Ok(to) => repaired.quarantined.push((bundle.clone(), to)),
                Err(error) => {
                    repaired.failed.push((bundle.entry.path.clone(), error.to_string()));
                }
            }
        }
        match self.remove_stale_temporaries() {
            Ok(removed) => repaired.removed = removed,
            Err(error) => repaired.failed.push((self.root.clone(), error.to_string())),
        }
        repaired
    }
}

/// What a file turned out to be.
enum Found {
    /// With the number of its records, if it is a journal.
    Whole(usize),
    /// With that of those that can be read, and of a bundle where its medium was.
    Damaged {
        records: usize,
        reason: String,
        source_path: Option<PathBuf>,
    },
    Newer(u32),
    Unreadable(String),
    /// Somebody else has put it aside meanwhile.
    Gone,
}

fn look_at(subject: &Subject) -> Found {
    match subject {
        Subject::Bundle(entry) => {
            found(0, bundle::check(entry).err(), || Some(bundle::glance(entry).ok()??.source_path))
        }
        Subject::Journal(machine, path) => match journal::check(*machine, path) {
            Ok((records, damage)) => found(records, damage, || None),
            Err(error) => found(0, Some(error), || None),
        },
    }
}

fn found(
    records: usize,
    error: Option<StoreError>,
    source_path: impl FnOnce() -> Option<PathBuf>,
) -> Found {
    match error {
        None => Found::Whole(records),
        Some(StoreError::Damaged { reason, .. } | StoreError::DamagedJournal { reason, .. }) => {
            Found::Damaged { records, reason, source_path: source_path() }
        }
        Some(StoreError::Newer { version, .. }) => Found::Newer(version),
        Some(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Found::Gone,
        Some(error) => Found::Unreadable(error.to_string()),
    }
}

impl Report {
    fn add(&mut self, subject: &Subject, bytes: u64, found: Found) {
        self.bytes += bytes;
        let path = || subject.path().to_owned();
        match (found, subject) {
            (Found::Whole(_), Subject::Bundle(entry)) => {
                let own = self.bundles.iter_mut().find(|(analysis, _)| *analysis == entry.analysis);
                own.into_iter().for_each(|(_, sound)| sound.add(bytes));
            }
            (Found::Whole(records), Subject::Journal(..)) => {
                self.journals.add(bytes);
                self.records += records;
            }
            (Found::Damaged { reason, source_path, .. }, Subject::Bundle(entry)) => {
                self.damaged.push(DamagedBundle { entry: entry.clone(), source_path, reason });
            }
            (Found::Damaged { records, reason, .. }, Subject::Journal(machine, _)) => {
                self.records += records;
                self.damaged_journals.push(DamagedJournal {
                    machine: *machine,
                    path: path(),
                    reason,
                });
            }
            (Found::Newer(version), _) => self.newer.push((path(), version)),
            (Found::Unreadable(reason), _) => self.unreadable.push((path(), reason)),
            (Found::Gone, _) => {}
        }
    }
}

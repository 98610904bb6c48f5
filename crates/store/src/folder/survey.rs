//! What lies in an analysis folder, by its names alone.

use super::{Analysis, AnalysisFolder, CLAIMS, Entry, JOURNAL, QUARANTINE, report::Report};
use crate::{MachineId, durable, journal};
use fs_err as fs;
use rushes_model::ModelKey;
use std::{
    io,
    path::{Path, PathBuf},
};

/// A file whose content can be checked.
#[derive(Debug)]
pub(super) enum Subject {
    Bundle(Entry),
    Journal(MachineId, PathBuf),
}

impl Subject {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Bundle(Entry { path, .. }) | Self::Journal(_, path) => path,
        }
    }
}

/// Tells ours from others, which go into the report at once.
pub(super) struct Survey<'a> {
    folder: &'a AnalysisFolder,
    report: &'a mut Report,
    subjects: Vec<Subject>,
}

/// Something in a folder.
struct Item {
    path: PathBuf,
    /// If it is Unicode, as all of ours are.
    name: String,
    is_folder: bool,
}

impl<'a> Survey<'a> {
    pub(super) fn of(folder: &'a AnalysisFolder, report: &'a mut Report) -> Vec<Subject> {
        let mut survey = Self { folder, report, subjects: Vec::new() };
        survey.root();
        survey.subjects
    }

    fn root(&mut self) {
        for item in self.items(&self.folder.root.clone()) {
            let analysis = Analysis::ALL.into_iter().find(|one| one.folder() == item.name);
            match (item.is_folder, analysis, item.name.as_str()) {
                (true, Some(analysis), _) => self.models(analysis, &item.path),
                (true, None, JOURNAL) => self.journals(&item.path),
                (true, None, QUARANTINE) => self.quarantine(&item.path),
                // Claims come and go, and hold nothing that could be lost.
                (true, None, CLAIMS) => {}
                _ => self.other(item),
            }
        }
    }

    fn models(&mut self, analysis: Analysis, path: &Path) {
        for item in self.items(path) {
            match item.name.parse::<ModelKey>() {
                Ok(model) if item.is_folder => {
                    for start in self.items(&item.path) {
                        self.bundles(analysis, &model, start);
                    }
                }
                _ => self.other(item),
            }
        }
    }

    /// Bundles whose ids have the same first two digits.
    fn bundles(&mut self, analysis: Analysis, model: &ModelKey, start: Item) {
        if !start.is_folder {
            return self.other(start);
        }
        for item in self.items(&start.path) {
            let entry = self.folder.entry(analysis, &start.name, &item.name, model);
            match entry.filter(|_| !item.is_folder) {
                Some(entry) => self.subjects.push(Subject::Bundle(entry)),
                None => self.other(item),
            }
        }
    }

    fn journals(&mut self, path: &Path) {
        for item in self.items(path) {
            match journal::machine_of(&item.name) {
                Some(machine) if !item.is_folder => {
                    self.subjects.push(Subject::Journal(machine, item.path));
                }
                _ => self.other(item),
            }
        }
    }

    fn quarantine(&mut self, path: &Path) {
        for item in self.items(path) {
            if item.is_folder || durable::is_temporary(&item.path) {
                self.other(item);
            } else if !item.name.ends_with(".txt") {
                self.report.quarantined += 1;
            }
        }
    }

    /// Something that is neither a bundle nor a journal. A strange folder is not gone into.
    fn other(&mut self, item: Item) {
        if !item.is_folder && durable::is_temporary(&item.path) {
            self.report.unfinished.push(item.path);
        } else {
            self.report.foreign.push(item.path);
        }
    }

    /// What is in a folder. One that is not there has nothing, and one that cannot be read is told of.
    fn items(&mut self, folder: &Path) -> Vec<Item> {
        match items(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                self.report.unreadable.push((folder.to_owned(), error.to_string()));
                Vec::new()
            }
            Ok(items) => items,
        }
    }
}

fn items(folder: &Path) -> io::Result<Vec<Item>> {
    let item = |entry: io::Result<fs::DirEntry>| {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_folder = path.is_dir();
        Ok(Item { path, name, is_folder })
    };
    fs::read_dir(folder)?.map(item).collect()
}

//! `rushes repair`.

use crate::{analyze::absolute, arguments::Repair, settings::Settings};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use rushes_engine::{Engine, Mended};
use std::process::ExitCode;

/// Bytes of a megabyte, as disks are measured.
const MEGABYTE: f64 = 1e6;

/// Looks at an analysis folder, mends it unless only a look is wanted, and says what there is.
pub fn run(settings: Settings, repair: Repair) -> Result<ExitCode> {
    let engine = Engine::open(settings.engine)?;
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} files, {elapsed}")?);
    let mended = engine.repair(&absolute(&repair.cache_dir)?, !repair.check, &|examined| {
        bar.set_length(examined.of_files as u64);
        bar.set_position(examined.files as u64);
        true
    })?;
    bar.finish_and_clear();
    tell_what_there_is(&mended);
    tell_what_was_done(&mended);
    Ok(if is_well(&mended) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether all is whole now, as far as this machine can tell and is to see to it.
fn is_well(mended: &Mended) -> bool {
    let Mended { report, repaired, mended_journal, .. } = mended;
    // Only its own machine may mend a journal.
    let all_journals = report.damaged_journals.len() <= usize::from(*mended_journal);
    let is_mended = repaired.as_ref().is_some_and(|repaired| repaired.failed.is_empty());
    let is_seen = report.is_complete && report.unreadable.is_empty();
    report.is_sound() || (is_mended && is_seen && all_journals)
}

fn tell_what_there_is(mended: &Mended) {
    let report = &mended.report;
    for (analysis, sound) in &report.bundles {
        let name = format!("{analysis:?}").to_lowercase();
        let megabytes = sound.bytes as f64 / MEGABYTE;
        println!("{name:<9} {} whole, {megabytes:.1} MB", sound.files);
    }
    let records = report.records;
    println!("{:<9} {} whole, {records} decisions", "journals", report.journals.files);
    for damaged in &report.damaged {
        let source = damaged.source_path.as_ref().map(|path| format!(" of {}", path.display()));
        let path = damaged.entry.path.display();
        println!("damaged: {path}{}: {}", source.unwrap_or_default(), damaged.reason);
    }
    for damaged in &report.damaged_journals {
        println!("damaged: {}: {}", damaged.path.display(), damaged.reason);
    }
    for (path, reason) in &report.unreadable {
        println!("cannot be read: {}: {reason}", path.display());
    }
    for (path, version) in &report.newer {
        println!("of a later version of Rushes ({version}), left alone: {}", path.display());
    }
    for path in &report.foreign {
        println!("none of ours, left alone: {}", path.display());
    }
    if !report.is_complete {
        println!("the look was stopped: there may be more");
    }
    if report.quarantined > 0 {
        println!("{} damaged files lie in quarantine from before", report.quarantined);
    }
}

fn tell_what_was_done(mended: &Mended) {
    let Some(repaired) = &mended.repaired else { return };
    let (put_aside, removed) = (repaired.quarantined.len(), repaired.removed);
    if put_aside > 0 {
        println!("{put_aside} put into quarantine: analyse their media again");
    }
    if removed > 0 {
        println!("{removed} unfinished files of dead processes removed");
    }
    if mended.mended_journal {
        println!("the journal of this machine was mended");
    }
    for (path, reason) in &repaired.failed {
        println!("could not be mended: {}: {reason}", path.display());
    }
    if let Some(rebuilt) = mended.rebuilt.filter(|rebuilt| rebuilt.entered > 0) {
        println!("{} files entered into the catalogue", rebuilt.entered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_seen_is_not_well() {
        let mended = || {
            let mut mended = Mended {
                report: Default::default(),
                repaired: Some(Default::default()),
                mended_journal: false,
                rebuilt: None,
            };
            mended.report.is_complete = true;
            mended
        };
        assert!(is_well(&mended()));
        let mut stopped = mended();
        stopped.report.is_complete = false;
        assert!(!is_well(&stopped));
        let mut unreadable = mended();
        unreadable.report.unreadable.push(("/a".into(), "no rights".to_owned()));
        assert!(!is_well(&unreadable));
    }
}

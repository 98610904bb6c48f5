//! Progress for people: a bar on a terminal, plain lines otherwise.

use indicatif::{ProgressBar, ProgressStyle};
use rushes_model::Progress;
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Steps of the bar.
const STEPS: u64 = 1000;

/// Shows how far a task is.
pub enum Bar {
    /// On a terminal.
    Terminal(ProgressBar),
    /// In a log or a pipe.
    Lines(Option<Instant>),
}

impl Bar {
    /// A bar, or lines where standard error is no terminal.
    pub fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines(None);
        }
        let bar = ProgressBar::new(STEPS);
        let template = "{bar:30} {percent:>3} %  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self::Terminal(bar)
    }

    /// Shows an event of a task.
    pub fn show(&mut self, event: &Progress) {
        if let (Some(path), Some(error)) = (&event.media_path, &event.error) {
            self.say(&format!("failed: {path}: {error}"));
        }
        self.set(event.progress, &describe(event));
    }

    /// Shows a fraction of 0 to 1 and what is in work.
    pub fn set(&mut self, fraction: f64, text: &str) {
        match self {
            Self::Terminal(bar) => {
                bar.set_position((fraction * STEPS as f64) as u64);
                bar.set_message(text.to_owned());
            }
            Self::Lines(last) => {
                if last.is_none_or(|last| last.elapsed() > LINE_EVERY) {
                    *last = Some(Instant::now());
                    eprintln!("{:3.0} %  {text}", fraction * 100.0);
                }
            }
        }
    }

    /// Prints a line that stays.
    pub fn say(&self, line: &str) {
        match self {
            Self::Terminal(bar) => bar.println(line),
            Self::Lines(_) => eprintln!("{line}"),
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Self::Terminal(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Files, speed, time left and the file in work.
fn describe(event: &Progress) -> String {
    let mut parts = vec![format!("{}/{} files", event.files_done, event.files_total)];
    if let Some(speed) = event.speed {
        parts.push(format!("{speed:.1}x real time"));
    }
    if let Some(left) = event.eta_seconds {
        parts.push(format!("{} left", rushes_model::timestamp(left)));
    }
    if let Some(name) = event.media_path.as_deref().and_then(|path| path.rsplit('/').next()) {
        parts.push(name.to_owned());
    }
    parts.join("  ")
}

//! Systems without a sandbox that a program can enter for what it starts.

use super::{Guard, Reach, SandboxReport};
use std::{
    io,
    path::Path,
    process::{Child as Process, Command},
};

/// Nothing is confined.
#[derive(Debug)]
pub(crate) struct Cell;

impl Cell {
    pub(crate) fn fitting(_program: &Path) -> (Self, bool) {
        (Self, true)
    }

    pub(crate) fn launch(&self, command: &mut Command, _reach: &Reach) -> io::Result<Process> {
        command.spawn()
    }

    pub(crate) fn report(&self) -> SandboxReport {
        let absent = |why: &str| Guard::absent(format!("{why}; only Linux has that"));
        SandboxReport {
            network: absent("only ffmpeg's own list of protocols shuts it out"),
            files: absent("decoders can read and write what Rushes can"),
            resources: absent(
                "decoders are held to time by the clock, in a process group of their own",
            ),
        }
    }
}

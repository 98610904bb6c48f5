//! The `rushes` command.
//!
//! Every subcommand opens the same [`Engine`](rushes_engine::Engine) that the server uses, so a search
//! on the command line and one over HTTP give the same answer. Exit codes: 0 done, 1 failed, 2 wrong
//! usage.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A command talks on its standard streams.

mod analyze;
mod arguments;
mod bar;
mod doctor;
mod export;
mod faces;
mod license;
mod log;
mod models;
mod parent;
mod repair;
mod search;
mod serve;
mod settings;
mod signals;
mod transcript;
mod watch;

use anyhow::Result;
use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("rushes: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let settings = settings::read(arguments.home, arguments.config)?;
    // The server begins its log itself, once it knows that it is the only one.
    if !matches!(arguments.command, Command::Serve(_)) {
        log::start();
    }
    match arguments.command {
        Command::Serve(serve) => serve::run(settings, serve),
        Command::Analyze(analyze) => analyze::run(settings, analyze),
        Command::Search(search) => search::run(settings, search),
        Command::Transcript(transcript) => transcript::run(settings, transcript),
        Command::Faces(faces) => faces::run(settings, faces),
        Command::Watch(watch) => watch::run(settings, watch),
        Command::Export(export) => export::run(settings, export),
        Command::Models(models) => models::run(settings, models),
        Command::License(license) => license::run(&settings, license),
        Command::Repair(repair) => repair::run(settings, repair),
        Command::Doctor => doctor::run(settings),
    }
}

//! A server that a plug-in host has started ends with it.

use std::{
    fs::File,
    io,
    os::{
        fd::AsFd,
        unix::{fs::FileTypeExt, process::parent_id},
    },
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// How often the parent is looked for.
const ROUND: Duration = Duration::from_millis(500);

/// Ends when the program that started this one has ended, however it ended, or has closed the pipe that
/// is this one's standard input. The parent is the one at the time of the call, unless it is named: who else
/// has become the parent by then cannot be told from one that was from the beginning.
pub fn is_gone(named: Option<u32>) -> impl Future<Output = ()> {
    let parent = named.unwrap_or_else(parent_id);
    async move {
        tokio::select! {
            () = is_replaced(parent) => {}
            () = has_closed_the_pipe() => {}
        }
    }
}

/// A process without a parent is given another.
async fn is_replaced(parent: u32) {
    let mut rounds = tokio::time::interval(ROUND);
    while parent_id() == parent {
        rounds.tick().await;
    }
}

async fn has_closed_the_pipe() {
    // A file, a terminal or /dev/null at its end says nothing about anybody.
    if !is_pipe().unwrap_or(false) {
        return std::future::pending().await;
    }
    let (ended, end) = oneshot::channel();
    // Detached: a read that never ends must not hold the process.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = ended.send(());
    });
    // The sender sends before it is dropped.
    let _ = end.await;
}

fn is_pipe() -> io::Result<bool> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let kind = input.metadata()?.file_type();
    Ok(kind.is_fifo() || kind.is_socket())
}

//! What happens when the system has no more watches to give. A process of its own, for it uses up all files.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

use rushes_watch::{Event, Method, Root, Rules, Settling, Watch};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{sync::mpsc::channel, time::Duration};

#[test]
fn without_watches_it_is_polled_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("1.mov");
    fs_err::write(&clip, "1").unwrap();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: limit.maximum }).unwrap();
    // Two are left: enough to list and to open, too few for inotify and what it is waited for with.
    let mut held: Vec<_> = std::iter::from_fn(|| fs_err::File::open("/dev/null").ok()).collect();
    held.truncate(held.len() - 2);

    let settling = Settling { quiet: Duration::from_millis(200), looks: 2 };
    let mut rules = Rules {
        local: settling,
        ..Rules::new(|path| path.extension().is_some_and(|ending| ending == "mov"), |_| Ok(false))
    };
    rules.timing.poll = Duration::from_millis(100);
    let (sender, events) = channel();
    let sink = move |event| drop(sender.send(event));
    let watch = Watch::start(Root::new(folder.path()), rules, sink).unwrap();
    let next = || events.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(next(), Event::Warning(text) if text.contains("max_user_watches")));
    assert_eq!(next(), Event::Online);
    assert!(matches!(next(), Event::Settled(units) if units[0].path == clip));
    assert_eq!(watch.snapshot().method, Some(Method::Poll));
    let late = folder.path().join("2.mov");
    fs_err::write(&late, "2").unwrap();
    assert!(matches!(next(), Event::Settled(units) if units[0].path == late));
}

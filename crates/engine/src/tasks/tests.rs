#![allow(clippy::unwrap_used)] // What is met unexpectedly fails the test.

use super::{record::EVENT_SPACING, *};

fn asked(kind: TaskKind, event: &str) -> Asked {
    Asked::new(kind, event, &"a request")
}

fn drain(events: &mut UnboundedReceiver<Progress>) -> Vec<Progress> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

#[test]
fn events_are_sparse_monotone_and_end_once() {
    let table = TaskTable::default();
    let mut events = table.subscribe();
    let task = table.create(asked(TaskKind::Analyze, "video")).unwrap();
    assert!(task.start());
    task.set_total(3);
    for progress in [0.5, 0.2, 0.9, 2.0] {
        task.stand(Standing { progress, ..Standing::default() });
    }
    task.finish(TaskState::Completed, "done");
    task.finish(TaskState::Failed, "again");
    task.stand(Standing::default());
    let events = drain(&mut events);
    assert!(events.len() <= 3, "{} events within a moment", events.len());
    assert!(events.is_sorted_by(|a, b| a.progress <= b.progress));
    assert_eq!(events.iter().filter(|event| event.done).count(), 1);
    let last = events.last().unwrap();
    assert_eq!((last.state, last.progress), (TaskState::Completed, 1.0));
    assert_eq!(table.latest(task.id()), events.last().cloned());
}

#[test]
fn a_waiting_task_ends_at_once_when_cancelled() {
    let table = TaskTable::default();
    let mut events = table.subscribe();
    let task = table.create(asked(TaskKind::Analyze, "video")).unwrap();
    let state = table.cancel(&task.id().to_string()).unwrap();
    assert_eq!(state, TaskState::Cancelled);
    assert!(!task.start() && task.cancel().is_cancelled());
    assert_eq!(drain(&mut events).len(), 1);
}

#[test]
fn errors_of_files_are_kept_and_told() {
    let table = TaskTable::default();
    let mut events = table.subscribe();
    let task = table.create(asked(TaskKind::Analyze, "video")).unwrap();
    assert!(task.start());
    let error = FileError { media_path: "/a.mp4".into(), message: "broken".into() };
    task.file_failed(error.clone());
    task.file_done();
    std::thread::sleep(EVENT_SPACING);
    task.file_done();
    // Right at the end, when there is no time for an event of its own.
    task.file_failed(FileError { message: "broken too".into(), ..error });
    task.finish(TaskState::Completed, "done");
    let told = drain(&mut events);
    assert!(told.iter().any(|event| event.error.as_deref() == Some("broken")));
    let last = told.last().unwrap();
    assert_eq!(last.error.as_deref(), Some("broken too"));
    assert_eq!((last.media_path.as_deref(), last.done), (Some("/a.mp4"), true));
    let reply = table.get(&task.id().to_string()).unwrap();
    assert_eq!((reply.files_done, reply.errors.len()), (2, 2));
}

#[test]
fn unknown_tasks_are_not_found() {
    let table = TaskTable::default();
    for id in ["", "x", "00000000000000000000000000000000"] {
        assert_eq!(table.get(id).unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(table.cancel(id).unwrap_err().code, ErrorCode::NotFound);
    }
}

#[test]
fn old_ended_tasks_are_forgotten_and_running_ones_kept() {
    let table = TaskTable::default();
    let running = table.create(asked(TaskKind::Analyze, "video")).unwrap();
    assert!(running.start());
    for _ in 0..MAX_REMEMBERED + 10 {
        let task = table.create(asked(TaskKind::LoadModel, "model")).unwrap();
        task.finish(TaskState::Completed, "");
    }
    assert_eq!(table.list().len(), MAX_REMEMBERED as usize);
    assert!(table.latest(running.id()).is_some());
}

/// A table whose tasks are kept in this folder, and what an earlier one left.
fn kept_in(folder: &Path) -> (TaskTable, Vec<LeftOver>) {
    let table = TaskTable::default();
    let left = table.keep_in(Ledger::open(&folder.join("tasks.db")).unwrap()).unwrap();
    (table, left)
}

#[test]
fn what_was_not_over_goes_on_in_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let (table, left) = kept_in(folder.path());
    assert!(left.is_empty());
    let over = table.create(asked(TaskKind::LoadModel, "model")).unwrap();
    over.finish(TaskState::Failed, "no such model");
    let task = table.create(asked(TaskKind::Analyze, "video").by_folder("takes")).unwrap();
    assert!(task.start());
    task.set_total(3);
    let error = FileError { media_path: "/b".into(), message: "broken".into() };
    task.part_done(Path::new("/a"), PartOutcome::default());
    task.part_done(Path::new("/b"), PartOutcome::failed(error));
    table.pause(&task.id().to_string(), true).unwrap();
    // As a process that is killed: nothing is said.
    drop(table);

    let (table, left) = kept_in(folder.path());
    let ids: Vec<TaskId> = left.iter().map(|left| left.task.id()).collect();
    assert_eq!(ids, [task.id()]);
    assert_eq!(left[0].done, ["/a", "/b"].map(PathBuf::from).into());
    assert_eq!(left[0].asked.request::<String>().unwrap(), "a request");
    assert_eq!(left[0].asked.urgency, Urgency::Folder);
    assert!(left[0].task.is_paused());
    let reply = table.get(&task.id().to_string()).unwrap();
    assert_eq!((reply.state, reply.files_done, reply.errors.len()), (TaskState::Queued, 2, 1));
    assert_eq!((reply.paused, reply.watch_folder.as_deref()), (true, Some("takes")));
    let earlier = table.get(&over.id().to_string()).unwrap();
    assert_eq!(earlier.state, TaskState::Failed);
    assert_eq!(earlier.message.as_deref(), Some("no such model"));
    let latest = table.latest(over.id()).unwrap();
    assert!(latest.done, "whoever joins late is told the end");
}

#[test]
fn a_clip_that_got_its_name_before_the_process_ended_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let (table, _) = kept_in(folder.path());
    let task = table.create(asked(TaskKind::ExportClips, "export")).unwrap();
    let clip = |name: &str| ExportedClip {
        index: 0,
        media_path: "/take.mov".into(),
        output_path: folder.path().join(name).display().to_string(),
        start_seconds: 0.0,
        end_seconds: 1.0,
        frame_count: None,
        start_timecode: None,
    };
    for (part, name) in [("0", "whole.mov"), ("1", "not there.mov"), ("2", "somebody else's.mov")] {
        task.is_about_to_name(Path::new(part), clip(name), 5);
    }
    fs_err::write(folder.path().join("whole.mov"), "whole").unwrap();
    fs_err::write(folder.path().join("somebody else's.mov"), "another").unwrap();
    assert_eq!(
        table.get(&task.id().to_string()).unwrap().files_done,
        0,
        "nothing is told of it yet"
    );
    drop(table);

    let (table, left) = kept_in(folder.path());
    assert_eq!(left[0].done, [PathBuf::from("0")].into());
    let reply = table.get(&task.id().to_string()).unwrap();
    assert_eq!((reply.files_done, reply.output_paths), (1, vec![clip("whole.mov").output_path]));
}

#[test]
fn a_cancelled_task_stays_cancelled_and_an_interrupted_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (table, _) = kept_in(folder.path());
    let create = || table.create(asked(TaskKind::Analyze, "video")).unwrap();
    let [unwanted, interrupted, waiting] = [create(), create(), create()];
    assert!(unwanted.start() && interrupted.start());
    assert_eq!(table.cancel(&unwanted.id().to_string()).unwrap(), TaskState::Running);
    table.stop_all();
    assert!(interrupted.cancel().is_cancelled() && !table.all_over());
    interrupted.finish(TaskState::Failed, "the decoder was killed");
    unwanted.finish(TaskState::Cancelled, "Cancelled");
    assert!(table.all_over());
    assert!(!table.latest(interrupted.id()).unwrap().done);
    assert!(table.latest(unwanted.id()).unwrap().done);

    let (_, left) = kept_in(folder.path());
    let ids: Vec<TaskId> = left.iter().map(|left| left.task.id()).collect();
    assert_eq!(ids, [interrupted.id(), waiting.id()]);
}

#[test]
fn only_analyses_that_are_not_over_can_wait() {
    let table = TaskTable::default();
    let task = table.create(asked(TaskKind::ExportClips, "export")).unwrap();
    let refused = |id: &str| table.pause(id, true).unwrap_err().code;
    assert_eq!(refused(&task.id().to_string()), ErrorCode::BadRequest);
    assert_eq!(refused("none"), ErrorCode::NotFound);
    let task = table.create(asked(TaskKind::Analyze, "video")).unwrap();
    assert!(table.pause(&task.id().to_string(), true).unwrap().paused && task.is_paused());
    task.finish(TaskState::Completed, "");
    assert!(!table.get(&task.id().to_string()).unwrap().paused);
    assert_eq!(refused(&task.id().to_string()), ErrorCode::BadRequest);
}

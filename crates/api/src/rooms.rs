//! Rooms: who hears of which task over Socket.IO.
//!
//! A room is named by a task id, which cannot be guessed, so joining needs no key. One lock covers
//! joining and sending: a socket that joins is either told the last event at once or hears it later,
//! never both and never neither. Each member's progress is remembered, since the event it is told on
//! joining may be ahead of those that still wait to be sent.

use crate::limits;
use rushes_engine::Engine;
use rushes_model::{ErrorCode, Failure, Progress, TaskId};
use serde_json::{Value, json};
use socketioxide::{
    SendError, SocketError, SocketIo,
    extract::{AckSender, SocketRef, TryData},
    handler::ConnectHandler,
    socket::Sid,
};
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc::UnboundedReceiver;

/// Time between two tries to send a last event to a client that does not keep up.
const RETRY: Duration = Duration::from_millis(100);

/// All rooms of a server.
pub(crate) struct Rooms {
    engine: Engine,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rooms: HashMap<TaskId, HashMap<Sid, Member>>,
    /// Last events that found a socket's buffer full.
    late: Vec<(SocketRef, Progress)>,
}

struct Member {
    socket: SocketRef,
    progress: f64,
}

/// What became of an event for one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Yes,
    Full,
    Gone,
}

impl Rooms {
    /// No rooms yet; the engine says which tasks there are.
    pub(crate) fn new(engine: Engine) -> Arc<Self> {
        Arc::new(Self { engine, state: Mutex::default() })
    }

    /// Listens to clients.
    pub(crate) fn open(self: &Arc<Self>, io: &SocketIo) {
        let rooms = Arc::clone(self);
        let greet = async move |socket: SocketRef| {
            rooms.greet(&socket);
            Ok::<_, Infallible>(())
        };
        // As a middleware, which runs before the client is told that it is connected. A connect handler
        // runs after that, and what a quick client sends in between would meet no handler.
        io.ns("/", { async || {} }.with(greet));
    }

    fn greet(self: &Arc<Self>, socket: &SocketRef) {
        let rooms = Arc::clone(self);
        socket.on("join", {
            let rooms = Arc::clone(&rooms);
            async move |socket: SocketRef, TryData(name): TryData<Value>, ack: AckSender| {
                acknowledge(ack, rooms.join(&socket, &name.unwrap_or_default()));
            }
        });
        socket.on("leave", {
            let rooms = Arc::clone(&rooms);
            async move |socket: SocketRef, TryData(name): TryData<Value>, ack: AckSender| {
                acknowledge(ack, rooms.leave(socket.id, &name.unwrap_or_default()));
            }
        });
        socket.on_disconnect(async move |socket: SocketRef| rooms.forget(socket.id));
    }

    /// Sends every event to its room, until the engine is gone.
    pub(crate) async fn forward(self: Arc<Self>, mut events: UnboundedReceiver<Progress>) {
        loop {
            let any_late = !self.lock().late.is_empty();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.lock().send(&event),
                    None => break,
                },
                () = tokio::time::sleep(RETRY), if any_late => self.lock().send_late(),
            }
        }
    }

    fn join(&self, socket: &SocketRef, name: &Value) -> Result<TaskId, Failure> {
        let task = task_id(name)?;
        let mut state = self.lock();
        let latest = self.engine.latest_progress(task).ok_or_else(|| unknown(name))?;
        if latest.done {
            state.send_last(socket, &latest);
            return Ok(task);
        }
        state.admit(socket, task, &latest)?;
        Ok(task)
    }

    fn leave(&self, socket: Sid, name: &Value) -> Result<TaskId, Failure> {
        let task = task_id(name)?;
        if let Some(members) = self.lock().rooms.get_mut(&task) {
            members.remove(&socket);
        }
        Ok(task)
    }

    fn forget(&self, socket: Sid) {
        let mut state = self.lock();
        state.rooms.retain(|_, members| {
            members.remove(&socket);
            !members.is_empty()
        });
        state.late.retain(|(late, _)| late.id != socket);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes a socket a member and tells it where the task stands.
    fn admit(
        &mut self,
        socket: &SocketRef,
        task: TaskId,
        latest: &Progress,
    ) -> Result<(), Failure> {
        let others = |(room, members): &(&TaskId, &HashMap<Sid, Member>)| {
            **room != task && members.contains_key(&socket.id)
        };
        if self.rooms.iter().filter(others).count() >= limits::ROOMS {
            let message =
                format!("a socket may be in {} rooms at a time; leave one", limits::ROOMS);
            return Err(Failure::new(ErrorCode::Busy, message));
        }
        if emit(socket, latest) != Sent::Gone {
            let member = Member { socket: socket.clone(), progress: latest.progress };
            self.rooms.entry(task).or_default().insert(socket.id, member);
        }
        Ok(())
    }

    /// Sends an event to its room; the last one closes it.
    fn send(&mut self, event: &Progress) {
        if event.done {
            let members = self.rooms.remove(&event.task_id).unwrap_or_default();
            members.values().for_each(|member| self.send_last(&member.socket, event));
        } else if let Some(members) = self.rooms.get_mut(&event.task_id) {
            members.retain(|_, member| member.hear(event) != Sent::Gone);
        }
    }

    fn send_last(&mut self, socket: &SocketRef, event: &Progress) {
        let waits = |(late, task): &(SocketRef, Progress)| {
            late.id == socket.id && task.task_id == event.task_id
        };
        // Who asks again and again without reading gets one answer, and costs the room of one.
        if !self.late.iter().any(waits) && emit(socket, event) == Sent::Full {
            self.late.push((socket.clone(), event.clone()));
        }
    }

    fn send_late(&mut self) {
        self.late.retain(|(socket, event)| emit(socket, event) == Sent::Full);
    }
}

impl Member {
    /// Tells a member of an event, unless it knows better already. One that does not keep up misses
    /// events: the next says more.
    fn hear(&mut self, event: &Progress) -> Sent {
        if event.progress < self.progress {
            return Sent::Yes;
        }
        self.progress = event.progress;
        emit(&self.socket, event)
    }
}

fn emit(socket: &SocketRef, event: &Progress) -> Sent {
    match socket.emit("progress", event) {
        Ok(()) => Sent::Yes,
        Err(SendError::Socket(SocketError::InternalChannelFull)) => Sent::Full,
        Err(error) => {
            tracing::debug!(%error, "a socket does not get an event");
            Sent::Gone
        }
    }
}

/// The task id in the forms that clients send it.
fn task_id(name: &Value) -> Result<TaskId, Failure> {
    let text = name.as_str().or_else(|| name.get("task_id")?.as_str());
    let text = text.or_else(|| name.get("room")?.as_str()).ok_or_else(|| {
        Failure::new(ErrorCode::BadRequest, "send the task id as a string, or {\"task_id\": \"…\"}")
    })?;
    text.parse().map_err(|_| unknown(name))
}

fn unknown(name: &Value) -> Failure {
    let name: String = name.to_string().chars().take(80).collect();
    Failure::new(ErrorCode::NotFound, format!("no task {name} on this server"))
}

/// Answers a client that asked for it.
fn acknowledge(ack: AckSender, answer: Result<TaskId, Failure>) {
    let answer = match answer {
        Ok(task) => json!({"ok": true, "task_id": task}),
        Err(failure) => {
            json!({"ok": false, "error": failure.code.title(), "message": failure.message})
        }
    };
    if let Err(error) = ack.send(&answer) {
        tracing::debug!(%error, "a socket does not get its answer");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_ids_come_in_three_forms() {
        let id = "0123456789abcdef0123456789abcdef";
        for name in [json!(id), json!({"task_id": id}), json!({"room": id})] {
            assert_eq!(task_id(&name).map(|task| task.to_string()), Ok(id.to_owned()));
        }
        for (name, code) in [
            (json!("abc"), ErrorCode::NotFound),
            (json!({"room": "../etc"}), ErrorCode::NotFound),
            (json!({"task_id": 5}), ErrorCode::BadRequest),
            (json!([id]), ErrorCode::BadRequest),
            (Value::Null, ErrorCode::BadRequest),
        ] {
            assert_eq!(task_id(&name).unwrap_err().code, code, "{name}");
        }
    }
}

//! Pools of sessions: one model, several callers.

use super::provider::Provider;
use super::tensors::{Input, Output, extract, tensor};
use super::{Runtime, Source, lock};
use crate::InferError;
use ort::session::{Session, SessionOutputs};
use ort::value::TensorElementType;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

/// Sessions of one model on a device: while one runs, the inputs of the other are on their way. More
/// would only take more of the device's memory.
const DEVICE_SESSIONS: usize = 2;

/// Sessions of one model, each run by one caller at a time on the caller's own thread.
///
/// They run on the first provider of the runtime that takes the graph. What that cannot run after all
/// runs on the processor, and so does everything thereafter.
#[derive(Debug)]
pub struct SessionPool {
    key: String,
    inputs: Vec<(String, bool)>,
    sessions: Mutex<Sessions>,
    returned: Condvar,
    runtime: Runtime,
    graph: Graph,
    /// Callers at once.
    callers: usize,
}

#[derive(Debug)]
struct Sessions {
    idle: Vec<Session>,
    /// How many may still be opened.
    unopened: usize,
    /// What they run on.
    provider: Provider,
}

/// Where more sessions come from.
#[derive(Debug)]
struct Graph {
    path: PathBuf,
    /// Of a model out of memory, as long as more sessions may be needed.
    bytes: Option<Vec<u8>>,
}

impl Graph {
    fn source(&self) -> Source<'_> {
        self.bytes.as_deref().map_or(Source::File(&self.path), Source::Memory)
    }
}

/// Sessions that so many callers get.
fn most_sessions(provider: Provider, callers: usize) -> usize {
    let most = if provider == Provider::Cpu { usize::MAX } else { DEVICE_SESSIONS };
    callers.clamp(1, most)
}

impl SessionPool {
    /// Opens a model file for up to `callers` (at least one) at once: one session now, the others when
    /// all are busy, because each takes its own copy of the weights. `key` names it in errors.
    ///
    /// # Errors
    /// [`InferError::MissingFile`] or, when ONNX Runtime refuses it, [`InferError::BadFile`].
    pub fn from_file(
        runtime: &Runtime,
        key: &str,
        path: &Path,
        callers: usize,
    ) -> Result<Self, InferError> {
        if !path.is_file() {
            return Err(InferError::MissingFile { key: key.to_owned(), path: path.to_path_buf() });
        }
        let graph = Graph { path: path.to_owned(), bytes: None };
        let opened = runtime.open(key, &graph.source()).map_err(|error| refused(path, &error));
        let (first, provider) = opened?;
        Ok(Self::new(runtime, key, graph, callers, provider, vec![first]))
    }

    /// Opens a model in memory for up to `callers` (at least one) at once; `origin` is the file that
    /// errors name. On the processor all sessions are opened now, so that the bytes can go.
    ///
    /// # Errors
    /// [`InferError::BadFile`] when ONNX Runtime refuses the model.
    pub fn from_memory(
        runtime: &Runtime,
        key: &str,
        origin: &Path,
        model: &[u8],
        callers: usize,
    ) -> Result<Self, InferError> {
        let failed = |error: ort::Error| refused(origin, &error);
        let (first, provider) = runtime.open(key, &Source::Memory(model)).map_err(failed)?;
        let mut graph = Graph { path: origin.to_owned(), bytes: None };
        let mut idle = vec![first];
        if provider == Provider::Cpu {
            for _ in 1..most_sessions(provider, callers) {
                idle.push(runtime.open_on(provider, &Source::Memory(model)).map_err(failed)?);
            }
        } else {
            graph.bytes = Some(model.to_vec());
        }
        Ok(Self::new(runtime, key, graph, callers, provider, idle))
    }

    fn new(
        runtime: &Runtime,
        key: &str,
        graph: Graph,
        callers: usize,
        provider: Provider,
        idle: Vec<Session>,
    ) -> Self {
        let inputs = idle[0].inputs().iter().map(|input| {
            let half = input.dtype().tensor_type() == Some(TensorElementType::Float16);
            (input.name().to_owned(), half)
        });
        let unopened = most_sessions(provider, callers) - idle.len();
        Self {
            key: key.to_owned(),
            inputs: inputs.collect(),
            sessions: Mutex::new(Sessions { idle, unopened, provider }),
            returned: Condvar::new(),
            runtime: runtime.clone(),
            graph,
            callers,
        }
    }

    /// Names of the model's inputs in the model's order, and whether each wants 16-bit floats.
    #[must_use]
    pub fn inputs(&self) -> &[(String, bool)] {
        &self.inputs
    }

    /// What the model runs on.
    #[must_use]
    pub fn provider(&self) -> Provider {
        lock(&self.sessions).provider
    }

    /// What the model's file says of itself under this key.
    ///
    /// # Errors
    /// [`InferError::Run`] when the file's metadata cannot be read.
    pub fn metadata(&self, key: &str) -> Result<Option<String>, InferError> {
        let mut lease = self.check_out()?;
        let metadata = lease.session()?.metadata().map_err(|error| self.failed(&error))?;
        Ok(metadata.custom(key))
    }

    /// Runs the model and returns the outputs named in `wanted`, in that order. Waits while every
    /// session is busy.
    ///
    /// # Errors
    /// [`InferError::Run`] when the model refuses the inputs, fails, or has no such float output.
    pub fn run(
        &self,
        inputs: &[(&str, Input<'_>)],
        wanted: &[&str],
    ) -> Result<Vec<Output>, InferError> {
        let mut lease = self.check_out()?;
        let outcome = self.run_on(lease.session()?, inputs, wanted);
        match outcome {
            Err(reason) if lease.provider != Provider::Cpu => {
                let provider = lease.provider;
                drop(lease);
                let outputs = self.run_on_processor(inputs, wanted)?;
                tracing::warn!("{provider} does not run {}: {reason}", self.key);
                Ok(outputs)
            }
            outcome => outcome,
        }
    }

    fn run_on(
        &self,
        session: &mut Session,
        inputs: &[(&str, Input<'_>)],
        wanted: &[&str],
    ) -> Result<Vec<Output>, InferError> {
        let values = inputs
            .iter()
            .map(|(name, input)| Ok((Cow::Borrowed(*name), tensor(input)?)))
            .collect::<ort::Result<Vec<_>>>()
            .map_err(|error| self.failed(&error))?;
        let outputs = session.run(values).map_err(|error| self.failed(&error))?;
        wanted.iter().map(|name| self.read(&outputs, name)).collect()
    }

    /// Runs what a device did not. If the processor does, the device is not asked again; if it does not
    /// either, the inputs are to blame.
    fn run_on_processor(
        &self,
        inputs: &[(&str, Input<'_>)],
        wanted: &[&str],
    ) -> Result<Vec<Output>, InferError> {
        let opened = self.runtime.open_on(Provider::Cpu, &self.graph.source());
        let mut session = opened.map_err(|error| refused(&self.graph.path, &error))?;
        let outputs = self.run_on(&mut session, inputs, wanted)?;
        let mut sessions = lock(&self.sessions);
        // Another caller may have been here meanwhile.
        if sessions.provider != Provider::Cpu {
            let unopened = most_sessions(Provider::Cpu, self.callers) - 1;
            *sessions = Sessions { idle: vec![session], unopened, provider: Provider::Cpu };
            self.returned.notify_all();
        }
        Ok(outputs)
    }

    fn read(&self, outputs: &SessionOutputs<'_>, name: &str) -> Result<Output, InferError> {
        let value = outputs.get(name).ok_or_else(|| self.failed(&format!("no output {name}")))?;
        extract(value).map_err(|error| self.failed(&error))
    }

    fn failed(&self, reason: &dyn std::fmt::Display) -> InferError {
        InferError::Run { key: self.key.clone(), reason: reason.to_string() }
    }

    /// One more session; none where a device's memory is full, since the sessions that it has do.
    fn open_one_more(&self, provider: Provider) -> Result<Option<Session>, InferError> {
        match self.runtime.open_on(provider, &self.graph.source()) {
            Ok(session) => Ok(Some(session)),
            Err(error) if provider == Provider::Cpu => Err(refused(&self.graph.path, &error)),
            Err(error) => {
                tracing::debug!("{provider} takes no more of {}: {error}", self.key);
                Ok(None)
            }
        }
    }

    /// An idle session, one more where that is allowed, or the first that another caller gives back.
    fn check_out(&self) -> Result<Lease<'_>, InferError> {
        let mut sessions = lock(&self.sessions);
        loop {
            let provider = sessions.provider;
            if let Some(session) = sessions.idle.pop() {
                return Ok(Lease { pool: self, provider, session: Some(session) });
            }
            if sessions.unopened > 0 {
                sessions.unopened -= 1;
                drop(sessions);
                if let Some(session) = self.open_one_more(provider)? {
                    return Ok(Lease { pool: self, provider, session: Some(session) });
                }
                sessions = lock(&self.sessions);
                continue;
            }
            sessions = self.returned.wait(sessions).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn refused(path: &Path, error: &ort::Error) -> InferError {
    InferError::BadFile { path: path.to_owned(), reason: error.to_string() }
}

/// A session that goes back to its pool when dropped, also when a run fails.
struct Lease<'a> {
    pool: &'a SessionPool,
    provider: Provider,
    session: Option<Session>,
}

impl Lease<'_> {
    fn session(&mut self) -> Result<&mut Session, InferError> {
        self.session.as_mut().ok_or_else(|| self.pool.failed(&"its session was given back"))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut sessions = lock(&self.pool.sessions);
        if sessions.provider == self.provider {
            sessions.idle.extend(self.session.take());
        }
        drop(sessions);
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::runtime;
    use super::*;
    use crate::onnx::{Attribute, Element, GraphWriter};
    use half::f16;

    /// y = 2 * (x . w), with x in the given element type.
    fn doubled(element: Element) -> Vec<u8> {
        let mut graph = GraphWriter::new();
        graph.input("x", element, &[-1, 2]);
        graph.floats("w", &[2, 3], &[1.0, 0.0, 0.5, 0.0, 1.0, 0.5]);
        let to = vec![Attribute::int("to", Element::F32 as i64)];
        graph.node("Cast", &["x"], "wide", to);
        graph.node("Gemm", &["wide", "w"], "y", vec![Attribute::float("alpha", 2.0)]);
        graph.output("y", Element::F32, &[-1, 3]);
        graph.into_bytes()
    }

    fn pool(model: &[u8], sessions: usize) -> Result<SessionPool, InferError> {
        SessionPool::from_memory(&runtime(), "test", Path::new("a.onnx"), model, sessions)
    }

    #[test]
    fn a_written_graph_runs() {
        let pool_f32 = pool(&doubled(Element::F32), 1).expect("opens");
        assert_eq!(pool_f32.inputs(), [("x".to_owned(), false)]);
        let input = Input::F32(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let expected = Output { shape: vec![2, 3], values: vec![2.0, 4.0, 3.0, 6.0, 8.0, 7.0] };
        let from_f32 = pool_f32.run(&[("x", input)], &["y"]).expect("runs");
        assert_eq!(from_f32, [expected]);

        let pool_f16 = pool(&doubled(Element::F16), 1).expect("opens");
        assert_eq!(pool_f16.inputs(), [("x".to_owned(), true)]);
        let halves = [1.0, 2.0, 3.0, 4.0].map(f16::from_f32);
        let input = Input::F16(&[2, 2], &halves);
        assert_eq!(pool_f16.run(&[("x", input)], &["y"]).expect("runs"), from_f32);
    }

    #[test]
    fn more_callers_than_sessions_wait_their_turn() {
        let pool = pool(&doubled(Element::F32), 2).expect("opens");
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let pool = &pool;
                scope.spawn(move || {
                    for _ in 0..50 {
                        let x = f32::from(thread);
                        let input = Input::F32(&[1, 2], &[x, 0.0]);
                        let outputs = pool.run(&[("x", input)], &["y"]).expect("runs");
                        assert_eq!(outputs[0].values, [2.0 * x, 0.0, x]);
                    }
                });
            }
        });
    }

    #[test]
    fn a_model_file_gets_more_sessions_when_callers_meet() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.onnx");
        fs_err::write(&path, doubled(Element::F32)).expect("writes");
        let pool = SessionPool::from_file(&runtime(), "test", &path, 3).expect("opens");
        let unopened = || lock(&pool.sessions).unopened;
        drop((pool.check_out().expect("idle"), unopened()));
        assert_eq!(unopened(), 2);
        let leases = [pool.check_out().expect("idle"), pool.check_out().expect("opens one more")];
        assert_eq!(unopened(), 1);
        drop(leases);
        assert_eq!((unopened(), lock(&pool.sessions).idle.len()), (1, 2));
    }

    #[test]
    fn a_failed_run_gives_its_session_back() {
        let pool = pool(&doubled(Element::F32), 1).expect("opens");
        for (name, shape, wanted) in
            [("nope", [1, 2], "y"), ("x", [2, 1], "y"), ("x", [1, 2], "nope"), ("x", [1, 3], "y")]
        {
            let error = pool.run(&[(name, Input::F32(&shape, &[1.0, 2.0]))], &[wanted]);
            assert!(matches!(error, Err(InferError::Run { .. })), "{error:?}");
        }
        assert!(pool.run(&[("x", Input::F32(&[1, 2], &[1.0, 2.0]))], &["y"]).is_ok());
    }

    #[test]
    fn files_that_are_no_models_are_named() {
        let error = pool(b"not a model", 1).expect_err("refused").to_string();
        assert!(error.contains("a.onnx"), "{error}");
        let path = Path::new("/nowhere/model.onnx");
        let error = SessionPool::from_file(&runtime(), "test", path, 1).expect_err("missing");
        assert!(matches!(error, InferError::MissingFile { path: named, .. } if named == path));
    }

    /// A pool as it would be on a device, whose session does not run what it is given.
    fn on_a_device(model: &[u8]) -> SessionPool {
        let broken = pool(&renamed(), 1).expect("opens");
        let idle = std::mem::take(&mut lock(&broken.sessions).idle);
        let graph = Graph { path: "a.onnx".into(), bytes: Some(model.to_vec()) };
        SessionPool::new(&runtime(), "test", graph, 3, Provider::Cuda, idle)
    }

    /// The graph with an input of another name.
    fn renamed() -> Vec<u8> {
        let mut graph = GraphWriter::new();
        graph.input("z", Element::F32, &[-1, 2]);
        graph.node("Add", &["z", "z"], "y", vec![]);
        graph.output("y", Element::F32, &[-1, 2]);
        graph.into_bytes()
    }

    #[test]
    fn what_a_device_cannot_run_runs_on_the_processor_from_then_on() {
        let pool = on_a_device(&doubled(Element::F32));
        assert_eq!(pool.provider(), Provider::Cuda);
        let busy = pool.check_out().expect("idle");
        let run = || pool.run(&[("x", Input::F32(&[1, 2], &[1.0, 2.0]))], &["y"]);
        lock(&pool.sessions)
            .idle
            .extend(on_a_device(&renamed()).check_out().unwrap().session.take());
        assert_eq!(run().expect("runs")[0].values, [2.0, 4.0, 3.0]);
        assert_eq!(pool.provider(), Provider::Cpu);
        // A session that was out meanwhile does not come back.
        drop(busy);
        let counts = || {
            let sessions = lock(&pool.sessions);
            (sessions.idle.len(), sessions.unopened)
        };
        assert_eq!(counts(), (1, 2));
        assert_eq!(run().expect("runs")[0].values, [2.0, 4.0, 3.0]);
    }

    #[test]
    fn what_nothing_can_run_leaves_the_device_in_use() {
        let pool = on_a_device(&doubled(Element::F32));
        let error = pool.run(&[("nope", Input::F32(&[1, 2], &[1.0, 2.0]))], &["y"]);
        assert!(matches!(error, Err(InferError::Run { .. })), "{error:?}");
        assert_eq!(pool.provider(), Provider::Cuda);
        assert_eq!(lock(&pool.sessions).idle.len(), 1);
    }
}

//! ONNX Runtime: the shared library, loaded once a process, and pools of sessions.

use crate::InferError;
use crate::registry::{ModelFolder, Registry};
use half::f16;
use memchr::memmem;
use ort::environment::Environment;
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, TensorElementType, TensorRef};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Registry key of the component.
const COMPONENT: &str = "onnxruntime";
/// What a library that sends usage data to its maker has in it: the path of its collector.
const UPLOADER: &[u8] = b"/OneCollector/";
/// Set to 1, it keeps such a library quiet, if it is set before the library is loaded.
const NO_UPLOADS: &str = "ORT_DISABLE_TELEMETRY";

/// ONNX Runtime in this process. Clones are handles of the same one.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
}

/// ONNX Runtime allows one environment a process, so every [`Runtime`] is a handle of this one.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Loads the library that the registry has for this machine, as [`Runtime::load`] does.
    ///
    /// # Errors
    /// Also when the registry has none for this machine.
    pub fn installed(registry: &Registry, folder: &ModelFolder) -> Result<Self, InferError> {
        let entry = registry.entries().iter().find(|entry| entry.key.as_str() == COMPONENT);
        let library =
            entry.and_then(|entry| Some(folder.path_of(entry, &entry.files.first()?.name)));
        let none = || InferError::Runtime {
            path: folder.path().join(COMPONENT),
            reason: "the registry has no ONNX Runtime for this kind of machine".to_owned(),
        };
        Self::load(&library.ok_or_else(none)?)
    }

    /// Loads the library; the first that loads serves the whole process, and later calls get it
    /// whatever path they name.
    ///
    /// A library that would send usage data is refused: it does so before its switch for that can be
    /// reached.
    ///
    /// # Errors
    /// [`InferError::Runtime`] when the file is missing, is not ONNX Runtime, is too old, or sends
    /// usage data.
    pub fn load(library: &Path) -> Result<Self, InferError> {
        let mut loaded = lock(&LOADED);
        if let Some(runtime) = &*loaded {
            return Ok(runtime.clone());
        }
        let failed = |reason: String| InferError::Runtime { path: library.to_path_buf(), reason };
        // A relative path would be looked for beside the executable and panic where there is none.
        let absolute = std::path::absolute(library).map_err(|error| failed(error.to_string()))?;
        let quiet = std::env::var_os(NO_UPLOADS).is_some_and(|value| value == "1");
        if !quiet && sends_usage_data(&absolute).map_err(|error| failed(error.to_string()))? {
            let name = NO_UPLOADS;
            return Err(failed(format!("it sends usage data to its maker unless {name}=1 is set")));
        }
        let environment = ort::init_from(&absolute)
            .map_err(|error| failed(error.to_string()))?
            .with_name("rushes")
            .with_telemetry(false)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(loaded.insert(Self { environment }).clone())
    }

    fn session(&self, model: &Source<'_>) -> ort::Result<Session> {
        // One thread a session: workers run side by side, and no thread spins while it waits.
        let mut builder = Session::builder(&self.environment)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?;
        match model {
            Source::File(path) => builder.commit_from_file(path),
            Source::Memory(bytes) => builder.commit_from_memory(bytes),
        }
    }
}

/// Whether the library can send usage data.
fn sends_usage_data(library: &Path) -> std::io::Result<bool> {
    Ok(memmem::find(&fs_err::read(library)?, UPLOADER).is_some())
}

enum Source<'a> {
    File(&'a Path),
    Memory(&'a [u8]),
}

/// One input of a run: its sides and its values in row-major order.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// 32-bit floats.
    F32(&'a [usize], &'a [f32]),
    /// 16-bit floats.
    F16(&'a [usize], &'a [f16]),
    /// 64-bit integers.
    I64(&'a [usize], &'a [i64]),
}

/// One output of a run; 16-bit floats arrive widened.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Sides.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
}

/// Sessions of one model, each run by one caller at a time on the caller's own thread.
#[derive(Debug)]
pub struct SessionPool {
    key: String,
    inputs: Vec<(String, bool)>,
    sessions: Mutex<Sessions>,
    returned: Condvar,
    runtime: Runtime,
    /// Where more sessions come from; a model out of memory has all of them from the start.
    file: PathBuf,
}

#[derive(Debug)]
struct Sessions {
    idle: Vec<Session>,
    /// How many may still be opened.
    unopened: usize,
}

impl SessionPool {
    /// Opens a model file for up to `sessions` (at least one) callers at once: one session now, the
    /// others when all are busy, because each takes its own copy of the weights. `key` names it in
    /// errors.
    ///
    /// # Errors
    /// [`InferError::MissingFile`] or, when ONNX Runtime refuses it, [`InferError::BadFile`].
    pub fn from_file(
        runtime: &Runtime,
        key: &str,
        path: &Path,
        sessions: usize,
    ) -> Result<Self, InferError> {
        if !path.is_file() {
            return Err(InferError::MissingFile { key: key.to_owned(), path: path.to_path_buf() });
        }
        let first = runtime.session(&Source::File(path)).map_err(|error| refused(path, &error))?;
        Ok(Self::new(runtime, key, path, vec![first], sessions.saturating_sub(1)))
    }

    /// Opens `sessions` (at least one) sessions of a model in memory; `origin` is the file that errors
    /// name.
    ///
    /// # Errors
    /// [`InferError::BadFile`] when ONNX Runtime refuses the model.
    pub fn from_memory(
        runtime: &Runtime,
        key: &str,
        origin: &Path,
        model: &[u8],
        sessions: usize,
    ) -> Result<Self, InferError> {
        let open = |_| runtime.session(&Source::Memory(model));
        let idle: ort::Result<_> = (0..sessions.max(1)).map(open).collect();
        Ok(Self::new(runtime, key, origin, idle.map_err(|error| refused(origin, &error))?, 0))
    }

    fn new(runtime: &Runtime, key: &str, file: &Path, idle: Vec<Session>, unopened: usize) -> Self {
        let inputs = idle[0].inputs().iter().map(|input| {
            let half = input.dtype().tensor_type() == Some(TensorElementType::Float16);
            (input.name().to_owned(), half)
        });
        Self {
            key: key.to_owned(),
            inputs: inputs.collect(),
            sessions: Mutex::new(Sessions { idle, unopened }),
            returned: Condvar::new(),
            runtime: runtime.clone(),
            file: file.to_owned(),
        }
    }

    /// Names of the model's inputs in the model's order, and whether each wants 16-bit floats.
    #[must_use]
    pub fn inputs(&self) -> &[(String, bool)] {
        &self.inputs
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
        let values = inputs
            .iter()
            .map(|(name, input)| Ok((Cow::Borrowed(*name), tensor(input)?)))
            .collect::<ort::Result<Vec<_>>>()
            .map_err(|error| self.failed(&error))?;
        let mut lease = self.check_out()?;
        let outputs = lease.session()?.run(values).map_err(|error| self.failed(&error))?;
        wanted.iter().map(|name| self.read(&outputs, name)).collect()
    }

    fn read(&self, outputs: &SessionOutputs<'_>, name: &str) -> Result<Output, InferError> {
        let value = outputs.get(name).ok_or_else(|| self.failed(&format!("no output {name}")))?;
        extract(value).map_err(|error| self.failed(&error))
    }

    fn failed(&self, reason: &dyn std::fmt::Display) -> InferError {
        InferError::Run { key: self.key.clone(), reason: reason.to_string() }
    }

    /// An idle session, one more where that is allowed, or the first that another caller gives back.
    fn check_out(&self) -> Result<Lease<'_>, InferError> {
        let mut sessions = lock(&self.sessions);
        loop {
            if let Some(session) = sessions.idle.pop() {
                return Ok(Lease { pool: self, session: Some(session) });
            }
            if sessions.unopened > 0 {
                sessions.unopened -= 1;
                drop(sessions);
                let session = self.runtime.session(&Source::File(&self.file));
                let session = session.map_err(|error| refused(&self.file, &error))?;
                return Ok(Lease { pool: self, session: Some(session) });
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
    session: Option<Session>,
}

impl Lease<'_> {
    fn session(&mut self) -> Result<&mut Session, InferError> {
        self.session.as_mut().ok_or_else(|| self.pool.failed(&"its session was given back"))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        lock(&self.pool.sessions).idle.extend(self.session.take());
        self.pool.returned.notify_one();
    }
}

fn tensor<'a>(input: &Input<'a>) -> ort::Result<SessionInputValue<'a>> {
    Ok(match *input {
        Input::F32(shape, values) => TensorRef::from_array_view((shape, values))?.into(),
        Input::F16(shape, values) => TensorRef::from_array_view((shape, values))?.into(),
        Input::I64(shape, values) => TensorRef::from_array_view((shape, values))?.into(),
    })
}

fn extract(value: &DynValue) -> ort::Result<Output> {
    let (shape, values) = match value.dtype().tensor_type() {
        Some(TensorElementType::Float16) => {
            let (shape, values) = value.try_extract_tensor::<f16>()?;
            (shape, values.iter().map(|value| value.to_f32()).collect())
        }
        _ => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            (shape, values.to_vec())
        }
    };
    Ok(Output { shape: shape.iter().map(|&side| side as usize).collect(), values })
}

/// A panic elsewhere leaves nothing half-done behind these locks, so its poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where tests find the real models: `make setup` brings them.
#[cfg(test)]
pub(crate) mod testing {
    use super::Runtime;
    use crate::registry::{ModelFolder, Registry};
    use std::path::PathBuf;

    pub(crate) fn models() -> PathBuf {
        let home = std::env::var_os("RUSHES_HOME").map(PathBuf::from);
        let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".rushes")));
        home.expect("a home folder").join("models")
    }

    pub(crate) fn runtime() -> Runtime {
        let registry = Registry::builtin().expect("is valid");
        Runtime::installed(&registry, &ModelFolder::new(models())).expect("run `make setup`")
    }
}

#[cfg(test)]
mod tests {
    use super::testing::runtime;
    use super::*;
    use crate::onnx::{Attribute, Element, GraphWriter};

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
    fn libraries_that_send_usage_data_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let library = folder.path().join("libonnxruntime.so.1.32.0");
        let collector = "\0https://collector.example/OneCollector/1.0/\0";
        fs_err::write(&library, format!("\u{7f}ELF{collector}")).expect("writes");
        assert!(sends_usage_data(&library).expect("reads"));
        let registry = Registry::builtin().expect("is valid");
        let entry = registry.get(&COMPONENT.parse().expect("a key")).expect("is there");
        let pinned = ModelFolder::new(testing::models()).path_of(entry, &entry.files[0].name);
        assert!(!sends_usage_data(&pinned).expect("run `make setup`"));
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
}

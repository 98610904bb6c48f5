//! ONNX Runtime: the shared library, loaded once a process, what it runs graphs on, and pools of
//! sessions.

mod pool;
mod provider;
mod tensors;

pub use pool::SessionPool;
pub use provider::{Provider, ProviderChoice};
pub use tensors::{Input, Output};

use crate::InferError;
use crate::onnx::{Element, GraphWriter};
use crate::registry::{ModelFolder, Registry};
use memchr::memmem;
use ort::environment::Environment;
use ort::session::{Session, builder::SessionBuilder};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    library: Arc<Path>,
    providers: Arc<Providers>,
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
        let providers = Arc::new(Providers::in_order(Vec::new()));
        // A link often has a name without the version.
        let library = fs_err::canonicalize(&absolute).unwrap_or(absolute).into();
        Ok(loaded.insert(Self { environment, library, providers }).clone())
    }

    /// The same library with another choice of provider; without one, graphs run on the processor.
    ///
    /// A provider that is asked for and not offered is warned about.
    #[must_use]
    pub fn with_provider(self, choice: ProviderChoice) -> Self {
        let offered = self.offered();
        if let ProviderChoice::Only(asked) = choice
            && !offered.contains(&asked)
        {
            tracing::warn!(
                "this ONNX Runtime library was built without {asked}: models run on the processor; \
                 docs/configuration.md says how to use another library"
            );
        }
        Self { providers: Arc::new(Providers::in_order(choice.order(&offered))), ..self }
    }

    /// The providers that the library was built with.
    #[must_use]
    pub fn offered(&self) -> Vec<Provider> {
        Provider::ALL.into_iter().filter(|provider| provider.is_offered()).collect()
    }

    /// The library's version, as far as its file's name or its build tells.
    #[must_use]
    pub fn version(&self) -> &str {
        let name = self.library.file_name().and_then(OsStr::to_str);
        name.and_then(version_in)
            .or_else(|| version_in(ort::info()))
            .unwrap_or("of unknown version")
    }

    /// The provider that graphs run on, tried out on a small one.
    ///
    /// # Errors
    /// [`InferError::Run`] when not even the processor runs it.
    pub fn provider_in_use(&self) -> Result<Provider, InferError> {
        let mut graph = GraphWriter::new();
        graph.input("x", Element::F32, &[1, 1]);
        graph.node("Add", &["x", "x"], "y", vec![]);
        graph.output("y", Element::F32, &[1, 1]);
        let (key, path) = ("a small graph", Path::new("small.onnx"));
        let pool = SessionPool::from_memory(self, key, path, &graph.into_bytes(), 1)?;
        pool.run(&[("x", Input::F32(&[1, 1], &[1.0]))], &["y"])?;
        Ok(pool.provider())
    }

    /// A session on the first provider that takes the graph, and which that is. `key` names the graph
    /// in warnings.
    fn open(&self, key: &str, graph: &Source<'_>) -> ort::Result<(Session, Provider)> {
        for provider in self.providers.usable() {
            match self.open_on(provider, graph) {
                Ok(session) => return Ok((session, provider)),
                Err(error) => self.warn_of(provider, key, error.to_string().trim_end()),
            }
        }
        Ok((self.open_on(Provider::Cpu, graph)?, Provider::Cpu))
    }

    fn warn_of(&self, provider: Provider, key: &str, reason: &str) {
        if self.providers.usable().contains(&provider) {
            tracing::warn!("{provider} does not take the graph of {key}: {reason}");
        } else {
            tracing::warn!("{provider} cannot be used on this machine: {reason}");
        }
    }

    /// A session on one provider.
    fn open_on(&self, provider: Provider, graph: &Source<'_>) -> ort::Result<Session> {
        let mut builder = self.builder_on(provider)?;
        match graph {
            Source::File(path) => builder.commit_from_file(path),
            Source::Memory(bytes) => builder.commit_from_memory(bytes),
        }
    }

    fn builder_on(&self, provider: Provider) -> ort::Result<SessionBuilder> {
        // One thread a session: workers run side by side, and no thread spins while it waits.
        let builder = Session::builder(&self.environment)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?;
        let Some(dispatch) = provider.dispatch() else { return Ok(builder) };
        // DirectML refuses sessions that plan their memory ahead.
        let builder = builder.with_memory_pattern(provider != Provider::DirectMl)?;
        builder.with_execution_providers([dispatch]).map_err(|error| {
            self.providers.give_up(provider);
            error.into()
        })
    }
}

/// Which providers sessions are made on.
#[derive(Debug)]
struct Providers {
    /// Those to try, in order, without the processor.
    devices: Mutex<Vec<Provider>>,
}

impl Providers {
    fn in_order(order: Vec<Provider>) -> Self {
        let is_device = |provider: &Provider| *provider != Provider::Cpu;
        Self { devices: Mutex::new(order.into_iter().filter(is_device).collect()) }
    }

    fn usable(&self) -> Vec<Provider> {
        lock(&self.devices).clone()
    }

    /// Leaves a provider out from now on: what it needs is not on this machine, whatever the graph.
    fn give_up(&self, provider: Provider) {
        lock(&self.devices).retain(|device| *device != provider);
    }
}

/// The first `1.28.0` in a text.
fn version_in(text: &str) -> Option<&str> {
    let numbers = text.split(|character: char| !character.is_ascii_digit() && character != '.');
    let version = |part: &&str| part.split('.').filter(|number| !number.is_empty()).count() == 3;
    numbers.map(|part| part.trim_matches('.')).find(version)
}

/// Whether the library can send usage data.
fn sends_usage_data(library: &Path) -> std::io::Result<bool> {
    Ok(memmem::find(&fs_err::read(library)?, UPLOADER).is_some())
}

/// Where a graph is.
enum Source<'a> {
    File(&'a Path),
    Memory(&'a [u8]),
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

    /// The pinned library is built for the processor alone.
    #[test]
    fn the_pinned_library_offers_the_processor_and_says_its_version() {
        let runtime = runtime();
        assert!(runtime.offered().contains(&Provider::Cpu));
        assert_eq!(runtime.version(), "1.28.0");
        let build = "ORT Build Info: git-branch=rel-1.24.1, git-commit-id=45de2a8b06, fp8=1";
        assert_eq!(version_in(build), Some("1.24.1"));
        assert_eq!(version_in("libonnxruntime.1.28.0.dylib"), Some("1.28.0"));
        assert_eq!(version_in("ORT Build Info: git-branch=HEAD, git-commit-id=45de.2"), None);
        if cfg!(target_os = "linux") {
            assert_eq!(runtime.offered(), [Provider::Cpu]);
        }
    }

    #[test]
    fn a_provider_that_is_not_offered_leaves_the_processor() {
        for choice in [ProviderChoice::Auto, ProviderChoice::Only(Provider::DirectMl)] {
            let runtime = runtime().with_provider(choice);
            if cfg!(target_os = "linux") {
                assert_eq!(runtime.provider_in_use().expect("runs"), Provider::Cpu);
            }
        }
    }

    /// As with a library that offers a device that the machine has not: the session refuses it.
    #[test]
    fn a_provider_that_does_not_work_is_given_up_for_the_next() {
        let order = vec![Provider::Cuda, Provider::OpenVino, Provider::Cpu];
        let runtime = Runtime { providers: Arc::new(Providers::in_order(order)), ..runtime() };
        assert_eq!(runtime.provider_in_use().expect("runs"), Provider::Cpu);
        assert_eq!(runtime.providers.usable(), []);
    }
}

//! A registry and a models folder with one tiny model in it.

use rushes_infer::{
    InferError, Runtime, VisualModel, open_visual,
    registry::{ModelFolder, Registry},
};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;

/// Where the real models lie.
pub fn models() -> ModelFolder {
    let home = std::env::var_os("RUSHES_HOME")
        .map_or_else(|| std::env::home_dir().unwrap().join(".rushes"), PathBuf::from);
    ModelFolder::new(home.join("models"))
}

pub fn runtime() -> Runtime {
    Runtime::installed(&Registry::builtin().unwrap(), &models()).expect("run `make setup`")
}

/// A registry entry `tiny` of a family, with the files written beside it.
pub struct Bench {
    _home: TempDir,
    pub registry: Registry,
    pub folder: ModelFolder,
}

impl Bench {
    pub fn new(
        family: &str,
        dimensions: usize,
        resolution: usize,
        files: &[(&str, Vec<u8>)],
    ) -> Self {
        Self::with_entry(family, dimensions, resolution, "", files)
    }

    /// The same with more lines in the registry entry.
    pub fn with_entry(
        family: &str,
        dimensions: usize,
        resolution: usize,
        more: &str,
        files: &[(&str, Vec<u8>)],
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut text = format!(
            "[[entry]]\nkey = \"tiny\"\nname = \"x\"\nkind = \"visual\"\nlicense = \"MIT\"\n\
             family = \"{family}\"\ndimensions = {dimensions}\nresolution = {resolution}\n\
             {more}\n"
        );
        fs_err::create_dir_all(home.path().join("tiny")).unwrap();
        for (name, content) in files {
            text += &format!(
                "[[entry.files]]\nname = \"{name}\"\nbytes = 1\nsha256 = \"{}\"\n\
                 source.hub = {{ repo = \"a/b\", revision = \"c\", path = \"d\" }}\n",
                "0".repeat(64)
            );
            fs_err::write(home.path().join("tiny").join(name), content).unwrap();
        }
        let path = home.path().join("models.toml");
        fs_err::write(&path, text).unwrap();
        let registry = Registry::builtin().unwrap().with_user_file(&path).unwrap();
        let folder = ModelFolder::new(home.path());
        let vocabulary = "clip-vocabulary/bpe_simple_vocab_16e6.txt.gz";
        fs_err::create_dir_all(home.path().join("clip-vocabulary")).unwrap();
        fs_err::copy(models().path().join(vocabulary), home.path().join(vocabulary))
            .expect("run `make setup`");
        Self { _home: home, registry, folder }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("tiny").join(file)
    }

    pub fn open(&self) -> Result<Arc<dyn VisualModel>, InferError> {
        open_visual(&self.registry, &self.folder, &"tiny".parse().unwrap(), &runtime(), 2)
    }
}

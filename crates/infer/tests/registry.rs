//! The registry compiled in, users' registries, and the folder that models lie in.
#![allow(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use rushes_infer::registry::{
    Family, Kind, ModelFolder, Registry, RegistryError, Sha256Digest, Source,
};
use rushes_model::ModelKey;
use std::path::PathBuf;

const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn key(text: &str) -> ModelKey {
    text.parse().unwrap()
}

fn closure_keys(registry: &Registry, of: &str) -> Vec<String> {
    registry.closure(&key(of)).unwrap().iter().map(|entry| entry.key.to_string()).collect()
}

fn with_user_text(text: &str) -> Result<Registry, RegistryError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    fs_err::write(&path, text).unwrap();
    Registry::builtin().unwrap().with_user_file(&path)
}

#[test]
fn the_builtin_registry_names_what_runs() {
    let registry = Registry::builtin().unwrap();
    let visual: Vec<(&str, Option<Family>, Option<u32>)> = registry
        .visual()
        .map(|entry| (entry.key.as_str(), entry.family, entry.dimensions))
        .collect();
    assert_eq!(
        visual,
        [
            ("lite-260", Some(Family::Lite), Some(384)),
            ("lite-260-fast", Some(Family::Lite), Some(384)),
            ("v2-medium-256", Some(Family::Siglip2), Some(768)),
            ("v2-medium-256-full", Some(Family::Siglip2), Some(768)),
            ("v2-medium-256-small", Some(Family::Siglip2), Some(768)),
            ("clip-b32", Some(Family::Clip), Some(512)),
            ("tinyclip-8m", Some(Family::Clip), Some(512)),
        ]
    );
    assert_eq!(
        closure_keys(&registry, "lite-260"),
        [
            "lite-260",
            "onnxruntime",
            "efficientnet-lite2",
            "ssd-mobilenet-v2-coco",
            "yunet",
            "minilm-l6"
        ]
    );
    assert_eq!(
        closure_keys(&registry, "lite-260-fast"),
        ["lite-260-fast", "onnxruntime", "efficientnet-lite2", "yunet", "minilm-l6"]
    );
    assert_eq!(
        closure_keys(&registry, "dlib-faces"),
        ["dlib-faces", "onnxruntime", "yunet", "dlib-resnet-v1"]
    );
}

/// Of each precision the file that was measured; the int8 picture tower loses recall.
#[test]
fn precisions_of_a_model_differ_in_their_files_alone() {
    let registry = Registry::builtin().unwrap();
    let files = |of: &str| {
        let entry = registry.get(&key(of)).unwrap();
        let path = |name: &str| match &entry.file(name).unwrap().source {
            Source::Hub(hub) => hub.path.clone(),
            Source::Package(package) => package.member.clone(),
        };
        assert_eq!(
            (entry.resolution, entry.languages.as_slice()),
            (Some(256), &["mul".into()][..])
        );
        ["vision.onnx", "text.onnx", "tokenizer.json"].map(path)
    };
    let [full, half, small] =
        ["v2-medium-256-full", "v2-medium-256", "v2-medium-256-small"].map(files);
    assert_eq!(full[..2], ["onnx/vision_model.onnx", "onnx/text_model_fp16.onnx"]);
    assert_eq!(half[..2], ["onnx/vision_model_fp16.onnx", "onnx/text_model_q4f16.onnx"]);
    assert_eq!(small[..2], ["onnx/vision_model_q4f16.onnx", "onnx/text_model_q4f16.onnx"]);
    assert!(full[2] == half[2] && half[2] == small[2]);
}

/// The embedded defaults must install where no model hub can be reached.
#[test]
fn the_embedded_models_come_from_packages_alone() {
    let registry = Registry::builtin().unwrap();
    for model in ["lite-260", "lite-260-fast", "pp-ocr-v4", "dlib-faces"] {
        for entry in registry.closure(&key(model)).unwrap() {
            for file in &entry.files {
                assert!(matches!(file.source, Source::Package(_)), "{}/{}", entry.key, file.name);
            }
        }
    }
}

#[test]
fn onnxruntime_has_one_file_for_this_platform_at_most() {
    let registry = Registry::builtin().unwrap();
    let entry = registry.get(&key("onnxruntime")).unwrap();
    assert_eq!(entry.files.is_empty(), entry.is_for_other_platforms());
    assert!(entry.files.len() <= 1);
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert_eq!(entry.files[0].name, "libonnxruntime.so.1.28.0");
    }
}

fn entry(key: &str, more: &str) -> String {
    format!(
        "[[entry]]\nkey = \"{key}\"\nname = \"x\"\nkind = \"component\"\nlicense = \"MIT\"\n{more}\n"
    )
}

fn hub_file(name: &str, repo: &str, path: &str) -> String {
    format!(
        "[[entry.files]]\nname = \"{name}\"\nbytes = 4\nsha256 = \"{HASH}\"\n\
         source.hub = {{ repo = \"{repo}\", revision = \"main\", path = \"{path}\" }}"
    )
}

fn package_file(name: &str, version: &str, more: &str) -> String {
    format!(
        "[[entry.files]]\nname = \"f\"\nbytes = 4\nsha256 = \"{HASH}\"\n\
         source.package = {{ registry = \"pypi\", name = \"{name}\", version = \"{version}\", \
         form = \"wheel\", member = \"a/f\" {more} }}"
    )
}

#[test]
fn a_users_entries_stand_beside_the_builtin_ones() {
    let text = entry("mine", &format!("requires = [\"other\"]\n{}", hub_file("f", "a/b", "c/d")))
        + &entry("other", "requires = [\"yunet\"]");
    let registry = with_user_text(&text).unwrap();
    assert_eq!(closure_keys(&registry, "mine"), ["mine", "other", "yunet"]);
    let mine = registry.get(&key("mine")).unwrap();
    assert_eq!((mine.kind, mine.size_bytes()), (Kind::Component, 4));
    assert!(registry.get(&key("lite-260")).is_ok());
}

#[test]
fn files_that_are_not_registries_say_what_is_wrong() {
    let visual = entry("v", "").replace("component", "visual");
    let wrong: Vec<(String, &str)> = vec![
        ("not toml".into(), "mine.toml is not a registry"),
        (entry("yunet", ""), "the key yunet is taken"),
        (entry("a", "") + &entry("a", ""), "the key a is taken"),
        (entry("a", "requires = [\"nowhere\"]"), "a requires nowhere, which is in no registry"),
        (entry("a", "requires = [\"a\"]"), "entry a requires itself"),
        (
            entry("a", "requires = [\"b\"]") + &entry("b", "requires = [\"a\"]"),
            "entry a requires itself, directly or through others",
        ),
        (entry("../a", ""), "is not a model key"),
        (entry("a", "colour = 3"), "unknown field `colour`"),
        (entry("a", "templates = [\"a photo\"]"), "must have {} exactly once"),
        (entry("a", "templates = [\"{} and {}\"]"), "must have {} exactly once"),
        (
            entry("a", "family = \"lite\"\ntemplates = [\"a {}\"]"),
            "templates are for two-tower models",
        ),
        (entry("a", "family = \"yolo\""), "expected one of `lite`, `clip`, `siglip2`"),
        (visual, "a visual model needs family, dimensions and resolution"),
        (entry("a", &hub_file("../f", "a/b", "c")), "plain file name"),
        (entry("a", &hub_file("x/f", "a/b", "c")), "plain file name"),
        (entry("a", &hub_file("", "a/b", "c")), "plain file name"),
        (entry("a", &hub_file("f", "a", "c")), "owner/name"),
        (entry("a", &hub_file("f", "a/..", "c")), "owner/name"),
        (entry("a", &hub_file("f", "a/b", "/etc/c")), "relative path inside the repository"),
        (entry("a", &hub_file("f", "a/b", "c?x=1")), "relative path inside the repository"),
        (entry("a", &package_file("--index-url=x", "1", "")), "package name"),
        (entry("a", &package_file("p", ">=1", "")), "one exact version"),
        (entry("a", &package_file("p", "1", ", tag = \"cp311\"")), "python-abi-platform"),
        (
            entry("a", &hub_file("f", "a/b", "c").replace("bytes = 4", "bytes = 0")),
            "bytes must be the size",
        ),
        (entry("a", &hub_file("f", "a/b", "c").replace("0123", "01x3")), "is not a SHA-256"),
        (entry("a", &hub_file("f", "a/b", "c").replace("abcdef", "ABCDEF")), "is not a SHA-256"),
        (
            entry("a", &(hub_file("f", "a/b", "c") + "\n" + &hub_file("f", "a/b", "d"))),
            "two files are called f",
        ),
    ];
    for (text, expected) in wrong {
        let message = with_user_text(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected:?} is not in {message:?}");
    }
}

#[test]
fn an_absent_registry_file_is_named() {
    let absent = PathBuf::from("/nowhere/mine.toml");
    let error = Registry::builtin().unwrap().with_user_file(&absent).unwrap_err();
    assert!(error.to_string().contains("/nowhere/mine.toml"), "{error}");
}

#[test]
fn unknown_keys_are_errors() {
    let registry = Registry::builtin().unwrap();
    let error = registry.closure(&key("lite-261")).unwrap_err();
    assert!(error.to_string().contains("lite-261"), "{error}");
}

#[test]
fn the_folder_tells_absent_short_and_altered_files() {
    let content = b"four";
    let text = entry("mine", &hub_file("f", "a/b", "c"))
        .replace(HASH, &Sha256Digest::of(content).to_string());
    let registry = with_user_text(&text).unwrap();
    let mine = registry.get(&key("mine")).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let folder = ModelFolder::new(temporary.path());
    let path = folder.path_of(mine, "f");
    assert_eq!(path, temporary.path().join("mine").join("f"));

    assert_eq!(folder.missing(mine).len(), 1);
    fs_err::create_dir_all(folder.entry_path(&mine.key)).unwrap();
    fs_err::write(&path, b"fou").unwrap();
    assert!(!folder.is_complete(mine));
    fs_err::write(&path, b"fork").unwrap();
    assert!(folder.is_complete(mine), "the size alone is looked at");
    assert_eq!(folder.verify(mine).unwrap(), [&mine.files[0]]);
    fs_err::write(&path, content).unwrap();
    assert!(folder.verify(mine).unwrap().is_empty());
}

/// The files that the embedded models run on are the ones that the registry pins.
#[test]
fn the_components_on_this_machine_are_the_pinned_ones() {
    let home = std::env::var_os("RUSHES_HOME")
        .map_or_else(|| std::env::home_dir().unwrap().join(".rushes"), PathBuf::from);
    let folder = ModelFolder::new(home.join("models"));
    let registry = Registry::builtin().unwrap();
    let mut entries = registry.closure(&key("lite-260")).unwrap();
    entries.push(registry.get(&key("clip-vocabulary")).unwrap());
    entries.push(registry.get(&key("pp-ocr-v4")).unwrap());
    entries.push(registry.get(&key("campplus")).unwrap());
    entries.push(registry.get(&key("dlib-resnet-v1")).unwrap());
    for entry in entries {
        let wrong = folder.verify(entry).unwrap();
        assert!(wrong.is_empty(), "{}: {wrong:?}; run `make setup`", entry.key);
    }
}

#[test]
fn digests_are_those_of_the_standard() {
    // FIPS 180-4, the one-block message "abc".
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Sha256Digest::of(b"abc"), abc.parse().unwrap());
    assert_eq!(Sha256Digest::of(b"abc").to_string(), abc);
}

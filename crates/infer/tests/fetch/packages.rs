//! Files out of package archives.

use super::{Bench, content, digest, names_in, settings};
use flate2::{Compression, write::GzEncoder};
use rushes_infer::{
    fetch::{FetchError, PackagePlan},
    registry::PackageForm,
};
use std::{
    ffi::OsStr,
    io::{Cursor, Write},
    path::Path,
};
use zip::{ZipWriter, write::SimpleFileOptions};

fn file(name: &str, content: &[u8], form: &str) -> String {
    format!(
        "[[entry.files]]\nname = \"{name}\"\nbytes = {}\nsha256 = \"{}\"\n\
         source.package = {{ registry = \"pypi\", name = \"tower-pack\", version = \"1.2\", \
         form = \"{form}\", member = \"tower/{name}\" }}\n",
        content.len(),
        digest(content)
    )
}

fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sdist(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A client that brings this archive and counts its runs.
fn client(
    archive: Vec<u8>,
    runs: &mut usize,
) -> impl FnMut(&PackagePlan, &Path) -> Result<(), String> {
    move |plan, folder| {
        assert_eq!(plan.requirement, "tower-pack==1.2");
        assert_eq!(names_in(folder), [""; 0]);
        *runs += 1;
        fs_err::write(folder.join("archive"), &archive).unwrap();
        Ok(())
    }
}

fn pull(bench: &Bench, archive: Vec<u8>) -> Result<usize, FetchError> {
    let mut runs = 0;
    let result = bench.pull_with(&settings("http://127.0.0.1:9"), &mut client(archive, &mut runs));
    let left = names_in(bench.folder.path());
    assert!(left.iter().all(|name| name == "tiny"), "no archive is left: {left:?}");
    result.map(|_| runs)
}

#[test]
fn several_files_come_out_of_one_archive() {
    let (first, second) = (content(200_000), content(70_000));
    let members: [(&str, &[u8]); 3] =
        [("tower/other", b"x"), ("tower/b.json", &second), ("tower/a.onnx", &first)];
    for (form, archive) in [("wheel", wheel(&members)), ("sdist", sdist(&members))] {
        let bench = Bench::new(&(file("a.onnx", &first, form) + &file("b.json", &second, form)));
        assert_eq!(pull(&bench, archive).unwrap(), 1);
        assert_eq!(bench.names(), ["a.onnx", "b.json"]);
        assert!(fs_err::read(bench.target("a.onnx")).unwrap() == first);
        assert!(fs_err::read(bench.target("b.json")).unwrap() == second);
    }
}

#[test]
fn an_archive_without_the_file_is_refused() {
    let content = content(1_000);
    let members: [(&str, &[u8]); 1] = [("tower/b.onnx", &content)];
    for (form, archive) in [("wheel", wheel(&members)), ("sdist", sdist(&members))] {
        let bench = Bench::new(&file("a.onnx", &content, form));
        let error = pull(&bench, archive).unwrap_err();
        assert!(matches!(error, FetchError::Archive { .. }), "{error}");
        assert!(error.to_string().contains("tower/a.onnx"), "{error}");
        assert_eq!(bench.names(), [""; 0]);
    }
}

#[test]
fn a_member_of_another_hash_or_size_is_refused() {
    let content = content(1_000);
    let mut other = content.clone();
    other[500] ^= 1;
    let shorter = &content[..999];
    for served in [&other[..], shorter] {
        let members: [(&str, &[u8]); 1] = [("tower/a.onnx", served)];
        for (form, archive) in [("wheel", wheel(&members)), ("sdist", sdist(&members))] {
            let bench = Bench::new(&file("a.onnx", &content, form));
            let error = pull(&bench, archive).unwrap_err();
            let fits = match &error {
                FetchError::WrongHash { .. } => served.len() == 1_000,
                FetchError::WrongSize { expected: 1_000, found: 999, .. } => true,
                _ => false,
            };
            assert!(fits, "{error}");
            assert_eq!(bench.names(), [""; 0]);
        }
    }
}

#[test]
fn a_link_in_place_of_the_file_is_refused() {
    let content = content(11);
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "tower/a.onnx", "/etc/passwd").unwrap();
    let sdist = tar.into_inner().unwrap().finish().unwrap();

    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("tower/a.onnx", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let wheel = zip.finish().unwrap().into_inner();

    for (form, archive) in [("wheel", wheel), ("sdist", sdist)] {
        let bench = Bench::new(&file("a.onnx", &content, form));
        let error = pull(&bench, archive).unwrap_err();
        assert!(error.to_string().contains("is not a file"), "{error}");
        assert_eq!(bench.names(), [""; 0]);
    }
}

#[test]
fn broken_archives_are_errors() {
    let content = content(100_000);
    let members: [(&str, &[u8]); 1] = [("tower/a.onnx", &content)];
    for (form, whole) in [("wheel", wheel(&members)), ("sdist", sdist(&members))] {
        for keep in [0, 1, whole.len() / 2, whole.len() - 30] {
            let bench = Bench::new(&file("a.onnx", &content, form));
            match pull(&bench, whole[..keep].to_vec()) {
                // The last bytes of a tar.gz are padding and a checksum behind the file.
                Ok(_) => assert_eq!(form, "sdist"),
                Err(error) => {
                    assert!(matches!(error, FetchError::Archive { .. }), "{error}");
                    assert!(!bench.target("a.onnx").exists());
                }
            }
        }
    }
}

#[test]
fn what_the_client_says_is_passed_on() {
    let bench = Bench::new(&file("a.onnx", b"x", "wheel"));
    let mut failing = |_: &PackagePlan, _: &Path| Err("pip is not installed".to_owned());
    let error = bench.pull_with(&settings("http://127.0.0.1:9"), &mut failing).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("tower-pack==1.2") && message.contains("pip is not installed"));

    let mut idle = |_: &PackagePlan, _: &Path| Ok(());
    let error = bench.pull_with(&settings("http://127.0.0.1:9"), &mut idle).unwrap_err();
    assert!(matches!(error, FetchError::Package { .. }), "{error}");
}

#[test]
fn pip_is_told_the_exact_archive() {
    let plan = PackagePlan {
        requirement: "onnxruntime==1.28.0".into(),
        form: PackageForm::Wheel,
        tag: Some("cp311-cp311-manylinux_2_28_x86_64".into()),
    };
    let arguments = plan.pip_arguments(Path::new("/tmp/x"));
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    assert_eq!(
        arguments,
        [
            "-m",
            "pip",
            "download",
            "--no-input",
            "--no-deps",
            "--only-binary=:all:",
            "--implementation=cp",
            "--python-version=311",
            "--abi=cp311",
            "--platform=manylinux_2_28_x86_64",
            "--dest",
            "/tmp/x",
            "onnxruntime==1.28.0",
        ]
    );
    let source = PackagePlan { form: PackageForm::Sdist, tag: None, ..plan };
    assert!(source.pip_arguments(Path::new("/tmp/x")).contains(&"--no-binary=:all:".into()));
}

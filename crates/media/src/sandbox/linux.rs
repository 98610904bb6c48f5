//! The cell on Linux: Landlock for files, a seccomp filter for system calls.

use super::{Guard, Reach, SandboxReport, calls};
use crate::{
    Cancel, MediaError,
    child::{self, Budget, Child},
    job::Launched,
    source,
};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, Scope, make_bitflags,
};
use std::{
    env,
    fs::File,
    io::{self, ErrorKind},
    net::UdpSocket,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    process::{Child as Process, Command},
    thread,
    time::Duration,
};

/// The newest rules of Landlock that could be tried. Older kernels hold what they know of them.
const RULES: ABI = ABI::V7;

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile});
const READ_ALL: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const RUN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | Execute});
const READ_AND_WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile});
/// ffmpeg reads a clip again to move its index to the front.
const MAKE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate});

/// Where systems keep their libraries and what these read.
const LIBRARIES: [&str; 9] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    // How many cores and memory banks there are.
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
];
/// What tells the loader where they are, and randomness.
const FILES: [&str; 6] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ld-musl-x86_64.path",
    "/etc/ld-musl-aarch64.path",
    "/dev/urandom",
    "/dev/random",
];
/// Time in which a program that does nothing has started and ended.
const START: Duration = Duration::from_secs(60);

/// What of the cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Strength {
    files: bool,
    calls: bool,
}

const WHOLE: Strength = Strength { files: true, calls: true };
/// From the tightest to none. Programs that start others, such as scripts, cannot do so in the first, and
/// those that need more rights than their starter has, such as packages of snap, only run in the last.
const STRENGTHS: [Strength; 3] =
    [WHOLE, Strength { files: false, calls: true }, Strength { files: false, calls: false }];

/// The confinement of one program.
#[derive(Debug)]
pub(crate) struct Cell {
    /// What every child of the program needs.
    places: Vec<(PathFd, BitFlags<AccessFs>)>,
    strength: Strength,
}

impl Cell {
    /// The tightest cell in which the program says its version. No medium is involved, so that none
    /// can loosen it.
    pub(crate) fn fitting(program: &Path) -> Self {
        let mut cell = Self { places: places(program), strength: WHOLE };
        for strength in STRENGTHS {
            cell.strength = strength;
            // Twice, since a process may also be killed for want of memory.
            if cell.starts(program) || cell.starts(program) {
                if strength != WHOLE {
                    let program = program.display();
                    tracing::warn!(%program, ?strength, "it does not start in the whole sandbox");
                }
                return cell;
            }
        }
        // It does not start at all, which is not for the sandbox to mend.
        cell.strength = WHOLE;
        cell
    }

    /// Starts a command in the cell. It reaches the open files of `reach` and nothing else.
    ///
    /// A few file systems, such as eCryptfs, open other files on behalf of whoever opens one, whom Landlock
    /// then refuses both: what lies there is read without rules for files. A medium cannot bring that
    /// about, nor can one that was put in the place of another meanwhile.
    pub(crate) fn launch(&self, command: &mut Command, reach: &Reach) -> io::Result<Process> {
        if let Some(process) = self.launch_as(self.strength, command, reach)? {
            return Ok(process);
        }
        if !reach.is_unchanged() {
            return Err(io::Error::other("its input was replaced while it started"));
        }
        let inputs: Vec<_> = reach.inputs.iter().map(|(path, _)| path.display()).collect();
        tracing::warn!(?inputs, "their file system does not work with Landlock");
        let strength = Strength { files: false, ..self.strength };
        let refused = || io::Error::from(ErrorKind::PermissionDenied);
        self.launch_as(strength, command, reach)?.ok_or_else(refused)
    }

    /// `None` when the cell does not let an input through.
    fn launch_as(
        &self,
        strength: Strength,
        command: &mut Command,
        reach: &Reach,
    ) -> io::Result<Option<Process>> {
        self.within(strength, reach, || {
            if reach.inputs.iter().any(|(path, _)| is_shut(path)) {
                return Ok(None);
            }
            command.spawn().map(Some)
        })
    }

    /// Does something on a thread that goes into the cell and never comes out of it.
    fn within<T: Send>(
        &self,
        strength: Strength,
        reach: &Reach,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        thread::scope(|scope| {
            let enter = || {
                if strength.files {
                    self.restrict_files(reach).map_err(io::Error::other)?;
                }
                if strength.calls {
                    calls::enter().map_err(io::Error::other)?;
                }
                work()
            };
            let thread = thread::Builder::new().name("cell".to_owned());
            let thread = thread.spawn_scoped(scope, enter)?;
            thread.join().unwrap_or_else(|_| Err(io::Error::other("the cell's thread panicked")))
        })
    }

    /// Where the kernel has no Landlock, or an older one, this does less and is no error.
    fn restrict_files(&self, reach: &Reach) -> Result<(), RulesetError> {
        let mut rules = Ruleset::default()
            .handle_access(AccessFs::from_all(RULES))?
            .handle_access(AccessNet::from_all(RULES))?
            .scope(Scope::from_all(RULES))?
            .create()?;
        for (place, access) in &self.places {
            rules = rules.add_rule(PathBeneath::new(place, *access))?;
        }
        let inputs = reach.inputs.iter().map(|(_, file)| (file, READ));
        let output = reach.output.iter().map(|file| (&**file, MAKE));
        for (file, access) in inputs.chain(output) {
            rules = rules.add_rule(PathBeneath::new(file, access))?;
        }
        rules.restrict_self().map(|_| ())
    }

    /// Whether the program starts in it. One that takes too long, or for which there is no room, is given
    /// the benefit of the doubt: a busy machine must not loosen the sandbox.
    fn starts(&self, program: &Path) -> bool {
        let mut command = child::command(program);
        command.arg("-version");
        let reach = Reach::default();
        let process = match self.launch(&mut command, &reach) {
            Ok(process) => process,
            Err(error) => return error.kind() != ErrorKind::PermissionDenied,
        };
        let budget = Budget { stall: START, wall: START, confinement: None };
        let ended = Child::adopt(Launched { process, reach }, budget, &Cancel::new(), |_| true);
        let ended = ended.finish();
        ended.code() == Some(0) || ended.stopped(program).is_some()
    }

    /// What holds in the cell, found out by trying on a thread in it.
    pub(crate) fn report(&self) -> SandboxReport {
        let tried = self.within(self.strength, &Reach::default(), || {
            Ok((denied(&fs_err::read_dir("/")), denied(&UdpSocket::bind("127.0.0.1:0"))))
        });
        let (files, network) = tried.unwrap_or((false, false));
        let guard = |holds: bool, wanted: bool, by: &str, why: &str| match (holds, wanted) {
            (true, _) => Guard::by(by),
            (false, true) => Guard::absent(why),
            (false, false) => Guard::absent("this ffmpeg does not start when it is confined"),
        };
        let Strength { files: all, calls } = self.strength;
        SandboxReport {
            network: guard(network, calls, "seccomp", "this kernel filters no system calls"),
            files: guard(files, all, "Landlock", "this kernel has no Landlock, or it is off"),
            resources: Guard::by("prlimit"),
        }
    }
}

impl Guard {
    fn by(what: &str) -> Self {
        Self { in_force: true, says: what.to_owned() }
    }
}

impl Reach {
    /// Whether the paths still lead to the same files.
    pub(super) fn is_unchanged(&self) -> bool {
        self.inputs.iter().all(|(path, file)| {
            let place = |file: std::fs::Metadata| (file.dev(), file.ino());
            let (now, then) = (fs_err::metadata(path), file.metadata());
            now.is_ok_and(|now| then.is_ok_and(|then| place(now) == place(then)))
        })
    }
}

/// Whether a file cannot be read from here.
fn is_shut(path: &Path) -> bool {
    match source::open(path) {
        Err(MediaError::Unreadable { source, .. }) => denied(&Err::<(), _>(source)),
        _ => false,
    }
}

/// Whether the kernel refused it.
fn denied<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// What every child of a program needs: the program, its loader and its libraries. The program's own
/// folder is not among it, for it may be one of downloads.
fn places(program: &Path) -> Vec<(PathFd, BitFlags<AccessFs>)> {
    let program = fs_err::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let folder = program.parent().unwrap_or(Path::new("/")).to_owned();
    let path = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    // A relative one would be whatever folder we are in.
    let named =
        env::split_paths(&path).filter(|folder| folder.has_root() && folder.parent().is_some());
    let libraries = LIBRARIES.iter().map(PathBuf::from).chain(named);
    let beside = ["lib", "lib64"].iter().filter_map(|name| Some(folder.parent()?.join(name)));
    let folders = libraries.chain(beside).map(|path| (path, READ_ALL));
    let files =
        FILES.iter().map(PathBuf::from).chain(libraries_in(&folder)).map(|path| (path, READ));
    let programs = loader(&program).into_iter().chain([program]).map(|path| (path, RUN));
    let null = [(PathBuf::from("/dev/null"), READ_AND_WRITE)];
    // What this system does not have, nothing needs.
    let open = |(path, access)| Some((PathFd::new(path).ok()?, access));
    folders.chain(files).chain(programs).chain(null).filter_map(open).collect()
}

/// Libraries that lie beside a program.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let library = |path: &PathBuf| {
        path.is_file()
            && path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so"))
    };
    entries.map(|entry| entry.path()).filter(library).collect()
}

/// The program that loads a program's libraries, as its header names it (ELF, 64 bits, little endian:
/// the segment of type `PT_INTERP`). A program that is linked statically has none.
fn loader(program: &Path) -> Option<PathBuf> {
    const INTERPRETER: u32 = 3;
    let file = File::from(fs_err::File::open(program).ok()?);
    let bytes = |offset: u64, count: usize| {
        let mut bytes = vec![0; count];
        file.read_exact_at(&mut bytes, offset).ok().map(|()| bytes)
    };
    let word = |bytes: &[u8], at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let header = bytes(0, 64).filter(|header| header.starts_with(b"\x7fELF\x02\x01"))?;
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (table, size, count) = (word(&header, 32)?, u64::from(short(54)), u64::from(short(56)));
    let mut segments = (0..count).filter_map(|i| bytes(table.checked_add(i * size)?, 56));
    let segment = segments.find(|segment| segment[..4] == INTERPRETER.to_le_bytes())?;
    let name = bytes(word(&segment, 8)?, usize::try_from(word(&segment, 32)?).ok()?.min(4096))?;
    let name = name.split(|&byte| byte == 0).next()?;
    Some(PathBuf::from(std::str::from_utf8(name).ok()?))
}

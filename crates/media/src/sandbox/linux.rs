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
    error::Error,
    fs::File,
    io::{self, ErrorKind},
    iter,
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
const LIBRARIES: [&str; 10] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/home/linuxbrew/.linuxbrew",
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
/// Where the kernel takes no filter, files are confined all the same.
const STRENGTHS: [Strength; 4] = [
    WHOLE,
    Strength { files: false, calls: true },
    Strength { files: true, calls: false },
    Strength { files: false, calls: false },
];
/// Pauses before a start is tried again that failed for want of something.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(300)];

/// What a trial says of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    Starts,
    /// The program does not start in it, and never will.
    Refused,
    /// It was kept from starting by something that passes.
    Unclear,
}

/// The confinement of one program.
#[derive(Debug)]
pub(crate) struct Cell {
    /// What every child of the program needs.
    places: Vec<(PathFd, BitFlags<AccessFs>)>,
    strength: Strength,
}

impl Cell {
    /// The tightest cell in which the program says its version, and whether that is certain. No medium is
    /// involved, so that none can loosen it.
    pub(crate) fn fitting(program: &Path) -> (Self, bool) {
        let mut cell = Self::whole(program);
        for strength in STRENGTHS {
            cell.strength = strength;
            let trial = cell.tried(program);
            if trial == Trial::Refused {
                continue;
            }
            if strength != WHOLE {
                let program = program.display();
                tracing::warn!(%program, ?strength, "it does not start in the whole sandbox");
            }
            return (cell, trial == Trial::Starts);
        }
        // It does not start at all, which is not for the sandbox to mend.
        cell.strength = WHOLE;
        (cell, false)
    }

    /// The tightest cell, untried.
    pub(super) fn whole(program: &Path) -> Self {
        Self { places: places(program), strength: WHOLE }
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
                    self.restrict_files(reach).map_err(|error| unconfined(&error))?;
                }
                if strength.calls {
                    calls::enter(reach.output.is_some()).map_err(|error| unconfined(&error))?;
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

    /// Tries until it is clear whether the program starts in it, a few times.
    fn tried(&self, program: &Path) -> Trial {
        let mut trial = self.starts(program);
        for pause in PAUSES {
            if trial != Trial::Unclear {
                break;
            }
            thread::sleep(pause);
            trial = self.starts(program);
        }
        trial
    }

    /// Whether the program starts in it. A busy machine must not loosen the sandbox: only an answer does
    /// that, not a program that takes too long or for which there is no room.
    fn starts(&self, program: &Path) -> Trial {
        let mut command = child::command(program);
        command.arg("-version");
        let reach = Reach::default();
        let process = match self.launch(&mut command, &reach) {
            Ok(process) => process,
            Err(error) => return judged(&error),
        };
        let budget = Budget { stall: START, wall: START, confinement: None };
        let ended = Child::adopt(Launched { process, reach }, budget, &Cancel::new(), |_| true);
        match ended.finish().code() {
            Some(0) => Trial::Starts,
            Some(_) => Trial::Refused,
            // Whatever killed it was not the cell, which answers calls with errors.
            None => Trial::Unclear,
        }
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

/// What a start that failed says of the cell. A loader that the cell hides is not found.
fn judged(error: &io::Error) -> Trial {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::NotFound => Trial::Refused,
        _ => Trial::Unclear,
    }
}

/// Why a thread could not go into the cell: permission is denied for good, unless the system lacked
/// something just then.
fn unconfined(error: &(dyn Error + 'static)) -> io::Error {
    let mut causes = iter::successors(Some(error), |error| (*error).source());
    let system = causes.find_map(system_error);
    let passes = [libc::EAGAIN, libc::ENOMEM, libc::EMFILE, libc::ENFILE, libc::EINTR];
    match system.and_then(io::Error::raw_os_error) {
        Some(number) if passes.contains(&number) => io::Error::from_raw_os_error(number),
        _ => io::Error::new(ErrorKind::PermissionDenied, error.to_string()),
    }
}

/// The system's error in one of the two libraries'; that of seccompiler names none as its source.
fn system_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    match error.downcast_ref() {
        Some(seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

/// What every child of a program needs: the program, its loader and its libraries. The program's own
/// folder is not among it, for it may be one of downloads.
fn places(program: &Path) -> Vec<(PathFd, BitFlags<AccessFs>)> {
    let program = fs_err::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let loader = loader(&program);
    // One that is linked statically looks for no libraries.
    let folder = program.parent().filter(|_| loader.is_some());
    let path = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let beside = ["lib", "lib64"].iter().filter_map(|name| Some(folder?.parent()?.join(name)));
    let named = env::split_paths(&path).chain(configured()).filter(|folder| !is_too_wide(folder));
    let folders = LIBRARIES.iter().map(PathBuf::from).chain(named).chain(beside);
    let folders = folders.map(|path| (path, READ_ALL));
    let libraries = folder.map(libraries_in).unwrap_or_default();
    let files = FILES.iter().map(PathBuf::from).chain(libraries).map(|path| (path, READ));
    let programs = loader.into_iter().chain([program.clone()]).map(|path| (path, RUN));
    let null = [(PathBuf::from("/dev/null"), READ_AND_WRITE)];
    // What this system does not have, nothing needs.
    let open = |(path, access)| Some((PathFd::new(path).ok()?, access));
    folders.chain(files).chain(programs).chain(null).filter_map(open).collect()
}

/// Whether a folder holds more than libraries: all of the system's files, or a home. A relative one would
/// be whatever folder we are in.
fn is_too_wide(folder: &Path) -> bool {
    let resolved = |path: &Path| fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (real, homes) = (resolved(folder), Path::new("/home"));
    let own = env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let holds_a_home = own.is_some_and(|home| resolved(&home).starts_with(&real));
    !folder.has_root() || homes.starts_with(&real) || real.parent() == Some(homes) || holds_a_home
}

/// Folders that the system's loader is told to look in, beside those of every system.
fn configured() -> Vec<PathBuf> {
    let entries = fs_err::read_dir("/etc/ld.so.conf.d").into_iter().flatten().flatten();
    let more = entries.map(|entry| entry.path());
    let lists = more.filter(|path| path.extension().is_some_and(|extension| extension == "conf"));
    let lists = lists.chain([PathBuf::from("/etc/ld.so.conf")]);
    let text: String = lists.filter_map(|list| fs_err::read_to_string(list).ok()).collect();
    folders_of(&text)
}

/// The folders in a list for the loader.
fn folders_of(list: &str) -> Vec<PathBuf> {
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let folders = lines.filter(|line| line.starts_with('/')).map(PathBuf::from);
    let known = |folder: &PathBuf| LIBRARIES.iter().any(|known| folder.starts_with(known));
    folders.filter(|folder| !known(folder)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_loosens_the_cell() {
        let judged = |number| judged(&io::Error::from_raw_os_error(number));
        for passes in [libc::EAGAIN, libc::ENOMEM, libc::EMFILE, libc::EINTR] {
            assert_eq!(judged(passes), Trial::Unclear);
        }
        for lasts in [libc::EACCES, libc::EPERM, libc::ENOENT] {
            assert_eq!(judged(lasts), Trial::Refused);
        }
        let of = |number| seccompiler::Error::Prctl(io::Error::from_raw_os_error(number));
        assert_eq!(super::judged(&unconfined(&of(libc::EINVAL))), Trial::Refused);
        assert_eq!(super::judged(&unconfined(&of(libc::ENOMEM))), Trial::Unclear);
    }

    #[test]
    fn a_program_that_is_killed_loosens_nothing_and_one_that_fails_does() {
        let folder = tempfile::tempdir().unwrap();
        let tried = |name: &str, script: &str| {
            let path = folder.path().join(name);
            fs_err::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs_err::set_permissions(&path, mode).unwrap();
            let strength = Strength { files: false, calls: false };
            Cell { strength, ..Cell::whole(&path) }.starts(&path)
        };
        assert_eq!(tried("well", "exit 0"), Trial::Starts);
        assert_eq!(tried("fails", "exit 3"), Trial::Refused);
        assert_eq!(tried("killed", "kill -KILL $$"), Trial::Unclear);
    }

    #[test]
    fn no_home_is_opened_for_libraries() {
        let home = env::var_os("HOME").map(PathBuf::from).expect("a home");
        for wide in
            [Path::new("/"), Path::new("lib"), Path::new("/home"), Path::new("/home/ed"), &home]
        {
            assert!(is_too_wide(wide), "{wide:?}");
        }
        assert!(
            !is_too_wide(Path::new("/opt/ffmpeg/lib")) && !is_too_wide(Path::new("/home/ed/lib"))
        );
        let list =
            "include /etc/ld.so.conf.d/*.conf\n# no\n/opt/cuda/lib64 # yes\n/usr/local/lib\n";
        assert_eq!(folders_of(list), [PathBuf::from("/opt/cuda/lib64")]);
    }
}

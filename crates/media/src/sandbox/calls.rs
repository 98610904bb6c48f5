//! System calls that no decoder needs.
//!
//! It is a list of what is refused, not of what is allowed. Another ffmpeg, another C library or
//! another kernel makes calls that nobody here has seen, and a list of what is allowed would kill
//! decoders that work. What is refused returns an error, of which ffmpeg says what it says of any.

use libc::*;
use seccompiler::{
    BpfProgram, SeccompAction,
    SeccompCmpArgLen::{self, Dword},
    SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch, sock_filter,
};
use std::{collections::BTreeMap, env::consts::ARCH, sync::OnceLock};

/// Calls by what they would be good for. Numbers that stand as numbers are the same on every
/// architecture; the C library's names for them are younger.
#[rustfmt::skip]
const REFUSED: &[c_long] = &[
    // Talking to others. Not sendto: nobody has a socket to send through, and a signal to this process may be
    // handled by the thread that has just confined itself, which wakes the runtime by it.
    SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendmsg,
    SYS_sendmmsg,
    // io_uring does all of this and more, past any filter.
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
    // Other processes: signals too, which older kernels do not scope. A program that aborts itself then
    // ends by its C library's next means, a crash.
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise,
    SYS_process_mrelease, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pidfd_getfd, SYS_kcmp, SYS_kill,
    SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setsid, SYS_setrlimit,
    // Memory, queues and semaphores that other programs of the user share.
    SYS_shmget, SYS_shmat, SYS_shmctl, SYS_msgget, SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_semget,
    SYS_semop, SYS_semtimedop, SYS_semctl, SYS_mq_open, SYS_mq_unlink,
    // Another view of the file system.
    SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_move_mount,
    SYS_open_tree, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_mount_setattr,
    SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_fanotify_init,
    // Names, owners and attributes of files; of the latter two Landlock knows nothing.
    SYS_linkat, SYS_symlinkat, SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_mkdirat, SYS_mknodat,
    SYS_truncate, SYS_fchmod, SYS_fchmodat, 452 /* fchmodat2 */, SYS_fchown, SYS_fchownat,
    SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, 463 /* setxattrat */, SYS_removexattr,
    SYS_lremovexattr, SYS_fremovexattr, 466 /* removexattrat */, 469 /* file_setattr */,
    // Parts of the kernel that are attacked most, and the machine itself.
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot,
    SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_syslog,
    SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname,
    SYS_setdomainname, SYS_personality, SYS_vhangup,
];

/// Calls that only this architecture has or numbers so: older forms of those above, doors to its hardware.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const REFUSED_HERE: &[c_long] = &[
    SYS_kexec_file_load, SYS_link, SYS_symlink, SYS_rename, SYS_unlink, SYS_mkdir, SYS_rmdir,
    SYS_mknod, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
    SYS_modify_ldt, SYS_iopl, SYS_ioperm,
];
#[cfg(target_arch = "aarch64")]
const REFUSED_HERE: &[c_long] = &[294 /* kexec_file_load */];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const REFUSED_HERE: &[c_long] = &[];

/// Calls that change a file that is open. Those who write a clip need them.
#[cfg(target_arch = "x86_64")]
const CHANGES: &[c_long] = &[SYS_ftruncate, SYS_fallocate, SYS_creat];
#[cfg(not(target_arch = "x86_64"))]
const CHANGES: &[c_long] = &[SYS_ftruncate, SYS_fallocate];

/// Calls that open a file, and which of their arguments has the flags.
#[cfg(target_arch = "x86_64")]
const OPENS: &[(c_long, u8)] = &[(SYS_open, 1), (SYS_openat, 2)];
#[cfg(not(target_arch = "x86_64"))]
const OPENS: &[(c_long, u8)] = &[(SYS_openat, 2)];

/// What `ioctl` is not to do (`asm-generic/ioctls.h`, `linux/fs.h`, `linux/fsverity.h`): to type into the
/// terminal that we run in, and to make files unchangeable, which needs no open for writing.
const REQUESTS: [u64; 6] = [
    0x5412,      // TIOCSTI
    0x541c,      // TIOCLINUX
    0x4008_6602, // FS_IOC_SETFLAGS
    0x4004_6602, // FS_IOC32_SETFLAGS
    0x401c_5820, // FS_IOC_FSSETXATTR
    0x4080_6685, // FS_IOC_ENABLE_VERITY
];

/// Some kernels for x86-64 take the calls of a second table too, x32: the same numbers with this bit, and
/// some of its own (`arch/x86/entry/syscalls/syscall_64.tbl`). No call of any other table is so high.
const X32: u32 = 0x4000_0000;
/// The answer to a call that is refused.
const REFUSE: u32 = SECCOMP_RET_ERRNO | EPERM.unsigned_abs();
/// Calls of one filter. A jump of BPF goes 255 steps at most, and the longest is over half of the tree.
const MOST: usize = 120;

/// New namespaces, in which a process without rights has some.
const NAMESPACES: [c_int; 7] = [
    CLONE_NEWUSER,
    CLONE_NEWNS,
    CLONE_NEWNET,
    CLONE_NEWPID,
    CLONE_NEWIPC,
    CLONE_NEWUTS,
    CLONE_NEWCGROUP,
];

/// The filters of a decoder, which may write a file or not; none where this architecture has none.
pub(super) fn filters(writes: bool) -> &'static [BpfProgram] {
    static FILTERS: [OnceLock<Vec<BpfProgram>>; 2] = [const { OnceLock::new() }; 2];
    FILTERS[usize::from(writes)].get_or_init(|| {
        compile(writes).unwrap_or_else(|error| {
            tracing::warn!(%error, "decoders run without a filter of system calls");
            Vec::new()
        })
    })
}

/// Confines the calling thread and what it starts.
pub(super) fn enter(writes: bool) -> Result<(), seccompiler::Error> {
    filters(writes).iter().try_for_each(|filter| seccompiler::apply_filter(filter))
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn compile(writes: bool) -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    // What these are to do lies in memory, where no filter can look. C libraries that are told that
    // the kernel does not have clone3 use clone; openat2 they do not use.
    let unknown = Rules::from([(SYS_clone3, Vec::new()), (SYS_openat2, Vec::new())]);
    let changes = if writes { &[] } else { CHANGES };
    let calls = REFUSED.iter().chain(REFUSED_HERE).chain(changes);
    let mut calls: Vec<u32> = calls.map(|call| *call as u32).collect();
    calls.sort_unstable();
    let always = calls.chunks(MOST).map(|calls| Ok(refuse(calls)));
    let sometimes = sometimes(writes)?;
    let others = [(sometimes, EPERM), (unknown, ENOSYS)].into_iter().map(|(calls, error)| {
        let refuse = SeccompAction::Errno(error.unsigned_abs());
        SeccompFilter::new(calls, SeccompAction::Allow, refuse, TargetArch::try_from(ARCH)?)?
            .try_into()
    });
    always.chain(others).collect()
}

/// Calls that are refused for what they are asked.
fn sometimes(writes: bool) -> Result<Rules, seccompiler::BackendError> {
    let mut calls = Rules::from([
        (SYS_clone, NAMESPACES.map(|flag| has(0, flag)).into_iter().collect::<Result<_, _>>()?),
        (SYS_prlimit64, vec![unless_zero(2, SeccompCmpArgLen::Qword)?]),
        // The one that is allowed is made between fork and exec.
        (SYS_setpgid, vec![unless_zero(0, Dword)?, unless_zero(1, Dword)?]),
        (SYS_ioctl, REQUESTS.map(request).into_iter().collect::<Result<_, _>>()?),
    ]);
    for (call, flags) in OPENS {
        calls.insert(*call, opens(*flags, writes)?);
    }
    Ok(calls)
}

/// Ways to open a file that are refused. Landlock of older kernels (before 6.2) lets whoever may read a
/// file empty it while opening it, and all of them ask nothing where the mode is 3, which is for devices.
fn opens(flags: u8, writes: bool) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    if writes {
        return Ok(vec![
            is(flags, O_ACCMODE, O_ACCMODE)?,
            is(flags, O_ACCMODE | O_TRUNC, O_RDONLY | O_TRUNC)?,
        ]);
    }
    [O_WRONLY, O_RDWR, O_CREAT, O_TRUNC].into_iter().map(|flag| has(flags, flag)).collect()
}

/// A filter that refuses these calls, which ascend. The kernel walks through a filter once for each of its
/// own calls when it takes it on: in a filter that compares one after the other that is a millisecond a
/// decoder, in a tree a quarter of it. The other filters look at the architecture.
fn refuse(calls: &[u32]) -> BpfProgram {
    let number = step(BPF_LD | BPF_W | BPF_ABS, 0, 0, 0);
    let foreign = [step(BPF_JMP | BPF_JGE, X32, 0, 1), step(BPF_RET, REFUSE, 0, 0)];
    [vec![number], foreign.to_vec(), tree(calls)].concat()
}

fn tree(calls: &[u32]) -> BpfProgram {
    let allow = step(BPF_RET, SECCOMP_RET_ALLOW, 0, 0);
    match calls {
        [] => vec![allow],
        [call] => vec![step(BPF_JMP | BPF_JEQ, *call, 0, 1), step(BPF_RET, REFUSE, 0, 0), allow],
        _ => {
            let (below, above) = calls.split_at(calls.len() / 2);
            let (left, right) = (tree(below), tree(above));
            let fork = step(BPF_JMP | BPF_JGE, above[0], left.len(), 0);
            [vec![fork], left, right].concat()
        }
    }
}

/// One step: where it jumps, so many steps are skipped.
fn step(code: u32, k: u32, if_true: usize, if_false: usize) -> sock_filter {
    sock_filter { code: code as u16, jt: if_true as u8, jf: if_false as u8, k }
}

type Rule = Result<SeccompRule, seccompiler::BackendError>;

/// An argument of which these bits are so.
fn is(argument: u8, bits: c_int, value: c_int) -> Rule {
    let equal = SeccompCmpOp::MaskedEq(u64::from(bits.unsigned_abs()));
    let value = u64::from(value.unsigned_abs());
    SeccompRule::new(vec![SeccompCondition::new(argument, Dword, equal, value)?])
}

/// An argument that has this flag.
fn has(argument: u8, flag: c_int) -> Rule {
    is(argument, flag, flag)
}

/// An argument that is not zero. Reading a limit, for one, is needed to start a thread; setting one might
/// undo ours.
fn unless_zero(argument: u8, length: SeccompCmpArgLen) -> Rule {
    SeccompRule::new(vec![SeccompCondition::new(argument, length, SeccompCmpOp::Ne, 0)?])
}

fn request(number: u64) -> Rule {
    SeccompRule::new(vec![SeccompCondition::new(1, Dword, SeccompCmpOp::Eq, number)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a filter answers to a call, by walking through it.
    fn answer(filter: &BpfProgram, call: u32) -> u32 {
        let mut at = 0;
        loop {
            let sock_filter { code, jt, jf, k } = filter[at].clone();
            let holds = match u32::from(code) {
                code if code == BPF_RET => return k,
                code if code == BPF_JMP | BPF_JGE => call >= k,
                code if code == BPF_JMP | BPF_JEQ => call == k,
                _ => false,
            };
            at += 1 + usize::from(if holds { jt } else { jf });
        }
    }

    #[test]
    fn what_is_listed_is_refused_and_nothing_else() {
        let calls: Vec<u32> = (0..MOST as u32).map(|i| 3 * i + 1).collect();
        for count in [0, 1, 2, 7, MOST] {
            let filter = refuse(&calls[..count]);
            for call in 0..1000 {
                let expected =
                    if calls[..count].contains(&call) { REFUSE } else { SECCOMP_RET_ALLOW };
                assert_eq!(answer(&filter, call), expected, "{count} {call}");
            }
            assert_eq!(answer(&filter, X32 | 41), REFUSE);
        }
    }

    #[test]
    fn no_call_is_listed_twice() {
        let mut calls = [REFUSED, REFUSED_HERE, CHANGES].concat();
        let count = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), count);
        assert!(filters(false).len() >= 3 && filters(true).len() >= 3);
    }
}

//! System calls that no decoder needs.
//!
//! It is a list of what is refused, not of what is allowed. Another ffmpeg, another C library or
//! another kernel makes calls that nobody here has seen, and a list of what is allowed would kill
//! decoders that work. What is refused returns an error, of which ffmpeg says what it says of any.

use libc::*;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};
use std::{collections::BTreeMap, env::consts::ARCH, sync::OnceLock};

/// Calls by what they would be good for. Numbers that stand as numbers are the same on every
/// architecture; the C library's names for them are younger.
#[rustfmt::skip]
const REFUSED: &[c_long] = &[
    // Talking to others.
    SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendto, SYS_sendmsg,
    SYS_sendmmsg,
    // io_uring does all of this and more, past any filter.
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
    // Other processes. `tgkill` stays: it is how a program aborts itself.
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise,
    SYS_process_mrelease, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pidfd_getfd, SYS_kcmp, SYS_kill,
    SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setsid, SYS_setrlimit,
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

/// The filters of a decoder; none where this architecture has none.
pub(super) fn filters() -> &'static [BpfProgram] {
    static FILTERS: OnceLock<Vec<BpfProgram>> = OnceLock::new();
    FILTERS.get_or_init(|| {
        compile().unwrap_or_else(|error| {
            tracing::warn!(%error, "decoders run without a filter of system calls");
            Vec::new()
        })
    })
}

/// Confines the calling thread and what it starts.
pub(super) fn enter() -> Result<(), seccompiler::Error> {
    filters().iter().try_for_each(|filter| seccompiler::apply_filter(filter))
}

fn compile() -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    // What clone3 is to do lies in memory, where no filter can look. C libraries that are told that
    // the kernel does not have it use clone.
    let unknown = BTreeMap::from([(SYS_clone3, Vec::new())]);
    let sometimes =
        BTreeMap::from([(SYS_clone, namespaces()?), (SYS_prlimit64, vec![new_limit()?])]);
    let mut calls: Vec<u32> = REFUSED.iter().chain(REFUSED_HERE).map(|call| *call as u32).collect();
    calls.sort_unstable();
    let always = calls.chunks(MOST).map(|calls| Ok(refuse(calls)));
    let others = [(sometimes, EPERM), (unknown, ENOSYS)].into_iter().map(|(calls, error)| {
        let refuse = SeccompAction::Errno(error.unsigned_abs());
        SeccompFilter::new(calls, SeccompAction::Allow, refuse, TargetArch::try_from(ARCH)?)?
            .try_into()
    });
    always.chain(others).collect()
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

fn namespaces() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let asks_for = |flag: c_int| {
        let flag = u64::from(flag.unsigned_abs());
        let flags = SeccompCmpOp::MaskedEq(flag);
        SeccompRule::new(vec![SeccompCondition::new(0, SeccompCmpArgLen::Dword, flags, flag)?])
    };
    NAMESPACES.into_iter().map(asks_for).collect()
}

/// Reading a limit is needed to start a thread; setting one might undo ours.
fn new_limit() -> Result<SeccompRule, seccompiler::BackendError> {
    let given = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    SeccompRule::new(vec![given])
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
        let mut calls = [REFUSED, REFUSED_HERE].concat();
        let count = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), count);
        assert!(filters().len() >= 3);
    }
}

//! System calls that no decoder needs.
//!
//! It is a list of what is refused, not of what is allowed. Another ffmpeg, another C library or
//! another kernel makes calls that nobody here has seen, and a list of what is allowed would kill
//! decoders that work. What is refused returns an error, of which ffmpeg says what it says of any.

use libc::*;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
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
    SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module,
    SYS_delete_module, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_syslog,
    SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname,
    SYS_setdomainname, SYS_personality, SYS_vhangup,
];

/// Calls that only this architecture has: older forms of those above, and doors to its hardware.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const REFUSED_HERE: &[c_long] = &[
    SYS_link, SYS_symlink, SYS_rename, SYS_unlink, SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_chmod,
    SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_modify_ldt, SYS_iopl, SYS_ioperm,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[];

/// Some kernels take the calls of a second table too, x32: the same numbers with this bit, and some
/// of its own (`arch/x86/entry/syscalls/syscall_64.tbl`: sendmsg, ptrace, rt_sigqueueinfo, kexec_load,
/// rt_tgsigqueueinfo, sendmmsg, process_vm_readv, process_vm_writev).
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;
#[cfg(target_arch = "x86_64")]
const X32_OWN: &[c_long] = &[518, 521, 524, 528, 536, 538, 539, 540];

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
    let arch = TargetArch::try_from(ARCH)?;
    let always = |call: &c_long| (*call, Vec::new());
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_HERE).map(always).collect();
    refused.insert(SYS_clone, namespaces()?);
    refused.insert(SYS_prlimit64, vec![new_limit()?]);
    #[cfg(target_arch = "x86_64")]
    {
        let twice: Vec<_> =
            refused.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
        refused.extend(twice);
        refused.extend(X32_OWN.iter().map(|call| (call | X32, Vec::new())));
    }
    // What clone3 is to do lies in memory, where no filter can look. C libraries that are told that
    // the kernel does not have it use clone.
    let unknown = BTreeMap::from([(SYS_clone3, Vec::new())]);
    [(refused, EPERM), (unknown, ENOSYS)]
        .into_iter()
        .map(|(calls, error)| {
            let refuse = SeccompAction::Errno(error.unsigned_abs());
            SeccompFilter::new(calls, SeccompAction::Allow, refuse, arch)?.try_into()
        })
        .collect()
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

//! Whether a folder lies on another machine.

use std::{io, path::Path};

/// Whether files under `path` may go away while they are mapped, so that they should be read instead.
///
/// Linux tells by the type of the file system; FUSE counts as network, since most of what it mounts is.
/// Where the system does not tell, the answer is yes: reading is always right and only costs memory.
///
/// # Errors
/// When neither `path` nor any folder above it can be asked.
pub fn is_network_file_system(path: &Path) -> io::Result<bool> {
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    ask(existing)
}

#[cfg(target_os = "linux")]
fn ask(path: &Path) -> io::Result<bool> {
    let kind = rustix::fs::statfs(path).map_err(|error| {
        let message = format!("cannot ask for the file system of {}: {error}", path.display());
        io::Error::new(error.kind(), message)
    })?;
    // The type is a signed word on some machines; the numbers have 32 bits.
    Ok(NETWORK_TYPES.contains(&(kind.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
fn ask(_path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// `f_type` of network file systems: statfs(2), linux/magic.h and the file systems' own headers.
#[cfg(target_os = "linux")]
const NETWORK_TYPES: [u32; 14] = [
    0x0000_6969, // NFS
    0x0000_517B, // SMB
    0xFE53_4D42, // SMB 2
    0xFF53_4D42, // CIFS
    0x6573_5546, // FUSE: sshfs, rclone, cloud drives
    0x0102_1997, // 9P, which virtual machines share folders by
    0x786F_4256, // VirtualBox shared folders
    0x0000_564C, // NCP
    0x5346_414F, // AFS
    0x7375_7245, // Coda
    0x00C3_6400, // Ceph
    0x4750_4653, // GPFS
    0x0BD0_0BD0, // Lustre
    0x1983_0326, // BeeGFS
];

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn local_folders_are_local() {
        let missing = Path::new("/proc/self/none/of/these");
        assert!(!is_network_file_system(missing).unwrap());
    }
}

//! Who holds a claim, as the file says it.

use crate::{MachineId, durable};
use serde::{Deserialize, Serialize};
use std::{
    io,
    time::{SystemTime, UNIX_EPOCH},
};

/// A process that holds a claim. As JSON it is as long at every beat, so that it can be written over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The home folder's number, which two machines may have in common.
    machine: String,
    /// For people.
    host: String,
    /// One start of one machine, where the system tells.
    boot: Option<String>,
    /// The space in which process ids are counted: containers of one machine have several.
    space: Option<String>,
    pid: u32,
    /// When the process began, in ticks since the start, for ids are given again.
    began: Option<u64>,
    /// This claim among all others: 16 random hexadecimal digits.
    pub(super) token: String,
    /// When it was claimed, in milliseconds since 1970, for people.
    time_ms: u64,
    /// Signs of life so far, with leading zeros.
    beat: String,
}

impl Holder {
    /// This process.
    pub(super) fn new(machine: MachineId) -> Self {
        let pid = std::process::id();
        Self {
            machine: machine.to_string(),
            host: durable::host_name(),
            boot: system::boot(),
            space: system::space(),
            pid,
            began: system::state(pid).map(|(_, began)| began),
            token: String::new(),
            time_ms: 0,
            beat: String::new(),
        }
    }

    /// The same for a new claim.
    pub(super) fn with_token(&self) -> io::Result<Self> {
        let token = format!("{:016x}", getrandom::u64().map_err(io::Error::other)?);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { token, time_ms, beat: beat(0), ..self.clone() })
    }

    /// The same one sign of life later.
    pub(super) fn next(&self) -> Self {
        let count: u64 = self.beat.parse().unwrap_or(0);
        Self { beat: beat(count + 1), ..self.clone() }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Text and numbers always are JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The holder in a file; `None` while it is being written, and of what no holder wrote.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let holder: Self = serde_json::from_slice(bytes).ok()?;
        // The token becomes part of a name.
        let digits = holder.token.bytes().all(|byte| byte.is_ascii_hexdigit());
        (digits && holder.token.len() == 16).then_some(holder)
    }

    /// Whether it can be seen from `here` that the process is gone. Elsewhere nobody can see that.
    pub(super) fn is_dead(&self, here: &Self) -> bool {
        let place =
            |holder: &Self| (holder.machine.clone(), holder.boot.clone(), holder.space.clone());
        if self.boot.is_none() || place(self) != place(here) {
            return false;
        }
        match system::state(self.pid) {
            None => !system::is_there(self.pid),
            Some((is_over, began)) => is_over || self.began.is_some_and(|then| then != began),
        }
    }
}

fn beat(count: u64) -> String {
    format!("{count:020}")
}

/// What the system tells of its processes.
#[cfg(target_os = "linux")]
mod system {
    use crate::durable;
    use std::path::Path;

    /// More than any of these files is long.
    const MAX_BYTES: u64 = 1 << 16;

    pub(super) fn boot() -> Option<String> {
        let bytes = durable::read_limited(Path::new("/proc/sys/kernel/random/boot_id"), MAX_BYTES);
        let id = String::from_utf8(bytes.ok()?).ok()?.trim().to_owned();
        (!id.is_empty()).then_some(id)
    }

    pub(super) fn space() -> Option<String> {
        Some(fs_err::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
    }

    /// Whether a process is over and only not yet fetched by its parent, and when it began; see proc(5).
    pub(super) fn state(pid: u32) -> Option<(bool, u64)> {
        let path = format!("/proc/{pid}/stat");
        let bytes = durable::read_limited(Path::new(&path), MAX_BYTES).ok()?;
        // The name of the program stands in brackets and may have anything in it.
        let text = String::from_utf8_lossy(&bytes);
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
        let is_over = matches!(fields.next()?, "Z" | "X");
        Some((is_over, fields.nth(18)?.parse().ok()?))
    }

    /// Whether a process has that id; one of another user's does, too.
    pub(super) fn is_there(pid: u32) -> bool {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let answer = pid.map(rustix::process::test_kill_process);
        answer != Some(Err(rustix::io::Errno::SRCH))
    }
}

/// Elsewhere a start of the machine has no number, so that no process is ever seen to be gone.
#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn boot() -> Option<String> {
        None
    }

    pub(super) fn space() -> Option<String> {
        None
    }

    pub(super) fn state(_pid: u32) -> Option<(bool, u64)> {
        None
    }

    pub(super) fn is_there(_pid: u32) -> bool {
        true
    }
}

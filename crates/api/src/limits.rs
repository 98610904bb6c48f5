//! How much the server takes: figures in one place.

use std::time::Duration;

/// Connections at a time, Socket.IO included.
pub(crate) const CONNECTIONS: usize = 256;
/// Bytes of a body whose call takes lists of paths.
pub(crate) const LIST_BODY: usize = 32 << 20;
/// Bytes of any other body.
pub(crate) const SMALL_BODY: usize = 1 << 20;
/// Bytes of a head. Beyond it the connection ends with 431; a key of a megabyte is still a 401.
pub(crate) const HEAD: usize = 2 << 20;
/// Longest key that is looked at; signed keys have a few hundred bytes.
pub(crate) const KEY: usize = 4096;
/// Time to send a head, also the longest that a connection may stay idle between two requests.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);
/// Time to send a body.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);
/// Time for an answer.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Time for the answer of a call whose work grows with the list that it is given: ten thousand files
/// are probed, a thousand pictures cut.
pub(crate) const LIST_ANSWER_TIME: Duration = Duration::from_secs(600);
/// Time for what is under way when the server stops, so that the process ends within ten seconds.
pub(crate) const STOP_TIME: Duration = Duration::from_secs(9);
/// Connections at a time that are turned away with time to read why.
pub(crate) const TURNED_AWAY: usize = 32;
/// How long such a client is listened to.
pub(crate) const TURN_AWAY_TIME: Duration = Duration::from_secs(1);
/// Searches that may wait, for each one that runs.
pub(crate) const WAITING_SEARCHES: usize = 4;
/// Bytes of a refused body that are read and thrown away, so that the client gets to read the answer
/// instead of a broken connection.
pub(crate) const DISCARDED: usize = 64 << 20;
/// Time for reading what is thrown away.
pub(crate) const DISCARD_TIME: Duration = Duration::from_secs(5);
/// Unknown keys that are checked at once before the rest waits, and checked a second thereafter.
pub(crate) const KEY_CHECKS: u32 = 10;
/// Longest wait of an unknown key.
pub(crate) const KEY_WAIT: Duration = Duration::from_secs(5);
/// Rooms that one socket may be in.
pub(crate) const ROOMS: usize = 64;
/// Bytes of one Socket.IO message from a client: task ids are short.
pub(crate) const MESSAGE: usize = 64 << 10;
/// Seconds after which a refused client may try again.
pub(crate) const RETRY_AFTER: &str = "2";

//! A Redis server over a Unix socket: started, asked, killed.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// A server over a Unix socket, killed when dropped.
pub struct Server {
    connection: Mutex<redis::Connection>,
    child: Child,
    _folder: tempfile::TempDir,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// The Redis that `REDLET_ORACLE` names, or the one in the path.
    pub fn program() -> PathBuf {
        std::env::var_os("REDLET_ORACLE").map_or_else(|| PathBuf::from("redis-server"), PathBuf::from)
    }

    /// Starts a server that keeps nothing; `None` if it does not start.
    pub fn start(program: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let socket = folder.path().join("socket");
        let mut child = Command::new(program)
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let client = redis::Client::open(format!("unix://{}", socket.display())).ok()?;
        loop {
            if let Ok(connection) = client.get_connection() {
                return Some(Self { connection: Mutex::new(connection), child, _folder: folder });
            }
            if child.try_wait().ok()?.is_some() {
                return None;
            }
            std::thread::yield_now();
        }
    }

    /// The time that processors spent on it so far, to a hundredth of a second.
    pub fn processor_time(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The program's name, which may hold anything, ends with the last bracket; `utime` and `stime` are the 12th and 13th after it.
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The connection to it.
    pub fn connection(&self) -> MutexGuard<'_, redis::Connection> {
        self.connection.lock().expect("nobody panicked while asking")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

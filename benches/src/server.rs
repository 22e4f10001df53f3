//! Servers, Redis's and redlet's own: started, asked, killed.
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// A server, killed when dropped.
pub struct Server {
    connection: Mutex<redis::Connection>,
    child: Child,
    socket: PathBuf,
    port: u16,
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
        Self::launch(|socket, port| {
            let mut command = Command::new(program);
            command.args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--port",
                &port.to_string(),
            ]);
            command.arg("--unixsocket").arg(socket);
            command
        })
    }

    /// Starts this program as a server; see [`crate::listener::serve`].
    pub fn start_redlet(threads: usize) -> Option<Self> {
        Self::start_this(&["--threads", &threads.to_string()])
    }

    /// Starts this program as a server on tokio; see [`crate::tokio_server::serve`].
    pub fn start_tokio() -> Option<Self> {
        Self::start_this(&["--tokio"])
    }

    fn start_this(arguments: &[&str]) -> Option<Self> {
        let program = std::env::current_exe().ok()?;
        Self::launch(|socket, port| {
            let mut command = Command::new(&program);
            command.args(arguments).arg("--serve").arg(socket).arg(port.to_string());
            command
        })
    }

    fn launch(command: impl Fn(&Path, u16) -> Command) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let socket = folder.path().join("socket");
        // Free a moment ago, which is as much as can be known.
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut child = command(&socket, port)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let client = redis::Client::open(format!("unix://{}", socket.display())).ok()?;
        loop {
            if let Ok(connection) = client.get_connection() {
                return Some(Self {
                    connection: Mutex::new(connection),
                    child,
                    socket,
                    port,
                    _folder: folder,
                });
            }
            if child.try_wait().ok()?.is_some() {
                return None;
            }
            std::thread::yield_now();
        }
    }

    /// Where it is, in the words of Redis's own tools.
    pub fn place(&self, is_socket: bool) -> Vec<String> {
        if is_socket {
            vec!["-s".into(), self.socket.display().to_string()]
        } else {
            vec!["-p".into(), self.port.to_string()]
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

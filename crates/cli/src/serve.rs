//! `redlet serve`: a server on a store, until a signal or SHUTDOWN ends it.
use std::io::{self, Write};

use redlet::Commands;
use redlet::core::Shutdown;
use redlet::server::Server;

use crate::Failure;
use crate::arguments::ServeArguments;

/// Serves until somebody ends it.
pub(crate) fn run(arguments: &ServeArguments) -> Result<bool, Failure> {
    // Before anybody hears that it listens: a signal that comes early must not end it with the store open.
    let ending = Ending::watch()?;
    let redis = crate::open(arguments.path.as_deref(), arguments.databases, arguments.config.as_deref())?;
    let mut builder = redis.server();
    for (name, value) in arguments.parameters() {
        builder = builder.parameter(name, value).map_err(redlet::Error::from)?;
    }
    let started = builder.ends_by_shutdown().as_configured().and_then(redlet::server::ServerBuilder::start);
    let server = started.map_err(redlet::Error::from)?;
    let mut out = io::stdout().lock();
    for address in server.addresses() {
        writeln!(out, "redlet {} listens on {address}", env!("CARGO_PKG_VERSION"))?;
    }
    out.flush()?;
    drop(out);
    let how = ending.wait(server);
    // The log has everything in any case.
    if how.is_some_and(|how| how.save == Some(true)) {
        redis.save()?;
    }
    redis.close()?;
    Ok(true)
}

/// The signals that end a server.
struct Ending {
    #[cfg(unix)]
    signals: signal_hook::iterator::Signals,
}

impl Ending {
    #[cfg(unix)]
    fn watch() -> Result<Self, Failure> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
            .map_err(|error| Failure::Input(format!("signals cannot be waited for: {error}")))?;
        Ok(Self { signals })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn watch() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Waits for the end; a signal that was waited for is no failure.
    #[cfg(unix)]
    fn wait(mut self, server: Server) -> Option<Shutdown> {
        let server = std::sync::Arc::new(server);
        let handle = self.signals.handle();
        let stopped = std::sync::Arc::clone(&server);
        #[expect(
            clippy::disallowed_methods,
            reason = "signals and the server are waited for at the same time"
        )]
        let waiting = std::thread::spawn(move || {
            if self.signals.forever().next().is_some() {
                stopped.stop();
            }
        });
        let how = server.wait();
        handle.close();
        // It cannot panic, and if it did there would be nothing left to end.
        let _ = waiting.join();
        how
    }

    #[cfg(not(unix))]
    fn wait(self, server: Server) -> Option<Shutdown> {
        server.wait()
    }
}

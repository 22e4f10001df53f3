//! `redlet serve`: a server on a store, until a signal or SHUTDOWN ends it.
use std::io::{self, Write};
use std::path::Path;

use redlet::server::{Limits, ServeError, Server, ServerBuilder, TlsCallers, TlsFiles};

use crate::Failure;
use crate::arguments::{CertificatesOfCallers, ServeArguments};

/// Serves until somebody ends it.
pub(crate) fn run(arguments: &ServeArguments) -> Result<bool, Failure> {
    let redis = crate::open(arguments.path.as_deref(), arguments.databases)?;
    let builder = redis.server().backlog(arguments.tcp_backlog).threads(arguments.threads);
    let mut limits = Limits::default();
    if let Some(clients) = arguments.maxclients {
        limits.clients = clients;
    }
    let server = listen(builder.limits(limits), arguments)?.start().map_err(redlet::Error::from)?;
    let mut out = io::stdout().lock();
    for address in server.addresses() {
        writeln!(out, "redlet {} listens on {address}", env!("CARGO_PKG_VERSION"))?;
    }
    out.flush()?;
    drop(out);
    let ended = wait(server);
    redis.close()?;
    ended
}

fn listen(mut builder: ServerBuilder, arguments: &ServeArguments) -> Result<ServerBuilder, Failure> {
    if arguments.port != 0 {
        for host in &arguments.bind {
            builder = builder.bind(host, arguments.port);
        }
    }
    if arguments.tls_port != 0 {
        let files = tls_files(arguments)?;
        for host in &arguments.bind {
            builder = builder.bind_tls(files.clone(), host, arguments.tls_port);
        }
    }
    #[cfg(unix)]
    if let Some(path) = &arguments.unixsocket {
        builder = builder.unix_socket(path).unix_socket_mode(arguments.unixsocketperm);
    }
    Ok(builder)
}

fn tls_files(arguments: &ServeArguments) -> Result<TlsFiles, Failure> {
    let named = |file: &Option<std::path::PathBuf>, option: &str| {
        let missing = || ServeError::Tls(format!("name the file with {option}"));
        file.as_deref().map(Path::to_owned).ok_or_else(missing).map_err(redlet::Error::from)
    };
    Ok(TlsFiles {
        certificate: named(&arguments.tls_cert_file, "--tls-cert-file")?,
        key: named(&arguments.tls_key_file, "--tls-key-file")?,
        authority: arguments.tls_ca_cert_file.clone(),
        callers: match arguments.tls_auth_clients {
            CertificatesOfCallers::Yes => TlsCallers::Required,
            CertificatesOfCallers::Optional => TlsCallers::Optional,
            CertificatesOfCallers::No => TlsCallers::Unasked,
        },
    })
}

/// Waits for the end; a signal that was waited for is no failure.
#[cfg(unix)]
fn wait(server: Server) -> Result<bool, Failure> {
    use std::sync::Arc;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let server = Arc::new(server);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Failure::Input(format!("signals cannot be waited for: {error}")))?;
    let handle = signals.handle();
    let stopped = Arc::clone(&server);
    #[expect(clippy::disallowed_methods, reason = "signals and the server are waited for at the same time")]
    let waiting = std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            stopped.stop();
        }
    });
    server.wait();
    handle.close();
    // It cannot panic, and if it did there would be nothing left to end.
    let _ = waiting.join();
    Ok(true)
}

#[cfg(not(unix))]
fn wait(server: Server) -> Result<bool, Failure> {
    server.wait();
    Ok(true)
}

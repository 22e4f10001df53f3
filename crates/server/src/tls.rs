//! Encryption, by rustls.
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use crate::ServeError;

/// Whether a caller has to show a certificate: `tls-auth-clients`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsCallers {
    /// `yes`: one that the authority has signed.
    #[default]
    Required,
    /// `optional`: if he shows one, the authority must have signed it.
    Optional,
    /// `no`: nobody is asked for one.
    Unasked,
}

/// The files that encryption needs, all of them PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// `tls-cert-file`: the server's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// `tls-key-file`: its private key.
    pub key: PathBuf,
    /// `tls-ca-cert-file`: the authorities whose callers are let in. Needed unless [`TlsCallers::Unasked`].
    pub authority: Option<PathBuf>,
    /// Whether callers have to show a certificate.
    pub callers: TlsCallers,
}

impl TlsFiles {
    /// What the parameters say.
    pub(crate) fn configured(parameter: impl Fn(&str) -> String) -> Result<Self, ServeError> {
        let file = |name: &str| Some(parameter(name)).filter(|path| !path.is_empty()).map(PathBuf::from);
        let named =
            |name: &str| file(name).ok_or_else(|| ServeError::Tls(format!("name the file with {name}")));
        Ok(Self {
            certificate: named("tls-cert-file")?,
            key: named("tls-key-file")?,
            authority: file("tls-ca-cert-file"),
            callers: match parameter("tls-auth-clients").as_str() {
                "no" => TlsCallers::Unasked,
                "optional" => TlsCallers::Optional,
                _ => TlsCallers::Required,
            },
        })
    }

    /// Reads the files.
    pub(crate) fn configuration(&self) -> Result<Arc<ServerConfig>, ServeError> {
        let unreadable =
            |path: &Path, why: &dyn fmt::Display| ServeError::Tls(format!("{}: {why}", path.display()));
        let certificates = |path: &Path| -> Result<Vec<CertificateDer<'static>>, ServeError> {
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            match read {
                Ok(certificates) => {
                    let certificates: Vec<_> = certificates;
                    if certificates.is_empty() {
                        return Err(unreadable(path, &"there is no certificate in it"));
                    }
                    Ok(certificates)
                }
                Err(error) => Err(unreadable(path, &error)),
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unreadable(&self.key, &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ServeError::Tls(error.to_string()))?;
        let builder = match (&self.authority, self.callers) {
            (_, TlsCallers::Unasked) => builder.with_no_client_auth(),
            (None, _) => {
                return Err(ServeError::Tls(
                    "callers have to show a certificate, but nothing says who signs them: name tls-ca-cert-file, or set tls-auth-clients to no"
                        .into(),
                ));
            }
            (Some(path), callers) => {
                let mut authorities = RootCertStore::empty();
                for certificate in certificates(path)? {
                    authorities.add(certificate).map_err(|error| unreadable(path, &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
                let verifier =
                    if callers == TlsCallers::Optional { verifier.allow_unauthenticated() } else { verifier };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| unreadable(path, &error))?)
            }
        };
        let configuration = builder
            .with_single_cert(certificates(&self.certificate)?, key)
            .map_err(|error| unreadable(&self.certificate, &error))?;
        Ok(Arc::new(configuration))
    }
}

/// An encrypted connection.
pub(crate) struct TlsStream {
    connection: ServerConnection,
    socket: TcpStream,
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl TlsStream {
    pub(crate) fn new(configuration: &Arc<ServerConfig>, socket: TcpStream) -> io::Result<Self> {
        let connection = ServerConnection::new(Arc::clone(configuration)).map_err(io::Error::other)?;
        Ok(Self { connection, socket })
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.connection.wants_write()
    }

    /// Sends what is encrypted already.
    fn send(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}

impl Read for TlsStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            let received = self.connection.read_tls(&mut self.socket)?;
            let processed = self.connection.process_new_packets();
            // Handshakes, and alerts that say what is wrong, go out at once. What does not fit goes with what is written next.
            match self.send() {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if received == 0 {
                return Ok(0);
            }
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        // Nothing is taken in before what was taken in earlier is on its way, so little is held here.
        self.send()?;
        let taken = self.connection.writer().write_vectored(pieces)?;
        match self.send() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ if taken == 0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Source for TlsStream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }
}

//! Encrypted connections, with and without certificates of callers.
#![cfg(feature = "tls")]
mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::start;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use redlet::Redis;
use redlet::server::{ServeError, TlsCallers, TlsFiles};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// An authority, and what it has signed for a server and a caller.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Self { folder };
        files.write("authority.pem", &authority.pem());
        for name in ["server", "caller"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            files.write(&format!("{name}.pem"), &params.signed_by(&key, &authority).unwrap().pem());
            files.write(&format!("{name}.key"), &key.serialize_pem());
        }
        files
    }

    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn for_server(&self, callers: TlsCallers) -> TlsFiles {
        TlsFiles {
            certificate: self.path("server.pem"),
            key: self.path("server.key"),
            authority: Some(self.path("authority.pem")),
            callers,
        }
    }

    fn connect(
        &self,
        address: SocketAddr,
        shows_certificate: bool,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let certificates = |path: &Path| {
            CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect::<Vec<_>>()
        };
        let mut roots = RootCertStore::empty();
        roots.add(certificates(&self.path("authority.pem")).remove(0)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = if shows_certificate {
            let key = PrivateKeyDer::from_pem_file(self.path("caller.key")).unwrap();
            builder.with_client_auth_cert(certificates(&self.path("caller.pem")), key).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
    }
}

fn answers(stream: &mut (impl Read + Write)) -> bool {
    let mut answer = [0; 7];
    stream
        .write_all(b"PING\r\n")
        .and_then(|()| stream.read_exact(&mut answer))
        .is_ok_and(|()| &answer == b"+PONG\r\n")
}

#[test]
fn callers_are_let_in_as_tls_auth_clients_says() {
    let (files, redis) = (Files::new(), Redis::memory());
    for (callers, without_certificate) in
        [(TlsCallers::Required, false), (TlsCallers::Optional, true), (TlsCallers::Unasked, true)]
    {
        let (_server, address) = start(redis.server().bind_tls(files.for_server(callers), "127.0.0.1", 0));
        assert!(answers(&mut files.connect(address, true)), "{callers:?}");
        assert_eq!(answers(&mut files.connect(address, false)), without_certificate, "{callers:?}");
        let mut plain = TcpStream::connect(address).unwrap();
        assert!(!answers(&mut plain), "nothing is said in the open");
    }
}

#[test]
fn long_answers_arrive_whole_whoever_waits_for_whom() {
    let (files, redis) = (Files::new(), Redis::memory());
    let (_server, address) =
        start(redis.server().bind_tls(files.for_server(TlsCallers::Unasked), "127.0.0.1", 0));
    let mut stream = files.connect(address, false);
    let value: Vec<u8> = (0..5_000_000).map(|at| (at * 31 % 251) as u8).collect();
    stream.write_all(&common::request(&[b"SET", &b"long"[..], &value])).unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    for _ in 0..10 {
        stream.write_all(b"GET long\r\n").unwrap();
    }
    for _ in 0..10 {
        let mut answer = vec![0; 10 + value.len() + 2];
        stream.read_exact(&mut answer).unwrap();
        assert!(answer[10..].starts_with(&value));
    }
}

#[test]
fn files_that_are_not_good_are_named() {
    let (files, redis) = (Files::new(), Redis::memory());
    files.write("empty.pem", "");
    let good = || files.for_server(TlsCallers::Required);
    for (bad, named) in [
        (TlsFiles { certificate: files.path("none.pem"), ..good() }, "none.pem"),
        (TlsFiles { certificate: files.path("empty.pem"), ..good() }, "empty.pem"),
        (TlsFiles { key: files.path("empty.pem"), ..good() }, "empty.pem"),
        (TlsFiles { key: files.path("caller.key"), ..good() }, "server.pem"),
        (TlsFiles { authority: None, ..good() }, "tls-ca-cert-file"),
    ] {
        let refused = redis.server().bind_tls(bad, "127.0.0.1", 0).start().unwrap_err();
        assert!(matches!(refused, ServeError::Tls(_)), "{refused}");
        assert!(refused.to_string().contains(named), "{refused}");
    }
}

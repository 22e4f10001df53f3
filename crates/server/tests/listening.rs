//! Where a server listens, whom it lets in, and how it ends.
mod common;

use std::net::TcpListener;

use common::{Raw, serve, start, until};
use redlet::server::{Limits, ServeError};
use redlet::{Commands, Redis};

#[test]
fn a_server_keeps_its_store_open_and_ends_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let redis = Redis::open(&path).unwrap();
    let (server, address) = serve(&redis);
    drop(redis);
    let mut connection = Raw::open(address);
    connection.send("SET k v\r\n").expect("+OK\r\n");
    assert!(Redis::open(&path).is_err(), "the server has it open");
    drop(server);
    connection.expect_end();
    assert!(std::net::TcpStream::connect(address).is_err());
    assert_eq!(Redis::open(&path).unwrap().get("k").unwrap().unwrap(), "v");
}

#[test]
fn stopping_ends_all_connections_and_those_who_wait_for_it() {
    let redis = Redis::memory();
    let (server, address) = start(redis.server().bind("127.0.0.1", 0).threads(3));
    let mut connections: Vec<Raw> = (0..10).map(|_| Raw::open(address)).collect();
    for connection in &mut connections {
        connection.send("PING\r\nBLPOP none 0\r\n").expect("+PONG\r\n");
    }
    assert_eq!(server.connections(), 10);
    std::thread::scope(|scope| {
        scope.spawn(|| server.wait());
        server.stop();
    });
    connections.iter_mut().for_each(Raw::expect_end);
    assert_eq!(server.connections(), 0);
    server.stop();
    server.wait();
    let redlet::Reply::Verbatim(list) = redis.execute(&["CLIENT", "LIST"]).unwrap() else {
        panic!("no list")
    };
    assert!(!list.contains("addr=127.0.0.1"), "{list}");
}

#[test]
fn one_server_listens_in_many_places() {
    let redis = Redis::memory();
    let mut builder = redis.server();
    for _ in 0..3 {
        builder = builder.listen("127.0.0.1:0").unwrap();
    }
    // A machine without IPv6 has no such address.
    let server = builder.bind("-::1", 0).start().unwrap();
    assert!(server.addresses().len() >= 3, "{:?}", server.addresses());
    for address in server.addresses() {
        let redlet::server::Address::Tcp(address) = address else { panic!("{address}") };
        Raw::open(*address).send("PING\r\n").expect("+PONG\r\n");
    }
}

#[test]
fn what_cannot_be_listened_on_is_refused_with_a_sentence() {
    let redis = Redis::memory();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refusal = |builder: redlet::server::ServerBuilder| builder.start().unwrap_err();

    let in_use = refusal(redis.server().bind("127.0.0.1", port));
    assert_eq!(
        in_use.to_string(),
        format!("another program listens on 127.0.0.1:{port} already: end it, or choose another port")
    );
    for public in ["0.0.0.0", "*", "::", "8.8.8.8"] {
        let unprotected = refusal(redis.server().bind(public, 0));
        assert!(matches!(unprotected, ServeError::Unprotected(_)), "{public}: {unprotected}");
        assert!(unprotected.to_string().contains("set a password"), "{unprotected}");
    }
    let foreign = refusal(redis.server().bind("127.255.255.255", 0).bind("no.such.host.invalid", 0));
    assert!(matches!(foreign, ServeError::UnknownHost { .. } | ServeError::Listen { .. }), "{foreign}");
    assert_eq!(refusal(redis.server()), ServeError::Nowhere);
    assert_eq!(
        refusal(redis.server()).to_string(),
        "there is nothing to listen on: name a port or a Unix socket"
    );
    for address in ["127.0.0.1", "127.0.0.1:port", ""] {
        assert!(
            matches!(redis.server().listen(address).unwrap_err(), ServeError::UnknownAddress(_)),
            "{address}"
        );
    }
}

#[test]
fn one_caller_more_than_there_may_be_hears_so_until_another_goes() {
    let redis = Redis::memory();
    let limits = Limits { clients: 2, ..Limits::default() };
    let (server, address) = start(redis.server().bind("127.0.0.1", 0).limits(limits));
    let mut first = Raw::open(address);
    first.send("PING\r\n").expect("+PONG\r\n");
    let mut second = Raw::open(address);
    second.send("PING\r\n").expect("+PONG\r\n");
    assert_eq!(Raw::open(address).rest(), b"-ERR max number of clients reached\r\n");
    drop(first);
    until("room", || server.connections() < 2);
    Raw::open(address).send("PING\r\n").expect("+PONG\r\n");
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_unix_socket_is_for_its_user_alone_and_goes_with_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let redis = Redis::memory();
        let server = redis.serve(&format!("unix:{}", path.display())).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut connection = UnixStream::connect(&path).unwrap();
        connection.write_all(b"PING\r\n").unwrap();
        let mut answer = [0; 7];
        connection.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+PONG\r\n");

        let second = redis.server().unix_socket(&path).start().unwrap_err();
        assert_eq!(second, ServeError::SocketInUse(path.clone()));
        assert!(path.exists(), "it is the first server's");
        drop(server);
        assert!(!path.exists());

        let server = redis.server().unix_socket(&path).unix_socket_mode(0o660).start().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        drop(server);
    }

    #[test]
    fn a_socket_that_nobody_listens_on_is_replaced_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let redis = Redis::memory();
        let left = folder.path().join("left");
        drop(UnixListener::bind(&left).unwrap());
        assert!(left.exists());
        let server = redis.server().unix_socket(&left).start().unwrap();
        UnixStream::connect(&left).unwrap();
        drop(server);

        let file = folder.path().join("file");
        fs::File::create_new(&file).unwrap();
        let refused = redis.server().unix_socket(&file).start().unwrap_err();
        assert_eq!(refused, ServeError::NoSocket(file.clone()));
        assert!(refused.to_string().contains("choose another path"), "{refused}");
        assert!(file.exists());
        let nowhere = folder.path().join("none/socket");
        assert!(matches!(redis.server().unix_socket(&nowhere).start(), Err(ServeError::Listen { .. })));
    }

    #[test]
    fn a_socket_that_another_server_made_in_its_place_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let redis = Redis::memory();
        let server = redis.server().unix_socket(&path).start().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a socket is no file of a store")]
        fs::rename(&path, folder.path().join("moved")).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(server);
        assert!(path.exists());
    }
}

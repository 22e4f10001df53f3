//! Where a server listens, whom it lets in, and how it ends.
mod common;

use std::net::TcpListener;

use common::{Raw, serve, serve_with, until};
use redlet::server::{Address, ServeError, ServerBuilder};
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
    let (server, address) = serve_with(&redis, &[("io-threads", "3")]);
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
        let Address::Tcp(address) = address else { panic!("{address}") };
        Raw::open(*address).send("PING\r\n").expect("+PONG\r\n");
    }
}

#[test]
fn what_cannot_be_listened_on_is_refused_with_a_sentence() {
    let redis = Redis::memory();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refusal = |builder: ServerBuilder| builder.start().unwrap_err();

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
    let (server, address) = serve_with(&redis, &[("maxclients", "2")]);
    let mut first = Raw::open(address);
    first.send("PING\r\n").expect("+PONG\r\n");
    let mut second = Raw::open(address);
    second.send("PING\r\n").expect("+PONG\r\n");
    assert_eq!(Raw::open(address).rest(), b"-ERR max number of clients reached\r\n");
    drop(first);
    until("room", || server.connections() < 2);
    Raw::open(address).send("PING\r\n").expect("+PONG\r\n");
    second.send("CONFIG SET maxclients 3\r\n").expect("+OK\r\n");
    let mut third = Raw::open(address);
    third.send("PING\r\n").expect("+PONG\r\n");
    Raw::open(address).send("PING\r\n").expect("+PONG\r\n");
}

#[test]
fn with_a_password_other_machines_may_come_in_until_it_is_taken_away() {
    let redis = Redis::memory();
    let builder = redis.server().parameter("requirepass", "secret").unwrap().bind("0.0.0.0", 0);
    let server = builder.start().unwrap();
    let Address::Tcp(address) = server.addresses()[0] else { panic!("no TCP") };
    // This machine by an address that is not loopback's, if it has one.
    let Some(outside) = address_of_this_machine() else { return };
    let outside = std::net::SocketAddr::new(outside, address.port());
    Raw::open(outside).send("AUTH secret\r\n");
    redis.config_set([("requirepass", "")]).unwrap();
    let said = String::from_utf8(Raw::open(outside).rest()).unwrap();
    assert!(said.starts_with("-DENIED redlet is running in protected mode"), "{said}");
    redis.config_set([("protected-mode", "no")]).unwrap();
    Raw::open(outside).send("PING\r\n").expect("+PONG\r\n");
}

/// The address that packets to others would come from. Nothing is sent.
fn address_of_this_machine() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

#[test]
fn strangers_may_say_little_until_they_say_who_they_are() {
    let redis = Redis::memory();
    let (server, address) = serve_with(&redis, &[("requirepass", "secret")]);
    let mut stranger = Raw::open(address);
    stranger.send("GET k\r\n").expect("-NOAUTH Authentication required.\r\n");
    stranger.send("*11\r\n").expect("-ERR Protocol error: unauthenticated multibulk length\r\n").expect_end();
    let long = Raw::open(address).send("*1\r\n$16385\r\n").rest();
    assert_eq!(long, b"-ERR Protocol error: unauthenticated bulk length\r\n");
    // A thousand bytes of refusals that he does not read are enough.
    Raw::open(address).send("GET k\r\n".repeat(10_000)).rest();
    until("the end of strangers", || server.connections() == 0);
    let mut known = Raw::open(address);
    known.send("AUTH wrong\r\n").expect("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    known.send("AUTH secret\r\nSET k v\r\n").expect("+OK\r\n+OK\r\n");
    known.send(common::request(&[b"SET", &b"k"[..], &vec![b'v'; 100_000]])).expect("+OK\r\n");
}

#[test]
fn a_server_listens_where_the_parameters_say() {
    let redis = Redis::memory();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let configured = |builder: ServerBuilder| builder.as_configured().and_then(ServerBuilder::start);
    assert_eq!(configured(redis.server()).unwrap_err(), ServeError::Nowhere);
    let builder = redis.server().parameter("port", free.port().to_string()).unwrap();
    let server = configured(builder).unwrap();
    assert_eq!(server.addresses(), [Address::Tcp(free)]);
    drop(server);
    let refused = redis.server().parameter("port", "70000").unwrap_err();
    assert!(refused.to_string().starts_with("port cannot be set: "), "{refused}");
    assert!(redis.server().parameter("no-such", "1").is_err());
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

//! The listener's loop as tokio would have it: one thread, a task a connection, the same sessions and the same parser.
//!
//! It does less than the listener: no limits, no statistics of connections, no TLS, and only such answers as the commands that are
//! measured give.
use std::convert::Infallible;
use std::io;
use std::path::Path;

use redlet::{Redis, Reply, Result};
use redlet_server::protocol::{Parsed, Parser, RequestLimits};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

/// How much is read at once, in bytes: as much as the listener reads.
const INPUT: usize = 64 << 10;
const LIMITS: RequestLimits = RequestLimits { word_bytes: 512 << 20, is_stranger: false };

/// Serves a store in memory, on a Unix socket and on a port of the loopback, until the process is killed.
///
/// # Errors
/// What the system refuses.
pub fn serve(socket: &Path, port: u16) -> io::Result<Infallible> {
    let redis = Redis::memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async move {
        let by_file = UnixListener::bind(socket)?;
        let by_port = TcpListener::bind(("127.0.0.1", port)).await?;
        let redis_of_port = redis.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = by_port.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::task::spawn_local(serve_one(redis_of_port.clone(), stream));
            }
        });
        loop {
            let (stream, _) = by_file.accept().await?;
            tokio::task::spawn_local(serve_one(redis.clone(), stream));
        }
    })
}

/// One caller, until he goes.
async fn serve_one(redis: Redis, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut session = redis.session();
    let mut parser = Parser::default();
    let (mut input, mut output) = (Vec::with_capacity(INPUT), Vec::new());
    while stream.read_buf(&mut input).await.is_ok_and(|bytes| bytes > 0) {
        let mut used = 0;
        loop {
            match parser.parse(&input[used..], LIMITS) {
                Ok(Parsed::Request(length)) => {
                    answer(session.execute(&parser.words(&input[used..])), &mut output);
                    used += length;
                }
                Ok(Parsed::Nothing(length)) => used += length,
                Ok(Parsed::Part(_)) => break,
                Err(_) => return,
            }
        }
        input.drain(..used);
        if stream.write_all(&output).await.is_err() {
            return;
        }
        output.clear();
    }
}

fn answer(reply: Result<Reply>, output: &mut Vec<u8>) {
    match reply {
        Ok(Reply::Status(status)) => output.extend([b"+", status.as_bytes(), b"\r\n"].concat()),
        Ok(Reply::Integer(number)) => output.extend(format!(":{number}\r\n").bytes()),
        Ok(Reply::Bulk(bytes)) => {
            output.extend(format!("${}\r\n", bytes.len()).bytes());
            output.extend_from_slice(&bytes);
            output.extend(b"\r\n");
        }
        Ok(Reply::Null) => output.extend(b"$-1\r\n"),
        // What redis-benchmark asks before it begins; it goes on without an answer to that.
        Ok(_) => output.extend(b"-ERR not measured\r\n"),
        Err(error) => output.extend(format!("-{error}\r\n").bytes()),
    }
}

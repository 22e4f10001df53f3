//! Caches the responses of an HTTP server: the first request of a path goes out, the next ones do not.
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use redlet::{Commands, Redis, SetOptions, Ttl};
use redlet_examples::timed;

/// Answers every request with a text that takes some work to make.
fn serve(listener: &TcpListener, requests: usize) -> std::io::Result<()> {
    for stream in listener.incoming().take(requests) {
        let mut stream = stream?;
        let mut line = String::new();
        BufReader::new(stream.try_clone()?).read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or("/");
        let sum: u64 = (0..2_000_000_u64).fold(0, |sum, n| sum ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let body = format!("{{\"path\":\"{path}\",\"sum\":{sum}}}");
        write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    }
    Ok(())
}

fn fetch(server: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn cached(redis: &Redis, server: SocketAddr, path: &str) -> Result<(String, &'static str), Box<dyn Error>> {
    let key = format!("response:{path}");
    if let Some(body) = redis.get(&key)? {
        redis.incr("hits")?;
        return Ok((String::from_utf8_lossy(&body).into_owned(), "hit"));
    }
    let body = fetch(server, path)?;
    redis.set_with(&key, &body, SetOptions::default().ex(Duration::from_mins(1)))?;
    redis.incr("misses")?;
    Ok((body, "miss"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let paths = ["/users/1", "/users/2", "/users/1", "/users/1", "/users/2"];
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    let redis = Redis::memory();
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        // Two different paths are asked for, so two requests reach the server.
        let serving = scope.spawn(|| serve(&listener, 2));
        for path in paths {
            let (answer, took) = timed(|| cached(&redis, server, path));
            let (body, how) = answer?;
            println!("{path}  {how:<4} {took:>10.1?}   {body}");
        }
        serving.join().map_err(|_| "the server panicked")??;
        Ok(())
    })?;
    if let Ttl::Remaining(left) = redis.ttl("response:/users/1")? {
        println!("kept for another {} s", left.as_secs());
    }
    println!("hits {:?}, misses {:?}", redis.get("hits")?, redis.get("misses")?);
    Ok(())
}

//! `sawt healthcheck`: asks a running replica whether it is ready, for container platforms whose images hold no curl.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use crate::http_client::{Request, Url};

/// How long an answer may take. Docker gives up after 30 seconds, and orchestrators often after 1 to 5.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks, and waits for the answer.
///
/// # Errors
/// Why the replica is not healthy, as a line that can be read alone.
pub fn run(url: &Url) -> Result<(), String> {
    let ask = || -> io::Result<u16> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let request = Request { method: "GET", url, authorization: None, json: None };
        Ok(runtime.block_on(request.send(LIMIT))?.status)
    };
    match ask() {
        Ok(200..=299) => Ok(()),
        Ok(status) => Err(format!("{url} answered {status}")),
        Err(error) => Err(format!("{url} did not answer: {error}")),
    }
}

/// Where a replica on this host that listens at an address is asked: one that listens on every interface is asked on
/// the loopback.
pub fn url_of(listen: SocketAddr) -> Url {
    let host = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        host @ (IpAddr::V4(_) | IpAddr::V6(_)) => host,
    };
    Url::of(SocketAddr::new(host, listen.port()), "/readyz")
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use super::*;

    fn ask_one_that_answers(answer: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = url_of(listener.local_addr().unwrap());
        let replica = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let outcome = run(&url);
        assert!(replica.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
        outcome
    }

    #[test]
    fn a_replica_is_healthy_when_it_says_it_is_ready() {
        assert_eq!(ask_one_that_answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), Ok(()));
        let error = ask_one_that_answers("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").unwrap_err();
        assert!(error.ends_with("/readyz answered 503"), "{error}");
        assert!(ask_one_that_answers("").is_err());
    }

    #[test]
    fn a_replica_that_is_not_there_is_not_healthy() {
        // Bound, then closed: nobody listens there now.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(run(&url_of(address)).unwrap_err().contains("did not answer"));
    }

    #[test]
    fn a_replica_on_every_interface_is_asked_on_the_loopback() {
        for (listen, url) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080/readyz"),
            ("[::]:80", "http://[::1]:80/readyz"),
            ("10.0.0.7:80", "http://10.0.0.7:80/readyz"),
        ] {
            assert_eq!(url_of(listen.parse().unwrap()).to_string(), url);
        }
    }
}

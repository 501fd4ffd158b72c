//! A small HTTP/1.1 client for replicas on the same host: what `sawt healthcheck` and `sawt demo` need, and no more.
//!
//! `reqwest`, which asks everything beyond this host, reads the system's certificates before it asks anything, also
//! without TLS, and fails where there are none; and it goes through the proxy that the environment names. A health
//! check is a program of its own every few seconds, in images that need no certificates, and asks the replica beside
//! it.
//!
//! Every request opens a connection of its own and asks for it to be closed, so an answer ends with the connection and
//! nothing is kept between requests. It speaks plain HTTP only, follows no redirects, reads no chunked bodies (sawt
//! sends them only in event streams), and takes at most [`MAX_ANSWER_BYTES`].

use std::{fmt, io, net::SocketAddr, str::FromStr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// The longest answer taken, head included: 1 MiB.
pub const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

/// An `http://HOST[:PORT][/PATH]` address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Host and port as they stand in the `Host` header.
    authority: String,
    host: String,
    port: u16,
    path: String,
}

impl Url {
    /// A path at an address.
    pub fn of(address: SocketAddr, path: &str) -> Self {
        let (host, port) = (address.ip().to_string(), address.port());
        Self { authority: address.to_string(), host, port, path: path.to_owned() }
    }

    /// The same host, with another path.
    #[must_use]
    pub fn at(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "must be a URL like http://127.0.0.1:8080/readyz";
        let rest = text.strip_prefix("http://").ok_or(RULE)?;
        let (authority, path) = rest.find('/').and_then(|slash| rest.split_at_checked(slash)).unwrap_or((rest, "/"));
        // The colons inside an IPv6 address, which is in brackets, are not before a port.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| RULE)?),
            Some(_) | None => (authority, 80),
        };
        let bare_host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if bare_host.is_empty() || bare_host.contains('@') || !is_visible {
            return Err(RULE);
        }
        Ok(Self { authority: authority.to_owned(), host: bare_host.to_owned(), port, path: path.to_owned() })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A request, sent with [`Request::send`].
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `GET`, `POST` and so on.
    pub method: &'a str,
    /// Where to.
    pub url: &'a Url,
    /// The `Authorization` header's value.
    pub authorization: Option<&'a str>,
    /// A JSON body.
    pub json: Option<&'a str>,
}

impl Request<'_> {
    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// No connection, no answer within `limit`, or one that is not HTTP/1.1 as this client reads it.
    pub async fn send(&self, limit: Duration) -> io::Result<Response> {
        timeout(limit, self.exchange()).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs_f32()))
        })?
    }

    async fn exchange(&self) -> io::Result<Response> {
        let mut stream = TcpStream::connect((self.url.host.as_str(), self.url.port)).await?;
        stream.set_nodelay(true)?;
        stream.write_all(self.encoded().as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes).await?;
        decode(bytes)
    }

    fn encoded(&self) -> String {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\naccept: application/json\r\n",
            self.method, self.url.path, self.url.authority
        );
        if let Some(authorization) = self.authorization {
            text.push_str("authorization: ");
            text.push_str(authorization);
            text.push_str("\r\n");
        }
        let body = self.json.unwrap_or_default();
        if self.json.is_some() {
            text.push_str("content-type: application/json\r\n");
        }
        if self.method != "GET" {
            text.push_str("content-length: ");
            text.push_str(&body.len().to_string());
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        text.push_str(body);
        text
    }
}

fn decode(mut bytes: Vec<u8>) -> io::Result<Response> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let end =
        bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| wrong("the answer has no whole head"))?;
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|line| line.get(..3));
    let status = status.and_then(|status| status.parse().ok()).ok_or_else(|| wrong("the answer is not HTTP/1.1"))?;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(wrong("the answer's body is chunked"));
        }
        if name.eq_ignore_ascii_case("content-length") && value.trim().parse() != Ok(body.len()) {
            return Err(wrong("the answer's body is not whole"));
        }
    }
    Ok(Response { status, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_plain_http() {
        for (text, host, port, path) in [
            ("http://127.0.0.1:8080/readyz", "127.0.0.1", 8080, "/readyz"),
            ("http://[::1]:8080/a/b", "::1", 8080, "/a/b"),
            ("http://[::1]", "::1", 80, "/"),
            ("http://sawt", "sawt", 80, "/"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.host.as_str(), url.port, url.path.as_str()), (host, port, path));
        }
        for bad in
            ["", "https://sawt/", "sawt:8080", "http://", "http://:80", "http://a:b/", "http://u@a/", "http://a/ b"]
        {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        let answer = |text: &str| decode(text.as_bytes().to_vec()).map(|answer| (answer.status, answer.body));
        assert_eq!(answer("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi").unwrap(), (201, b"hi".to_vec()));
        assert_eq!(answer("HTTP/1.1 204 No Content\r\n\r\n").unwrap(), (204, Vec::new()));
        for bad in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 200 OK\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ] {
            assert_eq!(answer(bad).unwrap_err().kind(), io::ErrorKind::InvalidData, "{bad}");
        }
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let url: Url = "http://127.0.0.1:8080/v1/polls".parse().unwrap();
        let request =
            Request { method: "POST", url: &url, authorization: Some("Bearer k"), json: Some("{\"a\":\"صوت\"}") };
        let text = request.encoded();
        assert!(text.starts_with("POST /v1/polls HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n"), "{text}");
        assert!(text.contains("\r\nauthorization: Bearer k\r\n"), "{text}");
        assert!(text.contains("\r\ncontent-length: 14\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n{\"a\":\"صوت\"}"), "{text}");
    }
}

//! One HTTP/1.1 connection written by hand: for load, where a full client would be what is measured, and for cutting
//! an answer off on its way, which no full client lets one do.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection to a replica, made anew when it is gone.
pub(crate) struct Wire {
    address: SocketAddr,
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

/// An answer's status and body.
pub(crate) type Answer = (u16, Vec<u8>);

impl Wire {
    /// A connection to the replica at this address, made when it is first needed.
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self { address, stream: None, read: Vec::new() }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// The connection could not be made or broke before the answer was whole: what was asked may have been done.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let answer = async {
            self.send(request).await?;
            self.answer().await
        };
        let answer = answer.await;
        if answer.is_err() {
            self.cut();
        }
        answer
    }

    /// Sends a request until the answer is something else than 503, as every client should: on a small machine under a
    /// crowd the store may be late, and then nobody knows what became of the request.
    ///
    /// # Errors
    /// As [`Wire::ask`].
    pub(crate) async fn ask_until_known(&mut self, request: &[u8]) -> io::Result<Answer> {
        loop {
            match self.ask(request).await? {
                (503, _) => {}
                known => return Ok(known),
            }
        }
    }

    /// Sends a request, and hangs up before its answer can be read.
    ///
    /// # Errors
    /// As [`Wire::ask`].
    pub(crate) async fn ask_and_hang_up(&mut self, request: &[u8]) -> io::Result<()> {
        let sent = self.send(request).await;
        self.cut();
        sent
    }

    fn cut(&mut self) {
        self.stream = None;
        self.read.clear();
    }

    /// Sends bytes, which may be a part of a request.
    ///
    /// # Errors
    /// As [`Wire::ask`].
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        if let Some(stream) = &mut self.stream {
            return stream.write_all(request).await;
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        self.stream.insert(stream).write_all(request).await
    }

    /// Reads one answer. Every answer to a vote, a mint or a probe has a Content-Length.
    ///
    /// # Errors
    /// As [`Wire::ask`].
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                let (status, length) = head(&self.read[..end])?;
                let whole = end + 4 + length;
                while self.read.len() < whole {
                    read_some(stream, &mut self.read).await?;
                }
                let body = self.read[end + 4..whole].to_vec();
                self.read.drain(..whole);
                return Ok((status, body));
            }
            read_some(stream, &mut self.read).await?;
        }
    }
}

async fn read_some(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(read).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The status and the length of the body.
fn head(head: &[u8]) -> io::Result<(u16, usize)> {
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    status.zip(length.or(Some(0))).ok_or_else(|| io::Error::other(format!("not an answer: {text}")))
}

/// A request as it goes over the wire.
pub(crate) fn request(method: &str, path: &str, authorization: &str, body: &str) -> Vec<u8> {
    let authorization =
        if authorization.is_empty() { String::new() } else { format!("Authorization: {authorization}\r\n") };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: sawt\r\n{authorization}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A vote as it goes over the wire.
pub(crate) fn vote(poll: &str, token: &str, choice: &str) -> Vec<u8> {
    let body = format!("{{\"choices\":[\"{choice}\"]}}");
    request("POST", &format!("/v1/polls/{poll}/votes"), &format!("Voter {token}"), &body)
}

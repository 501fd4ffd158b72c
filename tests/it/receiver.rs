//! A receiver of webhooks: a real server, which answers as it is told to.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use ring::hmac;
use serde_json::Value;

/// How it answers one message.
pub(crate) enum Reply {
    /// With this status and no body.
    Status(u16),
    /// Elsewhere.
    Redirect(String),
    /// Never: it keeps the connection.
    Nothing,
    /// With a body that has no end.
    Flood,
}

/// What it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Takes messages on threads of its own. What it was not told to answer otherwise it answers 204.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<ReceiverState>>,
}

#[derive(Default)]
struct ReceiverState {
    replies: VecDeque<Reply>,
    received: Vec<Received>,
    connections: usize,
    /// Kept open.
    silent: Vec<TcpStream>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::<Mutex<ReceiverState>>::default();
        let of_threads = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = of_threads.clone();
                state.lock().connections += 1;
                thread::spawn(move || serve(client, &state));
            }
        });
        Self { address, state }
    }

    /// Its address, by its number.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers the next message so, after those that it was told of before.
    pub(crate) fn answer(&self, reply: Reply) {
        self.state.lock().replies.push_back(reply);
    }

    /// How often it was connected to.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().connections
    }

    /// What it was sent so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().received.clone()
    }
}

/// One message over each connection, as sawt sends them.
fn serve(mut client: TcpStream, state: &Mutex<ReceiverState>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) => _ = headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        }
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a number"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let reply = {
        let mut state = state.lock();
        state.received.push(Received { headers, body });
        state.replies.pop_front().unwrap_or(Reply::Status(204))
    };
    match reply {
        Reply::Status(status) => write!(client, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"),
        Reply::Redirect(to) => write!(client, "HTTP/1.1 307 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"),
        Reply::Nothing => {
            state.lock().silent.push(client);
            Ok(())
        }
        Reply::Flood => {
            write!(client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            loop {
                // Until the sender has had enough.
                write!(client, "10000\r\n{}\r\n", "x".repeat(0x10000))?;
            }
        }
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Its id, by which a receiver knows that it has it already.
    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Whether one of its signatures is by this secret: reckoned here, as the specification says.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let secret = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let signed =
            [self.id().as_bytes(), b".", self.header("webhook-timestamp").as_bytes(), b".", &self.body].concat();
        let is_it = |signature: &str| {
            let signature = signature.strip_prefix("v1,").expect("of the one version that there is");
            hmac::verify(&key, &signed, &STANDARD.decode(signature).expect("base64")).is_ok()
        };
        self.header("webhook-signature").split(' ').any(is_it)
    }
}

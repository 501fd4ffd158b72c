//! nginx and HAProxy as Debian has them, in front of a replica: what they pass on, and what reaches the client.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{answers, read_to_end};
use crate::{
    backends::{Backend, Process, free_port, wait_until},
    client::Client,
    registry::service_rules,
    service::Service,
};

/// A proxy that is up. Killed when dropped.
pub(super) struct Proxy {
    _process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl Proxy {
    /// nginx, keeping connections to the replica; whether it reads a body to its end before it passes it on.
    pub(super) fn nginx(replica: SocketAddr, is_buffering: bool) -> Self {
        let buffering = if is_buffering { "on" } else { "off" };
        Self::start("nginx", "nginx-light", |directory, port| {
            let configuration = format!(
                "daemon off; master_process off; pid nginx.pid; error_log stderr crit;
                events {{ worker_connections 512; }}
                http {{
                    access_log off;
                    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                    upstream sawt {{ server {replica}; keepalive 8; }}
                    server {{
                        listen 127.0.0.1:{port};
                        location / {{
                            proxy_pass http://sawt; proxy_http_version 1.1; proxy_set_header Connection \"\";
                            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                            proxy_request_buffering {buffering};
                        }}
                    }}
                }}"
            );
            write(directory, "nginx.conf", &configuration);
            let mut command = Command::new("nginx");
            command.arg("-p").arg(directory).args(["-e", "stderr", "-c", "nginx.conf"]);
            command
        })
    }

    /// HAProxy, keeping connections to the replica.
    pub(super) fn haproxy(replica: SocketAddr) -> Self {
        Self::start("haproxy", "haproxy", |directory, port| {
            let configuration = format!(
                "global\n    maxconn 512\n\
                defaults\n    mode http\n    http-reuse always\n    timeout connect 5s\n    timeout client 60s\n    \
                timeout server 60s\n    timeout http-request 20s\n\
                frontend readers\n    bind 127.0.0.1:{port}\n    http-request set-header X-Forwarded-For %[src]\n    \
                default_backend replica\n\
                backend replica\n    server sawt {replica}\n"
            );
            write(directory, "haproxy.cfg", &configuration);
            let mut command = Command::new("haproxy");
            command.args(["-db", "-f"]).arg(directory.join("haproxy.cfg"));
            command
        })
    }

    fn start(program: &str, package: &str, configure: impl Fn(&Path, u16) -> Command) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let port = free_port();
        let mut command = configure(directory.path(), port);
        let mut process = Process::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
            .unwrap_or_else(|error| panic!("{program}: {error}; install it with `apt-get install {package}`"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        wait_until("the proxy listens", || {
            assert!(!process.has_exited(), "{program} ended instead of listening");
            std::net::TcpStream::connect(address).ok()
        });
        Self { _process: process, address, _directory: directory }
    }

    /// Where clients reach it.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).expect("the configuration can be written");
}

fn every_proxy(replica: SocketAddr) -> [(&'static str, Proxy); 3] {
    [
        ("nginx that buffers", Proxy::nginx(replica, true)),
        ("nginx", Proxy::nginx(replica, false)),
        ("HAProxy", Proxy::haproxy(replica)),
    ]
}

/// The answer comes before the body has been sent, and closes the connection to the proxy: still it must reach the
/// client as it is, and not as a 502.
async fn an_early_413_reaches_the_client_as_such(service: &Service) {
    let poll = service.poll(json!({})).await;
    let replica = service.replicas()[0].address();
    let token = service.client().mint().await;
    let head = |length: usize| {
        format!(
            "POST /v1/polls/{poll}/votes HTTP/1.1\r\nHost: sawt\r\nAuthorization: Voter {token}\r\n\
             Content-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let everywhere = every_proxy(replica)
        .into_iter()
        .map(|(name, proxy)| (name, proxy.address(), Some(proxy)))
        .chain([("directly", replica, None)]);
    for (name, address, _proxy) in everywhere {
        for length in [16 * 1024 + 1, 100_000, 900_000] {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            let (mut reading, mut writing) = stream.split();
            let body = vec![b'x'; length];
            // Reads while it writes, as clients that mean well do.
            let write = async {
                let _ = writing.write_all(head(length).as_bytes()).await;
                let _ = writing.write_all(&body).await;
            };
            let read = async {
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    let read = tokio::io::AsyncReadExt::read_buf(&mut reading, &mut head).await.unwrap_or(0);
                    assert!(read > 0, "{name}: no answer to {length} bytes");
                }
                head
            };
            let head = tokio::select! {
                head = async { tokio::join!(read, write).0 } => head,
            };
            let answer = &answers(&head)[0];
            assert_eq!((answer.status, answer.request_id.is_empty()), (413, false), "{name}: {length} bytes");
        }
    }
}

/// A refusal that the client waits out without reading must not hold the proxy's other clients up.
async fn every_proxy_passes_votes_and_their_headers(service: &Service) {
    let poll = service.poll(json!({})).await;
    for (name, proxy) in every_proxy(service.replicas()[0].address()) {
        let client = Client::new(proxy.address());
        let voter = client.new_voter().await;
        voter.vote(&poll, &["yes"]).await.is(201);
        voter.vote(&poll, &["yes"]).await.is(200);
        let answer = voter.vote(&poll, &["no"]).await;
        assert!(answer.header("x-request-id").is_some(), "{name}");
        answer.refused(409, "already-voted");
    }
}

/// A client that hangs up in the middle of its vote leaves nothing behind for the next one.
async fn a_client_that_hangs_up_leaves_no_half_request_behind(service: &Service) {
    for (name, proxy) in every_proxy(service.replicas()[0].address()) {
        for _ in 0..5 {
            let mut stream = TcpStream::connect(proxy.address()).await.expect("a connection");
            let half = "POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
            stream.write_all(half.as_bytes()).await.expect("it is sent");
            stream.shutdown().await.expect("one half is closed");
            let answers = answers(&read_to_end(&mut stream).await);
            assert!(answers.iter().all(|answer| answer.status >= 400), "{name}: {answers:?}");
            Client::new(proxy.address()).mint().await;
        }
    }
}

service_rules![
    on [Backend::Sqlite];
    an_early_413_reaches_the_client_as_such,
    every_proxy_passes_votes_and_their_headers,
    a_client_that_hangs_up_leaves_no_half_request_behind,
];

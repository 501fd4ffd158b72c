//! Proxies in front of a replica: nginx and HAProxy as Debian has them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::backends::{Process, free_port, wait_until};

/// A proxy that is up. Killed when dropped.
pub(crate) struct Proxy {
    _process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl Proxy {
    /// nginx, keeping connections to the replica; whether it reads a body to its end before it passes it on.
    pub(crate) fn nginx(replica: SocketAddr, is_buffering: bool) -> Self {
        let buffering = if is_buffering { "on" } else { "off" };
        Self::nginx_serving(|port| {
            format!(
                "upstream sawt {{ server {replica}; keepalive 8; }}
                server {{
                    listen 127.0.0.1:{port};
                    location / {{
                        proxy_pass http://sawt; proxy_http_version 1.1; proxy_set_header Connection \"\";
                        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        proxy_request_buffering {buffering};
                    }}
                }}"
            )
        })
    }

    /// nginx with the cache that `deploy/nginx.conf` sets up, on other ports and in another directory.
    pub(crate) fn caching_nginx(replica: SocketAddr) -> Self {
        Self::nginx_serving(|port| {
            shipped(
                "nginx.conf",
                &[
                    ("listen 80;", 1, &format!("listen 127.0.0.1:{port};")),
                    ("server 127.0.0.1:8080;", 1, &format!("server {replica};")),
                    ("/var/lib/nginx/sawt", 1, "cache"),
                ],
            )
        })
    }

    fn nginx_serving(blocks: impl Fn(u16) -> String) -> Self {
        Self::start("nginx", "nginx-light", |directory, port| {
            let configuration = format!(
                "daemon off; master_process off; pid nginx.pid; error_log stderr crit;
                events {{ worker_connections 4096; }}
                http {{
                    access_log off;
                    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                    {}
                }}",
                blocks(port)
            );
            write(directory, "nginx.conf", &configuration);
            let mut command = Command::new("nginx");
            command.arg("-p").arg(directory).args(["-e", "stderr", "-c", "nginx.conf"]);
            command
        })
    }

    /// nginx as `deploy/nginx-path.conf` sets it up, for a service under `/polls`: it strips that path, or keeps it.
    pub(crate) fn nginx_with_path(replica: SocketAddr, keeps: bool) -> Self {
        let pass = if keeps { "proxy_pass http://sawt;" } else { "proxy_pass http://sawt/;" };
        Self::nginx_serving(|port| {
            shipped(
                "nginx-path.conf",
                &[
                    ("listen 80;", 1, &format!("listen 127.0.0.1:{port};")),
                    ("server 127.0.0.1:8080;", 1, &format!("server {replica};")),
                    ("proxy_pass http://sawt/;", 1, pass),
                ],
            )
        })
    }

    /// HAProxy as `deploy/haproxy-path.cfg` sets it up, for a service under `/polls`: it strips that path, or keeps it.
    pub(crate) fn haproxy_with_path(replica: SocketAddr, keeps: bool) -> Self {
        let strips = "    http-request replace-path /polls/?(.*) /\\1\n";
        Self::haproxy_serving(|port| {
            shipped(
                "haproxy-path.cfg",
                &[
                    ("    bind :80\n", 1, &format!("    bind 127.0.0.1:{port}\n")),
                    ("    log stdout format raw local0\n", 1, ""),
                    ("127.0.0.1:8080", 2, &replica.to_string()),
                    // A machine that pauses takes no replica away.
                    (" fall 2 ", 1, " fall 60 "),
                    (strips, 2, if keeps { "" } else { strips }),
                ],
            )
        })
    }

    /// HAProxy as `deploy/haproxy.cfg` sets it up, on another port, in front of one replica that needs no finding.
    pub(crate) fn haproxy(replica: SocketAddr) -> Self {
        Self::haproxy_with(replica, &[])
    }

    /// The same, told that what connects from this address ends TLS before it.
    pub(crate) fn haproxy_behind(replica: SocketAddr, terminator: &str) -> Self {
        Self::haproxy_with(replica, &[("is_proxy src 192.0.2.1\n", 1, &format!("is_proxy src {terminator}\n"))])
    }

    /// The same with room for so many requests at a time.
    pub(crate) fn narrow_haproxy(replica: SocketAddr, places: usize) -> Self {
        Self::haproxy_with(replica, &[(" maxconn 512\n", 1, &format!(" maxconn {places}\n"))])
    }

    fn haproxy_with(replica: SocketAddr, more: &[(&str, usize, &str)]) -> Self {
        Self::haproxy_serving(|port| {
            let changes = [
                ("    bind :8080\n", 1, format!("    bind 127.0.0.1:{port}\n")),
                ("    log stdout format raw local0\n", 1, String::new()),
                ("    server-template sawt 10 sawt:8080", 2, format!("    server sawt {replica}")),
                (" resolvers docker init-addr none\n", 1, "\n".to_owned()),
                // A machine that pauses takes no replica away.
                (" fall 2 ", 1, " fall 60 ".to_owned()),
            ];
            let mut changes: Vec<_> = changes.iter().map(|(from, times, to)| (*from, *times, to.as_str())).collect();
            changes.extend(more);
            shipped("haproxy.cfg", &changes)
        })
    }

    fn haproxy_serving(configuration: impl Fn(u16) -> String) -> Self {
        Self::start("haproxy", "haproxy", |directory, port| {
            write(directory, "haproxy.cfg", &configuration(port));
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
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A file of `deploy/`, in which this, so many times, is that.
fn shipped(name: &str, changes: &[(&str, usize, &str)]) -> String {
    let path = format!("{}/deploy/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    changes.iter().fold(text, |text, (from, times, to)| {
        assert_eq!(text.matches(from).count(), *times, "{from} in {path}");
        text.replace(from, to)
    })
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).expect("the configuration can be written");
}

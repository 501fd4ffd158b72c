//! The peer of event streams: nginx with nchan, as Debian's packages bring it, given the same messages.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    peer::find,
    process::{Process, free_port, wait_for},
};

/// Where readers find the stream.
pub(crate) const STREAM: &str = "/stream";
/// Where messages are published.
pub(crate) const PUBLISH: &str = "/publish";

/// A running nginx.
pub(crate) struct Nchan {
    /// nginx, with its workers as its children.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _directory: TempDir,
}

impl Nchan {
    /// Starts it, with as many workers as sawt would have. An error says what is not installed.
    pub(crate) fn start() -> Result<Self, String> {
        const REMEDY: &str = "`apt-get install nginx-light libnginx-mod-nchan` brings it";
        let nginx = find("nginx", &["/usr/sbin/nginx", "/usr/bin/nginx"], REMEDY)?;
        let module = find("nchan", &["/usr/lib/nginx/modules/ngx_nchan_module.so"], REMEDY)?;
        let port = free_port();
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let conf = include_str!("peer/nchan.conf")
            .replace("MODULE", &module.to_string_lossy())
            .replace("WORKERS", &workers.to_string())
            .replace("PORT", &port.to_string());
        let directory = TempDir::new().expect("a temporary directory can be made");
        fs::write(directory.path().join("nginx.conf"), conf).expect("it can be written to");
        let mut command = Command::new(nginx);
        command.arg("-p").arg(directory.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
        let mut process = Process::start(&mut command).map_err(|error| error.to_string())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        wait_for("nginx", || {
            assert!(!process.has_ended(), "nginx ended instead of listening");
            TcpStream::connect(address).ok()
        });
        Ok(Self { process, address, _directory: directory })
    }
}

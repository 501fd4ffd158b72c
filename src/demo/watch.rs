//! The line in the terminal that says what is going on.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write},
    time::Duration,
};

use serde::Deserialize;

use super::{DemoError, DemoPoll, Replica};

/// How often the line is printed, if it has changed.
pub(super) const TELL_EVERY: Duration = Duration::from_secs(1);

/// The gauge among the replica's metrics that says how many event streams it has open.
const STREAMS: &str = "sawt_streams ";

#[derive(Deserialize)]
struct DemoTally {
    ballots: u64,
    options: Vec<DemoOptionTally>,
}

#[derive(Deserialize)]
struct DemoOptionTally {
    id: String,
    votes: u64,
}

/// Reads a poll by the API and prints a line about it.
pub(super) struct Watch<'a> {
    replica: &'a Replica,
    poll: &'a DemoPoll,
    told: String,
    /// A terminal's last line is written over; a file gets one line after the other.
    is_terminal: bool,
}

impl<'a> Watch<'a> {
    /// Watches this poll.
    pub(super) fn new(replica: &'a Replica, poll: &'a DemoPoll) -> Self {
        Self { replica, poll, told: String::new(), is_terminal: io::stdout().is_terminal() }
    }

    /// Prints how many of the simulated readers have voted, if there are any, and the tally. Prints nothing if the line
    /// has not changed, or if the replica does not answer: it is stopping, or will answer in a second.
    pub(super) async fn tell(&mut self, voted: Option<(u32, u32)>, to: &mut impl Write) -> Result<(), DemoError> {
        let Some(line) = self.look(voted).await? else { return Ok(()) };
        if line == self.told {
            return Ok(());
        }
        if self.is_terminal {
            // From the start of the line, over what stands there.
            write!(to, "\r\x1b[2K{line}")?;
        } else {
            writeln!(to, "{line}")?;
        }
        self.told = line;
        Ok(to.flush()?)
    }

    /// Prints a line that is not written over.
    pub(super) fn say(&mut self, text: &str, to: &mut impl Write) -> io::Result<()> {
        if self.is_terminal && !self.told.is_empty() {
            writeln!(to)?;
        }
        self.told.clear();
        writeln!(to, "{text}")?;
        to.flush()
    }

    async fn look(&self, voted: Option<(u32, u32)>) -> Result<Option<String>, DemoError> {
        let results = self.replica.ask("GET", &format!("/v1/polls/{}/results", self.poll.id), None, None).await;
        let tally: DemoTally = match results {
            Ok(tally) => tally,
            Err(DemoError::Io(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut line = match voted {
            Some((voted, readers)) => format!("{voted} of {readers} readers have voted; "),
            None => String::new(),
        };
        // Writing to a String can't fail.
        let _ = write!(line, "the tally: {} ballots", tally.ballots);
        for option in &self.poll.options {
            let counted = tally.options.iter().find(|counted| counted.id == option.id);
            let _ = write!(line, ", {} {}", option.label, counted.map_or(0, |counted| counted.votes));
        }
        if let Some(metrics) = self.replica.metrics().await
            && let Some(streams) = metrics.lines().find_map(|line| line.strip_prefix(STREAMS))
        {
            let _ = write!(line, "; {streams} live streams");
        }
        Ok(Some(line))
    }
}

//! A reader of server-sent events, who reads them as the standard says.

use serde_json::Value;

use crate::client::Answer;

/// A stream that is open.
pub(crate) struct Events {
    response: reqwest::Response,
    head: Answer,
    read: Vec<u8>,
    block: Block,
    /// The last `retry` there was.
    pub(crate) retry_millis: Option<u64>,
    /// How many comments there were.
    pub(crate) comments: usize,
}

/// What was read of an event that has not ended: name, id and data.
#[derive(Debug, Default)]
struct Block {
    name: Option<String>,
    id: Option<String>,
    data: Option<String>,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) name: String,
    /// Its id, if it has one.
    pub(crate) id: Option<String>,
    /// Its data, which is always JSON here.
    pub(crate) data: Value,
}

/// The versions that an event's id says, without their epochs, which must be 0, and their signatures.
pub(crate) fn positions(id: &str) -> String {
    let version = |signed: &str| match signed.split(':').collect::<Vec<_>>()[..] {
        ["-"] => "-".to_owned(),
        ["0", version, mac] if mac.len() == 12 => version.to_owned(),
        _ => panic!("{signed} is no position"),
    };
    id.split(',').map(version).collect::<Vec<_>>().join(",")
}

impl Event {
    /// The versions its id says.
    pub(crate) fn versions(&self) -> Option<String> {
        self.id.as_deref().map(positions)
    }
}

impl Events {
    /// A stream whose head has come.
    pub(crate) fn of(response: reqwest::Response, head: Answer) -> Self {
        Self { response, head, read: Vec::new(), block: Block::default(), retry_millis: None, comments: 0 }
    }

    /// The head of the answer.
    pub(crate) fn head(&self) -> &Answer {
        &self.head
    }

    /// The head of the answer, and nothing of the stream.
    pub(crate) fn into_head(self) -> Answer {
        self.head
    }

    /// The next event; `None` when the stream has ended as streams do.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let line = String::from_utf8(line).expect("a stream is UTF-8");
                if let Some(event) = self.take_in(line.trim_end_matches('\n')) {
                    return Some(event);
                }
            }
            let chunk = self.response.chunk().await.expect("a stream that ends, ends well")?;
            self.read.extend_from_slice(&chunk);
        }
    }

    /// The next event, which must be there and have this name.
    pub(crate) async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
        assert_eq!(event.name, name, "{event:?}");
        event
    }

    /// The first tally from this version on, each one on the way newer than the one before.
    pub(crate) async fn tally_from(&mut self, version: u64) -> Value {
        let mut before = None;
        loop {
            let Event { name, id, data } = self.next().await.unwrap_or_else(|| panic!("it ended before {version}"));
            if name != "tally" {
                continue;
            }
            let next = data["version"].as_u64();
            assert!(next > before, "{next:?} after {before:?}");
            assert_eq!(id.as_deref().map(positions), next.map(|version| version.to_string()));
            if next >= Some(version) {
                return data;
            }
            before = next;
        }
    }

    /// A blank line ends an event. Where there is none, some clients (`httpx-sse`) make an empty one.
    fn take_in(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let Block { name, id, data } = std::mem::take(&mut self.block);
            let (name, data) = (name.expect("a block is an event"), data.expect("an event has data"));
            return Some(Event { name, id, data: serde_json::from_str(&data).expect("the data is JSON") });
        }
        match line.split_once(": ") {
            Some(("event", value)) => self.block.name = Some(value.to_owned()),
            Some(("id", value)) => self.block.id = Some(value.to_owned()),
            Some(("data", value)) => self.block.data = Some(value.to_owned()),
            Some(("retry", value)) => self.retry_millis = value.parse().ok(),
            _ if line.starts_with(':') => self.comments += 1,
            other => panic!("{other:?} is no field of an event"),
        }
        None
    }
}

/// A poll as an event has it: without what puts it into a page.
pub(crate) fn as_told(poll: &Value) -> Value {
    let mut told = poll.clone();
    told.as_object_mut().expect("a poll").remove("embed");
    told
}

/// A tally but for the time it was read at, and for the labels that those who ask for results are told besides.
pub(crate) fn timeless(mut tally: Value) -> Value {
    tally.as_object_mut().expect("a tally is an object").remove("as_of");
    for option in tally["options"].as_array_mut().expect("a tally has options") {
        option.as_object_mut().expect("an option is an object").remove("label");
    }
    tally
}

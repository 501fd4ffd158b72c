//! A reader of server-sent events, who reads them as the standard says.

use serde_json::Value;

use crate::client::Answer;

/// A stream that is open.
pub(crate) struct Events {
    response: reqwest::Response,
    head: Answer,
    read: Vec<u8>,
    /// The last `retry` there was.
    pub(crate) retry_millis: Option<u64>,
    /// How many comments there were.
    pub(crate) comments: usize,
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
        Self { response, head, read: Vec::new(), retry_millis: None, comments: 0 }
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
            while let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.read.drain(..end + 2).collect();
                let block = String::from_utf8(block).expect("a stream is UTF-8");
                if let Some(event) = self.parse(&block) {
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

    fn parse(&mut self, block: &str) -> Option<Event> {
        let (mut name, mut id, mut data) = (None, None, None);
        for line in block.lines().filter(|line| !line.is_empty()) {
            match line.split_once(": ") {
                Some(("event", value)) => name = Some(value.to_owned()),
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("data", value)) => data = Some(value.to_owned()),
                Some(("retry", value)) => self.retry_millis = value.parse().ok(),
                _ if line.starts_with(':') => self.comments += 1,
                other => panic!("{other:?} is no field of an event"),
            }
        }
        let data = serde_json::from_str(&data?).expect("the data is JSON");
        Some(Event { name: name.expect("an event with data has a name"), id, data })
    }
}

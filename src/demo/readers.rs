//! Readers made up for a demo.

use std::{
    cell::{Cell, RefCell},
    io::{self, Write},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{StreamExt as _, stream};
use serde::de::IgnoredAny;
use serde_json::json;

use super::{
    DemoError, DemoPoll, Replica,
    engagement::{ARTICLE, Engagement, SITE},
    watch::{TELL_EVERY, Watch},
};
use crate::secret::random_bytes;

/// How fast readers come and decide.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How many are on the page at once.
    pub at_once: usize,
    /// A reader reads the poll for up to this long, and then decides for up to this long.
    pub think: Duration,
    /// How long a reader waits before sending again what got no answer.
    pub retry_after: Duration,
}

impl Pace {
    /// As people do: some 33 votes a second.
    pub const HUMAN: Self = Self { at_once: 100, think: Duration::from_secs(3), retry_after: Duration::from_secs(1) };
}

/// How often a reader sends what gets no answer before giving up.
const TRIES: u32 = 5;

/// Lets so many readers vote, and tells how it goes. Returns when the last one is through.
pub(super) async fn vote(
    replica: &Replica,
    (poll, engagement): (&DemoPoll, &Engagement),
    readers: u32,
    pace: &Pace,
    watch: &mut Watch<'_>,
    to: &mut impl Write,
) -> Result<(), DemoError> {
    let voted = Cell::new(0_u32);
    let failures = RefCell::new(Vec::new());
    let crowd = stream::iter(0..readers).for_each_concurrent(pace.at_once, |_| async {
        match read_and_vote(replica, poll, engagement, pace).await {
            Ok(()) => voted.set(voted.get() + 1),
            Err(error) => failures.borrow_mut().push(error),
        }
    });
    let tell = async {
        let mut ticks = tokio::time::interval(TELL_EVERY);
        ticks.tick().await; // The first is at once, and there is nothing to tell yet.
        loop {
            ticks.tick().await;
            watch.tell(Some((voted.get(), readers)), to).await?;
        }
    };
    let told: Result<(), DemoError> = tokio::select! {
        () = crowd => Ok(()),
        told = tell => told,
    };
    told?;
    watch.tell(Some((voted.get(), readers)), to).await?;
    let text = match failures.take().as_slice() {
        [] => "Every reader has voted.".to_owned(),
        [.., last] => format!("{} readers could not vote, the last because {last}", readers - voted.get()),
    };
    Ok(watch.say(&text, to)?)
}

async fn read_and_vote(
    replica: &Replica,
    poll: &DemoPoll,
    engagement: &Engagement,
    pace: &Pace,
) -> Result<(), DemoError> {
    tokio::time::sleep(up_to(pace.think) + up_to(pace.think)).await;
    let nonce = URL_SAFE_NO_PAD.encode(random_bytes::<16>());
    let cast = async |path: String, choice: &str| {
        let vote = json!({ "choices": [choice], "voter": { "nonce": nonce } }).to_string();
        insist(pace, || replica.ask::<IgnoredAny>("POST", &path, None, Some(&vote))).await
    };
    let of = |poll: &DemoPoll| poll.options.iter().map(|option| option.id.clone()).collect::<Vec<_>>();
    if let Some(article) = one_of(&engagement.articles) {
        let view = json!({ "site": SITE, "article": article.id }).to_string();
        insist(pace, || replica.send("POST", "/v1/views", &view)).await?;
    }
    cast(format!("/v1/polls/{}/votes", poll.id), one_of(&of(poll)).map_or("", String::as_str)).await?;
    // Not everybody answers everything.
    for other in [&engagement.quiz, &engagement.prediction] {
        if let Some(choice) = one_of(&of(other)).filter(|_| is_willing()) {
            cast(format!("/v1/polls/{}/votes", other.id), choice).await?;
        }
    }
    for (template, options) in &engagement.templates {
        if let Some(choice) = one_of(options).filter(|_| is_willing()) {
            cast(format!("/v1/sites/{SITE}/articles/{ARTICLE}/{template}/votes"), choice).await?;
        }
    }
    Ok(())
}

/// Two readers in three.
fn is_willing() -> bool {
    let [chance] = random_bytes::<1>();
    chance < 170
}

/// Sends a request again while it gets no answer, or is told to come back later.
async fn insist<T, F: Future<Output = Result<T, DemoError>>>(pace: &Pace, ask: impl Fn() -> F) -> Result<T, DemoError> {
    let mut tries = 1;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let may_help = match &error {
            DemoError::Io(error) => error.kind() != io::ErrorKind::InvalidData,
            DemoError::Refused { status, .. } => matches!(status, 429 | 503),
            DemoError::NotReady => false,
        };
        if !may_help || tries == TRIES {
            return Err(error);
        }
        tries += 1;
        tokio::time::sleep(pace.retry_after).await;
    }
}

/// One of them; the earlier ones are liked better.
fn one_of<T>(all: &[T]) -> Option<&T> {
    let [one, other] = random_bytes::<2>().map(usize::from);
    let nth = (one * all.len() / 256).min(other * (all.len() + 1) / 256);
    all.get(nth)
}

fn up_to(longest: Duration) -> Duration {
    longest.mul_f32(f32::from(u16::from_le_bytes(random_bytes())) / f32::from(u16::MAX))
}

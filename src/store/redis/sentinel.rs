//! Which master is in force, as the Sentinels that watch it say, and for how long that can be trusted.
//!
//! **All are asked.** One Sentinel may be behind, or be cut off together with a deposed master. So a master is trusted
//! if the majority of the Sentinels in the settings answer, and it has the highest `config-epoch` among their answers:
//! every failover takes the next one. During a failover no master is trusted.
//!
//! **They also push.** `+switch-master` on a Sentinel's own channel ends the connection to the old master at once. They
//! are also asked from time to time ([`CHECK_EVERY`]), in case a push was missed.
//!
//! **A master that hangs** for as long as its Sentinels wait (`down-after-milliseconds`) is deposed, does not know it
//! when it goes on, and takes writes until it is told; those are lost. So a master's answer is trusted only if it gave
//! a sign of life shortly before: it can't have been deposed between two signs of life that are closer together than
//! its Sentinels' wait. Checking this reads one number, and a ping now and then keeps the number fresh while nobody
//! votes. An answer that came later is unknown until the Sentinels have been asked again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, PushInfo, PushKind, RedisError, RedisResult, Value,
    aio::MultiplexedConnection,
};
use rustc_hash::FxHashMap;
use tokio::{
    sync::{Mutex, Notify},
    time::timeout,
};

use super::address::{RedisAddress, Topology};

/// How long one Sentinel may take to answer, with connecting.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long to wait for the others once the majority has answered: one of them may know a later master.
const STRAGGLER_TIMEOUT: Duration = Duration::from_millis(50);
/// How often the Sentinels are asked whether the master in use still is one.
pub(super) const CHECK_EVERY: Duration = Duration::from_millis(500);
/// The longest silence after which a master is still trusted, even if its Sentinels wait longer.
const LONGEST_SILENCE: Duration = Duration::from_millis(500);
/// The channel on which a Sentinel reports that it has promoted another master.
const SWITCHED: &str = "+switch-master";

/// A server's host and port, as Sentinels give them.
pub(super) type HostPort = (String, u16);

/// The Sentinels of a link.
pub(super) struct Sentinels {
    nodes: Vec<Arc<Node>>,
    /// Notified when a Sentinel reports a switch of the master.
    switched: Arc<Notify>,
}

/// One Sentinel.
struct Node {
    info: ConnectionInfo,
    /// The master's name.
    name: String,
    switched: Arc<Notify>,
    /// Carries commands, and pushes of a switch.
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// A master in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Master {
    pub(super) host_port: HostPort,
    epoch: u64,
    /// How long its Sentinels wait before they depose it.
    down_after: Duration,
}

/// What one Sentinel reports.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Report {
    master: Master,
    /// Whether it gets no answer from the master.
    is_down: bool,
    /// Whether it is promoting another one.
    is_failing_over: bool,
}

impl Sentinels {
    /// The Sentinels of an address.
    ///
    /// # Errors
    /// That the address names none.
    pub(super) fn of(address: &RedisAddress) -> RedisResult<Self> {
        let Topology::Sentinel(name) = &address.topology else {
            return Err((ErrorKind::InvalidClientConfig, "no Sentinel named").into());
        };
        let switched = Arc::<Notify>::default();
        let node =
            |info| Node { info, name: name.clone(), switched: Arc::clone(&switched), connection: Mutex::default() };
        let nodes = address.sentinel_infos()?.into_iter().map(node).map(Arc::new).collect();
        Ok(Self { nodes, switched })
    }

    /// Waits until a Sentinel reports a switch of the master.
    pub(super) async fn switched(&self) {
        self.switched.notified().await;
    }

    /// The master in force.
    ///
    /// # Errors
    /// Why it is unknown.
    pub(super) async fn master(&self) -> Result<Master, NoMaster> {
        // In tasks of their own: a slow Sentinel is not waited for, and is connected by the next time.
        let ask = |node: &Arc<Node>| tokio::spawn(Arc::clone(node).ask());
        let mut asked: FuturesUnordered<_> = self.nodes.iter().map(ask).collect();
        let majority = self.nodes.len() / 2 + 1;
        let (mut reports, mut failure) = (Vec::with_capacity(self.nodes.len()), None);
        while reports.len() < majority
            && let Some(answer) = asked.next().await
        {
            match answer.unwrap_or_else(|_| Err(io_error("a Sentinel was not asked to the end"))) {
                Ok(report) => reports.push(report),
                Err(error) => failure = Some(error),
            }
        }
        let stragglers = async {
            while let Some(answer) = asked.next().await {
                reports.extend(answer.into_iter().flatten());
            }
        };
        // Sentinels that don't answer in time are not waited for.
        let _ = timeout(STRAGGLER_TIMEOUT, stragglers).await;
        in_force(&reports, majority).ok_or_else(|| match failure {
            Some(failure) if reports.len() < majority => NoMaster::Silent(failure),
            Some(_) | None => NoMaster::Changing,
        })
    }
}

/// Why the master in force is unknown.
#[derive(Debug)]
pub(super) enum NoMaster {
    /// Too few Sentinels answer; this is the error of one.
    Silent(RedisError),
    /// They disagree, or are promoting another master.
    Changing,
}

impl From<NoMaster> for RedisError {
    fn from(reason: NoMaster) -> Self {
        match reason {
            NoMaster::Silent(error) => error,
            NoMaster::Changing => io_error("the Sentinels are about to put another master in place"),
        }
    }
}

impl Node {
    async fn ask(self: Arc<Self>) -> RedisResult<Report> {
        let asked = async {
            let mut connection = self.connection.lock().await;
            let mut sentinel = match connection.take() {
                Some(sentinel) => sentinel,
                None => self.connect().await?,
            };
            let mut both = redis::pipe();
            both.cmd("SENTINEL").arg("MASTER").arg(&self.name);
            both.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
            // In one pipeline: the second names a promoted master earlier, but only the first has the epoch.
            let (fields, host_port): (FxHashMap<String, String>, Option<HostPort>) =
                both.query_async(&mut sentinel).await?;
            // A connection without an answer is not used again.
            *connection = Some(sentinel);
            read(&fields, host_port)
        };
        timeout(ASK_TIMEOUT, asked).await.unwrap_or_else(|_| Err(io_error("a Sentinel did not answer in time")))
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let (switched, name) = (Arc::clone(&self.switched), self.name.clone());
        let on_push = move |push: PushInfo| {
            if is_switch(&push, &name) {
                switched.notify_one();
            }
            Ok::<(), ()>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ASK_TIMEOUT))
            .set_response_timeout(Some(ASK_TIMEOUT))
            .set_push_sender(on_push);
        let client = Client::open(self.info.clone())?;
        let mut sentinel = client.get_multiplexed_async_connection_with_config(&config).await?;
        sentinel.subscribe(SWITCHED).await?;
        Ok(sentinel)
    }
}

/// Whether this push says that the master of this name was switched: `NAME OLD-IP OLD-PORT NEW-IP NEW-PORT`.
fn is_switch(push: &PushInfo, name: &str) -> bool {
    let Some(Value::BulkString(text)) = push.data.last() else { return false };
    push.kind == PushKind::Message && text.split(|byte| *byte == b' ').next() == Some(name.as_bytes())
}

fn read(fields: &FxHashMap<String, String>, host_port: Option<HostPort>) -> RedisResult<Report> {
    let number = |name: &str| fields.get(name).and_then(|value| value.parse().ok());
    let flags = fields.get("flags").map(String::as_str).unwrap_or_default();
    let has = |wanted: &[&str]| flags.split(',').any(|flag| wanted.contains(&flag));
    let (Some(host_port), Some(epoch), Some(down_after)) =
        (host_port, number("config-epoch"), number("down-after-milliseconds"))
    else {
        return Err(io_error("a Sentinel says nothing of its master"));
    };
    // After a promotion, the flags still describe the old master for some seconds.
    let is_promoted = fields.get("ip") != Some(&host_port.0) || number("port") != Some(u64::from(host_port.1));
    Ok(Report {
        master: Master { host_port, epoch, down_after: Duration::from_millis(down_after) },
        is_down: !is_promoted && has(&["s_down", "o_down"]),
        is_failing_over: !is_promoted && has(&["failover_in_progress"]),
    })
}

/// The master in force, if enough Sentinels agree; `None` if that is unclear.
fn in_force(reports: &[Report], majority: usize) -> Option<Master> {
    let latest = reports.iter().map(|report| report.master.epoch).max().filter(|_| reports.len() >= majority)?;
    let mut of_latest = reports.iter().filter(|report| report.master.epoch == latest);
    let master = &of_latest.next()?.master;
    if of_latest.any(|other| other.master.host_port != master.host_port) {
        return None;
    }
    let of_this = || reports.iter().filter(|report| report.master.host_port == master.host_port);
    // A single Sentinel may lose contact with a healthy master. It deposes nobody without the others.
    let is_down = of_this().filter(|report| report.is_down).count() * 2 > reports.len();
    (!is_down && !of_this().any(|report| report.is_failing_over)).then(|| master.clone())
}

/// Whether a master, by its `INFO`, takes writes that no replica has: it counts replicas that keep up only if it is
/// configured to need some.
pub(super) fn writes_alone(info: &str) -> bool {
    !info.lines().any(|line| line.starts_with("min_slaves_good_slaves:"))
}

/// An error that says why the master in force is not known.
pub(super) fn io_error(why: &'static str) -> RedisError {
    (ErrorKind::Io, why).into()
}

/// Decides whether an answer of the connection's master can be trusted.
pub(super) struct MasterCheck {
    sentinels: Arc<Sentinels>,
    host_port: HostPort,
    /// How far apart two signs of life may be.
    silence: Duration,
    began: Instant,
    /// When it was last surely in force, in microseconds since `began`.
    sure_at: AtomicU64,
    /// Whether a Sentinel has reported a change.
    is_in_doubt: AtomicBool,
    /// When the Sentinels were last asked, and whether they confirmed the master. Locked meanwhile: those who wait
    /// share the answer.
    confirmed: Mutex<Option<(Instant, bool)>>,
}

impl MasterCheck {
    /// For a master that its Sentinels named when they were asked at this moment.
    pub(super) fn new(sentinels: Arc<Sentinels>, master: &Master, asked: Instant) -> Self {
        Self {
            sentinels,
            host_port: master.host_port.clone(),
            silence: LONGEST_SILENCE.min(master.down_after / 2),
            began: asked,
            sure_at: AtomicU64::new(0),
            is_in_doubt: AtomicBool::new(false),
            confirmed: Mutex::default(),
        }
    }

    /// How often it must give a sign of life.
    pub(super) fn ping_every(&self) -> Duration {
        self.silence / 3
    }

    /// Waits until a Sentinel reports another master, at most [`CHECK_EVERY`]: a report may be lost.
    pub(super) async fn wait_for_next_check(&self) {
        if timeout(CHECK_EVERY, self.sentinels.switched()).await.is_ok() {
            self.doubt();
        }
    }

    /// Trusts nothing until the Sentinels have been asked.
    fn doubt(&self) {
        self.is_in_doubt.store(true, Relaxed);
    }

    /// Accepts an answer that has just come, to a command that was sent at this moment.
    ///
    /// # Errors
    /// The master may have been deposed meanwhile, so the answer's worth is unknown.
    pub(super) async fn trust(&self, asked: Instant) -> RedisResult<()> {
        let now = Instant::now();
        if !self.is_sure(now) {
            self.confirm(now).await?;
        }
        // It answered at some moment after that.
        self.note(asked);
        Ok(())
    }

    fn is_sure(&self, now: Instant) -> bool {
        !self.is_in_doubt.load(Relaxed)
            && self.micros(now).saturating_sub(self.sure_at.load(Relaxed)) <= micros(self.silence)
    }

    fn note(&self, sure_at: Instant) {
        self.sure_at.fetch_max(self.micros(sure_at), Relaxed);
    }

    /// Makes the Sentinels confirm that the master is in force, by answers younger than this moment.
    ///
    /// # Errors
    /// They do not confirm it.
    pub(super) async fn confirm(&self, after: Instant) -> RedisResult<()> {
        let mut confirmed = self.confirmed.lock().await;
        let is_in_force = match *confirmed {
            Some((asked, is_in_force)) if asked >= after => is_in_force,
            Some(_) | None => {
                let asked = Instant::now();
                let master = self.sentinels.master().await;
                let is_in_force = master.is_ok_and(|master| master.host_port == self.host_port);
                *confirmed = Some((asked, is_in_force));
                self.is_in_doubt.store(!is_in_force, Relaxed);
                if is_in_force {
                    self.note(asked);
                }
                is_in_force
            }
        };
        if is_in_force { Ok(()) } else { Err(io_error("the Sentinels do not confirm that this master is in force")) }
    }

    /// Whether the Sentinels name another master. Those that can't be asked depose nobody.
    pub(super) async fn is_deposed(&self) -> bool {
        match self.sentinels.master().await {
            Ok(master) => master.host_port != self.host_port,
            Err(NoMaster::Silent(_)) => false,
            Err(NoMaster::Changing) => {
                self.doubt();
                false
            }
        }
    }

    fn micros(&self, moment: Instant) -> u64 {
        micros(moment.saturating_duration_since(self.began))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAJORITY: usize = 2;

    #[test]
    fn a_switch_of_another_master_is_none_of_ours() {
        let push = |text: &str| PushInfo {
            kind: PushKind::Message,
            data: [SWITCHED, text].map(|text| Value::BulkString(text.as_bytes().to_vec())).to_vec(),
        };
        assert!(is_switch(&push("votes 10.0.0.1 6379 10.0.0.2 6379"), "votes"));
        assert!(!is_switch(&push("votes-too 10.0.0.1 6379 10.0.0.2 6379"), "votes"));
        let subscribed = PushInfo { kind: PushKind::Subscribe, data: vec![Value::Int(1)] };
        assert!(!is_switch(&subscribed, "votes"));
    }

    #[test]
    fn a_master_that_writes_without_replicas_is_told_by_what_it_says_of_itself() {
        assert!(writes_alone("role:master\r\nconnected_slaves:1\r\nslave0:ip=10.0.0.2\r\n"));
        assert!(!writes_alone("role:master\r\nconnected_slaves:1\r\nmin_slaves_good_slaves:1\r\n"));
    }

    fn report(port: u16, epoch: u64, flags: &str) -> Report {
        report_of(port, port, epoch, flags)
    }

    /// What a Sentinel reports that has promoted the second in place of the first.
    fn report_of(before: u16, port: u16, epoch: u64, flags: &str) -> Report {
        let (before, epoch) = (before.to_string(), epoch.to_string());
        let fields = [("ip", "10.0.0.1"), ("port", &before), ("flags", flags), ("config-epoch", &epoch)];
        let fields = fields.into_iter().chain([("down-after-milliseconds", "1000")]);
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        read(&fields, Some(("10.0.0.1".to_owned(), port))).unwrap()
    }

    fn port_in_force(reports: &[Report]) -> Option<u16> {
        in_force(reports, MAJORITY).map(|master| master.host_port.1)
    }

    #[test]
    fn the_latest_master_is_in_force_whoever_has_not_heard_of_it() {
        let [old, new] = [report(1, 7, "master"), report(2, 8, "master")];
        assert_eq!(port_in_force(&[old.clone(), old.clone(), old.clone()]), Some(1));
        assert_eq!(port_in_force(&[old.clone(), new.clone(), old.clone()]), Some(2));
        let old_is_missed = report(1, 7, "s_down,o_down,master");
        assert_eq!(port_in_force(&[new, old_is_missed.clone(), old_is_missed]), Some(2));
    }

    #[test]
    fn no_master_is_in_force_that_a_minority_names() {
        assert_eq!(port_in_force(&[]), None);
        assert_eq!(port_in_force(&[report(1, 7, "master")]), None);
        assert_eq!(port_in_force(&[report(1, 7, "master"), report(2, 7, "master")]), None, "they do not agree");
    }

    #[test]
    fn no_master_is_in_force_while_another_is_about_to_be() {
        let well = report(1, 7, "master");
        let failing_over = report(1, 7, "s_down,o_down,master,failover_in_progress");
        assert_eq!(port_in_force(&[well.clone(), well.clone(), failing_over]), None);
        let promoting = report_of(1, 2, 8, "s_down,o_down,master,failover_in_progress");
        assert_eq!(port_in_force(&[well.clone(), well.clone(), promoting]), Some(2), "that one is in force by now");
        let down = report(1, 7, "s_down,master");
        assert_eq!(port_in_force(&[well.clone(), down.clone(), down.clone()]), None);
        assert_eq!(port_in_force(&[well.clone(), well, down]), Some(1), "one alone may see what is not there");
    }
}

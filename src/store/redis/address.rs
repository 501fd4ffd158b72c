//! Where Redis is: the `redis…://` forms of `SAWT_STORE`.

use std::{fmt, str::FromStr, time::Duration};

use redis::{
    ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, RedisResult,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};

use crate::secret::Secret;

/// Redis's address, and how to log in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAddress {
    pub(super) topology: Topology,
    pub(super) is_tls: bool,
    pub(super) nodes: Vec<(String, u16)>,
    username: Option<String>,
    password: Option<Secret>,
    pub(super) database: i64,
}

/// How the named nodes belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topology {
    /// One server.
    Single,
    /// Some nodes of a Redis Cluster, which name the others.
    Cluster,
    /// Some Sentinels, and the name of the master they watch.
    Sentinel(String),
}

const RULE: &str = "must be redis://[USER:PASSWORD@]HOST[:PORT][/DB], redis-cluster://HOST:PORT,HOST:PORT,… or \
     redis-sentinel://HOST:PORT,HOST:PORT,…/NAME; rediss… for TLS";

impl FromStr for RedisAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(RULE)?;
        let (is_tls, kind) = match scheme.strip_prefix("rediss") {
            Some(kind) => (true, kind),
            None => (false, scheme.strip_prefix("redis").ok_or(RULE)?),
        };
        let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
        let (hosts, path) = rest.split_once('/').map_or((rest, ""), |(hosts, path)| (hosts, path));
        let own_port = if kind == "-sentinel" { 26379 } else { 6379 };
        let nodes =
            hosts.split(',').map(|node| host_and_port(node, own_port)).collect::<Option<Vec<_>>>().ok_or(RULE)?;
        let database = |text: &str| match text {
            "" => Ok(0),
            number => number.parse().map_err(|_| format!("{RULE}; the database {number:?} is not a number")),
        };
        let (topology, database) = match kind {
            "" if nodes.len() == 1 => (Topology::Single, database(path)?),
            "-cluster" if path.is_empty() => (Topology::Cluster, 0),
            "-sentinel" => {
                let (name, path) = path.split_once('/').unwrap_or((path, ""));
                if name.is_empty() {
                    return Err(format!("{RULE}; the master's name is missing"));
                }
                (Topology::Sentinel(name.to_owned()), database(path)?)
            }
            _ => return Err(RULE.to_owned()),
        };
        let (username, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            None => (None, None),
            Some((username, password)) => (decode(username)?, decode(password)?.map(Secret::new)),
        };
        Ok(Self { topology, is_tls, nodes, username, password, database })
    }
}

/// A percent-decoded part of a URL; `None` if empty.
fn decode(part: &str) -> Result<Option<String>, String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(RULE.to_owned()) };
                bytes.push(high * 16 + low);
                rest = after;
            }
            (byte, after) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    let decoded = String::from_utf8(bytes).map_err(|_| RULE.to_owned())?;
    Ok(Some(decoded).filter(|decoded| !decoded.is_empty()))
}

fn host_and_port(node: &str, own_port: u16) -> Option<(String, u16)> {
    let (host, port) = match node.rsplit_once(':') {
        // A bare IPv6 address in brackets has colons but no port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        Some(_) | None => (node, own_port),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty() && !host.contains(char::is_whitespace)).then(|| (host.to_owned(), port))
}

impl fmt::Display for RedisAddress {
    /// The address without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.topology {
            Topology::Single => "",
            Topology::Cluster => "-cluster",
            Topology::Sentinel(_) => "-sentinel",
        };
        write!(f, "redis{}{kind}://", if self.is_tls { "s" } else { "" })?;
        if self.username.is_some() || self.password.is_some() {
            write!(f, "{}:(set)@", self.username.as_deref().unwrap_or_default())?;
        }
        for (nth, (host, port)) in self.nodes.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            if host.contains(':') { write!(f, "{comma}[{host}]:{port}")? } else { write!(f, "{comma}{host}:{port}")? }
        }
        if let Topology::Sentinel(name) = &self.topology {
            write!(f, "/{name}")?;
        }
        if self.database == 0 { Ok(()) } else { write!(f, "/{}", self.database) }
    }
}

impl RedisAddress {
    /// Each node, in the driver's form.
    pub(super) fn connection_infos(&self) -> RedisResult<Vec<ConnectionInfo>> {
        self.nodes.iter().map(|(host, port)| self.connection_info(host, *port)).collect()
    }

    /// One server, in the driver's form.
    pub(super) fn connection_info(&self, host: &str, port: u16) -> RedisResult<ConnectionInfo> {
        let mut settings = RedisConnectionInfo::default().set_db(self.database).set_skip_set_lib_name();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password.expose());
        }
        Ok(self.info(host, port)?.set_redis_settings(settings))
    }

    /// Each Sentinel, in the driver's form: without user and database, and with pushes.
    pub(super) fn sentinel_infos(&self) -> RedisResult<Vec<ConnectionInfo>> {
        let settings = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        let info = |(host, port): &(String, u16)| Ok(self.info(host, *port)?.set_redis_settings(settings.clone()));
        self.nodes.iter().map(info).collect()
    }

    fn info(&self, host: &str, port: u16) -> RedisResult<ConnectionInfo> {
        let scheme = if self.is_tls { "rediss" } else { "redis" };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Ok(format!("{scheme}://{host}:{port}").into_connection_info()?.set_tcp_settings(tcp_settings()))
    }
}

/// How long a connection may be idle before the system checks the other end. Firewalls silently forget an idle
/// connection after some minutes.
const IDLE: Duration = Duration::from_secs(5);
const IDLE_AGAIN: Duration = Duration::from_secs(1);

/// Disables Nagle's algorithm, which the driver leaves on: it would hold back every small batch that follows another.
pub(super) fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(IDLE).with_interval(IDLE_AGAIN).with_retries(3);
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_their_password() {
        for (address, shown) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("redis://:secret@10.0.0.1:6380/2", "redis://:(set)@10.0.0.1:6380/2"),
            ("rediss://me:s%40cret@cache.example", "rediss://me:(set)@cache.example:6379"),
            ("redis://[::1]:7000", "redis://[::1]:7000"),
            ("redis-cluster://a:1,b:2,c", "redis-cluster://a:1,b:2,c:6379"),
            ("redis-sentinel://a,b:5/mymaster", "redis-sentinel://a:26379,b:5/mymaster"),
            ("redis-sentinel://a/mymaster/3", "redis-sentinel://a:26379/mymaster/3"),
        ] {
            assert_eq!(address.parse::<RedisAddress>().map(|address| address.to_string()).as_deref(), Ok(shown));
        }
        let address: RedisAddress = "rediss://me:s%40cret@cache.example".parse().unwrap();
        let info = address.connection_info("cache.example", 6379).unwrap();
        let settings = info.redis_settings();
        assert_eq!((settings.username(), settings.password()), (Some("me"), Some("s@cret")));
        assert!(!format!("{address:?}").contains("s@cret"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for address in [
            "redis://",
            "redis:localhost",
            "http://localhost",
            "redis://a,b",
            "redis://localhost:port",
            "redis://localhost/zero",
            "redis-cluster://a:1/2",
            "redis-sentinel://a:1",
            "redis-ring://a",
        ] {
            assert!(address.parse::<RedisAddress>().is_err(), "{address}");
        }
    }
}

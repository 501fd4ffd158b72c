//! How a store is hurt.

use std::{thread, time::Duration};

use super::servers::{Cluster, Server, Watched, redis_cli};

/// How long a master hangs, from the shortest to the longest: around the moment at which it is deposed.
const HANGS_MS: [u64; 8] = [2_000, 2_200, 2_400, 2_600, 2_800, 3_000, 3_200, 3_400];
/// How many slots move at a time.
const SLOTS: &str = "1000";

/// A store that can be hurt.
pub(super) trait Faulty {
    /// What `SAWT_STORE` is set to.
    fn address(&self) -> String;

    /// Waits until it is as it was before it was hurt.
    fn is_well(&self);
}

/// Kills the master, and starts it again once there is another.
pub(super) fn kill_master(watched: &Watched, _fault: usize) {
    let master = watched.master();
    master.kill();
    watched.is_replaced(master);
    master.run();
}

/// Stops every instruction of the master for a while.
pub(super) fn hang_master(watched: &Watched, fault: usize) {
    let master = watched.master();
    master.signal("STOP");
    thread::sleep(Duration::from_millis(HANGS_MS[fault % HANGS_MS.len()]));
    master.signal("CONT");
}

/// Kills one of the cluster's masters, and starts it again once its replica has its slots.
pub(super) fn kill_one(cluster: &Cluster, fault: usize) {
    let masters = cluster.masters();
    let master = masters[fault % masters.len()];
    master.kill();
    cluster.is_replaced(master);
    master.run();
}

/// Moves slots from one master to another, there and back.
pub(super) fn move_slots(cluster: &Cluster, fault: usize) {
    let masters = cluster.masters();
    let id = |place: usize| -> String {
        masters[place % masters.len()].try_ask(&["CLUSTER", "MYID"]).expect("a master says who it is")
    };
    let (from, to) = (id(fault), id(fault + 1));
    let any = format!("127.0.0.1:{}", masters[0].port);
    let moving = ["--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", SLOTS, "--cluster-yes"];
    redis_cli(&["--cluster", "reshard"], &[any], &moving);
}

/// Kills a server and starts it again at once.
pub(super) fn restart(server: &Server, _fault: usize) {
    server.kill();
    server.run();
}

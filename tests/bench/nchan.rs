//! The peer of event streams: nginx with nchan, as Debian's packages bring it, given the same messages.

use crate::nginx::{Nginx, find};

/// Where readers find the stream.
pub(crate) const STREAM: &str = "/stream";
/// Where messages are published.
pub(crate) const PUBLISH: &str = "/publish";

const REMEDY: &str = "`apt-get install nginx-light libnginx-mod-nchan` brings it";

/// Starts it. An error says what is not installed.
pub(crate) fn start() -> Result<Nginx, String> {
    let module = find("nchan", &["/usr/lib/nginx/modules/ngx_nchan_module.so"], REMEDY)?;
    Nginx::start(&include_str!("peer/nchan.conf").replace("MODULE", &module.to_string_lossy()), REMEDY)
}

//! Query parameters that say how a reader came, or who the reader is, and not which page is asked for.

/// Beginnings of names: Google Analytics and whoever copied it, and Matomo.
const FAMILIES: [&str; 3] = ["utm_", "mtm_", "hsa_"];

/// Marks of advertisements, newsletters and networks, and sessions, in lower case.
const NAMES: [&str; 50] = [
    "__cft__[0]",
    "__tn__",
    "__twitter_impression",
    "_branch_match_id",
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "_openstat",
    "ck_subscriber_id",
    "dclid",
    "fb_action_ids",
    "fb_action_types",
    "fb_ref",
    "fb_source",
    "fbclid",
    "gad_campaignid",
    "gad_source",
    "gbraid",
    "gclid",
    "gclsrc",
    "igsh",
    "igshid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "ml_subscriber",
    "ml_subscriber_hash",
    "msclkid",
    "oly_anon_id",
    "oly_enc_id",
    "pk_campaign",
    "pk_kwd",
    "pk_medium",
    "pk_source",
    "rb_clickid",
    "s_cid",
    "scclid",
    "srsltid",
    "ttclid",
    "twclid",
    "vero_conv",
    "vero_id",
    "wbraid",
    "wickedid",
    "wt_zmc",
    "yclid",
    "ysclid",
    "zanpid",
];

/// Sessions, in lower case: as parameters of a query, and of a path after `;`.
const SESSIONS: [&str; 7] = ["cfid", "cftoken", "jsessionid", "phpsessid", "session_id", "sessionid", "sid"];

/// A session's id is long and random. A short `sid` names a story in some systems (PHP-Nuke), as in `?sid=4321`.
const SHORTEST_SESSION: usize = 16;

/// Whether a parameter of a query says nothing of the page.
pub(super) fn is_tracking(name: &[u8], value: &[u8]) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let begins =
        |family: &&str| name.get(..family.len()).is_some_and(|start| start.eq_ignore_ascii_case(family.as_bytes()));
    FAMILIES.iter().any(begins) || NAMES.iter().any(|known| is(known)) || is_session(name, value)
}

/// Whether a parameter is a session's id.
pub(super) fn is_session(name: &[u8], value: &[u8]) -> bool {
    match SESSIONS.iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes())) {
        Some(&"sid") => value.len() >= SHORTEST_SESSION,
        Some(_) => true,
        None => name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case(b"aspsessionid")),
    }
}

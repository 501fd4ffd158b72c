//! A poll as one reader is to be shown it: what a page is asked for.

use super::look::Look;
use crate::{
    poll::{Choices, CountedAnswer, OptionId, Poll, State, Tally, Timestamp},
    site::{BaseAddress, SiteSettings},
};

/// A poll as one reader is shown it.
pub struct ShownPoll<'a> {
    pub poll: &'a Poll,
    pub state: State,
    /// What readers are shown of each other's own words, if this reader may see the tally.
    pub answers: &'a [CountedAnswer],
    /// Its tally, if this reader may see it.
    pub tally: Option<&'a Tally>,
    /// What this reader chose, if that is known.
    pub chosen: Option<Choices>,
    /// The indexes of what they have ticked and can't vote for so, each with its rank, or 0.
    pub ticked: &'a [(u8, u8)],
    /// Who wins a ranked poll that is closed, if that is known.
    pub winner: Option<&'a OptionId>,
    /// What they have just done.
    pub notice: Option<Notice>,
    /// How it is to look.
    pub look: &'a Look,
    /// Whose it is.
    pub site: &'a SiteSettings,
    /// The address readers reach the service at, if a setting says it. None is taken from a request: a cache would show
    /// everybody whatever one of them said.
    pub public_url: Option<&'a BaseAddress>,
    /// Whether readers find it by its id: drafts are not found, nor an article's poll before its first ballot.
    pub is_kept: bool,
    /// What shows that a reader had it before them, if no stream brings that: of an article's poll before its first
    /// ballot.
    pub mark: Option<&'a str>,
    /// Whether its reader came by its article.
    pub is_by_article: bool,
    /// The place it stands in, if its page is a place's.
    pub place: Option<&'a FollowedPlace>,
    /// For whom it is.
    pub mode: Mode<'a>,
    /// What it is shown in.
    pub window: Window,
}

/// A place, as its page says it to the script that follows it.
#[derive(Debug)]
pub struct FollowedPlace {
    /// Where it is told what stands there, below the service's own address.
    pub path: String,
    /// When another may come.
    pub until: Option<Timestamp>,
}

/// What a page tells its reader about the vote they have just sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Their vote was counted.
    Counted,
    /// It replaced another.
    Changed,
    /// Another is on record, and stays.
    AlreadyVoted,
    /// They gave two options the same rank.
    SameRank,
    /// They took it back.
    Withdrawn,
    /// They chose nothing, or fewer or more than they may; what they ticked is still there.
    ChooseFirst,
    /// What they wrote can't be taken. It is not there any more: the page repeats nothing of a request.
    SayOtherwise,
}

/// What a page is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// In a tab of its own: there it says whose poll it is, and leads back to the article.
    Tab,
    /// In a frame, for all that is known. The page for script, which is the same for everybody, finds out by itself
    /// ([`MARK_TOP`](super::page::MARK_TOP)).
    Frame,
}

impl Window {
    /// As an attribute of the page.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Tab => " data-top",
            Self::Frame => "",
        }
    }
}

/// Who puts the page to use.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// The script, which the page brings along or came from.
    Script,
    /// A reader without script: a plain form. `None` if they have nothing to vote on.
    Form(Option<HiddenFields<'a>>),
}

/// What a form sends that its reader does not see.
#[derive(Debug, Clone, Copy, Default)]
pub struct HiddenFields<'a> {
    /// The token that they vote by.
    pub voter: &'a str,
    /// What shows that they had the poll before them.
    pub mark: &'a str,
}

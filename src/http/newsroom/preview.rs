//! A poll as it was typed, beside its form.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk::{SiteDesk, frame_of_nobody},
    make::{forget_what_is_its_own, typed},
    page, posted,
};
use crate::{
    embed::{
        look::Look,
        shown_poll::{HiddenFields, Mode, ShownPoll, Window},
    },
    http::{
        Worker,
        message::problem::{Code, Problem},
        middleware::notes::note_outcome,
        pages::embed,
    },
    newsroom::{
        frame::{Frame, Section},
        make::EmptyPreview,
        texts::NewsroomTexts,
    },
    poll::State,
    site::Scope,
};

/// `GET /newsroom/sites/{site}/preview`: what the frame shows before there is anything to show.
pub(super) async fn nothing(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    match SiteDesk::unframed(&req, &worker).await {
        Ok(desk) => empty_preview(StatusCode::OK, desk.frame(Section::Polls), |texts| &texts.make.preview_empty),
        Err(problem) => no_preview(&req, problem),
    }
}

/// `POST /newsroom/sites/{site}/preview`: the page of a poll as it was typed, as readers without script see it. It
/// stands in a frame that can do nothing; so what there is to say stands in it, too.
pub(super) async fn preview(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let shown = async {
        let (desk, form) = posted::take_for_part(&req, payload, &worker, Scope::PollsRead).await?;
        let mut typed = typed(&form);
        forget_what_is_its_own(&mut typed);
        let new = typed.new_poll(false, &desk.site.settings.timezone, worker.shared.clock.now()).ok();
        let Some(poll) = new.and_then(|new| worker.publishing.sketch(&desk.site, new)) else {
            let frame = desk.frame(Section::Polls);
            return empty_preview(StatusCode::OK, frame, |texts| &texts.make.preview_empty);
        };
        let view = ShownPoll {
            poll: &poll,
            state: State::Open,
            answers: &[],
            tally: None,
            chosen: None,
            ticked: &[],
            winner: None,
            notice: None,
            look: &Look::default(),
            site: &desk.site.settings,
            public_url: worker.shared.public_url.as_ref(),
            mode: Mode::Form(Some(HiddenFields::default())),
            window: Window::Frame,
            is_kept: false,
            mark: None,
            is_by_article: false,
            place: None,
        };
        let body = view.render().map_err(Problem::internal)?;
        Ok(page::send_written(StatusCode::OK, body, &embed::preview_policy(&desk.site, &poll)))
    };
    shown.await.or_else(|problem| no_preview(&req, problem))
}

/// What a preview says while there is nothing to show, or why there is none.
fn empty_preview(
    status: StatusCode,
    frame: Frame<'_>,
    said: fn(&'static NewsroomTexts) -> &'static String,
) -> Result<HttpResponse, Problem> {
    let said = said(frame.texts());
    page::send_framed(status, &EmptyPreview { frame, said })
}

/// Why there is no preview, where the editor sees it: what they have typed stands beside it.
fn no_preview(req: &HttpRequest, problem: Problem) -> Result<HttpResponse, Problem> {
    let status = problem.code().status();
    let frame = frame_of_nobody(req, "/newsroom");
    note_outcome(req, problem.code().as_str());
    if problem.code() == Code::KeyRequired {
        return empty_preview(StatusCode::FORBIDDEN, frame, |texts| &texts.make.preview_ended);
    }
    if problem.code() == Code::OriginRefused {
        return empty_preview(status, frame, |texts| &texts.make.preview_refused);
    }
    if problem.is_the_stores() {
        return empty_preview(status, frame, |texts| &texts.make.preview_away);
    }
    Err(problem)
}

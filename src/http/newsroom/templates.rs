//! A site's templates: listed, made, changed, deleted.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk::SiteDesk,
    make::{begin_with, changed, make_room, next_polls, next_words, typed},
    page,
    posted::{self, Form},
    see,
};
use crate::{
    article::{Template, TemplateId},
    http::{
        Worker,
        auth::origin::public_address,
        message::{
            path::id_in_path,
            problem::{Code, Problem},
            query::Query,
            refusals::no_template,
        },
        middleware::notes::note_outcome,
    },
    newsroom::{
        frame::Section,
        make::{FormFault, MakeNotice, MakePage, TypedPoll},
        templates::{DeleteTemplatePage, TemplateBase, TemplatesPage, TypedArticles, TypedTemplate, code_of},
        texts::texts_of,
    },
    poll::Violation,
    publishing::{NewTemplate, PublishError},
    site::Scope,
};

/// `GET /newsroom/sites/{site}/templates`.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let texts = &texts_of(desk.desk.language).templates;
    let said = Query::lenient(req.query_string())?.take("said")?.unwrap_or_default();
    let notice = match said.as_str() {
        "saved" => Some(&*texts.saved),
        "deleted" => Some(&*texts.deleted),
        _ => None,
    };
    let templates = worker.publishing.templates(&desk.publisher, &desk.site.id).await?;
    let base = public_address(&req, &worker);
    let code = code_of(&base, &desk.site.id, &templates);
    let frame = desk.frame(Section::Templates);
    page::send(StatusCode::OK, &TemplatesPage { frame, templates: &templates, code, notice })
}

/// `GET /newsroom/sites/{site}/new-template`: a template may be called `new`, so this is not below them.
pub(super) async fn start(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsWrite).await?;
    let mut asked = TypedPoll::blank(desk.desk.language.tag(), &desk.site.settings.poll_defaults);
    begin_with(&mut asked, "reactions");
    let of = TypedTemplate { id: "reactions".to_owned(), ..TypedTemplate::default() };
    show(&worker, &desk, StatusCode::OK, (&asked, &TemplateBase::default(), ""), &of, &[], None).await
}

/// `POST /newsroom/sites/{site}/new-template`: one that is there already is left alone.
pub(super) async fn create(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, form| {
        let asked = typed(&form);
        let mut of = typed_template(&form, form.text("id").unwrap_or_default());
        let is_taken = match of.template_id() {
            Some(id) => match worker.publishing.template(&desk.publisher, &desk.site.id, &id).await {
                Ok(_) => true,
                Err(PublishError::NoTemplate) => false,
                Err(error) => return Err(error.into()),
            },
            None => true,
        };
        if is_taken && form.text("do") == Some("save") {
            of.wrong.push("id");
        }
        put(&req, &worker, &desk, &form, (asked, TemplateBase::default()), of).await
    })
    .await
}

/// `GET /newsroom/sites/{site}/templates/{template}`.
pub(super) async fn edit(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsWrite).await?;
    let template = template_of(&req, &worker, &desk).await?;
    let now = TemplateBase::of(&template, &desk.site.settings.timezone);
    show(&worker, &desk, StatusCode::OK, (&now.poll, &now, ""), &TypedTemplate::of(&template), &[], None).await
}

/// `POST /newsroom/sites/{site}/templates/{template}`. Of two editors at once the second is shown what the first has
/// made of it, and loses nothing of what they typed.
pub(super) async fn save(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, form| {
        let template = template_of(&req, &worker, &desk).await?;
        let now = TemplateBase::of(&template, &desk.site.settings.timezone);
        let base: TemplateBase =
            form.text("base").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_else(|| now.clone());
        let asked = typed(&form);
        let of = TypedTemplate { is_there: true, ..typed_template(&form, template.id.as_str()) };
        if base != now && form.text("do") == Some("save") {
            let of_articles = now.articles.changes_since(&base.articles, desk.desk.language);
            let notice = Some(changed(&worker, &desk, (&now.poll, &base.poll), of_articles).await?);
            let both = TypedPoll { kind: asked.kind.clone(), ..asked.onto(&base.poll, &now.poll) };
            let of = TypedTemplate { articles: of.articles.onto(&base.articles, &now.articles), ..of };
            note_outcome(&req, Code::RevisionMismatch.as_str());
            let (status, words) = (Code::RevisionMismatch.status(), next_words(&form));
            return show(&worker, &desk, status, (&both, &now, words), &of, &[], notice).await;
        }
        put(&req, &worker, &desk, &form, (asked, base), of).await
    })
    .await
}

/// `GET /newsroom/sites/{site}/templates/{template}/delete`: asks for its id.
pub(super) async fn ask(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsWrite).await?;
    let template = template_of(&req, &worker, &desk).await?;
    let frame = desk.frame(Section::Templates);
    page::send(StatusCode::OK, &DeleteTemplatePage { frame, template: &template, is_wrong: false })
}

/// `POST /newsroom/sites/{site}/templates/{template}/delete`.
pub(super) async fn delete(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, form| {
        let template = template_of(&req, &worker, &desk).await?;
        if form.text("id") != Some(template.id.as_str()) {
            let frame = desk.frame(Section::Templates);
            let page = DeleteTemplatePage { frame, template: &template, is_wrong: true };
            return page::send(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        worker.publishing.delete_template(&desk.publisher, &desk.site.id, &template.id).await?;
        note_outcome(&req, "deleted");
        Ok(see(&desk.path("/templates?said=deleted")))
    })
    .await
}

/// The template in the path.
async fn template_of(req: &HttpRequest, worker: &Worker, desk: &SiteDesk) -> Result<Template, Problem> {
    let id: TemplateId = id_in_path(req, "template", no_template)?;
    Ok(worker.publishing.template(&desk.publisher, &desk.site.id, &id).await?)
}

/// What stands in the form besides the poll.
fn typed_template(form: &Form, id: &str) -> TypedTemplate {
    let text = |name: &str| form.text(name).unwrap_or_default().to_owned();
    TypedTemplate {
        id: id.to_owned(),
        is_there: false,
        articles: TypedArticles {
            is_for_all: form.text("articles") == Some("own-origins"),
            open_for_days: text("open_for_days"),
            most_articles: text("most_articles"),
        },
        wrong: Vec::new(),
    }
}

/// Puts the template that is asked for, or shows the form again.
async fn put(
    req: &HttpRequest,
    worker: &Worker,
    desk: &SiteDesk,
    form: &Form,
    (mut asked, base): (TypedPoll, TemplateBase),
    mut of: TypedTemplate,
) -> Result<HttpResponse, Problem> {
    let (what, words) = (form.text("do").unwrap_or("more"), next_words(form));
    let now = worker.shared.clock.now();
    if let Some(start) = what.strip_prefix("start:") {
        begin_with(&mut asked, start);
        return show(worker, desk, StatusCode::OK, (&asked, &base, words), &of, &[], None).await;
    }
    if what != "save" {
        if what == "more" {
            make_room(&mut asked);
        }
        return show(worker, desk, StatusCode::OK, (&asked, &base, words), &of, &[], None).await;
    }
    let numbers = of.numbers();
    of.wrong.extend(numbers.as_ref().err().into_iter().flatten());
    let (faults, new) = match asked.new_template(now) {
        // All that is wrong is said at once, whatever else is.
        Ok(new) if !of.wrong.is_empty() => (asked.faults_in(new, now), None),
        Ok(new) => (Vec::new(), Some(new)),
        Err(faults) => (faults, None),
    };
    let (Some(poll), Ok((open_for_days, most_articles)), Some(id), true) =
        (new, numbers, of.template_id(), of.wrong.is_empty())
    else {
        return wrong((req, worker), desk, (&asked, &base, words), &of, &faults).await;
    };
    let new = NewTemplate { poll, admits: Some(of.admits()), open_for_days, most_articles };
    match worker.publishing.put_template(&desk.publisher, &desk.site.id, id, new).await {
        Ok(_) => {
            note_outcome(req, "saved");
            Ok(see(&desk.path("/templates?said=saved")))
        }
        Err(PublishError::Invalid(violations)) => {
            // What is wrong with the poll is said of the template's member.
            let of_poll = |violation: Violation| {
                let field = violation.field.strip_prefix("poll.").unwrap_or(&violation.field).to_owned();
                Violation { field, ..violation }
            };
            let violations: Vec<Violation> = violations.into_iter().map(of_poll).collect();
            let faults = asked.faults(&violations);
            wrong((req, worker), desk, (&asked, &base, words), &of, &faults).await
        }
        Err(PublishError::TooManyTemplates) => {
            let (code, notice) = (Code::TooManyTemplates, Some(MakeNotice::TooManyTemplates));
            note_outcome(req, code.as_str());
            show(worker, desk, code.status(), (&asked, &base, words), &of, &[], notice).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn wrong(
    (req, worker): (&HttpRequest, &Worker),
    desk: &SiteDesk,
    polls: (&TypedPoll, &TemplateBase, &str),
    of: &TypedTemplate,
    faults: &[FormFault],
) -> Result<HttpResponse, Problem> {
    note_outcome(req, Code::InvalidPoll.as_str());
    show(worker, desk, Code::InvalidPoll.status(), polls, of, faults, Some(MakeNotice::Wrong)).await
}

/// The form, with what was typed, and how the template was when that was begun.
async fn show(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    (typed, base, words): (&TypedPoll, &TemplateBase, &str),
    of: &TypedTemplate,
    faults: &[FormFault],
    notice: Option<MakeNotice>,
) -> Result<HttpResponse, Problem> {
    let offered = next_polls(worker, desk, typed, words).await?;
    let (frame, timezone) =
        (desk.form_frame(Section::Templates, "make", Scope::PollsWrite), &desk.site.settings.timezone);
    let base = serde_json::to_string(base).map_err(Problem::internal)?;
    let (edited, template) = (None, Some((of, base)));
    page::send(status, &MakePage { frame, typed, faults, notice, edited, template, offered, timezone, once: "" })
}

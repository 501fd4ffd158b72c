//! Lines of the route table: an address, its methods, whose pages may use them, the quotas.

use std::{collections::VecDeque, iter};

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder,
    guard::{self, Guard},
    http::Method,
    web,
};

use super::{
    Worker,
    auth::origin::host_in,
    message::problem::{Code, Problem},
    middleware::{
        cors,
        limits::{Limits, Special},
    },
    pattern::{Callers, POLL, Pattern},
};

/// Paths that many routes begin with, the shorter ones first. A name in a path is a regular expression, which each
/// worker compiles for itself and tries in turn: one for all routes below such a path stands in place of one for each.
const SHARED: [&str; 5] = [
    "/v1/sites/{site}",
    "/v1/sites/{site}/articles/{article}/{template}",
    "/v1/sites/{site}/webhooks/{webhook}",
    "/newsroom/sites/{site}",
    "/newsroom/sites/{site}/polls/{poll}",
];

/// One line of the route table.
pub(super) struct Route {
    pub(super) methods: Vec<&'static str>,
    pub(super) pattern: Pattern,
    resource: Resource,
    /// `None`: existing files for anybody, without a quota.
    limits: Option<Limits>,
}

pub(super) fn at(path: &'static str) -> Route {
    let pattern = Pattern {
        path,
        callers: Callers::Programs,
        page_methods: Vec::new(),
        is_page: false,
        is_newsroom: false,
        is_probe: false,
    };
    let resource = web::resource(own_part(path));
    Route { methods: Vec::new(), pattern, resource, limits: Some(Limits::default()) }
}

/// What follows the path that a route shares with others.
fn own_part(path: &'static str) -> &'static str {
    let shared = SHARED.iter().rev().chain([&POLL]);
    shared.into_iter().find_map(|shared| path.strip_prefix(*shared)).unwrap_or(path)
}

/// Registers routes in their order. Where the first of those below a shared path stands, all of them do.
pub(super) fn register_all(routes: impl IntoIterator<Item = Route>, cfg: &mut web::ServiceConfig) {
    register_below("", routes.into_iter().collect(), cfg);
}

fn register_below(above: &str, mut routes: VecDeque<Route>, cfg: &mut web::ServiceConfig) {
    while let Some(route) = routes.pop_front() {
        let path = route.pattern.path;
        let deeper = SHARED.iter().find(|shared| shared.len() > above.len() && path.starts_with(**shared));
        let Some(&shared) = deeper else {
            route.register(cfg);
            continue;
        };
        let (below, others): (VecDeque<_>, _) =
            iter::once(route).chain(routes).partition(|route| route.pattern.path.starts_with(shared));
        routes = others;
        let own = shared.strip_prefix(above).unwrap_or(shared);
        cfg.service(web::scope(own).configure(|cfg| register_below(shared, below, cfg)));
    }
}

/// Whether a request has this method. The framework's own guard also records the methods in each request, for a refusal
/// that is not ours.
fn has_method(method: Method) -> impl Guard {
    guard::fn_guard(move |asked| asked.head().method == method)
}

/// Adds methods to a route.
macro_rules! methods {
    ($($function:ident $($name:ident)+;)*) => {
        $(pub(super) fn $function<F, Args>(mut self, handler: F) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            $(
                self.resource = self.resource.route(web::route().guard(has_method(Method::$name)).to(handler.clone()));
                self.methods.push(stringify!($name));
            )+
            self
        })*
    };
}

impl Route {
    /// Lets the last name in the path stand for all that follows, with its slashes.
    pub(super) fn with_tail(mut self) -> Self {
        let all = own_part(self.pattern.path).strip_suffix('}').map(|path| format!("{path}:.*}}"));
        self.resource = web::resource(all.unwrap_or_default());
        self
    }

    methods! {
        get GET HEAD;
        put PUT;
        post POST;
        patch PATCH;
        delete DELETE;
    }

    /// Lets pages of any origin use the methods so far, without cookies.
    pub(super) fn for_any_page(self) -> Self {
        self.for_pages(Callers::AnyPage)
    }

    /// Lets the pages that the poll's site lists use the methods so far.
    pub(super) fn for_listed_pages(self) -> Self {
        self.for_pages(Callers::Listed)
    }

    fn for_pages(mut self, callers: Callers) -> Self {
        self.pattern.callers = callers;
        self.pattern.page_methods.clone_from(&self.methods);
        let methods = self.methods.join(", ");
        let preflight = web::route()
            .guard(has_method(Method::OPTIONS))
            .guard(guard::fn_guard(|asked| cors::is_preflight(asked.head().headers())))
            .to(move |req: HttpRequest, worker: web::Data<Worker>| cors::preflight(req, worker, methods.clone()));
        self.resource = self.resource.route(preflight);
        self
    }

    pub(super) fn making_voters(mut self) -> Self {
        self.limits = Some(Limits::with(Special::MintingPost));
        self
    }

    /// A page here has a new voter's token in it.
    pub(super) fn bringing_voters(mut self) -> Self {
        self.limits = Some(Limits::with(Special::MintingGet));
        self
    }

    /// A `POST` here changes nothing: it is a `POST` for its body.
    pub(super) fn only_reading(mut self) -> Self {
        self.limits = Some(Limits::with(Special::ReadingPost));
        self
    }

    /// Refusals are pages, as answers are.
    pub(super) fn for_people(mut self) -> Self {
        self.pattern.is_page = true;
        self
    }

    /// Answers are pages of the newsroom, refusals too.
    pub(super) fn for_editors(mut self) -> Self {
        (self.pattern.is_page, self.pattern.is_newsroom) = (true, true);
        self
    }

    /// What was sent to other hosts finds nothing here.
    pub(super) fn where_host(mut self, is_here: impl Fn(Option<&str>) -> bool + 'static) -> Self {
        self.resource = self.resource.guard(guard::fn_guard(move |asked| {
            let head = asked.head();
            is_here(host_in(head.headers(), &head.uri))
        }));
        self
    }

    /// Requests here are not worth a log line.
    pub(super) fn for_probes(mut self) -> Self {
        self.pattern.is_probe = true;
        self
    }

    pub(super) fn unlimited(mut self) -> Self {
        self.limits = None;
        self
    }

    pub(super) fn register(self, cfg: &mut web::ServiceConfig) {
        let allow = self.methods.join(", ");
        let wrong_method = move |_: HttpRequest| {
            let allow = allow.clone();
            async move {
                let detail = format!("this address takes {allow}");
                Err::<HttpResponse, _>(Problem::new(Code::MethodNotAllowed, detail).with_allow(allow))
            }
        };
        let resource = self.resource.app_data(self.pattern);
        let wrong_method = web::to(wrong_method);
        match self.limits {
            Some(limits) => cfg.service(resource.default_service(wrong_method).wrap(limits)),
            None => cfg.service(resource.default_service(wrong_method.wrap(Limits::of_refusals()))),
        };
    }
}

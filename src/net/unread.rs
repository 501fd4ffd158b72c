//! What is left of a body when its request has been answered.
//!
//! A request is often refused before its body has been read, and then the rest of it stands between the client and the
//! next request on the connection. For a body of known length the framework ends the connection after the answer. For
//! one in chunks it reads on, to find its end, and has no deadline for that: whoever never sends the last chunk holds
//! a connection for ever. It does so because nobody holds the body any more. So we hold it, for as long as the
//! answer may take to be written: then the framework sees a body that nobody has read to its end, and ends the
//! connection as it does for the others. A body that has arrived whole is no obstacle either way.
//!
//! Only requests in chunks pay for this, and browsers send none.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpMessage as _,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::header,
    rt,
    web::Bytes,
};
use futures_util::{Stream, StreamExt as _};

/// How long an answer may take to be written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// The body of a request in chunks, shared by the handler and whoever holds it afterwards.
#[derive(Clone)]
pub(crate) struct Chunks(Rc<RefCell<UnreadBody>>);

struct UnreadBody {
    payload: Payload,
    has_ended: bool,
}

/// Keeps hold of a request's body, if it comes in chunks.
pub(crate) fn hold(req: &mut ServiceRequest) -> Option<Chunks> {
    if !req.headers().contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let chunks = Chunks(Rc::new(RefCell::new(UnreadBody { payload: req.take_payload(), has_ended: false })));
    req.set_payload(Payload::Stream { payload: Box::pin(chunks.clone()) });
    Some(chunks)
}

/// Lets go of it once the answer has been written.
pub(crate) fn release(chunks: Chunks) {
    if chunks.0.borrow().has_ended {
        return;
    }
    rt::spawn(async move {
        let rest = chunks.for_each(|_| std::future::ready(()));
        // Ends before that if the rest arrives, or with the connection.
        let _ = rt::time::timeout(WRITTEN_WITHIN, rest).await;
    });
}

impl Stream for Chunks {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.borrow_mut();
        if body.has_ended {
            return Poll::Ready(None);
        }
        let next = body.payload.poll_next_unpin(cx);
        body.has_ended = matches!(next, Poll::Ready(None | Some(Err(_))));
        next
    }
}

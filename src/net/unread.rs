//! Request bodies that were not read to their end.
//!
//! A request is often refused before its body was read, and then the rest of the body comes before the next request on
//! the connection. For a body of known length the framework closes the connection after the answer. For a chunked body
//! it reads on to find the end, without a deadline: a client that never sends the last chunk would hold a connection
//! for ever. It does so only if nobody holds the body any more. So we hold it while the answer is written: then the
//! framework sees an unread body, and closes the connection as for the others. A body that has arrived whole makes no
//! difference.
//!
//! Only chunked requests pay for this, and browsers send none.

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

/// The body of a chunked request, shared by the handler and what holds it afterwards.
#[derive(Clone)]
pub(crate) struct Chunks(Rc<RefCell<UnreadBody>>);

struct UnreadBody {
    payload: Payload,
    has_ended: bool,
}

/// Holds a request's body, if it is chunked.
pub(crate) fn hold(req: &mut ServiceRequest) -> Option<Chunks> {
    if !req.headers().contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let chunks = Chunks(Rc::new(RefCell::new(UnreadBody { payload: req.take_payload(), has_ended: false })));
    req.set_payload(Payload::Stream { payload: Box::pin(chunks.clone()) });
    Some(chunks)
}

/// Drops it once the answer has been written.
pub(crate) fn release(chunks: Chunks) {
    if chunks.0.borrow().has_ended {
        return;
    }
    rt::spawn(async move {
        let rest = chunks.for_each(|_| std::future::ready(()));
        // Ends earlier if the rest arrives, or with the connection.
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

//! The pictures of polls, as they were drawn.
//!
//! Drawing one takes some ten milliseconds, so it is done off the threads that answer requests, and on one thread at a
//! time: however many pictures are asked for, votes keep the other cores. Those who ask for the same picture wait for
//! the same drawing, which goes on if they leave. If too many others wait already, a request is told to come back.
//!
//! A picture is kept by the hash of what it shows: so it can't be an old one. What was asked for last is kept: once so
//! many bytes were added, what has not been asked for since is forgotten.

use std::sync::Arc;

use actix_web::web::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::{sync::watch, task::spawn_blocking};

use crate::card::{Card, DrawError, draw};

/// How many bytes are added before old ones go; twice as many are kept at the most. A picture is some 25 KiB.
const MOST_ADDED: usize = 4 * 1024 * 1024;
/// How many pictures may wait to be drawn. The last of so many waits for half a second.
const MOST_WAITING: usize = 32;

/// The pictures.
#[derive(Debug, Default)]
pub struct DrawnCards {
    known: Mutex<KnownCards>,
    /// Held by whoever draws.
    turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct KnownCards {
    current: FxHashMap<[u8; 32], Bytes>,
    current_bytes: usize,
    previous: FxHashMap<[u8; 32], Bytes>,
    under_way: FxHashMap<[u8; 32], watch::Receiver<Option<Bytes>>>,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPicture {
    /// Too many wait already.
    #[error("too many pictures wait to be drawn")]
    Busy,
    /// A defect, which the log has.
    #[error("the picture could not be drawn")]
    Failed,
}

impl DrawnCards {
    /// The picture of this card; the hash is the card's.
    pub(super) async fn get_or_draw(self: &Arc<Self>, card: Card, hash: [u8; 32]) -> Result<Bytes, NoPicture> {
        let mut drawing = match self.begin(card, hash)? {
            Drawing::Done(picture) => return Ok(picture),
            Drawing::UnderWay(drawing) => drawing,
        };
        // The sender is gone if the drawing failed, and if the replica stops.
        let drawn = drawing.wait_for(Option::is_some).await.map_err(|_| NoPicture::Failed)?;
        drawn.clone().ok_or(NoPicture::Failed)
    }

    fn begin(self: &Arc<Self>, card: Card, hash: [u8; 32]) -> Result<Drawing, NoPicture> {
        let mut known = self.known.lock();
        if let Some(picture) = known.find(&hash) {
            return Ok(Drawing::Done(picture));
        }
        if let Some(drawing) = known.under_way.get(&hash) {
            return Ok(Drawing::UnderWay(drawing.clone()));
        }
        if known.under_way.len() >= MOST_WAITING {
            return Err(NoPicture::Busy);
        }
        let (told, drawing) = watch::channel(None);
        known.under_way.insert(hash, drawing.clone());
        drop(known);
        let under_way = UnderWay { cards: Arc::clone(self), hash };
        spawn_blocking(move || under_way.draw(&card, &told));
        Ok(Drawing::UnderWay(drawing))
    }
}

enum Drawing {
    Done(Bytes),
    UnderWay(watch::Receiver<Option<Bytes>>),
}

/// A drawing. Whatever becomes of it, even if it panics, it is not under way any more.
struct UnderWay {
    cards: Arc<DrawnCards>,
    hash: [u8; 32],
}

impl UnderWay {
    fn draw(self, card: &Card, told: &watch::Sender<Option<Bytes>>) {
        let drawn = {
            let _turn = self.cards.turn.lock();
            draw(card)
        };
        match drawn {
            Ok(picture) => {
                let picture = Bytes::from(picture);
                self.cards.known.lock().add(self.hash, picture.clone());
                // They may be gone.
                let _ = told.send(Some(picture));
            }
            Err(error) => report(&error),
        }
    }
}

fn report(error: &DrawError) {
    tracing::error!(error = %error, "a poll's picture could not be drawn");
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.cards.known.lock().under_way.remove(&self.hash);
    }
}

impl KnownCards {
    fn find(&mut self, hash: &[u8; 32]) -> Option<Bytes> {
        if let Some(picture) = self.current.get(hash) {
            return Some(picture.clone());
        }
        let picture = self.previous.remove(hash)?;
        self.add(*hash, picture.clone());
        Some(picture)
    }

    fn add(&mut self, hash: [u8; 32], picture: Bytes) {
        self.current_bytes += picture.len();
        if self.current_bytes > MOST_ADDED {
            self.previous = std::mem::take(&mut self.current);
            self.current_bytes = picture.len();
        }
        self.current.insert(hash, picture);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::join_all};

    use super::*;
    use crate::card::{CardBody, CardShape, CardText, Rgb};

    fn card(question: &str) -> (Card, [u8; 32]) {
        let card = Card {
            shape: CardShape::Wide,
            is_rtl: false,
            accent: Rgb([0; 3]),
            site: CardText::default(),
            status: CardText::default(),
            question: CardText { text: question.to_owned(), ..CardText::default() },
            hint: CardText::default(),
            mean: None,
            body: CardBody::Stars,
            total: CardText::default(),
            disclosure: Vec::new(),
        };
        let hash = card.hash().into();
        (card, hash)
    }

    #[tokio::test]
    async fn a_picture_that_many_ask_for_is_drawn_once_and_also_if_they_leave() {
        let cards = Arc::new(DrawnCards::default());
        let (one, hash) = card("?");
        let asked = (0..8).map(|_| cards.get_or_draw(one.clone(), hash));
        let pictures = join_all(asked).await;
        let first = pictures[0].as_ref().unwrap();
        assert!(pictures.iter().all(|picture| picture.as_ref().unwrap().as_ptr() == first.as_ptr()));
        let kept = cards.get_or_draw(one, hash).await.unwrap();
        assert_eq!(kept.as_ptr(), first.as_ptr());

        let (other, hash) = card("??");
        let turn = cards.turn.lock();
        let Drawing::UnderWay(mut drawing) = cards.begin(other.clone(), hash).unwrap() else {
            panic!("it is not known")
        };
        // Whoever else asks is gone before it is drawn.
        assert!(cards.get_or_draw(other.clone(), hash).now_or_never().is_none());
        drop(turn);
        drawing.wait_for(Option::is_some).await.unwrap();
        assert!(matches!(cards.begin(other, hash), Ok(Drawing::Done(_))));
    }

    #[tokio::test]
    async fn so_many_wait_and_no_more_and_then_there_is_room_again() {
        let cards = Arc::new(DrawnCards::default());
        let mut waiting = Vec::new();
        {
            let turn = cards.turn.lock();
            for number in 0..MOST_WAITING {
                let (card, hash) = card(&number.to_string());
                let Ok(Drawing::UnderWay(drawing)) = cards.begin(card, hash) else { panic!("{number} does not wait") };
                waiting.push(drawing);
            }
            let (one_more, hash) = card("one more");
            assert!(matches!(cards.begin(one_more, hash), Err(NoPicture::Busy)));
            // It is no further drawing.
            let (known, hash) = card("0");
            assert!(matches!(cards.begin(known, hash), Ok(Drawing::UnderWay(_))));
            drop(turn);
        }
        for drawing in &mut waiting {
            drawing.wait_for(Option::is_some).await.unwrap();
        }
        let (one_more, hash) = card("one more");
        assert!(cards.get_or_draw(one_more, hash).await.is_ok());
    }

    #[test]
    fn pictures_take_no_more_memory_than_is_said() {
        let mut known = KnownCards::default();
        for number in 0..=u8::MAX {
            known.add([number; 32], vec![0; 128 * 1024].into());
            let bytes: usize = known.current.values().chain(known.previous.values()).map(Bytes::len).sum();
            assert!(bytes <= 2 * MOST_ADDED, "{bytes} bytes");
            assert!(known.find(&[0; 32]).is_some(), "it is asked for now and then");
        }
    }
}

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::timeout,
};

use super::*;

/// By a clock that stands still while there is something to do.
const SHORT: Duration = Duration::from_millis(200);

impl Socket for DuplexStream {
    fn discard_unsent(&self) {}
}

/// One that need never end, and shares its room, which is one, with others; and whether it is idle.
#[derive(Default)]
struct Among(Rc<()>, Rc<Cell<bool>>);

impl ConnectionTracker for Among {
    type LargePermit = Rc<()>;

    fn note_busy(&self) {
        self.1.set(false);
    }

    fn note_idle(&self, _: &Context<'_>) -> bool {
        self.1.set(true);
        false
    }

    fn take_large(&self) -> Option<Rc<()>> {
        (Rc::strong_count(&self.0) <= SHARED_BY).then(|| Rc::clone(&self.0))
    }
}

/// Of a room that nobody has taken: the test's own reference to it, and one of each connection's.
const SHARED_BY: usize = 3;

type Tested = Connection<DuplexStream, Among>;

/// A connection that takes so many bytes before its client has to, and its client.
fn connection(takes: usize) -> (Tested, DuplexStream) {
    let (near, far) = duplex(takes);
    let mut connection = Connection::over(near, Among::default(), Rc::new(|_| None));
    connection.timeout = SHORT;
    (connection, far)
}

async fn read(connection: &mut Tested) -> io::Result<usize> {
    connection.read(&mut [0; 64]).await
}

#[track_caller]
fn gives_up(waited: &io::Result<usize>, begun: Instant) {
    assert!(matches!(waited, Err(error) if error.kind() == io::ErrorKind::TimedOut), "{waited:?}");
    assert!(begun.elapsed() >= SHORT, "after {:?} only", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_begins_a_request_and_goes_no_further_is_waited_for_so_long() {
    let (mut connection, mut client) = connection(64);
    let begun = Instant::now();
    client.write_all(b"G").await.unwrap();
    assert_eq!(read(&mut connection).await.unwrap(), 1);
    gives_up(&read(&mut connection).await, begun);
}

#[tokio::test(start_paused = true)]
async fn what_comes_and_comes_and_is_not_answered_needs_room_and_gives_it_back() {
    let room = Rc::default();
    let filled = async || {
        let (near, mut far) = duplex(2 * SMALL);
        let mut connection = Connection::over(near, Among(Rc::clone(&room), Rc::default()), Rc::new(|_| None));
        far.write_all(&vec![b'x'; SMALL + 1]).await.unwrap();
        let mut bytes = vec![0; SMALL];
        connection.read_exact(&mut bytes).await.unwrap();
        (connection, far)
    };
    let [(mut first, _near), (mut second, _far)] = [filled().await, filled().await];
    assert_eq!(read(&mut first).await.unwrap(), 1);
    assert_eq!(Rc::strong_count(&room), SHARED_BY + 1);
    assert_eq!(read(&mut second).await.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    assert_eq!(first.write(b"answer").await.unwrap(), 6);
    assert_eq!(Rc::strong_count(&room), SHARED_BY);
}

#[tokio::test(start_paused = true)]
async fn that_a_little_more_comes_now_and_then_is_no_reason_to_wait_longer() {
    let (mut connection, mut client) = connection(1);
    let begun = Instant::now();
    let trickle = async {
        loop {
            client.write_all(b"x").await.unwrap();
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    let ended = async {
        loop {
            if let ended @ Err(_) = read(&mut connection).await {
                break ended;
            }
        }
    };
    tokio::select! {
        () = trickle => {}
        ended = ended => gives_up(&ended, begun),
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_answered_may_be_idle_three_times_as_long() {
    let (mut connection, mut client) = connection(64);
    client.write_all(b"GET").await.unwrap();
    assert_eq!(read(&mut connection).await.unwrap(), 3);
    assert!(timeout(SHORT / 2, read(&mut connection)).await.is_err());
    let begun = Instant::now();
    connection.write_all(b"200").await.unwrap();
    gives_up(&read(&mut connection).await, begun + SHORT * 2);
}

#[tokio::test(start_paused = true)]
async fn the_next_request_has_the_whole_time_again() {
    let (mut connection, mut client) = connection(64);
    for _ in 0..3 {
        client.write_all(b"GET").await.unwrap();
        assert_eq!(read(&mut connection).await.unwrap(), 3);
        assert!(timeout(SHORT / 2, read(&mut connection)).await.is_err());
        connection.write_all(b"200").await.unwrap();
    }
    let begun = Instant::now();
    client.write_all(b"GET").await.unwrap();
    assert_eq!(read(&mut connection).await.unwrap(), 3);
    gives_up(&read(&mut connection).await, begun);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_what_is_sent_is_waited_for_so_long() {
    let (mut connection, mut client) = connection(4);
    let begun = Instant::now();
    assert_eq!(connection.write(b"tally").await.unwrap(), 4);
    gives_up(&connection.write(b"y").await, begun);
    // As long as some of it is taken, there is time.
    client.read_exact(&mut [0; 4]).await.unwrap();
    assert_eq!(connection.write(b"more").await.unwrap(), 4);
    assert!(timeout(SHORT / 2, connection.write(b"y")).await.is_err());
}

#[tokio::test]
async fn what_is_said_otherwise_is_written_whole_and_nothing_else_is_changed() {
    let (mut connection, mut client) = connection(4);
    connection.answer_override = Rc::new(|answer| (answer == b"no").then(|| b"no, sorry".to_vec()));
    let write = async {
        connection.write_all(b"yes").await.unwrap();
        connection.write_all(b"no").await.unwrap();
        connection.write_all(b"yes").await.unwrap();
        connection.shutdown().await.unwrap();
    };
    let mut read = String::new();
    let ((), ended) = tokio::join!(write, client.read_to_string(&mut read));
    ended.unwrap();
    assert_eq!(read, "yesno, sorryyes");
}

#[tokio::test]
async fn who_asks_for_a_connection_gets_it_once_all_is_written_and_the_framework_finds_it_gone() {
    let (mut connection, mut client) = connection(4);
    let take_over = Rc::new(Cell::new(None));
    assert_eq!(connection.write(b"head").await.unwrap(), 4);
    connection.handle().hand_over({
        let take_over = Rc::clone(&take_over);
        move |socket| take_over.set(Some(socket))
    });
    assert!(timeout(SHORT / 2, connection.write(b"of it")).await.is_err());
    assert!(take_over.take().is_none(), "before all is written");
    client.read_exact(&mut [0; 4]).await.unwrap();
    assert_eq!(connection.write(b"of it").await.unwrap(), 4);
    assert_eq!(connection.flush().await.unwrap_err().kind(), io::ErrorKind::NotConnected);
    let mut socket = take_over.take().unwrap();
    assert_eq!(read(&mut connection).await.unwrap_err().kind(), io::ErrorKind::NotConnected);
    assert_eq!(connection.write(b"t").await.unwrap_err().kind(), io::ErrorKind::NotConnected);
    connection.shutdown().await.unwrap();
    drop(connection);
    client.read_exact(&mut [0; 4]).await.unwrap();
    socket.write_all(b"more").await.unwrap();
    let mut got = [0; 4];
    client.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"more", "the socket outlives the connection");
}

#[tokio::test(start_paused = true)]
async fn who_makes_the_service_turn_in_circles_is_given_up_on_at_once() {
    let (mut connection, _client) = connection(4);
    connection.timeout = Duration::from_hours(1);
    assert_eq!(connection.write(b"tally").await.unwrap(), 4);
    let mut tried = 0;
    let given_up = std::future::poll_fn(|cx| {
        tried += 1;
        cx.waker().wake_by_ref();
        Pin::new(&mut connection).poll_write(cx, b"y")
    });
    assert_eq!(given_up.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(tried, MOST_VAIN_WRITES + 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_not_had_the_whole_answer_is_not_idle() {
    let (mut connection, mut client) = connection(64);
    let is_idle = Rc::clone(&connection.tracker.1);
    client.write_all(b"GET").await.unwrap();
    assert_eq!(read(&mut connection).await.unwrap(), 3);
    connection.write_all(CONTINUE).await.unwrap();
    assert!(!is_idle.get(), "a body is to come");
    let hold = connection.handle().hold();
    connection.write_all(b"a piece").await.unwrap();
    assert!(timeout(SHORT / 2, read(&mut connection)).await.is_err());
    assert!(!is_idle.get(), "there is more to come");
    drop(hold);
    connection.write_all(b"the last").await.unwrap();
    assert!(is_idle.get());
    assert!(timeout(SHORT / 2, connection.write_all(&[b'x'; 64])).await.is_err());
    assert!(!is_idle.get(), "it has to take the rest");
}

//! The event stream: own events only, resumed where it broke off, heard from while nothing happens.

use crate::client::{Asking, PATIENCE};
use crate::world::World;
use dreamops_domain::audit::Audit;
use dreamops_domain::id::TenantId;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use std::time::Duration;

struct Stream {
    response: Response<Incoming>,
    read: String,
}

impl Stream {
    async fn open(asking: Asking) -> Self {
        let response = asking.open().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            read: String::new(),
        }
    }

    /// Reads until the text has come; the clock goes on meanwhile.
    async fn until(&mut self, world: &World, text: &str) -> &str {
        let reading = async {
            while !self.read.contains(text) {
                let frame = self.response.frame().await.expect("the stream goes on").unwrap();
                self.read.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
            }
        };
        let ticking = async {
            loop {
                world.clock.advance(Duration::from_millis(500));
                tokio::task::yield_now().await;
            }
        };
        let read = async {
            tokio::select! { () = reading => {}, () = ticking => {} }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("it comes");
        &self.read
    }
}

#[tokio::test]
async fn a_stream_begins_at_the_present_end_and_tells_the_tenants_events() {
    let world = World::new().await;
    world.happen(TenantId::DEFAULT, "before").await;
    let mut stream = Stream::open(world.ask("GET", "/api/v1/events").token("viewer")).await;
    world.happen(world.other, "theirs").await;
    world.happen(TenantId::DEFAULT, "after").await;
    let position = world.store.head(TenantId::DEFAULT).await.unwrap().position;
    let read = stream.until(&world, "after-user").await;
    assert!(
        read.contains(&format!("id: {position}\n")) && read.contains("event: token-created\n"),
        "{read}"
    );
    assert!(!read.contains("before") && !read.contains("theirs"));
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_read() {
    let world = World::new().await;
    for user in ["first", "second", "third"] {
        world.happen(TenantId::DEFAULT, user).await;
    }
    let position = world.store.head(TenantId::DEFAULT).await.unwrap().position;
    let asking = world.ask("GET", "/api/v1/events").token("viewer");
    let mut stream = Stream::open(asking.header("last-event-id", &(position - 2).to_string())).await;
    let read = stream.until(&world, "third").await.to_owned();
    assert!(read.find("second").unwrap() < read.find("third").unwrap());
    assert!(!read.contains("first"));
    let mut whole = Stream::open(world.ask("GET", "/api/v1/events?after=0").token("viewer")).await;
    assert!(whole.until(&world, "third").await.contains("first"));
}

#[tokio::test]
async fn a_silent_stream_is_heard_from() {
    let world = World::new().await;
    let mut stream = Stream::open(world.ask("GET", "/api/v1/events").token("viewer")).await;
    stream.until(&world, ": still here").await;
}

#[tokio::test]
async fn streams_leave_room_for_requests() {
    let world = World::with(|s| s.connections = 8).await;
    let ask = || world.ask("GET", "/api/v1/events").token("viewer");
    let (_one, _two) = (Stream::open(ask()).await, Stream::open(ask()).await);
    ask().send().await.is_problem(503, "unavailable");
    assert_eq!(world.get("viewer", "/api/v1/mode").await.status, 200);
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let mut world = World::new().await;
    let mut stream = Stream::open(world.ask("GET", "/api/v1/events").token("viewer")).await;
    world.stop.take().unwrap().send(()).unwrap();
    let end = tokio::time::timeout(PATIENCE, stream.response.frame()).await.unwrap();
    assert!(end.is_none());
    tokio::time::timeout(PATIENCE, &mut world.served)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

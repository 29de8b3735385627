//! The event stream: own events only, resumed where it broke off, heard from while nothing happens.

use crate::client::{Asking, PATIENCE};
use crate::world::World;
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
    world.audit.happen(TenantId::DEFAULT, "before");
    let mut stream = Stream::open(world.ask("GET", "/api/v1/events").token("viewer")).await;
    world.audit.happen(world.other, "theirs");
    world.audit.happen(TenantId::DEFAULT, "planned");
    let read = stream.until(&world, "event: planned").await;
    assert!(read.contains("id: 2\n"));
    assert!(!read.contains("before") && !read.contains("theirs"));
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_read() {
    let world = World::new().await;
    for event in ["first", "second", "third"] {
        world.audit.happen(TenantId::DEFAULT, event);
    }
    let asking = world
        .ask("GET", "/api/v1/events")
        .token("viewer")
        .header("last-event-id", "1");
    let mut stream = Stream::open(asking).await;
    let read = stream.until(&world, "event: third").await.to_owned();
    assert!(read.find("second").unwrap() < read.find("third").unwrap());
    assert!(!read.contains("first"));
    let mut whole = Stream::open(world.ask("GET", "/api/v1/events?after=0").token("viewer")).await;
    assert!(whole.until(&world, "event: third").await.contains("event: first"));
}

#[tokio::test]
async fn a_silent_stream_is_heard_from() {
    let world = World::new().await;
    let mut stream = Stream::open(world.ask("GET", "/api/v1/events").token("viewer")).await;
    stream.until(&world, ": still here").await;
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

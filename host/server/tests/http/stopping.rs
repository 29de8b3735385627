//! Stopping: nobody new, nobody cut off; and requests that take too long.

use crate::client::PATIENCE;
use crate::world::World;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_request_at_work_is_finished_and_no_new_one_is_accepted() {
    let mut world = World::new().await;
    let body = json!({ "alert_id": "a", "title": "t" }).to_string();
    let mut slow = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST /api/v1/kubernetes/agno/process-incident HTTP/1.1\r\nhost: x\r\nauthorization: Bearer intake\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&body.as_bytes()[..5]).await.unwrap();
    // the server has read the head when the token was looked up; another request goes the same way behind it
    world.get("viewer", "/api/v1/mode").await;
    world.stop.take().unwrap().send(()).unwrap();
    let gone = async { while TcpStream::connect(world.address).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("the server stops listening");
    slow.write_all(&body.as_bytes()[5..]).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, slow.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    tokio::time::timeout(PATIENCE, &mut world.served)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let mut world = World::new().await;
    let mut stuck = TcpStream::connect(world.address).await.unwrap();
    let head = "POST /api/v1/webhooks/pagerduty HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    stuck.write_all(head.as_bytes()).await.unwrap();
    world.stop.take().unwrap().send(()).unwrap();
    let ended = async {
        while !world.served.is_finished() {
            world.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("it stops");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let world = World::new().await;
    let mut slow = TcpStream::connect(world.address).await.unwrap();
    let head = "POST /api/v1/webhooks/pagerduty HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    let reading = slow.read_exact(&mut answer);
    let ticking = async {
        loop {
            world.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    let read = async {
        tokio::select! { read = reading => { read.unwrap(); }, () = ticking => {} }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("it is given up");
    assert_eq!(answer, b"HTTP/1.1 503");
}

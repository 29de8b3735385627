use crate::folder::record;
use crate::world::{DIGEST, FILE, Talker, incident};
use dreamops_recording::{Replay, Replayed};

async fn played(by: Talker) -> Vec<Replayed> {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path()).await.finish(&incident()).unwrap();
    let replay = Replay::open(folder.path()).unwrap();
    assert_eq!(replay.component(DIGEST).unwrap(), FILE);
    replay.run(&by).await
}

#[tokio::test]
async fn the_same_component_gives_the_same_answers_without_a_cluster() {
    let played = played(Talker::default()).await;
    let asked: Vec<_> = played.iter().map(|call| call.asked).collect();
    assert_eq!(asked, ["assess", "diagnose", "plan", "verify"]);
    for call in played {
        // also where the recording masks what the component made up
        assert_eq!(call.differs, None, "{}", call.asked);
    }
}

#[tokio::test]
async fn another_plan_is_told() {
    let played = played(Talker {
        replicas: 5,
        ..Talker::default()
    })
    .await;
    assert!(played[1].differs.is_none());
    assert!(played[2].differs.as_ref().unwrap().contains("\"replicas\":5"));
}

#[tokio::test]
async fn a_read_that_is_left_out_is_told() {
    let played = played(Talker {
        hasty: true,
        ..Talker::default()
    })
    .await;
    let differs = played[1].differs.as_ref().unwrap();
    assert!(
        differs.contains("\"read\":\"list\"") && differs.contains("\"read\":\"events\""),
        "{differs}"
    );
}

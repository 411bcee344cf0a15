use std::future::ready;
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

use super::*;
use crate::foundation::metrics::Format;

fn shown(tasks: &Tasks, task: &str) -> bool {
    let text = tasks.metrics.write(Format::Prometheus);
    text.lines().any(|line| line == format!("jettimer_task_failures_total{{task=\"{task}\"}} 1"))
}

#[tokio::test]
async fn a_task_that_panics_is_named_with_what_it_said_and_counted() {
    let tasks = Tasks::default();
    let mut kept = tasks.keep(Task::Finder, CancellationToken::new(), async { panic!("no index {}", 7) });
    let failure = tasks.failed_one().await;
    assert_eq!(failure.to_string(), "the task finder has panicked: no index 7");
    kept.ended().await;
    assert_eq!(tasks.failure(), Some(failure));
    assert!(shown(&tasks, "finder") && !shown(&tasks, "sweeper"));
}

#[tokio::test]
async fn a_task_that_panics_after_it_was_told_to_end_has_failed_too() {
    let (tasks, until) = (Tasks::default(), CancellationToken::new());
    until.cancel();
    tasks.keep(Task::Sweeper, until, async { panic!("at the end") }).ended().await;
    assert_eq!(tasks.failed_one().await.task, Task::Sweeper);
}

#[tokio::test]
async fn a_task_that_ends_before_it_was_told_to_has_failed_and_one_that_ends_then_has_not() {
    let (tasks, until) = (Tasks::default(), CancellationToken::new());
    let mut kept = tasks.keep(Task::Heartbeat, until.clone(), until.clone().cancelled_owned());
    until.cancel();
    kept.ended().await;
    assert_eq!(tasks.failure(), None);
    tasks.keep(Task::Durability, CancellationToken::new(), ready(())).ended().await;
    assert_eq!(
        tasks.failure().map(|failure| failure.to_string()),
        Some("the task durability has ended unexpectedly".to_owned())
    );
}

#[tokio::test]
async fn the_first_failure_is_the_one_that_is_told() {
    let tasks = Tasks::default();
    for task in [Task::Api, Task::Worker] {
        tasks.keep(task, CancellationToken::new(), ready(())).ended().await;
    }
    assert_eq!(tasks.failed_one().await.task, Task::Api);
    assert!(shown(&tasks, "worker"), "the second is counted");
}

#[tokio::test]
async fn one_of_many_that_panics_gives_back_its_place_is_counted_and_takes_nothing_with_it() {
    let tasks = Tasks::default();
    let places = Arc::new(Semaphore::new(1));
    let place = places.clone().acquire_owned().await.unwrap();
    tasks.one_of_many(Task::Wake, Some(Uuid::from_u128(1)), async move {
        let _place = place;
        panic!("a wake");
    });
    let _given_back = places.acquire().await.unwrap();
    while !shown(&tasks, "wake") {
        tokio::task::yield_now().await;
    }
    assert_eq!(tasks.failure(), None);
    let (told, heard) = oneshot::channel();
    tasks.one_of_many(Task::Wake, None, async move { told.send(()).unwrap() });
    heard.await.unwrap();
}

#[tokio::test]
async fn a_task_knows_its_name_and_its_timer_while_it_runs() {
    let (told, heard) = oneshot::channel();
    let timer = Some(Uuid::from_u128(1));
    Tasks::default().one_of_many(Task::Wake, timer, async move { told.send(running()).unwrap() });
    assert_eq!(heard.await.unwrap(), Some(Running { task: Task::Wake, timer }));
    assert_eq!(running(), None);
}

#[tokio::test]
async fn a_thread_that_panics_has_failed_under_its_name() {
    let tasks = Tasks::default();
    let (told, heard) = oneshot::channel();
    let name = move || {
        told.send(std::thread::current().name().map(str::to_owned)).unwrap();
        panic!("of the thread");
    };
    tasks.keep_thread(Task::Alarm, name).unwrap();
    assert_eq!(heard.await.unwrap().as_deref(), Some("alarm"));
    assert_eq!(tasks.failed_one().await.to_string(), "the task alarm has panicked: of the thread");
    let tasks = Tasks::default();
    tasks.keep_thread(Task::Alarm, || ()).unwrap();
    assert_eq!(tasks.failure(), None);
}

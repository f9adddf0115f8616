//! What stage 3 does for one fetch and for one echo, event by event. What is
//! waited for costs two turns: in one the loop calls the callback that sets
//! a future, in the next one it calls what waits for that.

use tests::deadline::within_deadline;
use tests::trace_log;

#[test]
fn one_fetch() {
    within_deadline(|| {
        let (address, events) = trace_log::one_fetch(stage3_future_task::crawl);
        assert_eq!(
            events,
            [
                // A worker begins: it waits for a fetch, but not forever.
                "turn 1",
                "wait",
                "call closure in Task::call_soon",
                "timer_set 1 closure in net::wait_for",
                // The fetch is a task of its own.
                "turn 2",
                "wait",
                "call closure in Task::call_soon",
                &format!("state waiting for a connection to {address}"),
                "register 0 writable closure in Socket::ready",
                "turn 3",
                "wait",
                "ready 0",
                "call closure in Socket::ready",
                "turn 4",
                "wait",
                "call closure in Future::schedule",
                // The request goes out at once: it waits for no room.
                "state waiting for room to send the request",
                // To read is tried at once, too, and would block.
                "state waiting for the end of the response head",
                "register 0 readable closure in Socket::ready",
                "turn 5",
                "wait",
                "ready 0",
                "call closure in Socket::ready",
                "turn 6",
                "wait",
                "call closure in Future::schedule",
                // The crawl is over: the worker is closed.
                "timer_cancelled 1",
            ]
        );
    });
}

#[test]
fn one_echo() {
    within_deadline(|| {
        let (peer, events) = trace_log::one_echo(stage3_future_task::serve);
        // The client may see the end of the output before the server notes
        // anything after these.
        assert_eq!(
            events[..9],
            [
                // The task that accepts begins, and tries to at once.
                "turn 1",
                "wait",
                "call closure in Task::call_soon",
                &format!("state accepted from {peer}"),
                // Nobody else is there: it waits for the next one.
                "register 0 readable closure in Socket::ready",
                // The new task begins. Message and end of input are there:
                // it never waits.
                "turn 2",
                "wait",
                "call closure in Task::call_soon",
                "state echoing 5 bytes",
            ]
        );
        let rest: Vec<_> = events[9..].iter().map(String::as_str).collect();
        let end = [
            "turn 3",
            "wait",
            "call closure in Future::schedule",
            "state closed",
        ];
        assert!(end.starts_with(&rest) || rest.starts_with(&end), "{rest:?}");
    });
}

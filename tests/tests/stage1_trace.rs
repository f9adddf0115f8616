//! What stage 1's loop does for one fetch and for one echo, event by event.

use tests::deadline::within_deadline;
use tests::trace_log;

#[test]
fn one_fetch() {
    within_deadline(|| {
        let (address, events) = trace_log::one_fetch(stage1_callbacks::crawl);
        assert_eq!(
            events,
            [
                "timer_set 1 closure in Fetch::start",
                &format!("state waiting for a connection to {address}"),
                "register 0 writable Fetch::connected",
                "turn 1",
                "wait",
                "ready 0",
                "call Fetch::connected",
                "state waiting for room to send the request",
                "state waiting for the end of the response head",
                "register 0 readable Fetch::read_response",
                "turn 2",
                "wait",
                "ready 0",
                "call Fetch::read_response",
                "timer_cancelled 1",
            ]
        );
    });
}

#[test]
fn one_echo() {
    within_deadline(|| {
        let (peer, events) = trace_log::one_echo(stage1_callbacks::serve);
        assert_eq!(
            events[..19],
            [
                "register 0 readable closure in Server::listen",
                "turn 1",
                "wait",
                "ready 0",
                "call closure in Server::listen",
                &format!("state accepted from {peer}"),
                "register 1 readable Connection::read",
                "register 0 readable closure in Server::listen",
                "turn 2",
                "wait",
                "ready 1",
                "call Connection::read",
                "state echoing 5 bytes",
                "register 1 readable Connection::read",
                "turn 3",
                "wait",
                "ready 1",
                "call Connection::read",
                "state closed",
            ]
        );
    });
}

//! What stage 2 does for one fetch and for one echo, event by event. Each
//! callback that the loop calls sets the result of a future; the loop sees
//! nothing of the fetch itself.

use tests::deadline::within_deadline;
use tests::trace_log;

#[test]
fn one_fetch() {
    within_deadline(|| {
        let (address, events) = trace_log::one_fetch(stage2_generators::crawl);
        assert_eq!(
            events,
            [
                "register 0 writable closure in Fetch::wait",
                "timer_set 1 closure in Fetch::pause",
                &format!("state waiting for a connection to {address}"),
                "turn 1",
                "wait",
                "ready 0",
                "call closure in Fetch::wait",
                "timer_cancelled 1",
                // The request goes out at once: it waits for no room.
                "register 0 readable closure in Fetch::wait",
                "timer_set 2 closure in Fetch::pause",
                "state waiting for the end of the response head",
                "turn 2",
                "wait",
                "ready 0",
                "call closure in Fetch::wait",
                "timer_cancelled 2",
            ]
        );
    });
}

#[test]
fn one_echo() {
    within_deadline(|| {
        let (peer, events) = trace_log::one_echo(stage2_generators::serve);
        assert_eq!(
            events[..19],
            [
                "register 0 readable closure in Server::ready",
                "turn 1",
                "wait",
                "ready 0",
                "call closure in Server::ready",
                &format!("state accepted from {peer}"),
                "register 1 readable closure in Server::ready",
                "register 0 readable closure in Server::ready",
                "turn 2",
                "wait",
                "ready 1",
                "call closure in Server::ready",
                "state echoing 5 bytes",
                "register 1 readable closure in Server::ready",
                "turn 3",
                "wait",
                "ready 1",
                "call closure in Server::ready",
                "state closed",
            ]
        );
    });
}

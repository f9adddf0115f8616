//! What stage 4 does for one fetch and for one echo, event by event. A
//! socket is registered once, for both directions, and not anew for each
//! wait. What the selector reports wakes a task in the same turn: no callback
//! and no future stand between them. And while something is ready, the loop
//! does not ask the selector: a turn then has no `wait`.

use tests::deadline::within_deadline;
use tests::trace_log;

#[test]
fn one_fetch() {
    within_deadline(|| {
        let (address, events) = trace_log::one_fetch(stage4_async_await::crawl);
        assert_eq!(
            events,
            [
                // The main future begins: its steps are not in the trace. It
                // makes a worker.
                "turn 1",
                // The worker takes the first job, and waits.
                "turn 2",
                "call closure in Crawler::work",
                &format!("state waiting for a connection to {address}"),
                "register 0 readable stream::TcpStream",
                "register 0 writable stream::TcpStream",
                "timer_set 3 time::Sleep",
                // The main future hears that a worker has work: perhaps there
                // is some for another one.
                "turn 3",
                // Nothing is ready.
                "turn 4",
                "wait",
                "ready 0",
                "call closure in Crawler::work",
                // The request goes out at once: there is room.
                "state waiting for room to send the request",
                // Nothing was reported to read: it is not even tried.
                "state waiting for the end of the response head",
                "turn 5",
                "wait",
                "ready 0",
                "call closure in Crawler::work",
                "unregister 0",
                "timer_cancelled 3",
                // The main future hears that all is fetched, and is done.
                "turn 6",
                // It is done: a callback stops the loop.
                "turn 7",
                "call closure in EventLoop::run_until_complete",
            ]
        );
    });
}

#[test]
fn one_echo() {
    within_deadline(|| {
        let (peer, events) = trace_log::one_echo(stage4_async_await::serve);
        // What comes after these the client may see, or not.
        assert_eq!(
            events[..19],
            [
                // The main future makes a task for the listener.
                "turn 1",
                "register 0 readable listener::TcpListener",
                // It waits for a report: it does not try first.
                "turn 2",
                "call closure in Server::accept",
                "turn 3",
                "wait",
                "ready 0",
                "call closure in Server::accept",
                "register 1 readable stream::TcpStream",
                "register 1 writable stream::TcpStream",
                &format!("state accepted from {peer}"),
                // The connection's task begins, and waits for a report, too.
                "turn 4",
                "call closure in Client::answer",
                // Message and end of input are one report, and it knows: it
                // reads both without waiting a second time.
                "turn 5",
                "wait",
                "ready 1",
                "call closure in Client::answer",
                "state echoing 5 bytes",
                "state closed",
            ]
        );
    });
}

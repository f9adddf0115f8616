//! The semantics of what stage 3's programs wait for: sockets, time, and
//! other coroutines. Sockets of the loopback; the other ends of them are
//! blocking ones. A loop that `run`s to its end has nothing registered.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use stage1_callbacks::{EventLoop, Interest};
use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{
    Coroutine, Exception, Frame, Generator, Listener, Socket, Stream, Task,
    accept, connect, gather, read, read_all, repeat, sleep, wait_for, write,
    write_all, yield_from,
};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::script::{Boom, Script, kind};
use tests::sockets::{bytes, nobody_listens, reset};

/// No time at which anything happens.
const LONG: Duration = Duration::from_secs(100_000);
const SHORT: Duration = Duration::from_millis(1);
/// More than the buffers of a connection hold.
const MUCH: usize = 32 * 1024 * 1024;

/// Defines tests whose bodies run within a deadline, with a loop and a log.
macro_rules! net_tests {
    ($(fn $name:ident($event_loop:ident, $log:ident) $body:block)*) => {
        $(#[test]
        fn $name() {
            within_deadline(|| {
                let $event_loop = EventLoop::new().unwrap();
                let $log = Log::default();
                $body
            });
        })*
    };
}

net_tests! {
    fn connect_gives_a_stream(event_loop, log) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = result_of(&event_loop, connect(&event_loop, address));
        let stream = stream.unwrap();
        let (mut peer, from) = listener.accept().unwrap();
        assert_eq!(stream.source.local_addr().unwrap(), from);
        let written = result_of(&event_loop, write(&stream, (*b"hi").into()));
        assert_eq!(written.unwrap(), 2);
        drop(stream);
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hi");
        log.assert(&[]);
    }

    fn connect_begins_at_its_first_step(event_loop, log) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(connect(&event_loop, address));
        listener.set_nonblocking(true).unwrap();
        let nobody = listener.accept().unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
        log.assert(&[]);
    }

    fn a_refused_connection_is_an_error(event_loop, log) {
        let address = nobody_listens();
        let error = error_of(&event_loop, connect(&event_loop, address));
        assert_eq!(error, ErrorKind::ConnectionRefused);
        log.assert(&[]);
    }

    fn accept_takes_who_is_there_at_once(event_loop, log) {
        let (listener, address) = listen(&event_loop);
        let client = TcpStream::connect(address).unwrap();
        let task = Task::new(&event_loop, accept_address(&listener));
        event_loop.run_once().unwrap();
        assert_eq!(task.result().unwrap(), client.local_addr().unwrap());
        log.assert(&[]);
    }

    fn accept_waits_for_somebody(event_loop, log) {
        let (listener, address) = listen(&event_loop);
        let task = Task::new(&event_loop, accept_address(&listener));
        event_loop.run_once().unwrap();
        assert!(!task.done());
        let client = TcpStream::connect(address).unwrap();
        event_loop.run().unwrap();
        assert_eq!(task.result().unwrap(), client.local_addr().unwrap());
        log.assert(&[]);
    }

    fn read_waits_for_bytes(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let task = Task::new(&event_loop, read(&stream));
        event_loop.run_once().unwrap();
        assert!(!task.done());
        peer.write_all(b"hello").unwrap();
        event_loop.run().unwrap();
        assert_eq!(task.result().unwrap(), b"hello");
        log.assert(&[]);
    }

    fn read_gives_no_more_than_16_kib_and_keeps_the_rest(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let sent = bytes(100_000);
        let sends = sent.clone();
        let peer = thread::spawn(move || peer.write_all(&sends).unwrap());
        let mut received = Vec::new();
        while received.len() < sent.len() {
            let chunk = result_of(&event_loop, read(&stream)).unwrap();
            assert!((1..=16 * 1024).contains(&chunk.len()));
            received.extend(chunk);
        }
        peer.join().unwrap();
        assert!(received == sent);
        log.assert(&[]);
    }

    fn read_gives_nothing_at_the_end_of_input(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        peer.write_all(b"last").unwrap();
        drop(peer);
        let mut chunks = Vec::new();
        for _ in 0..3 {
            chunks.push(result_of(&event_loop, read(&stream)).unwrap());
        }
        assert_eq!(chunks, [&b"last"[..], b"", b""]);
        log.assert(&[]);
    }

    fn a_reset_is_an_error_of_who_reads(event_loop, log) {
        let (stream, peer) = pair(&event_loop);
        let task = Task::new(&event_loop, read(&stream));
        event_loop.run_once().unwrap();
        reset(peer);
        event_loop.run().unwrap();
        let exception = task.result().unwrap_err();
        assert_eq!(error_in(&exception), ErrorKind::ConnectionReset);
        log.assert(&[]);
    }

    fn read_all_reads_to_the_end_of_input(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let sent = bytes(1_000_000);
        let sends = sent.clone();
        let peer = thread::spawn(move || peer.write_all(&sends).unwrap());
        let received = result_of(&event_loop, read_all(&stream)).unwrap();
        peer.join().unwrap();
        assert!(received == sent);
        let rest = result_of(&event_loop, read_all(&stream));
        assert_eq!(rest.unwrap(), b"");
        log.assert(&[]);
    }

    fn a_reset_is_an_error_of_who_reads_all(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let task = Task::new(&event_loop, read_all(&stream));
        peer.write_all(b"begin").unwrap();
        event_loop.run_once().unwrap();
        assert!(!task.done());
        reset(peer);
        event_loop.run().unwrap();
        let exception = task.result().unwrap_err();
        assert_eq!(error_in(&exception), ErrorKind::ConnectionReset);
        log.assert(&[]);
    }

    fn write_writes_what_there_is_room_for(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let much: Rc<[u8]> = bytes(MUCH).into();
        let n = result_of(&event_loop, write(&stream, much.clone())).unwrap();
        assert!((1..MUCH).contains(&n));
        let (task, all) = wait_for_room(&event_loop, &stream, &much, n);
        let peer = thread::spawn(move || {
            let mut received = vec![0; all + 1];
            peer.read_exact(&mut received).unwrap();
            received
        });
        event_loop.run().unwrap();
        assert_eq!(task.result().unwrap(), 1);
        assert!(peer.join().unwrap() == much[..=all]);
        log.assert(&[]);
    }

    fn write_all_goes_on_until_everything_is_written(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let sent = bytes(MUCH);
        let task = Task::new(&event_loop, write_all(&stream, sent.clone()));
        event_loop.run_once().unwrap();
        assert!(!task.done(), "the peer does not read yet");
        let peer = thread::spawn(move || {
            let mut received = vec![0; MUCH];
            peer.read_exact(&mut received).unwrap();
            received
        });
        event_loop.run().unwrap();
        assert!(task.result().is_ok());
        assert!(peer.join().unwrap() == sent);
        log.assert(&[]);
    }

    fn write_all_of_nothing_waits_for_nothing(event_loop, log) {
        let (stream, peer) = pair(&event_loop);
        let task = Task::new(&event_loop, write_all(&stream, Vec::new()));
        event_loop.run_once().unwrap();
        assert!(task.result().is_ok());
        drop(peer);
        log.assert(&[]);
    }

    fn a_reset_is_an_error_of_who_writes(event_loop, log) {
        let (stream, peer) = pair(&event_loop);
        let task = Task::new(&event_loop, write_all(&stream, bytes(MUCH)));
        event_loop.run_once().unwrap();
        assert!(!task.done());
        reset(peer);
        event_loop.run().unwrap();
        let kind = error_in(&task.result().unwrap_err());
        let broken = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(broken.contains(&kind), "{kind}");
        log.assert(&[]);
    }

    fn cancelled_or_dropped_a_wait_leaves_nothing_registered(
        event_loop,
        log
    ) {
        let (listener, address) = listen(&event_loop);
        let (stream, mut peer) = pair(&event_loop);
        let (full, mut reader) = pair(&event_loop);
        let much: Rc<[u8]> = bytes(MUCH).into();
        type Make = Box<dyn Fn(&EventLoop) -> Coroutine<()>>;
        let [a, b, c] = [(); 3].map(|()| stream.clone());
        let accepts = listener.clone();
        let waits: Vec<(&str, Make)> = vec![
            ("accept", Box::new(move |_| ignores(accept(&accepts)))),
            ("read", Box::new(move |_| ignores(read(&a)))),
            ("read_all", Box::new(move |_| ignores(read_all(&b)))),
            ("ready", Box::new(move |_| c.ready(Interest::Readable))),
            ("sleep", Box::new(|event_loop| sleep(event_loop, LONG))),
            ("forever", Box::new(|event_loop| {
                sleep(event_loop, Duration::MAX)
            })),
        ];
        for (name, make) in &waits {
            println!("{name}"); // shown if it fails
            for end in [cancelled, dropped] {
                let task = Task::new(&event_loop, make(&event_loop));
                event_loop.run_once().unwrap();
                assert!(!task.done());
                end(&event_loop, task);
            }
        }
        let mut written = 0;
        for end in [cancelled, dropped] {
            let (task, all) =
                wait_for_room(&event_loop, &full, &much, written);
            written = all;
            end(&event_loop, task);
        }

        // None of them has taken or given a byte, or a connection.
        peer.write_all(b"hello").unwrap();
        assert_eq!(result_of(&event_loop, read(&stream)).unwrap(), b"hello");
        let client = TcpStream::connect(address).unwrap();
        let from = result_of(&event_loop, accept_address(&listener)).unwrap();
        assert_eq!(from, client.local_addr().unwrap());
        drop(full);
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        assert!(received == much[..written]);
        log.assert(&[]);
    }

    fn a_cancelled_connection_is_given_up(event_loop, log) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for cancels in [true, false] {
            let task = Task::new(&event_loop, connect(&event_loop, address));
            event_loop.run_once().unwrap();
            assert!(!task.done());
            if cancels {
                assert!(task.cancel());
                event_loop.run().unwrap();
                assert!(task.cancelled());
            }
            drop(task);
            assert!(!event_loop.run_once().unwrap(), "something is left");
            let (mut peer, _) = listener.accept().unwrap();
            assert_eq!(peer.read(&mut [0]).unwrap(), 0, "it is closed");
        }
        log.assert(&[]);
    }

    fn cancelled_when_bytes_are_there_it_leaves_them(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        for make in [read, read_all] {
            let task = Task::new(&event_loop, make(&stream));
            event_loop.run_once().unwrap();
            peer.write_all(b"hello").unwrap();
            // The loop calls who waits, and that sets a future.
            event_loop.run_once().unwrap();
            assert!(!task.done());
            assert!(task.cancel());
            event_loop.run().unwrap();
            assert!(task.cancelled());
            let bytes = result_of(&event_loop, read(&stream)).unwrap();
            assert_eq!(bytes, b"hello");
        }
        log.assert(&[]);
    }

    fn a_wait_that_has_ended_forgets_no_later_callback(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let key = stream.source.key();
        let first = Task::new(&event_loop, stream.ready(Interest::Readable));
        event_loop.run_once().unwrap();
        peer.write_all(b"hello").unwrap();
        event_loop.run_once().unwrap();
        assert!(!first.done(), "its next step is scheduled");
        let called = log.adds("called");
        event_loop.register(key, Interest::Readable, called).unwrap();
        event_loop.run().unwrap();
        assert!(first.result().is_ok());
        log.assert(&["called"]);
    }

    fn a_cancelled_wait_forgets_no_later_callback(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let first = Task::new(&event_loop, read(&stream));
        event_loop.run_once().unwrap();
        // The second one registers before the first one ends.
        let second = Task::new(&event_loop, read(&stream));
        assert!(first.cancel());
        event_loop.run_once().unwrap();
        assert!(first.cancelled() && !second.done());
        peer.write_all(b"hello").unwrap();
        event_loop.run().unwrap();
        assert_eq!(second.result().unwrap(), b"hello");
        log.assert(&[]);
    }

    fn a_false_alarm_is_waited_out(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        let task = Task::new(&event_loop, read(&stream));
        event_loop.run_once().unwrap();
        for _ in 0..3 {
            event_loop.wake_all();
            event_loop.run_once().unwrap();
            event_loop.run_once().unwrap();
            assert!(!task.done());
        }
        peer.write_all(b"hello").unwrap();
        event_loop.run().unwrap();
        assert_eq!(task.result().unwrap(), b"hello");
        log.assert(&[]);
    }

    fn the_end_of_the_loop_is_an_error_of_who_would_wait(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        event_loop.close();
        let mut reading = read(&stream);
        assert!(matches!(reading.next(), Complete(Err(Exception::Error(_)))));
        peer.write_all(b"hello").unwrap();
        stream.source.set_nonblocking(false).unwrap();
        let Complete(Ok(bytes)) = read(&stream).next() else {
            panic!("the bytes are there")
        };
        assert_eq!(bytes, b"hello");
        log.assert(&[]);
    }

    fn sleep_for_nothing_gives_up_one_turn(event_loop, log) {
        let tasks = ["a", "b"].map(|name| {
            let sleeps = (0..2).fold(Script::new(name, &log), |script, _| {
                let sleeps = sleep(&event_loop, Duration::ZERO);
                script.waits(sleeps)
            });
            Task::new(&event_loop, sleeps.returns(()))
        });
        event_loop.run_once().unwrap();
        log.expect(&["a begins", "b begins"]);
        for _ in 0..2 {
            event_loop.run_once().unwrap();
            log.expect(&["a got ()", "b got ()"]);
        }
        assert!(tasks.iter().all(|task| task.done()));
        assert!(!event_loop.run_once().unwrap());
    }

    fn who_sleeps_wakes_by_itself(event_loop, log) {
        let script = Script::new("a", &log).waits(sleep(&event_loop, SHORT));
        result_of(&event_loop, script.returns(())).unwrap();
        log.assert(&["a begins", "a got ()"]);
    }

    fn sleep_begins_at_its_first_step(event_loop, log) {
        let mut nap = sleep(&event_loop, LONG);
        assert!(!event_loop.run_once().unwrap(), "no timer is set");
        assert!(matches!(nap.next(), Yielded(Some(_))));
        assert!(nap.close().is_ok());
        assert!(!event_loop.run_once().unwrap(), "the timer is gone");
        log.assert(&[]);
    }

    fn repeat_runs_one_after_another_until_one_raises(event_loop, log) {
        let (makes, gate) = (log.clone(), event_loop.clone());
        let mut left = 2;
        let repeated = repeat(move || {
            makes.add("make");
            left -= 1;
            let script = Script::new("a", &makes);
            let script = script.waits(sleep(&gate, Duration::ZERO));
            match left {
                0 => script.raises(Boom.into()),
                _ => script,
            }
            .returns(())
        });
        log.assert(&[]);
        let raised = result_of(&event_loop, repeated).unwrap_err();
        assert_eq!(kind(&raised), "Boom");
        log.assert(&[
            "make",
            "a begins",
            "a got ()",
            "make",
            "a begins",
            "a got ()",
            "a raises Boom",
        ]);
    }

    fn repeat_closes_what_it_runs(event_loop, log) {
        let (makes, timers) = (log.clone(), event_loop.clone());
        let repeated = repeat(move || {
            let script = Script::new("a", &makes);
            script.waits(sleep(&timers, LONG)).returns(())
        });
        let task = Task::new(&event_loop, repeated);
        event_loop.run_once().unwrap();
        drop(task);
        log.assert(&["a begins", "a raises GeneratorExit"]);
        assert!(!event_loop.run_once().unwrap(), "something is left");
    }

    fn wait_for_what_ends_in_time(event_loop, log) {
        let coroutine = Script::new("a", &log).pauses().returns(1);
        let result = wait_for(&event_loop, coroutine, LONG);
        // It ends at once: the timer is gone.
        assert_eq!(result_of(&event_loop, result).unwrap(), 1);
        log.assert(&["a begins", "a goes on"]);
    }

    fn wait_for_raises_what_the_coroutine_raises(event_loop, log) {
        for raises in [Boom.into(), Exception::CancelledError] {
            let name = kind(&raises);
            let coroutine = Script::new("a", &log).pauses().raises(raises);
            let result = wait_for(&event_loop, coroutine.returns(()), LONG);
            let raised = result_of(&event_loop, result).unwrap_err();
            assert_eq!(kind(&raised), name);
            let raises = format!("a raises {name}");
            log.expect(&["a begins", "a goes on", &raises]);
        }
    }

    fn wait_for_closes_what_takes_too_long(event_loop, log) {
        let (stream, mut peer) = pair(&event_loop);
        for limit in [SHORT, Duration::ZERO] {
            let coroutine = Script::new("a", &log).waits(read(&stream));
            let result = wait_for(&event_loop, coroutine.returns(()), limit);
            let raised = result_of(&event_loop, result).unwrap_err();
            assert_eq!(kind(&raised), "TimeoutError");
            log.expect(&["a begins", "a raises GeneratorExit"]);
        }
        peer.write_all(b"hello").unwrap();
        assert_eq!(result_of(&event_loop, read(&stream)).unwrap(), b"hello");
    }

    fn wait_for_is_over_also_for_who_is_always_ready(event_loop, log) {
        let stream = at_its_end(&event_loop);
        let mut reading = read(&stream);
        let reads: Coroutine<()> = Frame::new(move |mut with| {
            loop {
                yield_from!(reading, with)?;
                reading = read(&stream);
            }
        });
        let result = wait_for(&event_loop, reads, SHORT);
        let raised = result_of(&event_loop, result).unwrap_err();
        assert_eq!(kind(&raised), "TimeoutError");
        log.assert(&[]);
    }

    fn a_cancelled_wait_for_closes_what_it_runs(event_loop, log) {
        for cancels in [true, false] {
            let coroutine = Script::new("a", &log);
            let coroutine = coroutine.waits(sleep(&event_loop, LONG));
            let result = wait_for(&event_loop, coroutine.returns(()), LONG);
            let task = Task::new(&event_loop, result);
            event_loop.run_once().unwrap();
            log.expect(&["a begins"]);
            match cancels {
                true => assert!(task.cancel()),
                false => drop(task.clone()),
            }
            match cancels {
                true => event_loop.run().unwrap(),
                false => drop(task),
            }
            log.expect(&["a raises GeneratorExit"]);
            assert!(!event_loop.run_once().unwrap(), "something is left");
        }
    }

    fn wait_for_that_has_not_begun_closes_what_it_runs(event_loop, log) {
        let coroutine = Script::new("a", &log);
        let coroutine = coroutine.waits(sleep(&event_loop, LONG));
        let result = wait_for(&event_loop, coroutine.returns(()), LONG);
        event_loop.run_once().unwrap();
        log.expect(&["a begins"]);
        drop(result);
        log.assert(&["a raises GeneratorExit"]);
        assert!(!event_loop.run_once().unwrap(), "something is left");
    }

    fn gather_gives_the_results_in_the_order_given(event_loop, log) {
        let children = [("a", 2), ("b", 0), ("c", 1)].map(|(name, turns)| {
            let script = Script::new(name, &log);
            let script = (0..turns).fold(script, |it, _| it.pauses());
            script.says("ends").returns(turns)
        });
        let all = gather(&event_loop, children.into());
        assert_eq!(result_of(&event_loop, all).unwrap(), [2, 0, 1]);
        log.assert(&[
            "a begins",
            "b begins",
            "b ends",
            "c begins",
            "a goes on",
            "c goes on",
            "c ends",
            "a goes on",
            "a ends",
        ]);
    }

    fn gather_of_nothing_waits_for_nothing(event_loop, log) {
        let all = gather::<()>(&event_loop, Vec::new());
        let task = Task::new(&event_loop, all);
        event_loop.run_once().unwrap();
        assert!(task.result().unwrap().is_empty());
        log.assert(&[]);
    }

    fn gather_raises_the_first_failure_and_closes_the_others(
        event_loop,
        log
    ) {
        for raises in [Boom.into(), Exception::CancelledError] {
            let name = kind(&raises);
            let (a, b) = (Script::new("a", &log), Script::new("b", &log));
            let children = vec![
                a.waits(sleep(&event_loop, LONG)).returns(1),
                b.pauses().raises(raises).returns(2),
                Script::new("c", &log).returns(3),
            ];
            let all = gather(&event_loop, children);
            let raised = result_of(&event_loop, all).unwrap_err();
            assert_eq!(kind(&raised), name);
            log.expect(&[
                "a begins",
                "b begins",
                "c begins",
                "b goes on",
                &format!("b raises {name}"),
                "a raises GeneratorExit",
            ]);
        }
    }

    fn of_two_failures_in_one_turn_gather_raises_the_first(event_loop, log) {
        let (a, b) = (Script::new("a", &log), Script::new("b", &log));
        let error = Exception::TypeError("the first");
        let children = vec![
            a.pauses().raises(error).returns(()),
            b.pauses().raises(Boom.into()).returns(()),
        ];
        let all = gather(&event_loop, children);
        let raised = result_of(&event_loop, all).unwrap_err();
        assert_eq!(raised.to_string(), "the first");
    }

    fn a_cancelled_gather_closes_what_it_runs(event_loop, log) {
        for cancels in [true, false] {
            let children = ["a", "b"].map(|name| {
                let script = Script::new(name, &log);
                script.waits(sleep(&event_loop, LONG)).returns(())
            });
            let all = gather(&event_loop, children.into());
            let task = Task::new(&event_loop, all);
            event_loop.run_once().unwrap();
            log.expect(&["a begins", "b begins"]);
            if cancels {
                assert!(task.cancel());
                event_loop.run().unwrap();
                assert!(task.cancelled());
            }
            drop(task);
            log.expect(&["a raises GeneratorExit", "b raises GeneratorExit"]);
            assert!(!event_loop.run_once().unwrap(), "something is left");
        }
    }

    fn who_can_always_read_gives_others_their_turn(event_loop, log) {
        let stream = at_its_end(&event_loop);
        let reads = repeats("reads", &log, move || ignores(read(&stream)));
        let reads = Task::new(&event_loop, reads);
        check_turns(&event_loop, &log, &reads);
    }

    fn who_can_always_write_gives_others_their_turn(event_loop, log) {
        let (stream, peer) = pair(&event_loop);
        let byte: Rc<[u8]> = [1].into();
        let writes = repeats("writes", &log, move || {
            ignores(write(&stream, byte.clone()))
        });
        let writes = Task::new(&event_loop, writes);
        check_turns(&event_loop, &log, &writes);
        drop(peer);
    }

    fn a_busy_socket_keeps_none_that_is_ready_waiting(event_loop, log) {
        let (busy, (stream, mut peer)) =
            (at_its_end(&event_loop), pair(&event_loop));
        let other = Script::new("other", &log).waits(read(&stream));
        let other = Task::new(&event_loop, other.returns(()));
        event_loop.run_once().unwrap();
        log.expect(&["other begins"]);
        let reads = repeats("reads", &log, move || ignores(read(&busy)));
        let reads = Task::new(&event_loop, reads);
        peer.write_all(b"a").unwrap();
        while !other.done() {
            assert!(!reads.done(), "all of them before the other one");
            event_loop.run_once().unwrap();
        }
    }
}

/// Runs `coroutine` to its end; nothing must be left then.
fn result_of<T: 'static>(
    event_loop: &EventLoop,
    coroutine: Coroutine<T>,
) -> Result<T, Exception> {
    let result = Rc::new(RefCell::new(None));
    let (place, mut coroutine) = (result.clone(), coroutine);
    // The result of a task can be cloned; `T` perhaps cannot.
    let task = Task::new(
        event_loop,
        Frame::new(move |mut with| {
            place.replace(Some(yield_from!(coroutine, with)));
            Ok(Complete(()))
        }),
    );
    event_loop.run().unwrap();
    assert!(task.done(), "nothing is left, and it still waits");
    result.take().unwrap()
}

/// The error that `coroutine` raises.
fn error_of<T: 'static>(
    event_loop: &EventLoop,
    coroutine: Coroutine<T>,
) -> ErrorKind {
    match result_of(event_loop, coroutine) {
        Ok(_) => panic!("it succeeds"),
        Err(exception) => error_in(&exception),
    }
}

fn error_in(exception: &Exception) -> ErrorKind {
    let error = exception.downcast_ref::<io::Error>();
    error.unwrap_or_else(|| panic!("{exception}")).kind()
}

/// The same coroutine, for who does not need its result.
fn ignores<T: 'static>(mut coroutine: Coroutine<T>) -> Coroutine<()> {
    Frame::new(move |mut with| {
        yield_from!(coroutine, with)?;
        Ok(Complete(()))
    })
}

/// Accepts a connection, and tells from where it is.
fn accept_address(listener: &Listener) -> Coroutine<SocketAddr> {
    let mut accepting = accept(listener);
    Frame::new(move |mut with| {
        let (_, address) = yield_from!(accepting, with)?;
        Ok(Complete(address))
    })
}

fn listen(event_loop: &EventLoop) -> (Listener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (Socket::new(event_loop, listener).unwrap(), address)
}

/// Two ends of a connection.
fn pair(event_loop: &EventLoop) -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    (Socket::new(event_loop, stream).unwrap(), peer)
}

/// A connection whose end of input has come: it is always ready to be read.
fn at_its_end(event_loop: &EventLoop) -> Stream {
    let (stream, peer) = pair(event_loop);
    drop(peer);
    assert_eq!(result_of(event_loop, read(&stream)).unwrap(), b"");
    stream
}

/// Cancels a task that waits; nothing must be left then.
fn cancelled<T: Clone>(event_loop: &EventLoop, task: Task<T>) {
    assert!(task.cancel());
    event_loop.run().unwrap();
    assert!(task.cancelled());
}

/// Drops a task that waits; nothing must be left then.
fn dropped<T: Clone>(event_loop: &EventLoop, task: Task<T>) {
    drop(task);
    assert!(!event_loop.run_once().unwrap(), "something is left");
}

/// Writes `bytes` from `at` on until there is no room. Returns a task that
/// waits to write the next byte, and where that is.
fn wait_for_room(
    event_loop: &EventLoop,
    stream: &Stream,
    bytes: &[u8],
    mut at: usize,
) -> (Task<usize>, usize) {
    let mut rest = bytes.len() - at;
    loop {
        // Many at once while there is room, then one.
        let piece: Rc<[u8]> = bytes[at..][..rest].into();
        let task = Task::new(event_loop, write(stream, piece));
        event_loop.run_once().unwrap();
        match (task.done(), rest) {
            (false, 1) => return (task, at),
            (false, _) => rest = 1,
            (true, _) => {
                at += task.result().unwrap();
                rest = bytes.len() - at;
            }
        }
    }
}

/// Does 200 times what `make` makes, and notes each of them.
fn repeats(
    name: &'static str,
    log: &Log,
    make: impl Fn() -> Coroutine<()> + 'static,
) -> Coroutine<()> {
    let log = log.clone();
    let (mut current, mut left) = (make(), 200);
    Frame::new(move |mut with| {
        while left > 0 {
            yield_from!(current, with)?;
            log.add(name);
            current = make();
            left -= 1;
        }
        Ok(Complete(()))
    })
}

/// Expects that others get a turn after at most 16 that `busy` has noted.
fn check_turns(event_loop: &EventLoop, log: &Log, busy: &Task<()>) {
    let mut all = 0;
    while !busy.done() {
        event_loop.run_once().unwrap();
        let noted = log.take().len();
        assert!(noted <= 16, "{noted} in one turn");
        all += noted;
    }
    assert_eq!(all, 200);
}

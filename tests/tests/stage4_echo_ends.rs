//! Stage 4's echo server at its end, when input and the interrupt come in
//! the same turn of its loop.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use support::{EchoOptions, EchoStats, Interrupt, Trace};
use tests::deadline::within_deadline;

/// The message is neither answered nor forgotten: its client may be sending
/// still, and a close would reset the connection. So the server waits for
/// the end of it.
#[test]
fn a_client_whose_input_comes_with_the_interrupt_is_read_to_its_end() {
    within_deadline(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client =
            TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let interrupt = Interrupt::new();
        let (waits, waited) = mpsc::channel();
        let script = Script {
            client: client.try_clone().unwrap(),
            interrupt: interrupt.clone(),
            waits,
            step: 0,
        };
        let options = EchoOptions {
            grace: Duration::from_secs(3600),
            trace: Trace::text(script),
            ..Default::default()
        };
        client.write_all(b"hello").unwrap();
        let server = thread::spawn(move || {
            stage4_async_await::serve(vec![listener], &options, &interrupt)
        });
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "HELLO");
        let stats = server.join().unwrap().unwrap();
        assert_eq!(stats, EchoStats { connections: 1, bytes: 5, peak: 1 });
        assert_eq!(waited.try_recv(), Ok(()), "it has not waited for the end");
    });
}

/// What happens to the server, on the loop's own thread, before it waits.
struct Script {
    client: TcpStream,
    interrupt: Interrupt,
    waits: Sender<()>,
    step: u32,
}

impl Write for Script {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let line = str::from_utf8(line).expect("text");
        match self.step {
            0 if line.contains("echoing 5 bytes") => self.step = 1,
            // Both, before it looks at anything.
            1 if line.contains(" wait ") => {
                self.step = 2;
                self.client.write_all(b"late")?;
                self.interrupt.trigger();
            }
            // It waits again, for the client to end.
            2 if line.contains(" wait ") => {
                self.step = 3;
                self.client.shutdown(Shutdown::Write)?;
                let _ = self.waits.send(());
            }
            _ => {}
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

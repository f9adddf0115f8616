//! The documents' `yield_to_from.py`: a caller, a generator that delegates,
//! and a sub-generator. It prints what the original prints.
//!
//! `cargo run -p stage3-future-task --example yield_to_from`

use std::fmt;

use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{Frame, Generator, Step, yield_from};

// ANCHOR: sent
/// What the callers send; printed as Python prints it.
#[derive(Default)]
enum Sent {
    #[default]
    None,
    Number(u32),
    Text(&'static str),
    /// The signal to stop. In the original it is the string `flag`, and
    /// `is flag` asks for that very one: another "stop" would not do.
    Flag,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sent::None => f.write_str("None"),
            Sent::Number(number) => number.fmt(f),
            Sent::Text(text) => f.write_str(text),
            Sent::Flag => f.write_str("stop"),
        }
    }
}
// ANCHOR_END: sent

// ANCHOR: gen
/// The sub-generator. (`gen` is reserved in Rust, for generators to come.)
fn r#gen() -> Frame<&'static str, Sent, &'static str> {
    let k = "k";
    let mut started = false;
    Frame::new(move |mut with| {
        if started {
            let t = with.sent()?.unwrap_or_default();
            println!("子生成器--接受到的值: {t}");
            if let Sent::Flag = t {
                println!("end 子生成器");
                return Ok(Complete("这就是result"));
            }
        } else {
            println!("start 子生成器");
            started = true;
        }
        println!("子生成器--要返回的值: {k}");
        Ok(Yielded(k))
    })
}
// ANCHOR_END: gen

// ANCHOR: proxy_gen
/// The generator that delegates. When the sub-generator has ended, it yields
/// what that one has returned.
fn proxy_gen() -> Frame<&'static str, Sent, ()> {
    let mut sub_generator = r#gen();
    let mut at_last_yield = false;
    Frame::new(move |mut with| {
        if at_last_yield {
            with.sent()?;
            return Ok(Complete(()));
        }
        let result = yield_from!(sub_generator, with)?;
        println!("委托生成器result: {result}");
        at_last_yield = true;
        Ok(Yielded(result))
    })
}
// ANCHOR_END: proxy_gen

// ANCHOR: main1
/// The first caller talks to the sub-generator itself.
fn main1() {
    let mut g = r#gen();
    println!("{}", yielded(g.next()));
    println!("{}", yielded(g.send(Sent::Number(1))));
    println!("{}", yielded(g.next()));
    // Without a generator that delegates, the end is for the caller to see.
    if let Complete(Ok(value)) = g.send(Sent::Flag) {
        println!("StopIteration");
        println!("子生成器return的值: {value}");
    }
}
// ANCHOR_END: main1

// ANCHOR: main2
/// The second one sends numbers, and the signal in the end.
fn main2() {
    let mut g = proxy_gen();
    let _ = g.next(); // to the first pause: before, there is nothing to send to
    for k in 0..5 {
        println!("调用方--要发送的值: {k}");
        println!("调用方--接受到的值: {}", yielded(g.send(Sent::Number(k))));
        println!("--------------------");
    }
    let _ = g.send(Sent::Flag);
}
// ANCHOR_END: main2

// ANCHOR: main3
/// The third one iterates, and sends in between. Nobody sends the signal, so
/// in the documents this is endless, as they say; here it is two rounds.
fn main3() {
    let mut g = proxy_gen();
    let _ = g.next();
    for _ in 0..2 {
        let k = yielded(g.next());
        println!("调用方--接受到的值: {k}");
        let answer = yielded(g.send(Sent::Text("m")));
        println!("调用方--要发送的值: {answer}");
        println!("调用方--接受到的值: {k}");
        println!("--------------------");
    }
}
// ANCHOR_END: main3

/// What a generator has yielded that has not ended.
fn yielded<Y, R>(step: Step<Y, R>) -> Y {
    let Yielded(value) = step else { panic!("it has ended") };
    value
}

// ANCHOR: main
fn main() {
    println!("*********************");
    main1();
    println!("*********************");
    main2();
    println!("*********************");
    main3();
    println!("*********************");
}
// ANCHOR_END: main

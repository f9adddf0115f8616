//! Stage 4's echo server does what every echo server must do.

tests::echo_suite!(stage4_async_await::serve);

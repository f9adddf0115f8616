//! Stage 3's echo server does what every echo server must do.

tests::echo_suite!(stage3_future_task::serve);

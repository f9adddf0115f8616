//! Stage 1's echo server does what every echo server must do.

tests::echo_suite!(stage1_callbacks::serve);

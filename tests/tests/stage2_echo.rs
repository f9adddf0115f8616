//! Stage 2's echo server does what every echo server must do.

tests::echo_suite!(stage2_generators::serve);

//! Stage 2's crawler does what every crawler must do.

tests::crawler_suite!(stage2_generators::crawl, tls: false);

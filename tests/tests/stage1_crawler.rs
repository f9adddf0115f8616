//! Stage 1's crawler does what every crawler must do.

tests::crawler_suite!(stage1_callbacks::crawl, tls: false);

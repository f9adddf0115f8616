//! Stage 3's crawler does what every crawler must do.

tests::crawler_suite!(stage3_future_task::crawl, tls: false);

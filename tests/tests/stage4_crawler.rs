//! Stage 4's crawler does what every crawler must do.

tests::crawler_suite!(stage4_async_await::crawl, tls: false);

//! Stage 4 leaves nothing open. The only test of its process: see
//! `tests::leaks`.
#![cfg(unix)]

use tests::deadline::within_deadline;

#[test]
fn every_descriptor_is_closed() {
    within_deadline(|| {
        tests::leaks::every_descriptor_is_closed(
            stage4_async_await::crawl,
            stage4_async_await::serve,
        );
    });
}

//! Stage 3 leaves nothing open. The only test of its process: see
//! `tests::leaks`.
#![cfg(unix)]

use tests::deadline::within_deadline;

#[test]
fn every_descriptor_is_closed() {
    within_deadline(|| {
        tests::leaks::every_descriptor_is_closed(
            stage3_future_task::crawl,
            stage3_future_task::serve,
        );
    });
}

//! What every stage's `crawl` must do: one function a behaviour, each against
//! servers of its own on the loopback.
//!
//! A new stage joins with a file `tests/stageN_crawler.rs`:
//!
//! ```text
//! tests::crawler_suite!(stageN::crawl, tls: false);
//! ```
//!
//! It expands to one `#[test]` for every function, with a deadline. A stage
//! that speaks TLS says `tls: true`; what `https` then means, it tests itself.
//!
//! # Layout
//!
//! * [`pages`]: what is reported, and when
//! * [`responses`]: what a server can answer
//! * [`links`]: where links and redirects lead
//! * [`limits`]: how many at once, how many at all, for how long
//! * [`robots`]: what `robots.txt` allows
//! * [`failures`]: what is tried again
//! * [`zoo`]: everything at once
//! * [`interrupts`]: an early end
//! * [`without_tls`]: what a stage without TLS says to `https`
//!
//! A behaviour that is added stands in the list of the macro, too; a test
//! below sees to that.

pub(crate) mod help;
pub(crate) mod web;

pub mod failures;
pub mod interrupts;
pub mod limits;
pub mod links;
pub mod pages;
pub mod responses;
pub mod robots;
pub mod without_tls;
pub mod zoo;

/// One test for each behaviour of a crawler.
#[macro_export]
macro_rules! crawler_suite {
    ($crawl:path, tls: true) => {
        $crate::suite! {
            $crawl;
            crawler::pages {
                each_page_is_fetched_once_and_reported_in_full
                pages_are_reported_in_order_of_completion
                roots_are_fetched_once_each
                urls_that_differ_in_the_query_are_different
                no_roots_no_pages
                the_request_names_host_target_and_crawler
                a_long_request_is_sent_whole
                a_small_stack_is_enough
                two_crawls_run_at_once
            }
            crawler::responses {
                a_trickle_is_read_to_its_end
                chunks_are_joined
                a_body_may_end_with_the_connection
                a_body_ends_at_its_length
                a_body_is_cut_off_at_its_limit
                the_default_limit_is_10_mib
                links_before_the_cut_are_followed
                answers_without_a_body
                error_statuses_are_errors_and_are_not_retried
                interim_answers_are_skipped
                malformed_answers_are_errors_and_are_not_retried
                a_head_is_bounded
                only_html_has_links
            }
            crawler::links {
                every_way_to_write_a_link
                a_circle_of_links_ends
                other_hosts_are_not_followed
                the_hosts_of_all_roots_are_followed
                excluded_urls_are_not_followed
                redirects_are_followed_hop_by_hop
                a_chain_may_not_be_longer_than_the_limit
                the_default_limit_is_10_redirects
                a_loop_of_redirects_is_an_error
                redirects_that_lead_away
            }
            crawler::limits {
                max_tasks_are_in_flight_at_once
                max_tasks_are_never_exceeded
                one_task_keeps_the_order
                max_pages_is_exact
                max_pages_counts_urls
                the_time_out_covers_the_whole_fetch
                the_time_out_ends_a_flood
                a_time_out_closes_the_connection
                a_time_out_of_zero_ends
                a_time_out_may_be_endless
                #[cfg(target_os = "linux")]
                the_time_out_covers_connecting
            }
            crawler::robots {
                forbidden_links_are_not_followed
                a_forbidden_root_is_an_error
                ignored_robots_are_not_even_asked_for
                robots_are_asked_for_once_a_host
                the_rules_for_this_crawler_apply
                without_robots_everything_is_allowed
                robots_of_a_server_in_trouble_forbid_everything
                robots_that_cannot_be_reached_are_each_urls_error
                redirects_of_robots_are_followed
                a_loop_of_redirects_of_robots_ends
            }
            crawler::failures {
                broken_connections_are_tried_again
                a_second_try_may_succeed
                a_refused_connection_names_the_address
                an_unknown_host_is_named
                each_address_of_a_name_is_tried
                the_totals_add_up
            }
            crawler::zoo {
                the_whole_zoo
            }
            crawler::interrupts {
                an_interrupted_crawl_does_not_begin
                another_thread_can_end_a_crawl_that_waits
                on_page_can_end_the_crawl
                what_is_in_flight_is_listed
                #[cfg(target_os = "linux")]
                a_connection_that_is_not_made_is_named
                robots_can_be_interrupted
                one_interrupt_ends_two_crawls
                an_interrupt_after_the_end_does_no_harm
            }
        }
    };
    ($crawl:path, tls: false) => {
        $crate::crawler_suite!($crawl, tls: true);
        $crate::suite! {
            $crawl;
            crawler::without_tls {
                https_is_an_error_on_that_url_alone
                a_root_certificate_is_refused
            }
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_behaviour_is_in_the_list() {
        crate::suite::check_list(
            include_str!("crawler.rs"),
            &[
                include_str!("crawler/pages.rs"),
                include_str!("crawler/responses.rs"),
                include_str!("crawler/links.rs"),
                include_str!("crawler/limits.rs"),
                include_str!("crawler/robots.rs"),
                include_str!("crawler/failures.rs"),
                include_str!("crawler/zoo.rs"),
                include_str!("crawler/interrupts.rs"),
                include_str!("crawler/without_tls.rs"),
            ],
        );
    }
}

//! What every stage's `serve` must do: one function a behaviour, each with a
//! server of its own on the loopback.
//!
//! A new stage joins with a file `tests/stageN_echo.rs`:
//!
//! ```text
//! tests::echo_suite!(stageN::serve);
//! ```
//!
//! It expands to one `#[test]` for every function, with a deadline.
//!
//! # Layout
//!
//! * [`bytes`]: what comes back
//! * [`pressure`]: clients that do not read, and clients in crowds
//! * [`interrupts`]: the end of the server
//!
//! A behaviour that is added stands in the list of the macro, too; a test
//! below sees to that.

pub(crate) mod help;

pub mod bytes;
pub mod interrupts;
pub mod pressure;

/// One test for each behaviour of an echo server.
#[macro_export]
macro_rules! echo_suite {
    ($serve:path) => {
        $crate::suite! {
            $serve;
            echo::bytes {
                only_ascii_letters_change
                pieces_of_any_size_come_back_in_order
                single_bytes_come_back
                the_end_of_input_ends_the_output_after_the_answer
                an_end_without_input
                resets_harm_nobody_else
                every_listener_is_served
                short_connections_one_after_another
            }
            echo::pressure {
                who_does_not_read_is_not_read_from
                slow_readers_hold_nobody_up
                a_reset_ends_pending_output
                a_crowd_is_served
                the_limit_holds_until_one_closes
                the_limit_holds_until_one_resets
                the_limit_is_for_all_listeners_together
                everybody_gets_a_turn_within_the_limit
            }
            echo::interrupts {
                idle_connections_are_closed
                no_listeners_no_clients
                an_interrupted_server_does_not_begin
                pending_output_is_delivered
                unread_input_does_not_spoil_pending_output
                unread_input_does_not_spoil_earlier_output
                late_input_does_not_spoil_earlier_output
                a_client_that_never_reads_is_given_up
                a_client_that_never_closes_is_given_up
                the_grace_may_be_nothing_or_endless
                nobody_is_served_after_the_interrupt
                who_waits_for_the_limit_is_not_served
                the_figures_are_exact
            }
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_behaviour_is_in_the_list() {
        crate::suite::check_list(
            include_str!("echo.rs"),
            &[
                include_str!("echo/bytes.rs"),
                include_str!("echo/pressure.rs"),
                include_str!("echo/interrupts.rs"),
            ],
        );
    }
}

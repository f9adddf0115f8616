//! Shared tests: functions that take what they test, and a macro that makes
//! one `#[test]` of each.

/// The stack of a thread that is small, in bytes. With a quarter of the usual
/// 2 MiB or more, glibc may give it the larger stack of a thread that has
/// ended.
pub(crate) const SMALL_STACK: usize = 480 * 1024;

/// One test, with a deadline, for each function in the list.
///
/// `suite::module { function … }` stands for `tests::suite::module::function`,
/// which is called with the program: a stage's `crawl` or `serve`.
#[macro_export]
macro_rules! suite {
    ($program:path; $($suite:ident::$module:ident {
        $($(#[$attribute:meta])* $function:ident)*
    })*) => {
        $(mod $module {
            $($(#[$attribute])*
            #[test]
            fn $function() {
                $crate::deadline::within_deadline(|| {
                    $crate::$suite::$module::$function($program);
                });
            })*
        })*
    };
}

/// Every public function of these sources must stand in the list, alone on
/// its line.
#[cfg(test)]
pub(crate) fn check_list(list: &str, sources: &[&str]) {
    let listed: Vec<_> = list.lines().map(str::trim).collect();
    let functions: Vec<_> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.strip_prefix("pub fn ")?.split('(').next())
        .collect();
    assert!(!functions.is_empty());
    for function in functions {
        assert!(listed.contains(&function), "{function} is in no list");
    }
}

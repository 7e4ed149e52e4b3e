//! Counting tests from what cargo prints. A test binary that dies (killed, aborted) prints no result: that is a failure
//! too, and must not vanish from the sum.

/// Sums over test binaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed, and binaries that ended without a result.
    pub failed: u64,
    running: bool,
}

impl Counts {
    /// Read one line of output.
    pub fn line(&mut self, line: &str) {
        let line = line.trim();
        if let Some(count) = line.strip_prefix("running ") {
            if count.ends_with(" tests") || count.ends_with(" test") {
                self.end();
                self.running = true;
            }
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.running = false;
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed");
        }
    }

    /// No more output from this binary or run.
    pub fn end(&mut self) {
        self.failed += u64::from(self.running);
        self.running = false;
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or_default();
    let digits = before.rsplit(' ').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn count(text: &str) -> (u64, u64) {
        let mut counts = Counts::default();
        text.lines().for_each(|line| counts.line(line));
        counts.end();
        (counts.passed, counts.failed)
    }

    #[test]
    fn results_are_summed() {
        let text = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            running 14 tests\n\
            test result: FAILED. 13 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
        assert_eq!(count(text), (15, 1));
    }

    #[test]
    fn a_binary_without_a_result_has_failed() {
        assert_eq!(count("running 3 tests\ntest a ... ok\n"), (0, 1));
        let text = "running 3 tests\nrunning 1 test\ntest result: ok. 1 passed; 0 failed;";
        assert_eq!(count(text), (1, 1));
    }

    #[test]
    fn what_tests_print_is_not_counted() {
        assert_eq!(count("running 3 shards\nwe passed 12 passed"), (0, 0));
    }
}

use libtest_mimic::{Arguments, Trial};

/// The tests of a suite, and why some of them are not run.
///
/// It knows what a command line asks for. So whoever started the suite can be told of each test that was meant to run
/// and did not, and of no other.
#[derive(Debug, Default)]
pub struct Programme {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    trial: Trial,
    /// Why it is not run.
    why_not: Option<String>,
}

impl Programme {
    /// Adds a test.
    pub fn add(&mut self, trial: Trial) {
        self.add_unless(None, trial);
    }

    /// Adds a test that is left out if there is a reason.
    pub fn add_unless(&mut self, why_not: Option<String>, trial: Trial) {
        let why_not = why_not.map(|why| why.replace('\n', " "));
        let trial = trial.with_ignored_flag(why_not.is_some());
        self.entries.push(Entry { trial, why_not });
    }

    /// Leaves out the tests whose name begins so, for this reason. A test that is left out already keeps its reason.
    pub fn leave_out(&mut self, names: &str, why: &str) {
        for entry in std::mem::take(&mut self.entries) {
            let is_meant = entry.why_not.is_none() && entry.trial.name().starts_with(names);
            self.add_unless(if is_meant { Some(why.to_owned()) } else { entry.why_not }, entry.trial);
        }
    }

    /// The tests that these arguments ask for and that are left out: name and reason, in order.
    pub fn left_out(&self, arguments: &Arguments) -> Vec<(&str, &str)> {
        let is_meant = |trial: &Trial| !arguments.list && !arguments.is_filtered_out(trial);
        let entries = self.entries.iter();
        let left_out = entries.filter(|entry| is_meant(&entry.trial) && arguments.is_ignored(&entry.trial));
        left_out.filter_map(|entry| Some((entry.trial.name(), entry.why_not.as_deref()?))).collect()
    }

    /// The tests that these arguments would ask for without their `--skip`, in order.
    pub fn skipped(&self, arguments: &Arguments) -> Vec<&str> {
        let without_skip = Arguments { skip: Vec::new(), ..arguments.clone() };
        let is_skipped = |trial: &&Trial| {
            arguments.is_filtered_out(trial) && !without_skip.is_filtered_out(trial) && !arguments.list
        };
        self.entries.iter().map(|entry| &entry.trial).filter(is_skipped).map(Trial::name).collect()
    }

    /// The tests, to be run.
    pub fn into_trials(self) -> Vec<Trial> {
        self.entries.into_iter().map(|entry| entry.trial).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programme() -> Programme {
        let trial = |name: &str| Trial::test(name, || Ok(()));
        let mut programme = Programme::default();
        programme.add(trial("sharing::edits::chromium"));
        programme.add_unless(Some("no root\nhere".to_owned()), trial("network::two_homes"));
        programme.add_unless(None, trial("network::stun"));
        programme.add(trial("tabs::freeze"));
        programme
    }

    fn arguments(line: &[&str]) -> Arguments {
        Arguments::from_iter(["e2e"].iter().chain(line))
    }

    #[test]
    fn what_is_left_out_is_told_with_its_reason() {
        let mut programme = programme();
        assert_eq!(programme.left_out(&arguments(&[])), [("network::two_homes", "no root here")]);
        programme.leave_out("tabs::", "nothing to freeze");
        programme.leave_out("network::", "another reason");
        let told = [
            ("network::two_homes", "no root here"),
            ("network::stun", "another reason"),
            ("tabs::freeze", "nothing to freeze"),
        ];
        assert_eq!(programme.left_out(&arguments(&[])), told);
        let run: Vec<bool> = programme.into_trials().iter().map(|trial| !trial.has_ignored_flag()).collect();
        assert_eq!(run, [true, false, false, false]);
    }

    #[test]
    fn what_was_not_asked_for_is_not_told() {
        let programme = programme();
        for line in
            [&["sharing"][..], &["network::stun"], &["--skip", "network::"], &["--exact", "network"], &["--list"]]
        {
            assert_eq!(programme.left_out(&arguments(line)), [], "{line:?}");
        }
        for line in [&["network"][..], &["--exact", "network::two_homes"], &["--skip", "sharing::"]] {
            assert_eq!(programme.left_out(&arguments(line)).len(), 1, "{line:?}");
        }
        // Whoever insists has it run.
        assert_eq!(programme.left_out(&arguments(&["--include-ignored"])), []);
    }

    #[test]
    fn what_was_skipped_is_told_and_nothing_else() {
        let programme = programme();
        assert!(programme.skipped(&arguments(&[])).is_empty());
        assert!(programme.skipped(&arguments(&["tabs"])).is_empty());
        let line = ["--skip", "network::", "--skip", "tabs::"];
        let skipped = ["network::two_homes", "network::stun", "tabs::freeze"];
        assert_eq!(programme.skipped(&arguments(&line)), skipped);
        // Of these only one was asked for.
        assert_eq!(programme.skipped(&arguments(&[&line[..], &["freeze"]].concat())), ["tabs::freeze"]);
        assert!(programme.skipped(&arguments(&[&line[..], &["--list"]].concat())).is_empty());
    }
}
